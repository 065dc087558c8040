#include "sandbox/sandbox.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <utility>

namespace resprobe::sandbox {
namespace {

uint32_t Load(const uint32_t* word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }
void Store(uint32_t* word, uint32_t value) { __atomic_store_n(word, value, __ATOMIC_RELEASE); }

void FutexWake(uint32_t* word) { syscall(SYS_futex, word, FUTEX_WAKE, 1, nullptr, nullptr, 0); }
void FutexWait(uint32_t* word, uint32_t value, int ms) {
  const timespec limit = {ms / 1000, ms % 1000 * 1'000'000L};
  syscall(SYS_futex, word, FUTEX_WAIT, value, &limit, nullptr, 0);
}

// How often the host looks for a process that has ended before the kernel could say so.
constexpr int kLookMs = 50;

}  // namespace

int PinToThisProcessor() {
  const int cpu = sched_getcpu();
  if (cpu < 0) return -1;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<size_t>(cpu), &set);
  return sched_setaffinity(0, sizeof(set), &set) == 0 ? cpu : -1;
}

std::unique_ptr<Sandbox> Sandbox::Make(const SandboxOptions& options, std::string* error) {
  if (!std::has_single_bit(options.ring_bytes) || options.ring_bytes > kSandboxMaxRing) {
    *error = "ring_bytes must be a power of two, at most " + std::to_string(kSandboxMaxRing);
    return nullptr;
  }
  std::unique_ptr<Sandbox> sandbox(new Sandbox);
  sandbox->options_ = options;
  sandbox->shared_ = SharedMemory::Make(options.ring_bytes, error);
  if (sandbox->shared_ == nullptr) return nullptr;
  SandboxMemory* const memory = sandbox->memory_ = sandbox->shared_->get();
  memory->tie_seed = options.tie_seed;
  memory->notes_on = options.keep_notes;
  memory->coverage_first = kSandboxMaxCoverage;
  for (uint32_t from = 0; from < kSandboxMaxNodes; ++from) {
    for (uint32_t to = 0; to < kSandboxMaxNodes; ++to) {
      memory->delay_ns[from][to] = from == to ? 0 : options.delay_us * 1000;
    }
  }
  return sandbox;
}

Sandbox::~Sandbox() {
  // All at once: a process takes a while to end.
  for (const std::unique_ptr<SandboxNode>& node : nodes_) node->SendKill();
}

SandboxNode& Sandbox::AddNode(const SandboxNodeOptions& options) {
  const size_t number = nodes_.size();
  SandboxMachine& machine = memory_->node[number];
  memory_->nodes = static_cast<uint32_t>(number + 1);
  machine.seed = SandboxMix(options_.seed, number + 1);
  machine.next_port = kSandboxFirstPort;
  machine.child_ns = options.child_us * 1000;
  machine.deadline_ns = SANDBOX_NEVER;
  machine.call_ns = options_.call_ns;
  // A machine has been on for a while.
  machine.clock_shows_ns = 1'000'000'000'000 + memory_->time_ns;
  machine.clock_base_ns = memory_->time_ns;
  machine.wall_ns = options_.start_ms * 1'000'000 - 1'000'000'000'000;
  nodes_.emplace_back(new SandboxNode(this, number, options));
  return *nodes_.back();
}

void Sandbox::Fail(const std::string& why) {
  if (error_.empty()) error_ = why;
  for (const std::unique_ptr<SandboxNode>& node : nodes_) node->Kill();
}

Sandbox::Stop Sandbox::AwaitTurn() {
  using Clock = std::chrono::steady_clock;
  Clock::time_point since = Clock::now();
  uint64_t turns = memory_->turns;
  for (;;) {
    const uint32_t baton = Load(&memory_->baton);
    if (baton == 0) break;
    if (baton & SANDBOX_OWNER_DIED) {
      nodes_[memory_->runner]->Reap(true);
      break;
    }
    if (baton & SANDBOX_CALL) {
      if (!Answer()) return Stop::kFrozen;
      continue;
    }
    FutexWait(&memory_->baton, baton, kLookMs);
    if (Load(&memory_->baton) != baton) continue;
    // It may have ended before it could register with the kernel.
    if (nodes_[memory_->runner]->Reap(false)) break;
    if (turns != memory_->turns) {
      turns = memory_->turns;
      since = Clock::now();
    } else if (Clock::now() - since > std::chrono::milliseconds(options_.turn_limit_ms)) {
      const SandboxNode& node = *nodes_[memory_->runner];
      Fail(AddressOf(node.number()) + " (" + node.options().program + ") " +
           (memory_->node[memory_->runner].attached
                ? "has not waited for events for " + std::to_string(options_.turn_limit_ms / 1000) +
                      " s: it hangs, or runs threads that the sandbox does not see"
                : "does not load the sandbox's library: is it linked statically?"));
      memory_->runner = kSandboxHost;
      return Stop::kFailed;
    }
  }
  if (Load(&memory_->baton) == 0) return Stop::kTime;
  TakeTurn();
  return Stop::kEnd;
}

