#include "cachelab/subject/shared_cache.h"

#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "live/net/unique_fd.h"

namespace resprobe::cachelab {
namespace {

// Entries of one key are in one bucket, which bounds the search of an invalidation.
constexpr uint32_t kWays = 16;

enum SlotState : uint32_t { kFree, kPending, kWriting, kValid };

// FNV-1a. Includes the texts' sizes, so that moving bytes from one text to the next changes the
// hash.
class Hash {
 public:
  Hash& Add(std::string_view bytes) {
    for (const char c : bytes) value_ = (value_ ^ static_cast<unsigned char>(c)) * 0x100000001b3;
    value_ = (value_ ^ bytes.size()) * 0x100000001b3;
    return *this;
  }
  uint64_t value() const { return value_; }

 private:
  uint64_t value_ = 0xcbf29ce484222325;
};

void InitRobust(pthread_mutex_t* mutex) {
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  pthread_mutex_init(mutex, &attributes);
  pthread_mutexattr_destroy(&attributes);
}

struct SharedCounts {
  std::atomic<uint64_t> hits, misses, stores, refused, drops, flushes, evictions, too_big,
      revocations, recoveries, torn;
};

struct LeaseRecord {
  pthread_mutex_t life;  // locked by the owner, from its start until the kernel releases it
  std::atomic<uint64_t> generation;
  std::atomic<pid_t> pid;
  std::atomic<int64_t> client_id;
};

struct SharedWorker {
  std::atomic<pid_t> pid;
  std::atomic<int64_t> tracked_id;
  std::atomic<int64_t> plain_id;
  std::atomic<bool> at_lock;
};

static_assert(std::atomic<uint64_t>::is_always_lock_free && std::atomic<bool>::is_always_lock_free,
              "an atomic that locks would not survive its process");

}  // namespace

struct SharedCache::Header {
  CacheLimits limits;
  pthread_mutex_t lock;
  uint64_t next_request;  // under the lock
  SharedCounts counts;
  LeaseRecord leases[kMaxWriters];
  SharedWorker workers[kMaxWorkers + 1];
};

struct SharedCache::Slot {
  std::atomic<uint32_t> state;
  int32_t writer;
  uint64_t generation;
  pid_t pid;
  int64_t client_id;
  uint64_t request;
  uint64_t hash;  // of the key
  uint32_t key_size;
  uint32_t command_size;
  uint32_t value_size;
  uint64_t checksum;  // of key, command and value
};

// Holds the lock for a scope.
class SharedCache::Locked {
 public:
  explicit Locked(SharedCache* cache)
      : cache_(cache), at_lock_(&cache->header_->workers[cache->worker_].at_lock) {
    at_lock_->store(true);
    if (pthread_mutex_lock(&cache->header_->lock) == EOWNERDEAD) {
      cache->Recover();
      pthread_mutex_consistent(&cache->header_->lock);
      // Behave as if the lock were not robust; the driver must detect it, and continues.
      if (cache->fault_ == InjectedFault::kHangOnTheDead && cache->worker_ != kMaxWorkers) {
        pthread_mutex_unlock(&cache->header_->lock);
        for (;;) pause();
      }
    }
  }
  ~Locked() {
    pthread_mutex_unlock(&cache_->header_->lock);
    at_lock_->store(false);
  }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

