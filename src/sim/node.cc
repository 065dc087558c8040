#include "sim/node.h"

#include <charconv>

namespace resprobe {

void Node::Reset(Scheduler* scheduler, Network* network, Endpoint at, ServerSubject* server,
                 NodeDisk* disk) {
  scheduler_ = scheduler;
  network_ = network;
  endpoint_ = at;
  server_ = server;
  disk_ = disk;
  up_ = false;
  process_ = 0;
  cron_ = {};
  listens_ = false;
  ends_.clear();
  dialled_.clear();
  server_->set_host(nullptr);
  server_->Reset();
  clock_.Reset(static_cast<int64_t>(server_->now_ms()) * 1000, scheduler_->now_us());
}

// --- The process.

void Node::Start() {
  ++process_;
  up_ = true;
  paused_ = false;
  Tick();
}

void Node::Crash(CrashKind kind) {
  if (!up_) return;
  up_ = false;
  network_->Attach(endpoint_, nullptr);
  listens_ = false;
  scheduler_->Cancel(cron_);
  for (const End end : ends_) {
    network_->set_label(end, 0);
    network_->Close(
        end, kind == CrashKind::kProcess ? Network::Farewell::kFin : Network::Farewell::kNone);
  }
  ends_.clear();
  dialled_.clear();
  server_->Reset();
  if (disk_ != nullptr) disk_->Crash(kind);
}

void Node::Listen(int64_t cron_us) {
  network_->Attach(endpoint_, this);
  listens_ = true;
  cron_us_ = cron_us;
  if (cron_us_ > 0) ScheduleCron();
}

void Node::ScheduleCron() {
  const int64_t now = scheduler_->now_us();
  cron_ = scheduler_->At(clock_.TrueTimeOf(clock_.Read(now) + cron_us_, now), this, 0);
}

void Node::OnDue(uint64_t) {
  if (!paused_) {
    Tick();
    CollectAll();
  }
  ScheduleCron();
}

void Node::Tick() {
  const auto now = static_cast<uint64_t>(now_ms());
  const uint64_t seen = server_->now_ms();
  if (now >= seen) server_->Advance(now - seen);
}

bool Node::Dial(uint64_t connection, std::string_view address, int port) {
  constexpr std::string_view kNetworkName = kNetwork;
  if (port != kPort || !address.starts_with(kNetworkName)) return false;
  address.remove_prefix(kNetworkName.size());
  Endpoint to = 0;
  const auto [end, status] = std::from_chars(address.data(), address.data() + address.size(), to);
  if (status != std::errc() || end != address.data() + address.size()) return false;
  if (to >= network_->endpoints()) return false;
  const End own = listens_ ? network_->Dial(endpoint_, to) : network_->Connect(endpoint_, to);
  network_->set_label(own, connection);
  ends_.push_back(own);
  dialled_.push_back(own);
  return true;
}

// --- Connections.

void Node::Accept(End end) {
  network_->set_label(end, server_->Connect());
  ends_.push_back(end);
}

void Node::CollectAll() {
  // A connection that is closed here is removed from the list.
  for (size_t i = 0; i < ends_.size();) {
    const End end = ends_[i];
    Collect(end);
    if (!server_->IsOpen(ConnectionOf(end))) Close(end);
    if (i < ends_.size() && ends_[i] == end) ++i;
  }
}

void Node::Close(End end, Network::Farewell farewell) {
  const uint64_t connection = ConnectionOf(end);
  if (connection != 0) server_->Close(connection);
  Forget(end);
  network_->Close(end, farewell);
}

void Node::Forget(End end) {
  if (ConnectionOf(end) == 0) return;
  network_->set_label(end, 0);
  std::erase(ends_, end);
  if (!dialled_.empty()) std::erase(dialled_, end);
}

// --- By time.

void Node::OnAccept(End end) {
  Tick();
  Accept(end);
  CollectAll();
}

void Node::OnConnected(End) {}

void Node::OnBytes(End end, std::string_view bytes) {
  Tick();
  Deliver(end, bytes);
  CollectAll();
}

void Node::OnEnd(End end, Network::Farewell, bool) {
  Tick();
  Close(end);
  CollectAll();
}

}  // namespace resprobe
