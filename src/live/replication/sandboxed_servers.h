#ifndef RESPROBE_LIVE_REPLICATION_SANDBOXED_SERVERS_H_
#define RESPROBE_LIVE_REPLICATION_SANDBOXED_SERVERS_H_

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sandbox/sandbox.h"
#include "sandbox/scratch_folder.h"
#include "worlds/replication/replicated_servers.h"

namespace resprobe::live {

// Real servers in a sandbox. A system begins as a copy of one that has formed: it is made once for
// each number of servers and form, and kept.
class SandboxedServers final : public ReplicatedServers {
 public:
  struct Options {
    // redis-server, valkey-server, or a program with their command line, looked up in PATH; and
    // arguments on top of those that a run needs.
    std::string program = "redis-server";
    std::vector<std::string> arguments = {};
    // The processor on which the servers run; -1: any.
    int cpu = -1;
    // Of a harness: what cannot run, or cannot go on, ends the process, under this name.
    std::string harness = {};
  };

  explicit SandboxedServers(Options options) : options_(std::move(options)) {}
  ~SandboxedServers() override;
  // For a harness: the servers that RESPROBE_ORACLE_START names, on this processor.
  static std::unique_ptr<SandboxedServers> OfHarness(std::string_view harness);

  bool Reset(const Settings& settings) override;
  const std::string& error() const override { return error_; }
  int64_t now_us() const override { return run_->now_us(); }
  void RunUntil(int64_t us) override;
  bool up(size_t node) const override { return run_->node(node).up(); }
  std::string Ending(size_t node) const override;
  void Crash(size_t node, CrashKind kind) override;
  void Start(size_t node, size_t of) override;
  void Pause(size_t node) override { run_->node(node).Pause(); }
  void Resume(size_t node) override { run_->node(node).Resume(); }
  void JumpClock(size_t node, int64_t ms) override { run_->node(node).JumpClock(ms * 1000); }
  std::string AddressOf(size_t node) const override { return sandbox::Sandbox::AddressOf(node); }
  uint64_t Dial(size_t node) override { return run_->Dial(node, kPort); }
  void Send(uint64_t connection, std::string_view bytes) override;
  bool Receive(uint64_t connection, std::string* append) override {
    return run_->Read(connection, append);
  }
  void Close(uint64_t connection) override { run_->Close(connection); }
  void Hold(size_t from, size_t to) override { run_->Hold(from, to); }
  void Release(size_t from, size_t to) override { run_->Release(from, to); }
  void CutAfter(size_t from, size_t to, uint64_t bytes) override {
    run_->CutAfter(from, to, bytes);
  }
  void ResetLinks(size_t a, size_t b) override { run_->ResetLinks(a, b); }

  uint64_t trace_hash() const { return run_->trace_hash(); }

 private:
  // By number of nodes, and whether they are a chain.
  using Form = std::pair<size_t, bool>;

  std::vector<std::string> Arguments(const Settings& settings, size_t node, size_t of) const;
  // Makes a system that has formed. nullptr: error_.
  std::unique_ptr<sandbox::Sandbox> MakeFormed(const Settings& settings);
  bool MakeRun(const Settings& settings);
  void Fail(const std::string& why);
  // In a forked child: the servers are those of its parent.
  void LeaveToParent();

  const Options options_;
  Settings settings_;
  pid_t owner_ = 0;
  sandbox::ScratchFolder folder_;
  std::map<Form, std::unique_ptr<sandbox::Sandbox>> formed_;
  std::unique_ptr<sandbox::Sandbox> run_;
  std::string run_folder_;
  std::array<bool, kMostNodes> crashed_{};
  std::string error_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_REPLICATION_SANDBOXED_SERVERS_H_