 private:
  SharedCache* cache_;
  std::atomic<bool>* at_lock_;
};

std::unique_ptr<SharedCache> SharedCache::Create(const CacheLimits& limits, std::string* error) {
  std::unique_ptr<SharedCache> cache(new SharedCache);
  CacheLimits rounded = limits;
  rounded.slots = (limits.slots + kWays - 1) / kWays * kWays;
  rounded.slot_bytes = (limits.slot_bytes + 7) / 8 * 8;
  cache->size_ = sizeof(Header) + size_t{rounded.slots} * (sizeof(Slot) + rounded.slot_bytes);
  const live::UniqueFd fd(memfd_create("resprobe-cache", MFD_CLOEXEC));
  void* memory = MAP_FAILED;
  if (fd.valid() && ftruncate(fd.get(), static_cast<off_t>(cache->size_)) == 0) {
    memory = mmap(nullptr, cache->size_, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  }
  if (memory == MAP_FAILED) {
    *error = "cannot share " + std::to_string(cache->size_) +
             " bytes of memory: " + std::strerror(errno) + ": make the cache smaller";
    return nullptr;
  }
  cache->header_ = new (memory) Header{};
  cache->header_->limits = rounded;
  cache->header_->next_request = 1;
  InitRobust(&cache->header_->lock);
  for (LeaseRecord& lease : cache->header_->leases) {
    InitRobust(&lease.life);
    lease.generation = 1;
  }
  return cache;
}

SharedCache::~SharedCache() {
  // The thread's list of robust mutexes must not point to unmapped memory.
  if (owned_ != kNoWriter) pthread_mutex_unlock(&header_->leases[owned_].life);
  if (header_ != nullptr) munmap(static_cast<void*>(header_), size_);
}

void SharedCache::Attach(int worker, InjectedFault injected_fault,
                         std::function<void(Failpoint)> reach) {
  worker_ = worker;
  fault_ = injected_fault;
  reach_ = std::move(reach);
  header_->workers[worker].at_lock = false;  // left by the previous process, which may have died
                                             // there
}

SharedCache::Slot& SharedCache::At(uint32_t slot) const {
  return reinterpret_cast<Slot*>(header_ + 1)[slot];
}

char* SharedCache::BytesOf(uint32_t slot) const {
  char* const bytes = reinterpret_cast<char*>(&At(header_->limits.slots));
  return bytes + size_t{slot} * header_->limits.slot_bytes;
}

std::string_view SharedCache::KeyOf(uint32_t slot) const {
  return {BytesOf(slot), At(slot).key_size};
}
std::string_view SharedCache::CommandOf(uint32_t slot) const {
  return {BytesOf(slot) + At(slot).key_size, At(slot).command_size};
}
std::string_view SharedCache::ValueOf(uint32_t slot) const {
  const Slot& s = At(slot);
  return {BytesOf(slot) + s.key_size + s.command_size, s.value_size};
}

uint32_t SharedCache::Bucket(uint64_t hash) const {
  return static_cast<uint32_t>(hash % (header_->limits.slots / kWays)) * kWays;
}

bool SharedCache::Matches(uint32_t slot, uint64_t hash, std::string_view key,
                          std::string_view command) const {
  return At(slot).state != kFree && At(slot).hash == hash && KeyOf(slot) == key &&
         CommandOf(slot) == command;
}

bool SharedCache::OwnerLives(int writer) {
  if (fault_ == InjectedFault::kTrustTheDead) return true;
  pthread_mutex_t* const life = &header_->leases[writer].life;
  const int result = pthread_mutex_trylock(life);
  if (result == EBUSY) return true;
  if (result == EOWNERDEAD) {
    Revoke(writer);
    pthread_mutex_consistent(life);
  }
  pthread_mutex_unlock(life);
  return false;
}

// True if the slot's entry may be used, or waited for.
bool SharedCache::IsGood(uint32_t slot) {
  const Slot& s = At(slot);
  return OwnerLives(s.writer) && s.generation == header_->leases[s.writer].generation;
}

// Claims a slot of the bucket for a new entry: a free one, an invalid one, or the oldest VALID one.
// UINT32_MAX: all are PENDING.
uint32_t SharedCache::Claim(uint32_t bucket) {
  uint32_t oldest = UINT32_MAX;
  for (uint32_t i = bucket; i < bucket + kWays; ++i) {
    if (At(i).state == kFree || !IsGood(i)) return i;
    if (At(i).state == kValid && (oldest == UINT32_MAX || At(i).request < At(oldest).request)) {
      oldest = i;
    }
  }
  if (oldest != UINT32_MAX) header_->counts.evictions++;
  return oldest;
}

void SharedCache::Name(uint32_t slot, uint64_t hash, std::string_view key,
                       std::string_view command) {
  Slot& s = At(slot);
  s.hash = hash;
  s.key_size = static_cast<uint32_t>(key.size());
  s.command_size = static_cast<uint32_t>(command.size());
  std::memcpy(BytesOf(slot), key.data(), key.size());
  std::memcpy(BytesOf(slot) + key.size(), command.data(), command.size());
}

SharedCache::Found SharedCache::Find(std::string_view key, std::string_view command, int writer,
                                     std::string* value) {
  Found found;
  const uint64_t hash = Hash().Add(key).value();
  const Locked locked(this);
  const uint32_t bucket = Bucket(hash);
  for (uint32_t i = bucket; i < bucket + kWays; ++i) {
    if (!Matches(i, hash, key, command)) continue;
    Slot& s = At(i);
    if (!IsGood(i)) {
      s.state = kFree;
      break;
    }
    if (s.state == kPending) {  // another process is fetching it
      header_->counts.misses++;
      return found;
    }
    value->assign(ValueOf(i));
    found.hit = true;
    found.torn = s.checksum != Hash().Add(key).Add(command).Add(*value).value();
    found.grant = {s.writer, s.generation, s.pid, s.client_id};
    header_->counts.hits++;
    return found;
  }
  header_->counts.misses++;
  if (writer == kNoWriter || key.size() + command.size() > header_->limits.slot_bytes) return found;
  const uint32_t slot = Claim(bucket);
  if (slot == UINT32_MAX) return found;
  Slot& s = At(slot);
  const LeaseRecord& lease = header_->leases[writer];
  s.state = kWriting;
  Name(slot, hash, key, command);
  s.value_size = 0;
  s.writer = writer;
  s.generation = lease.generation;
  s.pid = lease.pid;
  s.client_id = lease.client_id;
  s.request = header_->next_request++;
  s.state = kPending;
  found.ticket = {slot, s.request};
  return found;
}

bool SharedCache::Put(const Ticket& ticket, std::string_view key, std::string_view command,
                      int writer, std::string_view value) {
  if (ticket.request == 0) return false;
  const Locked locked(this);
  reach_(Failpoint::kLocked);
  uint32_t slot = ticket.slot;
  const bool mine = At(slot).state == kPending && At(slot).request == ticket.request;
  if (!mine || !IsGood(slot)) {
    header_->counts.refused++;
    if (mine) At(slot).state = kFree;
    if (fault_ != InjectedFault::kPutAfterDrop) return false;
    const uint64_t hash = Hash().Add(key).value();
    slot = Claim(Bucket(hash));
    if (slot == UINT32_MAX) return false;
    Name(slot, hash, key, command);
    const Grant grant = Lease(writer);
    At(slot).writer = writer;
    At(slot).generation = grant.generation;
    At(slot).pid = grant.pid;
    At(slot).client_id = grant.client_id;
    At(slot).request = header_->next_request++;
  }
  Slot& s = At(slot);
  const size_t before = size_t{s.key_size} + s.command_size;
  if (before + value.size() > header_->limits.slot_bytes) {
    header_->counts.too_big++;
    s.state = kFree;
    return false;
  }
  s.state = kWriting;
  char* const to = BytesOf(slot) + before;
  const size_t half = value.size() / 2;
  s.value_size = static_cast<uint32_t>(value.size());
  std::memcpy(to, value.data(), half);
  reach_(Failpoint::kInsidePut);
  if (fault_ != InjectedFault::kHalfPut) {
    std::memcpy(to + half, value.data() + half, value.size() - half);
  }
  s.checksum = Hash().Add(key).Add(command).Add(value).value();
  s.state = kValid;
  header_->counts.stores++;
  return true;
}

void SharedCache::Abandon(const Ticket& ticket) {
  if (ticket.request == 0) return;
  const Locked locked(this);
  Slot& s = At(ticket.slot);
  if (s.state == kPending && s.request == ticket.request) s.state = kFree;
}

void SharedCache::Drop(std::span<const std::string_view> keys) {
  const Locked locked(this);
  for (const std::string_view key : keys) {
    const uint64_t hash = Hash().Add(key).value();
    const uint32_t bucket = Bucket(hash);
    for (uint32_t i = bucket; i < bucket + kWays; ++i) {
      if (At(i).state == kFree || At(i).hash != hash || KeyOf(i) != key) continue;
      At(i).state = kFree;
      header_->counts.drops++;
    }
  }
}

void SharedCache::DropAll() {
  const Locked locked(this);
  header_->counts.flushes++;
  for (uint32_t i = 0; i < header_->limits.slots; ++i) At(i).state = kFree;
}

std::vector<SharedCache::Entry> SharedCache::Entries() {
  const Locked locked(this);
  std::vector<Entry> entries;
  for (uint32_t i = 0; i < header_->limits.slots; ++i) {
    const Slot& s = At(i);
    if (s.state == kFree || !IsGood(i)) continue;
    entries.push_back({.key = std::string(KeyOf(i)),
                       .command = std::string(CommandOf(i)),
                       .valid = s.state == kValid,
                       .bytes = s.value_size,
                       .grant = {s.writer, s.generation, s.pid, s.client_id}});
  }
  return entries;
}

// Called under the lock after its owner has died. The only operation that can be half done is the
// writing of one slot.
void SharedCache::Recover() {
  header_->counts.recoveries++;
  for (uint32_t i = 0; i < header_->limits.slots; ++i) {
    if (At(i).state != kWriting) continue;
    At(i).state = kFree;
    header_->counts.torn++;
  }
}

void SharedCache::Own(int writer) {
  LeaseRecord& lease = header_->leases[writer];
  for (;; sched_yield()) {
    // Under the lock of the cache: a reader that finds a living owner must not use what the
    // previous owner granted.
    const Locked locked(this);
    const int result = pthread_mutex_trylock(&lease.life);
    if (result == EBUSY) continue;  // the previous owner is still dying
    if (result == EOWNERDEAD) pthread_mutex_consistent(&lease.life);
    owned_ = writer;
    lease.pid = getpid();
    lease.client_id = 0;
    if (fault_ != InjectedFault::kTrustTheDead) Revoke(writer);
    return;
  }
}

void SharedCache::Revoke(int writer) {
  header_->leases[writer].generation++;
  header_->counts.revocations++;
}

void SharedCache::SetClient(int writer, int64_t client_id) {
  header_->leases[writer].client_id = client_id;
}

Grant SharedCache::Lease(int writer) const {
  const LeaseRecord& lease = header_->leases[writer];
  return {writer, lease.generation, lease.pid, lease.client_id};
}

bool SharedCache::IsOwned(int writer) {
  const Locked locked(this);
  return OwnerLives(writer);
}

SharedCache::WorkerRecord SharedCache::Worker(int worker) const {
  const SharedWorker& record = header_->workers[worker];
  return {record.pid, record.tracked_id, record.plain_id};
}

void SharedCache::SetWorker(int worker, const WorkerRecord& record) {
  SharedWorker& shared = header_->workers[worker];
  shared.pid = record.pid;
  shared.tracked_id = record.tracked_id;
  shared.plain_id = record.plain_id;
}

bool SharedCache::AtLock(int worker) const { return header_->workers[worker].at_lock; }

SharedCache::Counts SharedCache::counts() const {
  const SharedCounts& c = header_->counts;
  return {c.hits,      c.misses,  c.stores,      c.refused,    c.drops, c.flushes,
          c.evictions, c.too_big, c.revocations, c.recoveries, c.torn};
}

uint32_t SharedCache::slots() const { return header_->limits.slots; }
uint32_t SharedCache::slot_bytes() const { return header_->limits.slot_bytes; }

}  // namespace resprobe::cachelab
