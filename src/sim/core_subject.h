#ifndef RESPROBE_SIM_CORE_SUBJECT_H_
#define RESPROBE_SIM_CORE_SUBJECT_H_

#include <memory>

#include "core/server/server.h"
#include "sim/server_subject.h"

namespace resprobe {

// Implements one of the interfaces of server_subject.h with the core.
template <class Interface>
class CoreBehind : public Interface {
 public:
  explicit CoreBehind(const ServerConfig& config) : server_(config) {}

  void Reset() override { server_.Reset(); }
  uint64_t Connect() override { return server_.Connect(); }
  void Send(uint64_t connection, std::string_view bytes) override {
    server_.Receive(connection, bytes);
  }
  void Receive(uint64_t connection, std::string* append) override;
  bool IsOpen(uint64_t connection) const override { return server_.IsOpen(connection); }
  void Close(uint64_t connection) override { server_.Close(connection); }
  void Advance(uint64_t ms) override { server_.Advance(ms); }
  uint64_t now_ms() const override { return server_.now_ms(); }
  bool Evict(int database, std::string_view key) override { return server_.Evict(database, key); }
  Server* core() override { return &server_; }

 protected:
  Server server_;
};

// The core as a replica.
class CoreReplica final : public CoreBehind<ReplicaSubject> {
 public:
  explicit CoreReplica(const ServerConfig& config);

  void Reset() override;
  uint64_t ConnectPrimary() override { return server_.ConnectPrimary(); }
  void Promote() override { server_.set_replica(false); }
};

// The core as a server subject.
class CoreSubject final : public CoreBehind<ServerSubject> {
 public:
  explicit CoreSubject(const ServerConfig& config = {}) : CoreBehind(config), config_(config) {}

  ReplicaSubject* replica() override;

 private:
  const ServerConfig config_;
  std::unique_ptr<CoreReplica> replica_;  // created when it is first requested
};

}  // namespace resprobe

#endif  // RESPROBE_SIM_CORE_SUBJECT_H_
