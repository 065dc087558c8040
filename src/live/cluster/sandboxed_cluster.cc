#include "live/cluster/sandboxed_cluster.h"

#include <unistd.h>

#include <filesystem>

#include "engine/rng.h"
#include "live/server/harness_server.h"
#include "sandbox/sandbox_client.h"

namespace resprobe::live {
namespace {

namespace fs = std::filesystem;
using sandbox::Sandbox;
using sandbox::SandboxClient;
using sandbox::SandboxNode;

constexpr int64_t kSecondUs = 1'000'000;
constexpr int64_t kFormUs = 30 * kSecondUs;

std::string_view YesNo(bool yes) { return yes ? "yes" : "no"; }
std::string_view Barrier(bool migrates) { return migrates ? "1" : "99"; }

// Of a log: why the process has ended.
std::string LastWords(const std::string* log, const std::string& output) {
  if (log == nullptr || log->empty()) return output;
  const auto line_at = [&](size_t at) {
    const size_t begin = log->rfind('\n', at) + 1;
    return log->substr(begin, log->find('\n', at) - begin);
  };
  if (const size_t at = log->rfind("ASSERTION FAILED"); at != log->npos) {
    return line_at(log->find('\n', at) + 1);
  }
  if (const size_t at = log->rfind("crashed by signal"); at != log->npos) return line_at(at);
  if (const size_t at = log->rfind("Unrecoverable error"); at != log->npos) return line_at(at);
  return line_at(log->find_last_not_of('\n'));
}

size_t NodesOf(const ClusterServers::Settings& settings) {
  return settings.shards * (1 + settings.replicas);
}

}  // namespace

std::unique_ptr<SandboxedCluster> SandboxedCluster::OfHarness(std::string_view harness) {
  const std::vector<std::string> words = HarnessCommand(harness);
  return std::make_unique<SandboxedCluster>(Options{
      .program = words.front(),
      .arguments = std::vector<std::string>(words.begin() + 1, words.end()),
      .cpu = sandbox::PinToThisProcessor(),
      .harness = std::string(harness),
  });
}

void SandboxedCluster::LeaveToParent() {
  if (owner_ == 0 || owner_ == getpid()) return;
  static_cast<void>(run_.release());
  for (auto& [form, system] : formed_) static_cast<void>(system.release());
  formed_.clear();
  run_folder_.clear();
}

void SandboxedCluster::Fail(const std::string& why) {
  error_ = why;
  // A hang of a server is seen by the world.
  if (!options_.harness.empty() && !why.contains("it hangs")) EndHarness(options_.harness, why);
}

SandboxedCluster::~SandboxedCluster() { LeaveToParent(); }

std::string SandboxedCluster::IdOf(size_t node) const {
  Rng rng(node + 1);
  std::string id;
  for (size_t i = 0; i < 40; ++i) id += "0123456789abcdef"[rng.Below(16)];
  return id;
}

std::vector<std::string> SandboxedCluster::Arguments(const Settings& settings) const {
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
      "--loglevel",
      "verbose",
      "--enable-debug-command",
      "yes",
      "--repl-diskless-sync-delay",
      "0",
      "--repl-ping-replica-period",
      "1",
      "--repl-timeout",
      "4",
      "--cluster-enabled",
      "yes",
      "--cluster-config-file",
      "nodes.conf",
      "--cluster-node-timeout",
      std::to_string(settings.timeout_ms),
      "--cluster-require-full-coverage",
      std::string(YesNo(settings.full_coverage)),
      "--cluster-migration-barrier",
      std::string(Barrier(settings.migrates)),
      "--appendonly",
      std::string(YesNo(settings.log)),
  };
  words.insert(words.end(), options_.arguments.begin(), options_.arguments.end());
  return words;
}

// What a node knows that has been in a cluster.
std::string SandboxedCluster::NodesConf(const Settings& settings, size_t node, bool valkey) const {
  const size_t size = 1 + settings.replicas;
  const int slots = kSlots / static_cast<int>(settings.shards);
  std::string text;
  for (size_t i = 0; i < NodesOf(settings); ++i) {
    const size_t shard = i / size;
    const bool primary = i % size == 0;
    text += IdOf(i) + ' ' + AddressOf(i) + ':' + std::to_string(kPort) + '@' +
            std::to_string(kBusPort) +
            (valkey ? ",,tls-port=0,shard-id=" + IdOf(kMostNodes * 4 + shard) : "") +
            (i == node ? " myself," : " ") +
            (primary ? "master -" : "slave " + IdOf(shard * size)) + " 0 0 " +
            std::to_string(shard + 1) + " connected";
    if (primary) {
      const int first = static_cast<int>(shard) * slots;
      const int last = shard + 1 == settings.shards ? kSlots - 1 : first + slots - 1;
      text += ' ' + std::to_string(first) + '-' + std::to_string(last);
    }
    text += '\n';
  }
  return text + "vars currentEpoch " + std::to_string(settings.shards) + " lastVoteEpoch 0\n";
}

