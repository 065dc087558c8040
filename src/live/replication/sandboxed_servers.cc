#include "live/replication/sandboxed_servers.h"

#include <unistd.h>

#include <filesystem>

#include "live/server/harness_server.h"
#include "sandbox/sandbox_client.h"

namespace resprobe::live {
namespace {

namespace fs = std::filesystem;
using sandbox::Sandbox;
using sandbox::SandboxClient;
using sandbox::SandboxNode;

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kFormUs = 20 * kSecondUs;
constexpr std::string_view kSmallBacklog = "16kb";
constexpr std::string_view kBacklog = "1mb";

std::string_view YesNo(bool yes) { return yes ? "yes" : "no"; }

}  // namespace

std::unique_ptr<SandboxedServers> SandboxedServers::OfHarness(std::string_view harness) {
  const std::vector<std::string> words = HarnessCommand(harness);
  return std::make_unique<SandboxedServers>(Options{
      .program = words.front(),
      .arguments = std::vector<std::string>(words.begin() + 1, words.end()),
      .cpu = sandbox::PinToThisProcessor(),
      .harness = std::string(harness),
  });
}

void SandboxedServers::LeaveToParent() {
  if (owner_ == 0 || owner_ == getpid()) return;
  static_cast<void>(run_.release());
  for (auto& [form, system] : formed_) static_cast<void>(system.release());
  formed_.clear();
  run_folder_.clear();
}

void SandboxedServers::Fail(const std::string& why) {
  error_ = why;
  if (!options_.harness.empty()) EndHarness(options_.harness, why);
}

SandboxedServers::~SandboxedServers() { LeaveToParent(); }

std::vector<std::string> SandboxedServers::Arguments(const Settings& settings, size_t node,
                                                     size_t of) const {
  std::vector<std::string> words = {
      "--port",
      std::to_string(kPort),
      "--bind",
      "0.0.0.0",
      "--protected-mode",
      "no",
      "--save",
      "",
      "--logfile",
      "log",
      "--enable-debug-command",
      "yes",
      "--repl-diskless-sync-delay",
      "0",
      "--repl-ping-replica-period",
      std::to_string(kPingMs / 1000),
      "--repl-timeout",
      std::to_string(kTimeoutMs / 1000),
      "--appendonly",
      std::string(YesNo(settings.log)),
      "--repl-diskless-sync",
      std::string(YesNo(!settings.disk_sync)),
      "--repl-backlog-size",
      std::string(settings.small_backlog ? kSmallBacklog : kBacklog),
  };
  if (of != node) {
    words.insert(words.end(), {"--replicaof", AddressOf(of) + " " + std::to_string(kPort)});
  }
  words.insert(words.end(), options_.arguments.begin(), options_.arguments.end());
  return words;
}

std::unique_ptr<Sandbox> SandboxedServers::MakeFormed(const Settings& settings) {
  std::unique_ptr<Sandbox> system = Sandbox::Make({.call_ns = 0, .cpu = options_.cpu}, &error_);
  if (system == nullptr) return nullptr;
  const std::string folder = folder_.MakeNext();
  std::error_code ignored;
  Settings plain;
  plain.nodes = settings.nodes;
  for (size_t i = 0; i < settings.nodes; ++i) {
    sandbox::SandboxNodeOptions options;
    options.program = options_.program;
    options.directory = folder + "/" + std::to_string(i);
    options.arguments = Arguments(plain, i, i == 0 || !settings.chained ? 0 : i - 1);
    fs::create_directory(options.directory, ignored);
    if (!system->AddNode(options).Start(&error_)) return nullptr;
  }
  const auto linked = [&](size_t node) {
    return SandboxClient(system.get(), node).Ask({"ROLE"}).contains("\nconnected\n");
  };
  for (size_t i = 1; i < settings.nodes; ++i) {
    while (!linked(i)) {
      if (system->failed() || system->now_us() > kFormUs) {
        error_ = system->failed() ? system->error()
                                  : "'" + options_.program + "' does not follow another one";
        return nullptr;
      }
      system->RunFor(kSecondUs / 10);
    }
  }
  return system;
}

bool SandboxedServers::Reset(const Settings& settings) {
  if (owner_ != getpid()) {
    LeaveToParent();
    owner_ = getpid();
  }
  if (MakeRun(settings)) return true;
  Fail(error_);
  return false;
}

bool SandboxedServers::MakeRun(const Settings& settings) {
  if (!folder_.made() && !folder_.Make(&error_)) return false;
  settings_ = settings;
  crashed_.fill(false);
  error_.clear();
  run_.reset();
  folder_.Delete(&run_folder_);
  std::unique_ptr<Sandbox>& formed = formed_[{settings.nodes, settings.chained}];
  if (formed == nullptr) formed = MakeFormed(settings);
  if (formed == nullptr) return false;
  run_folder_ = folder_.MakeNext();
  run_ = formed->Copy(run_folder_, &error_);
  if (run_ == nullptr) return false;
  for (size_t i = 0; i < settings.nodes; ++i) {
    SandboxClient client(run_.get(), i);
    client.Ask({"CONFIG", "SET", "repl-diskless-sync", YesNo(!settings.disk_sync),
                "repl-backlog-size", settings.small_backlog ? kSmallBacklog : kBacklog});
    if (settings.log) client.Ask({"CONFIG", "SET", "appendonly", "yes"});
  }
  return true;
}

void SandboxedServers::RunUntil(int64_t us) {
  using Stop = Sandbox::Stop;
  for (;;) {
    const Stop stop = run_->RunUntil(us);
    if (!options_.harness.empty()) FollowCoverage(*run_);
    if (stop == Stop::kTime) return;
    if (stop == Stop::kFailed) Fail(run_->error());
    if (stop != Stop::kEnd) return;
  }
}

std::string SandboxedServers::Ending(size_t node) const {
  const SandboxNode& machine = run_->node(node);
  if (crashed_[node] || machine.up()) return {};
  return machine.ending() + ": " + machine.LastLine();
}

void SandboxedServers::Crash(size_t node, CrashKind kind) {
  crashed_[node] = true;
  run_->node(node).Resume();
  run_->node(node).Crash(kind);
}

void SandboxedServers::Start(size_t node, size_t of) {
  SandboxNode& machine = run_->node(node);
  machine.set_arguments(Arguments(settings_, node, of));
  crashed_[node] = false;
  std::string why;
  machine.Start(&why);
  if (run_->failed()) Fail(run_->error());
}

void SandboxedServers::Send(uint64_t connection, std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t sent = run_->Write(connection, bytes);
    bytes.remove_prefix(sent);
    if (bytes.empty()) return;
    RunUntil(now_us());
    if (sent == 0) return;  // it reads no more
  }
}

}  // namespace resprobe::live
