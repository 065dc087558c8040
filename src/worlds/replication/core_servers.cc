#include "worlds/replication/core_servers.h"

#include <vector>

#include "sim/core_subject.h"
#include "sim/toxic.h"

namespace resprobe {
namespace {

constexpr int64_t kTimerUs = 100'000;
constexpr size_t kSmallBacklog = 16 << 10;  // the least that real servers take
constexpr int64_t kDelayMs = 1;             // from one node to another
constexpr int64_t kMaxBulk = 64 << 10;

}  // namespace

ServerConfig CoreServers::ConfigOf() const {
  ServerConfig config;
  config.profile = settings_.valkey ? Profile::kValkey80 : Profile::kRedis70;
  config.max_bulk = kMaxBulk;
  config.replication.ping_ms = kPingMs;
  config.replication.timeout_ms = kTimeoutMs;
  if (settings_.small_backlog) config.replication.backlog_bytes = kSmallBacklog;
  return config;
}

bool CoreServers::Reset(const Settings& settings) {
  settings_ = settings;
  clients_.clear();
  held_.fill(0);
  paused_ = 0;
  scheduler_.Reset();
  network_.Reset(settings.nodes + 1);
  network_.Attach(host(), this);
  Toxic delay[2];
  for (size_t i = 0; i < 2; ++i) {
    delay[i].direction = i == 0 ? ToxicDirection::kUpstream : ToxicDirection::kDownstream;
    delay[i].values[0] = kDelayMs;
  }
  for (size_t i = 0; i < settings.nodes; ++i) {
    const auto at = static_cast<Network::Endpoint>(i);
    for (size_t j = 0; j < settings.nodes; ++j) {
      if (j != i) network_.SetToxics(at, static_cast<Network::Endpoint>(j), delay);
    }
    std::unique_ptr<ServerSubject>& server = servers_[settings.valkey ? 1 : 0][i];
    if (server == nullptr) {
      const ServerConfig config = ConfigOf();
      server = make_ == nullptr ? std::make_unique<CoreSubject>(config) : make_(config);
    }
    nodes_[i].Reset(&scheduler_, &network_, at, server.get());
    nodes_[i].TakePartInReplication(true);
  }
  for (size_t i = 0; i < settings.nodes; ++i) {
    Start(i, i == 0 || !settings.chained ? 0 : i - 1);
  }
  return true;
}

void CoreServers::Start(size_t node, size_t of) {
  ServerSubject& server = nodes_[node].server();
  if (server.core() != nullptr) server.core()->Configure(ConfigOf());
  nodes_[node].Start();
  nodes_[node].Listen(kTimerUs);
  if (of == node) return;
  const uint64_t connection = server.Connect();
  server.Send(connection,
              "REPLICAOF " + AddressOf(of) + " " + std::to_string(Node::kPort) + "\r\n");
  server.Close(connection);
  nodes_[node].CollectAll();
}

void CoreServers::Crash(size_t node, CrashKind kind) {
  nodes_[node].Crash(kind);
  Resume(node);
}

// --- Faults.

void CoreServers::Block() {
  network_.Unblock();
  for (size_t i = 0; i < settings_.nodes; ++i) {
    const Network::EndpointSet from = Network::EndpointSet{1} << i;
    if (held_[i] != 0) network_.Block(from, held_[i]);
  }
  if (paused_ != 0) network_.Block(~paused_, paused_);
}

// It gets no bytes, and its timers do not run.
void CoreServers::Pause(size_t node) {
  if (!up(node)) return;
  paused_ |= Network::EndpointSet{1} << node;
  nodes_[node].Pause();
  Block();
}

void CoreServers::Resume(size_t node) {
  if ((paused_ >> node & 1) == 0) return;
  paused_ &= ~(Network::EndpointSet{1} << node);
  nodes_[node].Resume();
  Block();
}

void CoreServers::JumpClock(size_t node, int64_t ms) {
  nodes_[node].clock().Jump(ms * 1000, scheduler_.now_us());
}

void CoreServers::Hold(size_t from, size_t to) {
  held_[from] |= Network::EndpointSet{1} << to;
  Block();
}

void CoreServers::Release(size_t from, size_t to) {
  held_[from] &= ~(Network::EndpointSet{1} << to);
  Block();
}

void CoreServers::CutAfter(size_t from, size_t to, uint64_t bytes) {
  for (const End end : nodes_[to].ends()) {
    if (network_.EndpointOf(Network::Peer(end)) != from) continue;
    // A second cut, further on, would leave a hole.
    if (network_.Incoming(end).cut()) continue;
    network_.CutAt(end, network_.Incoming(end).delivered() + bytes);
  }
}

void CoreServers::ResetLinks(size_t a, size_t b) {
  // An end whose peer is gone without notice is known at one side only.
  std::vector<End> ends;
  const auto find = [&](size_t from, size_t to) {
    for (const End end : nodes_[from].ends()) {
      if (network_.EndpointOf(Network::Peer(end)) == to) ends.push_back(end);
    }
  };
  find(a, b);
  find(b, a);
  for (const End end : ends) {
    if (network_.Exists(end))
      nodes_[network_.EndpointOf(end)].Close(end, Network::Farewell::kReset);
  }
}

// --- Clients.

uint64_t CoreServers::Dial(size_t node) {
  const End end = network_.Dial(host(), static_cast<Network::Endpoint>(node));
  clients_.try_emplace(static_cast<uint64_t>(end));
  return static_cast<uint64_t>(end);
}

void CoreServers::Send(uint64_t connection, std::string_view bytes) {
  const auto at = clients_.find(connection);
  if (at != clients_.end() && at->second.open) network_.Send(static_cast<End>(connection), bytes);
}

bool CoreServers::Receive(uint64_t connection, std::string* append) {
  const auto at = clients_.find(connection);
  if (at == clients_.end()) return false;
  append->append(at->second.arrived);
  at->second.arrived.clear();
  return at->second.open;
}

void CoreServers::Close(uint64_t connection) {
  const auto at = clients_.find(connection);
  if (at == clients_.end()) return;
  if (at->second.open) network_.Close(static_cast<End>(connection));
  clients_.erase(at);
}

void CoreServers::OnBytes(End end, std::string_view bytes) {
  const auto at = clients_.find(static_cast<uint64_t>(end));
  if (at != clients_.end()) at->second.arrived.append(bytes);
}

void CoreServers::OnEnd(End end, Network::Farewell, bool) {
  network_.Close(end);
  const auto at = clients_.find(static_cast<uint64_t>(end));
  if (at != clients_.end()) at->second.open = false;
}

}  // namespace resprobe
