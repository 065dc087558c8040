#ifndef RESPROBE_WORLDS_INVALIDATION_CLIENT_WIRES_H_
#define RESPROBE_WORLDS_INVALIDATION_CLIENT_WIRES_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "core/resp/reply_parser.h"
#include "core/resp/request_parser.h"
#include "sim/network.h"
#include "worlds/invalidation/invalidation_ops.h"
#include "worlds/invalidation/tracked_servers.h"

namespace resprobe::invalidation {

// A connection of a client. The server's end may be closed without the client having seen it.
struct Wire {
  uint8_t client = 0;
  uint8_t index = 0;                       // among the client's wires
  uint8_t node = 0;                        // the server
  Network::End end = Network::End::kNone;  // the client's
  uint64_t connection = 0;                 // the server's id of it; 0: the client has none
  ByteStream* to_server = nullptr;         // bytes in flight, while the client has a connection
  ByteStream* to_client = nullptr;
  int64_t heard_ms = 0;          // when bytes last arrived at the client
  resp::RequestParser requests;  // parses what the client sends
  resp::ReplyParser replies;     // parses what the server sends
  size_t unanswered = 0;         // wire 1: requests without a reply

  bool up() const { return connection != 0; }
};

// The connections between clients and servers, and their faults: up to two for each client. It owns
// their ends and parsers, and the ghosts: ends of servers whose client is gone without
// notification. It moves bytes as it is asked to, and knows nothing of what they mean.
class ClientWires {
 public:
  ClientWires(Network* network, TrackedServers* servers);

  // Starts a run, without connections.
  void Reset();

  Wire& Of(size_t client, size_t index) { return wires_[client][index]; }
  const Wire& Of(size_t client, size_t index) const { return wires_[client][index]; }
  TrackedServer& ServerOf(const Wire& wire) const { return (*servers_)[wire.node]; }
  // Both ends are open.
  bool Whole(const Wire& wire) const { return wire.up() && network_->IsOpen(ServersEnd(wire)); }
  // The bytes in flight; only while the client has a connection.
  static ByteStream& ToServer(const Wire& wire) { return *wire.to_server; }
  static ByteStream& ToClient(const Wire& wire) { return *wire.to_client; }
  // How many there are; 0 without a connection.
  size_t InFlight(const Wire& wire, bool to_client) const {
    if (!wire.up()) return 0;
    return (to_client ? ToClient(wire) : ToServer(wire)).in_flight();
  }
  // All that the server has sent has arrived, and the client can know that no more will come.
  bool SeesEnd(const Wire& wire) const { return network_->SeesEnd(wire.end); }

  // --- What happens to a connection.

  // The client connects to this server.
  void Open(Wire& wire, size_t server);
  // Bytes arrive at the server, which handles them. Returns how many.
  size_t DeliverToServer(const Wire& wire, size_t bytes) {
    const std::string_view arrived = network_->Take(ServersEnd(wire), bytes);
    if (!arrived.empty()) ServerOf(wire).node.Deliver(ServersEnd(wire), arrived);
    return arrived.size();
  }
  // Bytes arrive at the client. Valid until the next call about this wire.
  std::string_view TakeAtClient(Wire& wire, size_t bytes) {
    wire.heard_ms = servers_->now_ms();
    return network_->Take(wire.end, bytes);
  }
  // False if Collect() would return nothing, which it does nearly always.
  bool HasOutput(const Wire& wire) const {
    return ServerOf(wire).subject->HasOutput(wire.connection);
  }
  // Sends the server's output to the client, and returns it.
  std::string_view Collect(const Wire& wire) {
    return ServerOf(wire).node.Collect(ServersEnd(wire));
  }
  // The server closes its end. What the client has sent to it is lost.
  void CloseServersEnd(const Wire& wire, Network::Farewell farewell);
  // The client closes its end. The server notices nothing (`ghost`): what the client has sent may
  // still arrive, what is sent to it is lost.
  void CloseClientsEnd(Wire& wire, bool ghost);
  // What is in flight to the client is lost.
  void LoseOutput(const Wire& wire) { ToClient(wire).Lose(); }
  // A client that waits at a half-open end is notified.
  void TellClient(const Wire& wire) { network_->TellPeer(wire.end); }
  // The server closes the connection of a client with too much unread output: what has not left it
  // is lost, possibly in the middle of a value. True if it does.
  bool LimitOutput(const Wire& wire);

  // --- What happens to a server.

  // The process dies, and what its clients have sent is lost.
  void Crash(size_t server);
  // What the servers send to ghosts is lost.
  void CollectGhosts();
  // The servers notice that the clients of their ghosts are gone.
  void EndGhosts();

 private:
  static Network::End ServersEnd(const Wire& wire) { return Network::Peer(wire.end); }

  Network* const network_;
  TrackedServers* const servers_;
  std::array<std::array<Wire, 2>, kMaxClients> wires_;
  std::array<std::vector<Network::End>, TrackedServers::kCount> ghosts_;  // of each server
};

}  // namespace resprobe::invalidation

#endif  // RESPROBE_WORLDS_INVALIDATION_CLIENT_WIRES_H_
