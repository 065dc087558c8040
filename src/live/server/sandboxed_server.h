#ifndef RESPROBE_LIVE_SERVER_SANDBOXED_SERVER_H_
#define RESPROBE_LIVE_SERVER_SANDBOXED_SERVER_H_

#include <memory>
#include <string>

#include "live/server/server_process.h"
#include "live/server/started_server.h"
#include "sandbox/sandbox.h"
#include "sandbox/scratch_folder.h"

namespace resprobe::live {

// A server in a sandbox (sandbox/sandbox.h): its connections are rings in shared memory, and its
// time is virtual. While this program computes, its time stands still; a wait for a reply that does
// not come costs no real time.
class SandboxedServer : public StartedServer {
 public:
  static constexpr int kPort = 6379;

  // Like ServerProcess::Start(), without its options `tcp` and `most_megabytes`. It listens to
  // kPort; an argument with {port} gets that. nullptr with one line in `error` if it does not
  // start, or cannot run in the sandbox.
  static std::unique_ptr<SandboxedServer> Start(const ServerProcessOptions& options,
                                                std::string* error);
  ~SandboxedServer() override;
  SandboxedServer(const SandboxedServer&) = delete;
  SandboxedServer& operator=(const SandboxedServer&) = delete;

  Link Dial(std::string* error) override;
  std::string CliArguments() const override { return ""; }
  const std::string& folder() const override { return folder_.path(); }
  std::optional<std::string> AwaitEnd(int ms) override;
  void Signal(int signal) override;
  size_t PeakKilobytes() const override { return 0; }
  bool has_virtual_time() const override { return true; }
  int64_t now_ms() const override { return sandbox_->node(0).now_ms(); }
  void SetClock(int64_t ms) override;

  sandbox::Sandbox& sandbox() { return *sandbox_; }

 private:
  SandboxedServer() = default;

  sandbox::ScratchFolder folder_;
  // Channels may outlive this object.
  std::shared_ptr<sandbox::Sandbox> sandbox_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_SERVER_SANDBOXED_SERVER_H_
