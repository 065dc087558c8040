#ifndef RESPROBE_CACHELAB_SUBJECT_SHARED_CACHE_H_
#define RESPROBE_CACHELAB_SUBJECT_SHARED_CACHE_H_

// A cache in memory shared by several processes, in which a process may die at any instruction:
//
//   - One robust mutex guards the slots. If its owner dies, the next one to lock it frees the slot
//     that was being written; no other state spans more than one store.
//   - A slot is kWriting while its bytes change, and only then kValid; each hit verifies a checksum
//     of everything that it returns.
//   - An entry is valid as long as its lease is: the lease still has the generation under which the
//     entry was put, and the lease's owner lives. The owner holds a second robust mutex for its
//     whole life. The kernel marks that mutex before it closes the sockets of a dying process, so
//     an entry whose invalidations can no longer arrive is never found valid.
//
// An entry goes FREE -> PENDING (its read is in flight) -> VALID -> FREE. An invalidation frees
// PENDING slots too, so that a reply older than it finds no slot to be put into.

#include <pthread.h>
#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cachelab/subject/failpoint.h"
#include "cachelab/subject/injected_fault.h"

namespace resprobe::cachelab {

inline constexpr int kMaxWriters = 4;
inline constexpr int kMaxWorkers = 64;
inline constexpr int kNoWriter = -1;

struct CacheLimits {
  uint32_t slots = 4096;       // rounded up to whole buckets
  uint32_t slot_bytes = 4096;  // of one entry: key, command and value; larger ones are not cached
};

// Identifies who put an entry.
struct Grant {
  int writer = kNoWriter;
  uint64_t generation = 0;
  pid_t pid = 0;
  int64_t client_id = 0;
};

class SharedCache {
 public:
  // Counters since the creation.
  struct Counts {
    uint64_t hits = 0;
    uint64_t misses = 0;
    uint64_t stores = 0;
    uint64_t refused = 0;      // puts whose key was invalidated or lease revoked since Find()
    uint64_t drops = 0;        // entries freed by an invalidation or a write, PENDING ones too
    uint64_t flushes = 0;      // DropAll()
    uint64_t evictions = 0;    // because no slot was free
    uint64_t too_big = 0;      // values that no slot can hold
    uint64_t revocations = 0;  // of leases, whatever the reason
    uint64_t recoveries = 0;   // locks taken over from dead owners
    uint64_t torn = 0;         // half-written slots that were freed then
  };

  // A read whose reply may be put: its PENDING slot.
  struct Ticket {
    uint32_t slot = 0;
    uint64_t request = 0;  // 0: none, the reply must not be put
  };

  struct Found {
    bool hit = false;
    bool torn = false;  // a VALID entry has a wrong checksum: never, if this file is correct
    Grant grant;        // of a hit
    Ticket ticket;      // of a miss
  };

  struct Entry {
    std::string key;
    std::string command;
    bool valid = false;  // else PENDING
    size_t bytes = 0;    // of the value
    Grant grant;
  };

  // A worker's part of the shared state.
  struct WorkerRecord {
    pid_t pid = 0;
    int64_t tracked_id = 0;  // its connections at the server; 0: none
    int64_t plain_id = 0;
  };

  // Returns nullptr with one line in `error` if the system refuses the memory. The memory has no
  // name and is freed with the last process that maps it.
  static std::unique_ptr<SharedCache> Create(const CacheLimits& limits, std::string* error);
  ~SharedCache();
  SharedCache(const SharedCache&) = delete;
  SharedCache& operator=(const SharedCache&) = delete;

  // Call this in a process that inherited the mapping through fork(), with the worker's number.
  // `reach` is called at the failpoints in this file, some of them under the lock.
  void Attach(int worker, InjectedFault injected_fault, std::function<void(Failpoint)> reach);

  // --- Entries. A command is the whole request as one text, different for different requests.

  // Looks up the reply to `command`. On a hit it is in `*value`. On a miss, returns a ticket if
  // `writer` (whose lease this process holds) is given and no other process is fetching the entry.
  Found Find(std::string_view key, std::string_view command, int writer, std::string* value);
  // True if the value is now in the cache; false if the key was invalidated since Find().
  bool Put(const Ticket& ticket, std::string_view key, std::string_view command, int writer,
           std::string_view value);
  // The read ended without a value.
  void Abandon(const Ticket& ticket);
  // Frees all entries of the keys.
  void Drop(std::span<const std::string_view> keys);
  void DropAll();
  std::vector<Entry> Entries();

  // --- Leases.

  // Makes this process the owner of the writer's lease while it and this object live; of one lease
  // at most.
  void Own(int writer);
  // Invalidates everything granted under the lease so far. Takes no lock: any process may call it
  // at any time.
  void Revoke(int writer);
  // Sets the connection that receives the entries' invalidations, for Grant.
  void SetClient(int writer, int64_t client_id);
  Grant Lease(int writer) const;
  // True if the lease has a living owner. Takes the lock.
  bool IsOwned(int writer);

  // --- Workers.
  WorkerRecord Worker(int worker) const;
  void SetWorker(int worker, const WorkerRecord& record);
  // True if the worker holds the lock or waits for it: if it is stopped there, it can block all
  // others.
  bool AtLock(int worker) const;

  Counts counts() const;
  uint32_t slots() const;
  uint32_t slot_bytes() const;

 private:
  struct Header;
  struct Slot;
  class Locked;

  SharedCache() = default;
  Slot& At(uint32_t slot) const;
  char* BytesOf(uint32_t slot) const;
  std::string_view KeyOf(uint32_t slot) const;
  std::string_view CommandOf(uint32_t slot) const;
  std::string_view ValueOf(uint32_t slot) const;
  uint32_t Bucket(uint64_t hash) const;
  bool Matches(uint32_t slot, uint64_t hash, std::string_view key, std::string_view command) const;
  bool IsGood(uint32_t slot);
  bool OwnerLives(int writer);
  uint32_t Claim(uint32_t bucket);
  void Name(uint32_t slot, uint64_t hash, std::string_view key, std::string_view command);
  void Recover();

  Header* header_ = nullptr;
  size_t size_ = 0;
  int worker_ = kMaxWorkers;  // the last record is the driver's
  int owned_ = kNoWriter;     // the lease that this process owns
  InjectedFault fault_ = InjectedFault::kNone;
  std::function<void(Failpoint)> reach_ = [](Failpoint) {};
};

}  // namespace resprobe::cachelab

#endif  // RESPROBE_CACHELAB_SUBJECT_SHARED_CACHE_H_
