#ifndef RESPROBE_SANDBOX_SANDBOX_H_
#define RESPROBE_SANDBOX_SANDBOX_H_

// A system of real, unmodified servers in virtual time. Each runs as a process of its own, with a
// preloaded library (preload/) that takes time, entropy, network, children and threads into the
// hands of this class. One process runs at a time: it has a turn, from the return of its event
// loop's wait to the next wait. So the same calls of this class give the same run, to the byte:
// trace_hash() says whether they did.
//
// Model: a turn is atomic, and costs no time. Bytes arrive after the delay between two machines, in
// order, or never. A process that is killed closes its connections; a machine that loses power does
// not.
//
// Faults: those of the nodes' disks (sim/disk/disk.h), which crash at any call, too; kill and power
// loss (SandboxNode), pause, clocks that differ, drift and jump; links that
// are slow, held, or lose everything (below).
//
// What it cannot do ends the run with a line in error(): threads that run beside the event loop,
// TLS, other descriptors than sockets, pipes and files, a turn that takes too long (docs/sandbox.md
// has the list).
//
// Not thread-safe; the processes end with the thread that started them.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/sandbox_memory.h"
#include "sandbox/sandbox_node.h"

namespace resprobe::sandbox {

// Moves this thread to one processor, and returns its number; -1 if that fails. The servers and
// this program take turns, and on one processor a turn costs half as much.
int PinToThisProcessor();

struct SandboxOptions {
  // Of all that the nodes take for random.
  uint64_t seed = 1;
  // Orders what happens at the same time, and which ready descriptor a node finds first; 0: by
  // number.
  uint64_t tie_seed = 0;
  // What the nodes' wall clocks show at the start, milliseconds since 1970.
  int64_t start_ms = 1'700'000'000'000;
  // From one node to another, one way; to and from the host there is none.
  int64_t delay_us = 100;
  // What a question for the time takes, so that a loop that waits for it ends.
  int64_t call_ns = 50;
  // How much one side of a connection can send before the other has read it: a power of two, at
  // most kSandboxMaxRing. Small ones make short writes.
  uint32_t ring_bytes = kSandboxMaxRing;
  // Real time in which a turn must end.
  int turn_limit_ms = 20'000;
  // The processor on which all nodes run; -1: any. The host should be on the same one.
  int cpu = -1;
  // Keep the last entries of the trace (notes()).
  bool keep_notes = false;
};

// Bytes that have arrived at one end of a connection, in the order of its stream.
struct SandboxArrival {
  size_t from;  // nodes, or Sandbox::kHost
  size_t to;
  uint16_t port;        // that was dialled
  bool to_dialler;      // otherwise to the node that has accepted
  uint64_t connection;  // one that was dialled has another number than all before; never 0
  int64_t at_us;        // true time, in microseconds since the start
  std::string_view bytes;
};

class Sandbox {
 public:
  // Why a run returned.
  enum class Stop : uint8_t {
    kTime,     // the time has come
    kArrival,  // something has arrived at a connection of the host
    kEnd,      // a process has ended by itself: see SandboxNode::up()
    kFrozen,   // the disk of a node has frozen (Disk::CrashAt): the node must crash now
    kFailed,   // see error()
  };

  // nullptr with a line in `error` if the system does not support it.
  static std::unique_ptr<Sandbox> Make(const SandboxOptions& options, std::string* error);
  ~Sandbox();
  Sandbox(const Sandbox&) = delete;
  Sandbox& operator=(const Sandbox&) = delete;

  // A copy of the system as it is now, which goes on by itself: the same turns follow, until it is
  // told something else. Each process forks, each disk is copied, and each directory to one of the
  // same name below `folder`, which must exist and have no such directories yet. Connections keep
  // their identifiers. This system does not notice. Not while a node has a forked child, or a
  // thread makes an fsync. nullptr with a line in `error` if that cannot be done; then a node may
  // have been lost (failed()).
  std::unique_ptr<Sandbox> Copy(const std::string& folder, std::string* error);

  // --- The nodes.

  // A machine, at first without a process; at most kSandboxMaxNodes. The caller owns its directory.
  SandboxNode& AddNode(const SandboxNodeOptions& options);
  SandboxNode& node(size_t number) { return *nodes_[number]; }
  size_t size() const { return nodes_.size(); }
  // Of node `number`: "10.0.0.1" for 0.
  static std::string AddressOf(size_t number) { return "10.0.0." + std::to_string(number + 1); }

  // --- Time.