std::unique_ptr<Sandbox> SandboxedCluster::MakeFormed(const Settings& settings) {
  std::unique_ptr<Sandbox> system =
      Sandbox::Make({.call_ns = 0, .turn_limit_ms = 10'000, .cpu = options_.cpu}, &error_);
  if (system == nullptr) return nullptr;
  const std::string folder = folder_.MakeNext();
  std::error_code ignored;
  Settings plain;
  plain.shards = settings.shards;
  plain.replicas = settings.replicas;
  plain.timeout_ms = settings.timeout_ms;
  const size_t nodes = NodesOf(settings);
  std::map<std::string, bool> valkey;  // by program
  for (size_t i = 0; i < nodes; ++i) {
    sandbox::SandboxNodeOptions options;
    options.program =
        options_.other_program.empty() || i % 2 == 0 ? options_.program : options_.other_program;
    options.directory = folder + "/" + std::to_string(i);
    options.arguments = Arguments(plain);
    fs::create_directory(options.directory, ignored);
    SandboxNode& node = system->AddNode(options);
    const auto known = valkey.find(options.program);
    node.disk().Place("nodes.conf", NodesConf(settings, i, known != valkey.end() && known->second));
    if (!node.Start(&error_)) return nullptr;
    if (known != valkey.end()) continue;
    // The first one of a program says what it is.
    const std::string* const log = node.disk().Content("log");
    const bool is = valkey[options.program] = log != nullptr && log->contains("Valkey version=");
    if (!is) continue;
    node.Crash(CrashKind::kProcess);
    node.disk().SyncAll();
    node.disk().Place("nodes.conf", NodesConf(settings, i, is));
    if (!node.Start(&error_)) return nullptr;
  }
  const auto formed = [&](size_t node) {
    SandboxClient client(system.get(), node);
    if (!client.Ask({"CLUSTER", "INFO"}).contains("cluster_state:ok")) return false;
    const std::string nodes_text = client.Ask({"CLUSTER", "NODES"});
    if (nodes_text.contains("disconnected") || nodes_text.contains("fail")) return false;
    return node % (1 + settings.replicas) == 0 ||
           client.Ask({"INFO", "replication"}).contains("master_link_status:up");
  };
  for (size_t i = 0; i < nodes; ++i) {
    while (!formed(i)) {
      if (system->failed() || system->now_us() > kFormUs) {
        error_ = system->failed() ? system->error()
                                  : "'" + options_.program + "' forms no cluster: " +
                                        SandboxClient(system.get(), i).Ask({"CLUSTER", "NODES"});
        return nullptr;
      }
      system->RunFor(kSecondUs / 10);
    }
  }
  // All is older than any crash.
  for (size_t i = 0; i < nodes; ++i) system->node(i).disk().SyncAll();
  return system;
}

bool SandboxedCluster::Reset(const Settings& settings) {
  if (owner_ != getpid()) {
    LeaveToParent();
    owner_ = getpid();
  }
  if (MakeRun(settings)) return true;
  Fail(error_);
  return false;
}

bool SandboxedCluster::MakeRun(const Settings& settings) {
  if (!folder_.made() && !folder_.Make(&error_)) return false;
  settings_ = settings;
  const size_t nodes = NodesOf(settings);
  crashed_.assign(nodes, false);
  error_.clear();
  run_.reset();
  folder_.Delete(&run_folder_);
  std::unique_ptr<Sandbox>& formed =
      formed_[{settings.shards, settings.replicas, settings.timeout_ms}];
  if (formed == nullptr) formed = MakeFormed(settings);
  if (formed == nullptr) return false;
  run_folder_ = folder_.MakeNext();
  run_ = formed->Copy(run_folder_, &error_);
  if (run_ == nullptr) return false;
  for (size_t i = 0; i < nodes; ++i) {
    SandboxClient client(run_.get(), i);
    client.Ask({"CONFIG", "SET", "cluster-require-full-coverage", YesNo(settings.full_coverage),
                "cluster-migration-barrier", Barrier(settings.migrates)});
    if (settings.log) client.Ask({"CONFIG", "SET", "appendonly", "yes"});
    run_->node(i).set_arguments(Arguments(settings));
  }
  // The first rewrite of the logs ends.
  if (settings.log) run_->RunFor(kSecondUs / 2);
  return true;
}

void SandboxedCluster::RunUntil(int64_t us) {
  using Stop = Sandbox::Stop;
  for (;;) {
    const Stop stop = run_->RunUntil(us);
    if (!options_.harness.empty()) FollowCoverage(*run_);
    if (stop == Stop::kTime) return;
    if (stop == Stop::kFailed) Fail(run_->error());
    if (stop != Stop::kEnd) return;
  }
}

std::string SandboxedCluster::Ending(size_t node) const {
  const SandboxNode& machine = run_->node(node);
  if (crashed_[node] || machine.up()) return {};
  return machine.ending() + ": " + LastWords(ReadFile(node, "log"), machine.LastLine());
}

void SandboxedCluster::Crash(size_t node, CrashKind kind) {
  crashed_[node] = true;
  run_->node(node).Resume();
  run_->node(node).Crash(kind);
}

bool SandboxedCluster::Start(size_t node, std::string* why) {
  crashed_[node] = false;
  // What peers have sent to a machine without power is sent again, and a kernel that knows no such
  // connection resets it.
  for (size_t i = 0; i < run_->size(); ++i) {
    if (i != node) run_->ResetLinks(node, i);
  }
  const bool started = run_->node(node).Start(why);
  if (run_->failed()) Fail(run_->error());
  if (!started && !run_->failed()) *why = Ending(node);
  return started;
}

void SandboxedCluster::Send(uint64_t connection, std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t sent = run_->Write(connection, bytes);
    bytes.remove_prefix(sent);
    if (bytes.empty()) return;
    RunUntil(now_us());
    if (sent == 0) return;  // it reads no more
  }
}

}  // namespace resprobe::live
