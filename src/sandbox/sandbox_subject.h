#ifndef RESPROBE_SANDBOX_SANDBOX_SUBJECT_H_
#define RESPROBE_SANDBOX_SANDBOX_SUBJECT_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/sandbox.h"
#include "sandbox/scratch_folder.h"
#include "sim/server_subject.h"

namespace resprobe::sandbox {

// A real server as a server subject, so that the worlds run on it as on the core. Each run gets a
// copy of a process that has started and done nothing else: Reset() takes a millisecond or two.
//
// A connection's bytes are handled before Send() returns, in no time. The server's timers run in
// Advance().
class SandboxSubject final : public ServerSubject {
 public:
  struct Options {
    std::string program = "redis-server";
    // On top of those of a server without persistence that listens to kPort.
    std::vector<std::string> arguments = {};
    uint64_t seed = 1;
    // The processor on which it runs; -1: any.
    int cpu = -1;
    // What its clock shows after Reset().
    int64_t start_ms = 1'700'000'000'000;
  };
  static constexpr uint16_t kPort = 6379;

  // Starts the server in a new folder below the temporary folder. nullptr with one line in `error`
  // if that fails. Call Reset() before anything else.
  static std::unique_ptr<SandboxSubject> Make(const Options& options, std::string* error);
  ~SandboxSubject() override = default;
  SandboxSubject(const SandboxSubject&) = delete;
  SandboxSubject& operator=(const SandboxSubject&) = delete;

  void Reset() override;
  uint64_t Connect() override;
  void Send(uint64_t connection, std::string_view bytes) override;
  void Receive(uint64_t connection, std::string* append) override;
  bool HasOutput(uint64_t connection) const override;
  bool IsOpen(uint64_t connection) const override;
  void Close(uint64_t connection) override;
  // Of a long time only the last second is simulated; for the rest its wall clock jumps.
  void Advance(uint64_t ms) override;
  uint64_t now_ms() const override;

  // How the process of this run has ended, "signal 11"; empty: it lives.
  const std::string& ending() const;
  // Not empty: the sandbox cannot go on.
  const std::string& error() const { return error_; }
  Sandbox& sandbox() { return *run_; }
  uint64_t trace_hash() const { return run_->trace_hash(); }

 private:
  struct Client {
    std::string arrived;
    bool open = true;
  };

  SandboxSubject() = default;
  // Runs what is due now, and reads what arrives.
  void Settle();
  void Drain();

  ScratchFolder folder_;
  std::string run_folder_;
  std::unique_ptr<Sandbox> fresh_;
  std::unique_ptr<Sandbox> run_;
  std::map<uint64_t, Client> clients_;
  std::string error_;
};

}  // namespace resprobe::sandbox

#endif  // RESPROBE_SANDBOX_SANDBOX_SUBJECT_H_
