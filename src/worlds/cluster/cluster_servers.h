#ifndef RESPROBE_WORLDS_CLUSTER_CLUSTER_SERVERS_H_
#define RESPROBE_WORLDS_CLUSTER_CLUSTER_SERVERS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "sim/node_disk.h"

namespace resprobe {

// The nodes of a cluster, each a server on a machine of its own, on one network: real servers in a
// sandbox (live/cluster/sandboxed_cluster.h). Time moves in RunUntil() alone.
class ClusterServers {
 public:
  static constexpr size_t kMostNodes = 16;
  // An end of links besides the nodes: all clients.
  static constexpr size_t kClients = SIZE_MAX;

  struct Settings {
    size_t shards = 3;
    size_t replicas = 1;        // of each shard
    bool log = false;           // appendonly yes, appendfsync everysec
    bool full_coverage = true;  // cluster-require-full-coverage
    bool migrates = false;      // replicas move to a primary that has none (migration barrier 1)
    int64_t timeout_ms = 1000;  // cluster-node-timeout
  };
  static constexpr int kPort = 6379;
  static constexpr int kBusPort = 16379;
  static constexpr int kSlots = 16384;

  virtual ~ClusterServers() = default;

  // A formed cluster: shard by shard, the primary first. Each shard has the same number of slots,
  // in order; the last one has the rest. False: error().
  virtual bool Reset(const Settings& settings) = 0;
  // One line, if the system cannot go on: nothing can be said of the servers then.
  virtual const std::string& error() const = 0;
  // Of the node: 40 characters.
  virtual std::string IdOf(size_t node) const = 0;
  virtual std::string AddressOf(size_t node) const = 0;

  // --- Time, in microseconds.

  virtual int64_t now_us() const = 0;
  virtual void RunUntil(int64_t us) = 0;

  // --- Processes.

  virtual bool up(size_t node) const = 0;
  // How a process has ended that was not crashed: "signal 11"; empty: none has.
  virtual std::string Ending(size_t node) const = 0;
  virtual void Crash(size_t node, CrashKind kind) = 0;
  // False, with one line in `why`: it has ended at once.
  virtual bool Start(size_t node, std::string* why) = 0;
  virtual void Pause(size_t node) = 0;
  virtual void Resume(size_t node) = 0;
  // Its wall clock shows this much more from now on, or less.
  virtual void JumpClock(size_t node, int64_t ms) = 0;
  // A file of a node, as the server sees it ("log", "nodes.conf"); nullptr: there is none. Valid
  // until time moves.
  virtual const std::string* ReadFile(size_t node, std::string_view name) const = 0;

  // --- Connections of clients. Their bytes take no time.

  virtual uint64_t Dial(size_t node, int port) = 0;
  virtual void Send(uint64_t connection, std::string_view bytes) = 0;
  // Appends what has arrived; false if nothing more will.
  virtual bool Receive(uint64_t connection, std::string* append) = 0;
  virtual void Close(uint64_t connection) = 0;

  // --- Links, one way. Either end may be kClients.

  // What one sends to the other does not arrive until Release(); connections stay open.
  virtual void Hold(size_t from, size_t to) = 0;
  virtual void Release(size_t from, size_t to) = 0;
  // Both sides learn that their connections are gone.
  virtual void ResetLinks(size_t a, size_t b) = 0;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_CLUSTER_CLUSTER_SERVERS_H_
