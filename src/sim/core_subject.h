#ifndef RESPROBE_SIM_CORE_SUBJECT_H_
#define RESPROBE_SIM_CORE_SUBJECT_H_

#include <memory>

#include "core/server/server.h"
#include "sim/server_subject.h"

namespace resprobe {

// The core as a server subject.
class CoreSubject final : public ServerSubject {
 public:
  explicit CoreSubject(const ServerConfig& config = {}) : config_(config), server_(config) {}

  void Reset() override { server_.Reset(); }
  uint64_t Connect() override { return server_.Connect(); }
  void Send(uint64_t connection, std::string_view bytes) override {
    server_.Receive(connection, bytes);
  }
  void Receive(uint64_t connection, std::string* append) override;
  bool HasOutput(uint64_t connection) const override { return server_.HasOutput(connection); }
  bool IsOpen(uint64_t connection) const override { return server_.IsOpen(connection); }
  void Close(uint64_t connection) override { server_.Close(connection); }
  void Advance(uint64_t ms) override { server_.Advance(ms); }
  uint64_t now_ms() const override { return server_.now_ms(); }
  bool Evict(int database, std::string_view key) override { return server_.Evict(database, key); }
  void set_host(ServerHost* host) override { server_.set_host(host); }
  ServerSubject* replica() override;
  Server* core() override { return &server_; }

 private:
  const ServerConfig config_;
  Server server_;
  std::unique_ptr<CoreSubject> replica_;  // created when it is first requested
};

}  // namespace resprobe

#endif  // RESPROBE_SIM_CORE_SUBJECT_H_
