#ifndef RESPROBE_SIM_NODE_H_
#define RESPROBE_SIM_NODE_H_

// A server as a process on a machine of its own: an endpoint of the network, a clock, a disk, and
// the server (server_subject.h) that runs there now. A process starts with nothing but what is on
// the disk. When it crashes it loses its memory and what it has not yet handed to the network.
//
// By time (network.h): attached with Listen(), the node accepts connections, gives the server what
// arrives, and puts on the network what the server sends. By the tape: the world calls Accept(),
// Deliver() and Collect() itself, in the order that it wants.
//
// Nothing is allocated in a run once there have been as many connections as there ever are.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/clock.h"
#include "sim/network.h"
#include "sim/scheduler.h"
#include "sim/server_subject.h"

namespace resprobe {

// How a process ends without having been asked.
enum class CrashKind : uint8_t {
  // kill -9: the kernel goes on. It closes the connections, what was handed to it still arrives,
  // and files are as the process has written them.
  kProcess,
  // The power fails: peers are told nothing, and of what was not flushed the disk keeps what it
  // likes.
  kMachine,
};

// What a node keeps when its process ends. The simulated disk (src/sim/disk) implements it.
class NodeDisk {
 public:
  virtual ~NodeDisk() = default;
  // The process that wrote to it is gone.
  virtual void Crash(CrashKind kind) = 0;
};

class Node : private Network::Receiver, private Scheduler::Handler {
 public:
  using End = Network::End;
  using Endpoint = Network::Endpoint;

  Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // Before a run's first Start(), and after the scheduler and the network were reset. `server` and
  // `disk` (nullptr: none) are not owned. The clock shows what the server's shows when it is fresh.
  void Reset(Scheduler* scheduler, Network* network, Endpoint at, ServerSubject* server,
             NodeDisk* disk = nullptr);

  // --- The process.

  // A process begins, with an empty server whose clock shows the node's time. Not while one runs.
  void Start();
  // The process is gone, and with it its connections: their ends are closed as `kind` says.
  void Crash(CrashKind kind);
  bool up() const { return up_; }
  // Counts the processes of this node; 0 before the first.
  uint64_t process() const { return process_; }

  // Accepts connections and handles what arrives, by time, from now until the process ends. Its
  // timers run every `cron_us` of its own clock (a real server's do 10 times a second); 0: never.
  void Listen(int64_t cron_us = 0);

  ServerSubject& server() { return *server_; }
  Endpoint endpoint() const { return endpoint_; }

  // --- Time.

  Clock& clock() { return clock_; }
  // What the node's clock shows, in milliseconds since 1970.
  int64_t now_ms() const { return clock_.Read(scheduler_->now_us()) / 1000; }
  // Lets the server see the node's clock, which runs what it does by time alone. Where the clock
  // has been set back, the server's stands still until it is caught up with.
  void Tick();

  // --- Connections, by the tape.

  // The end belongs to this node; the server accepts it.
  void Accept(End end);
  // The server's name for a connection; 0 if it has none.
  uint64_t ConnectionOf(End end) const { return network_->label(end); }
  // Bytes arrive at the server, which runs all requests that are whole. Nothing goes out before
  // Collect().
  void Deliver(End end, std::string_view bytes);
  // Hands to the network what the server has for this connection, and returns it: a view of the
  // stream to the peer, valid until that changes. A connection that the server has closed stays
  // until Close().
  std::string_view Collect(End end);
  // Collect() for all; then closes the connections that the server has closed.
  void CollectAll();
  // The node closes its end.
  void Close(End end, Network::Farewell farewell = Network::Farewell::kFin);

  // The ends of this node that the server knows, in the order in which they were made.
  const std::vector<End>& ends() const { return ends_; }

 private:
  // Network::Receiver.
  void OnAccept(End end) override;
  void OnConnected(End end) override;
  void OnBytes(End end, std::string_view bytes) override;
  void OnEnd(End end, Network::Farewell how, bool refused) override;
  // The timers of the server.
  void OnDue(uint64_t tag) override;

  void Forget(End end);
  void ScheduleCron();

  Scheduler* scheduler_ = nullptr;
  Network* network_ = nullptr;
  Endpoint endpoint_ = 0;
  ServerSubject* server_ = nullptr;
  NodeDisk* disk_ = nullptr;
  Clock clock_;
  bool up_ = false;
  uint64_t process_ = 0;
  int64_t cron_us_ = 0;
  Scheduler::Event cron_;
  std::vector<End> ends_;
};

}  // namespace resprobe

#endif  // RESPROBE_SIM_NODE_H_