  // True time since the start, in microseconds.
  int64_t now_us() const { return memory_->time_ns / 1000; }
  // The same within a turn that has been halted by a call on a disk, or in an observer of a disk: a
  // turn can take time (a slow fsync).
  int64_t call_us() const {
    return (memory_->call.now_ns > memory_->time_ns ? memory_->call.now_ns : memory_->time_ns) /
           1000;
  }
  // Runs until that time, or until something stops it.
  Stop RunUntil(int64_t until_us) { return Run(until_us * 1000, false); }
  Stop RunFor(int64_t us) { return Run(memory_->time_ns + us * 1000, false); }
  // The same, but returns as soon as something has happened to a connection of the host.
  Stop RunUntilArrival(int64_t until_us) { return Run(until_us * 1000, true); }
  // Time passes, and nothing runs: only while no process runs but a prepared one.
  void SkipTo(int64_t us);
  // What went wrong: one line. Nothing runs any more then.
  const std::string& error() const { return error_; }
  bool failed() const { return !error_.empty(); }

  // --- The network between nodes, one way; kHost is the host.

  static constexpr size_t kHost = kSandboxHost;
  void SetDelay(size_t from, size_t to, int64_t us) { memory_->delay_ns[from][to] = us * 1000; }
  // What is sent does not arrive before Release(); both ends stay open.
  void Hold(size_t from, size_t to) { memory_->held[from] |= uint64_t{1} << to; }
  void Release(size_t from, size_t to);
  // What arrives is lost, and so is all that its connection sends after that; neither end is told.
  void Lose(size_t from, size_t to) { memory_->lost[from] |= uint64_t{1} << to; }
  void StopLosing(size_t from, size_t to) { memory_->lost[from] &= ~(uint64_t{1} << to); }
  // On the connections between two nodes that are open now, the next `bytes` bytes that `from` has
  // sent or will send arrive, and nothing after them. A second call does not change a connection
  // that is cut.
  void CutAfter(size_t from, size_t to, uint64_t bytes);
  // Resets all connections between two nodes.
  void ResetLinks(size_t a, size_t b);

  // --- Connections of the host. An identifier is never 0.

  // Opens a connection to a port of a node. Bytes may be written at once.
  uint64_t Dial(size_t node, uint16_t port);
  // Sends as many bytes as there is room for, and returns how many. 0 on a closed connection.
  size_t Write(uint64_t connection, std::string_view bytes);
  // Appends what has arrived; false if nothing more will.
  bool Read(uint64_t connection, std::string* append);
  // True if the connection was refused, reset, or closed by the node, and all bytes were read.
  bool AtEnd(uint64_t connection) const;
  // Sends nothing more; bytes still arrive.
  void Shut(uint64_t connection);
  // The node has accepted it.
  bool Accepted(uint64_t connection) const;
  void Close(uint64_t connection);

  // --- What arrives.

  // Calls `see` with all bytes that arrive at any end of any connection from now on, before whoever
  // gets them runs; what arrives together is in the order of the connections' numbers. It must not
  // call this sandbox. The run is the same, but each turn costs a switch to the host and a look at
  // all connections. nullptr ends it; a copy has none.
  void Observe(std::function<void(const SandboxArrival&)> see);

  // --- What has happened.

  // Notes which counters of instrumented servers have counted since the last call: 1 in `counters`,
  // which has kCoverage bytes (preload/coverage.c). False if none has.
  static constexpr size_t kCoverage = kSandboxMaxCoverage;
  bool TakeCoverage(uint8_t* counters);

  uint64_t trace_hash() const { return memory_->trace; }
  uint64_t turns() const { return memory_->turns; }
  uint64_t switches() const { return memory_->switches; }
  // The last entries of the trace, one a line.
  std::string Notes() const;
  uint64_t note_count() const { return memory_->trace_notes; }

 private:
  friend class SandboxNode;
  Sandbox() = default;

  Stop Run(int64_t until_ns, bool stop_on_arrival);
  Stop RunTurns();
  // Tells the observer of what has arrived since the last call.
  void Look();
  // Gives a node the turn, and waits until the host has it again.
  Stop GiveTurn(uint32_t node);
  Stop AwaitTurn();
  // Answers the call that is being made. False: not now (the disk has frozen, or the node is being
  // prepared).
  bool Answer();
  // Lets the process go on that waits in a call.
  Stop GoOn();
  // The process that had the turn is gone.
  void TakeTurn();
  // Ends the run if a process has met something that cannot be simulated.
  void CheckRefusal();
  void Fail(const std::string& why);
  SandboxLink* Find(uint64_t connection) const;

  SandboxOptions options_;
  std::unique_ptr<SharedMemory> shared_;
  SandboxMemory* memory_ = nullptr;
  SandboxNode* halted_ = nullptr;  // in the midst of a call
  std::vector<std::unique_ptr<SandboxNode>> nodes_;
  std::string error_;

  std::function<void(const SandboxArrival&)> observer_;
  // Of each side of each connection, what the observer has seen.
  struct Seen {
    uint32_t generation = 0;
    uint64_t bytes[2] = {};
  };
  std::vector<Seen> seen_;
  std::string arrived_;
};

}  // namespace resprobe::sandbox

#endif  // RESPROBE_SANDBOX_SANDBOX_H_
