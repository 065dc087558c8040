#include "worlds/invalidation/client_wires.h"

namespace resprobe::invalidation {
namespace {

// With the output limit: how many bytes may wait for a client before the server closes the
// connection, and how many of them have left the server by then.
constexpr size_t kOutputLimit = 256;
constexpr size_t kOnTheWay = 48;

}  // namespace

ClientWires::ClientWires(Network* network, TrackedServers* servers)
    : network_(network), servers_(servers) {
  for (size_t client = 0; client < kMaxClients; ++client) {
    for (size_t index = 0; index < wires_[client].size(); ++index) {
      wires_[client][index].client = static_cast<uint8_t>(client);
      wires_[client][index].index = static_cast<uint8_t>(index);
    }
  }
}

void ClientWires::Reset() {
  for (auto& wires : wires_) {
    for (Wire& wire : wires) {
      wire.connection = 0;
      wire.heard_ms = 0;
    }
  }
  for (auto& ghosts : ghosts_) ghosts.clear();
}

void ClientWires::Open(Wire& wire, size_t server) {
  wire.node = static_cast<uint8_t>(server);
  wire.end = network_->Connect(static_cast<Network::Endpoint>(TrackedServers::kCount + wire.client),
                               static_cast<Network::Endpoint>(server));
  wire.to_server = &network_->Incoming(ServersEnd(wire));
  wire.to_client = &network_->Incoming(wire.end);
  Node& node = ServerOf(wire).node;
  node.Accept(ServersEnd(wire));
  wire.connection = node.ConnectionOf(ServersEnd(wire));
  wire.requests.Reset();
  wire.replies.Reset();
  wire.unanswered = 0;
}

void ClientWires::CloseServersEnd(const Wire& wire, Network::Farewell farewell) {
  ServerOf(wire).node.Close(ServersEnd(wire), farewell);
  ToServer(wire).Lose();
}

void ClientWires::CloseClientsEnd(Wire& wire, bool ghost) {
  if (ghost) ghosts_[wire.node].push_back(ServersEnd(wire));
  network_->Close(wire.end, ghost ? Network::Farewell::kNone : Network::Farewell::kFin);
  wire.connection = 0;
}

bool ClientWires::LimitOutput(const Wire& wire) {
  if (ToClient(wire).in_flight() <= kOutputLimit) return false;
  CloseServersEnd(wire, Network::Farewell::kFin);
  ToClient(wire).Keep(kOnTheWay);
  return true;
}

void ClientWires::Crash(size_t server) {
  for (auto& wires : wires_) {
    for (const Wire& wire : wires) {
      if (wire.node == server && Whole(wire)) ToServer(wire).Lose();
    }
  }
  (*servers_)[server].node.Crash(CrashKind::kProcess);
  ghosts_[server].clear();
}

void ClientWires::CollectGhosts() {
  for (size_t server = 0; server < ghosts_.size(); ++server) {
    for (const Network::End ghost : ghosts_[server]) {
      (*servers_)[server].node.Collect(ghost);
      network_->Incoming(Network::Peer(ghost)).Lose();
    }
  }
}

void ClientWires::EndGhosts() {
  for (size_t server = 0; server < ghosts_.size(); ++server) {
    for (const Network::End ghost : ghosts_[server]) (*servers_)[server].node.Close(ghost);
    ghosts_[server].clear();
  }
}

}  // namespace resprobe::invalidation
