#ifndef RESPROBE_LIVE_SERVER_STARTED_SUBJECT_H_
#define RESPROBE_LIVE_SERVER_STARTED_SUBJECT_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "sandbox/sandbox_subject.h"
#include "sim/server_subject.h"

namespace resprobe::live {

// The server of a harness: started in a sandbox at the first Reset(), by the command in
// RESPROBE_ORACLE_START, which may contain options, else redis-server. If it cannot run there, the
// process prints one line and exits with 2. A server that ends by itself ends the harness, too.
class StartedSubject final : public ServerSubject {
 public:
  // Named in what it prints.
  explicit StartedSubject(std::string_view harness) : harness_(harness) {}
  ~StartedSubject() override { LeaveToParent(); }
  StartedSubject(const StartedSubject&) = delete;
  StartedSubject& operator=(const StartedSubject&) = delete;

  void Reset() override;
  uint64_t Connect() override { return Checked(subject_->Connect()); }
  void Send(uint64_t connection, std::string_view bytes) override {
    subject_->Send(connection, bytes);
    Check();
  }
  void Receive(uint64_t connection, std::string* append) override {
    subject_->Receive(connection, append);
  }
  bool HasOutput(uint64_t connection) const override { return subject_->HasOutput(connection); }
  bool IsOpen(uint64_t connection) const override { return subject_->IsOpen(connection); }
  void Close(uint64_t connection) override {
    subject_->Close(connection);
    Check();
  }
  void Advance(uint64_t ms) override {
    subject_->Advance(ms);
    Check();
  }
  uint64_t now_ms() const override { return subject_->now_ms(); }

 private:
  void Open();
  void LeaveToParent();
  void Check() const;
  uint64_t Checked(uint64_t connection) const {
    Check();
    return connection;
  }

  const std::string harness_;
  std::unique_ptr<sandbox::SandboxSubject> subject_;
  pid_t owner_ = 0;  // a forked child starts a server of its own
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_SERVER_STARTED_SUBJECT_H_