void Sandbox::TakeTurn() {
  Store(&memory_->baton, 0);
  memory_->runner = kSandboxHost;
  halted_ = nullptr;
}

void Sandbox::CheckRefusal() {
  if (!memory_->refused) return;
  const SandboxNode& node = *nodes_[memory_->refused_node];
  Fail(AddressOf(node.number()) + " (" + node.options().program +
       ") does what the sandbox cannot simulate: " + memory_->refusal);
}

Sandbox::Stop Sandbox::GiveTurn(uint32_t node) {
  SandboxMachine& machine = memory_->node[node];
  ++memory_->switches;
  Store(&memory_->baton, static_cast<uint32_t>(machine.tid) | SANDBOX_WAITERS);
  Store(&machine.wake, 1);
  FutexWake(&machine.wake);
  return AwaitTurn();
}

Sandbox::Stop Sandbox::Run(int64_t until_ns, bool stop_on_arrival) {
  if (failed()) return Stop::kFailed;
  if (halted_ != nullptr) return Stop::kFrozen;
  memory_->until_ns = until_ns;
  memory_->stop_on_host = stop_on_arrival;
  const Stop stop = RunTurns();
  memory_->turns_until = UINT64_MAX;
  CheckRefusal();
  if (failed()) return Stop::kFailed;
  if (stop != Stop::kTime) return stop;
  if (stop_on_arrival && memory_->host_arrived) {
    memory_->host_arrived = 0;
    return Stop::kArrival;
  }
  return Stop::kTime;
}

Sandbox::Stop Sandbox::RunTurns() {
  if (observer_ == nullptr) {
    const uint32_t next = SandboxNext(memory_);
    return next == kSandboxHost ? Stop::kTime : GiveTurn(next);
  }
  // Everything arrives in SandboxNext(), which the host calls before a turn, and the node after it.
  // Nothing overwrites what has arrived until its receiver has read it, in a turn.
  for (;;) {
    memory_->turns_until = memory_->turns + 1;
    const uint32_t next = SandboxNext(memory_);
    Look();
    if (next == kSandboxHost) return Stop::kTime;
    const Stop stop = GiveTurn(next);
    Look();
    if (stop != Stop::kTime || memory_->refused) return stop;
  }
}

void Sandbox::Observe(std::function<void(const SandboxArrival&)> see) {
  observer_ = nullptr;
  Look();
  observer_ = std::move(see);
}

void Sandbox::Look() {
  seen_.resize(memory_->links_used);
  for (uint32_t number = 0; number < memory_->links_used; ++number) {
    // A connection that is closed shows what has arrived until another one takes its place.
    const SandboxLink& link = memory_->link[number];
    Seen& seen = seen_[number];
    if (seen.generation != link.generation) seen = {.generation = link.generation};
    for (uint32_t side = 0; side < 2; ++side) {
      const uint64_t from = seen.bytes[side];
      const uint64_t size = link.to[side].delivered - from;
      if (size == 0) continue;
      seen.bytes[side] = link.to[side].delivered;
      if (observer_ == nullptr) continue;
      const char* const ring = reinterpret_cast<const char*>(SandboxRing(memory_, number, side));
      const uint64_t at = from & (memory_->ring_bytes - 1);
      const uint64_t first = std::min<uint64_t>(size, memory_->ring_bytes - at);
      arrived_.assign(ring + at, first).append(ring, size - first);
      observer_({.from = link.node[1 - side],
                 .to = link.node[side],
                 .port = link.port[1],
                 .to_dialler = side == 0,
                 .connection = uint64_t{link.generation} * kSandboxMaxLinks + number,
                 .at_us = now_us(),
                 .bytes = arrived_});
    }
  }
}

void Sandbox::Release(size_t from, size_t to) {
  memory_->held[from] &= ~(uint64_t{1} << to);
  SandboxRelease(memory_, static_cast<uint32_t>(from), static_cast<uint32_t>(to));
}

void Sandbox::CutAfter(size_t from, size_t to, uint64_t bytes) {
  for (uint32_t number = 0; number < memory_->links_used; ++number) {
    SandboxLink& link = memory_->link[number];
    if (link.state == kSandboxLinkFree) continue;
    for (size_t side = 0; side < 2; ++side) {
      SandboxStream& stream = link.to[side];
      if (link.node[side] != to || link.node[1 - side] != from) continue;
      if (stream.cut_at == SANDBOX_NOWHERE) stream.cut_at = stream.delivered + bytes;
    }
  }
}

