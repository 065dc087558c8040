#ifndef RESPROBE_WORLDS_REPLICATION_REPLICATED_SERVERS_H_
#define RESPROBE_WORLDS_REPLICATION_REPLICATED_SERVERS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sim/node_disk.h"

namespace resprobe {

// A system of servers on a network, each on a machine of its own: nodes of the core
// (core_servers.h), or real servers in a sandbox (live/replication/sandboxed_servers.h). Time moves
// in RunUntil() alone.
class ReplicatedServers {
 public:
  static constexpr size_t kMostNodes = 5;

  struct Settings {
    size_t nodes = 2;
    bool valkey = false;         // the profile; real servers are what they are
    bool chained = false;        // each follows the one before it; otherwise all follow number 0
    bool log = false;            // appendonly yes, appendfsync everysec
    bool disk_sync = false;      // a full synchronization goes through a file (repl-diskless-sync)
    bool small_backlog = false;  // repl-backlog-size 16kb; otherwise 1mb
  };
  // repl-ping-replica-period and repl-timeout of all servers.
  static constexpr int64_t kPingMs = 1000;
  static constexpr int64_t kTimeoutMs = 4000;

  virtual ~ReplicatedServers() = default;

  // A new system, in which all servers run, and follow each other or are about to. False: error().
  virtual bool Reset(const Settings& settings) = 0;
  // One line, if the system cannot go on: nothing can be said of the servers then.
  virtual const std::string& error() const = 0;

  // --- Time, in microseconds.

  virtual int64_t now_us() const = 0;
  virtual void RunUntil(int64_t us) = 0;

  // --- Processes.

  virtual bool up(size_t node) const = 0;
  // How a process has ended that was not crashed: "signal 11"; empty: none has.
  virtual std::string Ending(size_t node) const = 0;
  virtual void Crash(size_t node, CrashKind kind) = 0;
  // Starts a process, which follows a server from the beginning; `of` == node: it follows none.
  virtual void Start(size_t node, size_t of) = 0;
  virtual void Pause(size_t node) = 0;
  virtual void Resume(size_t node) = 0;
  // Its wall clock shows this much more from now on, or less.
  virtual void JumpClock(size_t node, int64_t ms) = 0;
  // What REPLICAOF takes, with the port kPort.
  virtual std::string AddressOf(size_t node) const = 0;
  static constexpr int kPort = 6379;

  // --- Connections of clients. Their bytes take no time.

  virtual uint64_t Dial(size_t node) = 0;
  virtual void Send(uint64_t connection, std::string_view bytes) = 0;
  // Appends what has arrived; false if nothing more will.
  virtual bool Receive(uint64_t connection, std::string* append) = 0;
  virtual void Close(uint64_t connection) = 0;

  // --- The links between two nodes.

  // What one sends to the other does not arrive until Release().
  virtual void Hold(size_t from, size_t to) = 0;
  virtual void Release(size_t from, size_t to) = 0;
  // On the connections that are open now, the next `bytes` bytes in this direction arrive, and
  // nothing after them. A second call does not change a connection that is cut.
  virtual void CutAfter(size_t from, size_t to, uint64_t bytes) = 0;
  // Both sides learn that their connections are gone.
  virtual void ResetLinks(size_t a, size_t b) = 0;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_REPLICATION_REPLICATED_SERVERS_H_
