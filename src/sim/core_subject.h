#ifndef RESPROBE_SIM_CORE_SUBJECT_H_
#define RESPROBE_SIM_CORE_SUBJECT_H_

#include "core/server/server.h"
#include "sim/server_subject.h"

namespace resprobe {

// The core as a server subject.
class CoreSubject final : public ServerSubject {
 public:
  explicit CoreSubject(const ServerConfig& config = {}) : server_(config) {}

  void Reset() override;
  uint64_t Connect() override;
  void Send(uint64_t connection, std::string_view bytes) override;
  void Receive(uint64_t connection, std::string* append) override;
  bool IsOpen(uint64_t connection) const override;
  void Close(uint64_t connection) override;
  void Advance(uint64_t ms) override;
  uint64_t now_ms() const override;
  bool Evict(int database, std::string_view key) override;
  Server* core() override { return &server_; }

 private:
  Server server_;
};

}  // namespace resprobe

#endif  // RESPROBE_SIM_CORE_SUBJECT_H_