void Sandbox::ResetLinks(size_t a, size_t b) {
  for (uint32_t number = 0; number < memory_->links_used; ++number) {
    const SandboxLink& link = memory_->link[number];
    if (link.state == kSandboxLinkFree) continue;
    if ((link.node[0] != a || link.node[1] != b) && (link.node[0] != b || link.node[1] != a)) {
      continue;
    }
    SandboxSchedule(memory_, memory_->time_ns, kSandboxEventReset, number, 0, 0);
    if (link.answered) {
      SandboxSchedule(memory_, memory_->time_ns, kSandboxEventReset, number, 1, 0);
    }
  }
}

SandboxLink* Sandbox::Find(uint64_t connection) const {
  SandboxLink* const link = &memory_->link[connection % kSandboxMaxLinks];
  const bool same = link->generation == connection / kSandboxMaxLinks;
  return same && link->state != kSandboxLinkFree && link->open[0] ? link : nullptr;
}

uint64_t Sandbox::Dial(size_t node, uint16_t port) {
  const int number =
      SandboxDial(memory_, kSandboxHost, static_cast<uint32_t>(node), port, memory_->time_ns);
  if (number < 0) {
    Fail("more than " + std::to_string(kSandboxMaxLinks) + " connections");
    return 0;
  }
  const uint64_t generation = memory_->link[number].generation;
  return generation * kSandboxMaxLinks + static_cast<uint64_t>(number);
}

size_t Sandbox::Write(uint64_t connection, std::string_view bytes) {
  if (Find(connection) == nullptr) return 0;
  const int64_t sent = SandboxWrite(memory_, static_cast<uint32_t>(connection % kSandboxMaxLinks),
                                    0, bytes.data(), bytes.size());
  return sent < 0 ? 0 : static_cast<size_t>(sent);
}

bool Sandbox::Read(uint64_t connection, std::string* append) {
  const SandboxLink* const link = Find(connection);
  if (link == nullptr) return false;
  for (;;) {
    const size_t arrived = link->to[0].delivered - link->to[0].read;
    const size_t before = append->size();
    append->resize(before + arrived);
    const int64_t taken = SandboxRead(memory_, static_cast<uint32_t>(connection % kSandboxMaxLinks),
                                      0, append->data() + before, arrived, /*peek=*/0);
    if (taken <= 0) return taken == -EAGAIN;
  }
}

bool Sandbox::AtEnd(uint64_t connection) const {
  const SandboxLink* const link = Find(connection);
  if (link == nullptr) return true;
  const SandboxStream& in = link->to[0];
  if (in.delivered > in.read) return false;
  return in.fin_delivered || in.reset || link->state == kSandboxLinkRefused;
}

bool Sandbox::Accepted(uint64_t connection) const {
  const SandboxLink* const link = Find(connection);
  return link != nullptr && link->accepted;
}

void Sandbox::Shut(uint64_t connection) {
  if (Find(connection) == nullptr) return;
  SandboxShut(memory_, static_cast<uint32_t>(connection % kSandboxMaxLinks), 0);
}

void Sandbox::Close(uint64_t connection) {
  if (Find(connection) == nullptr) return;
  SandboxClose(memory_, static_cast<uint32_t>(connection % kSandboxMaxLinks), 0, kSandboxFin);
}

bool Sandbox::TakeCoverage(uint8_t* counters) {
  const uint32_t first = memory_->coverage_first;
  const uint32_t end = memory_->coverage_end;
  if (end == 0) return false;
  for (uint32_t i = first; i < end; ++i) {
    counters[i] |= memory_->coverage[i];
    memory_->coverage[i] = 0;
  }
  memory_->coverage_first = kSandboxMaxCoverage;
  memory_->coverage_end = 0;
  return true;
}

std::string Sandbox::Notes() const {
  static const char* const kKinds[] = {"turn", "event", "end"};
  static const char* const kEvents[] = {"dial", "open", "refused", "bytes", "fin", "reset"};
  std::string text;
  const uint64_t count = memory_->trace_notes;
  for (uint64_t i = count > kSandboxMaxNotes ? count - kSandboxMaxNotes : 0; i < count; ++i) {
    const SandboxNote& note = memory_->note[i % kSandboxMaxNotes];
    char line[160];
    const bool event = note.kind == kSandboxNoteEvent;
    snprintf(line, sizeof(line), "%lld.%09lld %s node %u link %u %s.%u %llu %016llx\n",
             static_cast<long long>(note.at_ns / 1'000'000'000),
             static_cast<long long>(note.at_ns % 1'000'000'000), kKinds[note.kind], note.node,
             note.link, event ? kEvents[note.detail >> 1] : "-", note.detail & 1u,
             static_cast<unsigned long long>(note.value),
             static_cast<unsigned long long>(note.hash));
    text += line;
  }
  return text;
}

}  // namespace resprobe::sandbox
