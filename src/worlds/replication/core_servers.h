#ifndef RESPROBE_WORLDS_REPLICATION_CORE_SERVERS_H_
#define RESPROBE_WORLDS_REPLICATION_CORE_SERVERS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/server/server.h"
#include "sim/network.h"
#include "sim/node.h"
#include "sim/scheduler.h"
#include "worlds/replication/replicated_servers.h"

namespace resprobe {

// Nodes of the core on a simulated network, by time. They have no files: a process starts empty,
// whatever Settings::log says, and a full synchronization needs no disk.
class CoreServers : public ReplicatedServers, private Network::Receiver {
 public:
  // Makes the server of a node, for canaries; nullptr: the core.
  using Make = std::function<std::unique_ptr<ServerSubject>(const ServerConfig& config)>;

  explicit CoreServers(Make make = nullptr) : make_(std::move(make)) {}

  bool Reset(const Settings& settings) override;
  const std::string& error() const override { return error_; }
  int64_t now_us() const override { return scheduler_.now_us(); }
  void RunUntil(int64_t us) override { scheduler_.RunUntil(us); }
  bool up(size_t node) const override { return nodes_[node].up(); }
  std::string Ending(size_t) const override { return {}; }
  void Crash(size_t node, CrashKind kind) override;
  void Start(size_t node, size_t of) override;
  void Pause(size_t node) override;
  void Resume(size_t node) override;
  void JumpClock(size_t node, int64_t ms) override;
  std::string AddressOf(size_t node) const override {
    return Node::AddressOf(static_cast<Node::Endpoint>(node));
  }
  uint64_t Dial(size_t node) override;
  void Send(uint64_t connection, std::string_view bytes) override;
  bool Receive(uint64_t connection, std::string* append) override;
  void Close(uint64_t connection) override;
  void Hold(size_t from, size_t to) override;
  void Release(size_t from, size_t to) override;
  void CutAfter(size_t from, size_t to, uint64_t bytes) override;
  void ResetLinks(size_t a, size_t b) override;

 private:
  using End = Network::End;
  // Of the clients' host.
  struct Client {
    std::string arrived;
    bool open = true;
  };

  // Network::Receiver.
  void OnAccept(End) override {}
  void OnConnected(End) override {}
  void OnBytes(End end, std::string_view bytes) override;
  void OnEnd(End end, Network::Farewell how, bool refused) override;

  Network::Endpoint host() const { return static_cast<Network::Endpoint>(settings_.nodes); }
  ServerConfig ConfigOf() const;
  // The partitions that holds and pauses make.
  void Block();

  const Make make_;
  Settings settings_;
  Scheduler scheduler_;
  Network network_{&scheduler_};
  std::array<std::array<std::unique_ptr<ServerSubject>, kMostNodes>, 2> servers_;  // by profile
  std::array<Node, kMostNodes> nodes_;
  std::array<Network::EndpointSet, kMostNodes> held_{};
  Network::EndpointSet paused_ = 0;
  std::map<uint64_t, Client> clients_;
  std::string error_;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_REPLICATION_CORE_SERVERS_H_
