#ifndef RESPROBE_SIM_NODE_H_
#define RESPROBE_SIM_NODE_H_

// A server as a process on a machine of its own: an endpoint of the network, a clock, a disk, and
// the server (server_subject.h) that runs there. A process starts with nothing but the contents of
// the disk. When it crashes it loses its memory and the output that it has not handed to the
// network yet.
//
// By time (network.h): attached with Listen(), the node accepts connections, passes arriving bytes
// to the server, and sends the server's output. By the tape: the world calls Accept(), Deliver()
// and Collect() itself, in any order.
//
// The node is the host of its server (core/server/host.h): the address of endpoint n is "10.0.0.n".
// A server that dials gets a connection over the network: by time, it is established after its
// delays; by the tape, at once, and the world lets the other node accept it (dialled()).
//
// Once a run has reached the largest number of connections, nothing is allocated.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/clock.h"
#include "sim/network.h"
#include "sim/node_disk.h"
#include "sim/scheduler.h"
#include "sim/server_subject.h"

namespace resprobe {

class Node : public ServerHost, private Network::Receiver, private Scheduler::Handler {
 public:
  using End = Network::End;
  using Endpoint = Network::Endpoint;

  Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  // Call this before a run's first Start(), after resetting the scheduler and the network. `server`
  // and `disk` (nullptr: none) are not owned. The node's clock starts with the time of a fresh
  // server.
  void Reset(Scheduler* scheduler, Network* network, Endpoint at, ServerSubject* server,
             NodeDisk* disk = nullptr);

  // --- The process.

  // Starts a process, with an empty server whose clock shows the node's time. None may be running.
  void Start();
  // The process ends with its connections: their ends are closed as `kind` says.
  void Crash(CrashKind kind);
  bool up() const { return up_; }
  // The number of processes of this node so far; 0 before the first.
  uint64_t process() const { return process_; }

  // Stops the process, as SIGSTOP does: its timers do not run until Resume(). The owner holds back
  // the bytes to it.
  void Pause() { paused_ = true; }
  void Resume() { paused_ = false; }

  // Accepts connections and handles arrivals by time, from now until the process ends. Its timers
  // run every `cron_us` of its own clock (a real server's do 10 times a second); 0: never.
  void Listen(int64_t cron_us = 0);

  // The server takes part in replication, with other nodes of the network; `takes_part` false: it
  // does not, as at first. Call it after Reset().
  void TakePartInReplication(bool takes_part) { server_->set_host(takes_part ? this : nullptr); }
  static std::string AddressOf(Endpoint endpoint) { return kNetwork + std::to_string(endpoint); }
  static constexpr int kPort = 6379;
  // The node's ends of the connections that the current process has dialled and not closed, in
  // order.
  const std::vector<End>& dialled() const { return dialled_; }

  // ServerHost.
  bool Dial(uint64_t connection, std::string_view address, int port) override;
  int listening_port() const override { return kPort; }
  uint64_t process_number() const override { return process_ << 8 | endpoint_; }

  ServerSubject& server() { return *server_; }
  Endpoint endpoint() const { return endpoint_; }

  // --- Time.

  Clock& clock() { return clock_; }
  // What the node's clock shows, in milliseconds since 1970.
  int64_t now_ms() const { return clock_.Read(scheduler_->now_us()) / 1000; }
  // Advances the server's clock to the node's, and runs its timed work. If the node's clock has
  // been set back, the server's stands still until the node's has caught up.
  void Tick();

  // --- Connections, by the tape.

  // The server accepts this end, which belongs to the node.
  void Accept(End end);
  // The server's id of a connection; 0 if it has none.
  uint64_t ConnectionOf(End end) const { return network_->label(end); }
  // Bytes arrive at the server, which runs all complete requests. Nothing is sent before Collect().
  void Deliver(End end, std::string_view bytes) {
    const uint64_t connection = ConnectionOf(end);
    if (connection != 0) server_->Send(connection, bytes);
  }
  // Sends the server's output for this connection to the network, and returns it: a view of the
  // stream to the peer, valid until that changes. A connection that the server has closed stays
  // until Close().
  std::string_view Collect(End end) {
    return network_->SendFrom(
        end, [this](uint64_t connection, std::string* out) { server_->Receive(connection, out); });
  }
  // Collect() for all; then closes the connections that the server has closed.
  void CollectAll();
  // The node closes its end.
  void Close(End end, Network::Farewell farewell = Network::Farewell::kFin);

  // The ends of this node that the server knows, in the order of their creation.
  const std::vector<End>& ends() const { return ends_; }

 private:
  static constexpr char kNetwork[] = "10.0.0.";

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
  bool listens_ = false;
  bool paused_ = false;
  std::vector<End> ends_;
  std::vector<End> dialled_;
};

}  // namespace resprobe

#endif  // RESPROBE_SIM_NODE_H_
