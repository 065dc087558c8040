#ifndef RESPROBE_LIVE_CLUSTER_SANDBOXED_CLUSTER_H_
#define RESPROBE_LIVE_CLUSTER_SANDBOXED_CLUSTER_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "sandbox/sandbox.h"
#include "sandbox/scratch_folder.h"
#include "worlds/cluster/cluster_servers.h"

namespace resprobe::live {

// A cluster of real servers in a sandbox. It begins as a copy of one that has formed: that is made
// once for each shape, and kept.
class SandboxedCluster : public ClusterServers {
 public:
  struct Options {
    // redis-server, valkey-server, or a program with their command line, looked up in PATH; and
    // arguments on top of those that a node needs.
    std::string program = "redis-server";
    std::vector<std::string> arguments = {};
    // Of every second node, if it is not empty: a cluster of two versions.
    std::string other_program = {};
    // The processor on which the servers run; -1: any.
    int cpu = -1;
    // Of a harness: what cannot run, or cannot go on, ends the process, under this name.
    std::string harness = {};
  };

  explicit SandboxedCluster(Options options) : options_(std::move(options)) {}
  ~SandboxedCluster() override;
  // For a harness: the servers that RESPROBE_ORACLE_START names, on this processor.
  static std::unique_ptr<SandboxedCluster> OfHarness(std::string_view harness);

  bool Reset(const Settings& settings) override;
  const std::string& error() const override { return error_; }
  std::string IdOf(size_t node) const override;
  std::string AddressOf(size_t node) const override { return sandbox::Sandbox::AddressOf(node); }
  int64_t now_us() const override { return run_->now_us(); }
  void RunUntil(int64_t us) override;
  bool up(size_t node) const override { return run_->node(node).up(); }
  std::string Ending(size_t node) const override;
  void Crash(size_t node, CrashKind kind) override;
  bool Start(size_t node, std::string* why) override;
  void Pause(size_t node) override { run_->node(node).Pause(); }
  void Resume(size_t node) override { run_->node(node).Resume(); }
  void JumpClock(size_t node, int64_t ms) override { run_->node(node).JumpClock(ms * 1000); }
  const std::string* ReadFile(size_t node, std::string_view name) const override {
    return run_->node(node).disk().Content(name);
  }
  uint64_t Dial(size_t node, int port) override {
    return run_->Dial(node, static_cast<uint16_t>(port));
  }
  void Send(uint64_t connection, std::string_view bytes) override;
  bool Receive(uint64_t connection, std::string* append) override {
    return run_->Read(connection, append);
  }
  void Close(uint64_t connection) override { run_->Close(connection); }
  void Hold(size_t from, size_t to) override { run_->Hold(EndOf(from), EndOf(to)); }
  void Release(size_t from, size_t to) override { run_->Release(EndOf(from), EndOf(to)); }
  void ResetLinks(size_t a, size_t b) override { run_->ResetLinks(EndOf(a), EndOf(b)); }

  sandbox::Sandbox& sandbox() { return *run_; }
  uint64_t trace_hash() const { return run_->trace_hash(); }

 private:
  // Shards, replicas, node timeout.
  using Form = std::tuple<size_t, size_t, int64_t>;

  static size_t EndOf(size_t node) { return node == kClients ? sandbox::Sandbox::kHost : node; }
  std::vector<std::string> Arguments(const Settings& settings) const;
  // `valkey`: shards have identifiers.
  std::string NodesConf(const Settings& settings, size_t node, bool valkey) const;
  // Makes a cluster that has formed. nullptr: error_.
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
  std::vector<bool> crashed_;
  std::string error_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_CLUSTER_SANDBOXED_CLUSTER_H_
