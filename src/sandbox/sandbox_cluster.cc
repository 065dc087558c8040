#include "sandbox/sandbox_cluster.h"

#include <filesystem>
#include <initializer_list>
#include <string_view>

#include "sandbox/sandbox_client.h"

namespace resprobe::sandbox {
namespace {

constexpr int64_t kSecond = 1'000'000;
constexpr size_t kPrimaries = 3;

std::string Ask(Sandbox* sandbox, size_t node, std::initializer_list<std::string_view> words) {
  return SandboxClient(sandbox, node).Ask(words);
}

std::string Line(const std::string& text, std::string_view start) {
  const size_t at = text.find(start);
  return at == text.npos ? "" : text.substr(at, text.find_first_of("\r\n", at) - at);
}

// Runs until `done`, for 20 s at most; asks after each tenth of a second.
template <class Done>
bool RunUntilDone(Sandbox* sandbox, const Done& done) {
  for (int64_t spent = 0; spent < 20 * kSecond; spent += kSecond / 10) {
    if (done()) return true;
    sandbox->RunFor(kSecond / 10);
    if (sandbox->failed()) return false;
  }
  return done();
}

template <class Test>
bool All(const Test& test) {
  for (size_t i = 0; i < kClusterNodes; ++i) {
    if (!test(i)) return false;
  }
  return true;
}

}  // namespace

bool StartClusterNode(Sandbox* sandbox, const std::string& program, const std::string& folder,
                      std::string* error) {
  SandboxNodeOptions options;
  options.program = program;
  options.directory = folder + "/" + std::to_string(sandbox->size());
  options.arguments = {"--port",
                       "6379",
                       "--bind",
                       "0.0.0.0",
                       "--protected-mode",
                       "no",
                       "--save",
                       "",
                       "--cluster-enabled",
                       "yes",
                       "--cluster-node-timeout",
                       "1000",
                       "--cluster-config-file",
                       "nodes.conf"};
  std::error_code ignored;
  std::filesystem::create_directory(options.directory, ignored);
  return sandbox->AddNode(options).Start(error);
}

bool StartClusterNodes(Sandbox* sandbox, const std::string& program, const std::string& folder,
                       std::string* error) {
  for (size_t i = 0; i < kClusterNodes; ++i) {
    if (!StartClusterNode(sandbox, program, folder, error)) return false;
  }
  return true;
}

std::string ClusterState(Sandbox* sandbox, size_t node) {
  return Line(Ask(sandbox, node, {"CLUSTER", "INFO"}), "cluster_state");
}

bool FormCluster(Sandbox* sandbox) {
  static const char* const kSlots[kPrimaries][2] = {
      {"0", "5460"}, {"5461", "10922"}, {"10923", "16383"}};
  for (size_t i = 0; i < kPrimaries; ++i) {
    Ask(sandbox, i, {"CLUSTER", "ADDSLOTSRANGE", kSlots[i][0], kSlots[i][1]});
  }
  for (size_t i = 0; i < kClusterNodes; ++i) {
    Ask(sandbox, i, {"CLUSTER", "SET-CONFIG-EPOCH", std::to_string(i + 1)});
  }
  for (size_t i = 1; i < kClusterNodes; ++i) {
    Ask(sandbox, 0, {"CLUSTER", "MEET", Sandbox::AddressOf(i), "6379"});
  }
  const auto knows_all = [&](size_t i) {
    return Line(Ask(sandbox, i, {"CLUSTER", "INFO"}), "cluster_known_nodes:") ==
           "cluster_known_nodes:6";
  };
  if (!RunUntilDone(sandbox, [&] { return All(knows_all); })) return false;
  for (size_t i = kPrimaries; i < kClusterNodes; ++i) {
    const std::string primary = Ask(sandbox, i - kPrimaries, {"CLUSTER", "MYID"});
    if (Ask(sandbox, i, {"CLUSTER", "REPLICATE", primary}) != "OK") return false;
  }
  const auto is_whole = [&](size_t i) {
    if (ClusterState(sandbox, i) != "cluster_state:ok") return false;
    const std::string info = Ask(sandbox, i, {"INFO", "replication"});
    return info.contains(i < kPrimaries ? "state=online" : "master_link_status:up");
  };
  return RunUntilDone(sandbox, [&] { return All(is_whole); });
}

std::string FailOver(Sandbox* sandbox) {
  constexpr size_t kKilled = 1;
  constexpr size_t kHeir = kKilled + kPrimaries;
  std::string seen;
  Ask(sandbox, 0, {"SET", "{a}1", "x"});
  sandbox->node(kKilled).Crash(CrashKind::kProcess);
  const auto taken_over = [&] {
    return Ask(sandbox, kHeir, {"ROLE"}).starts_with("master") &&
           ClusterState(sandbox, 0) == "cluster_state:ok" &&
           ClusterState(sandbox, kHeir) == "cluster_state:ok";
  };
  sandbox->RunFor(kSecond * 3 / 2);
  if (!RunUntilDone(sandbox, taken_over)) return "";
  for (size_t i = 0; i < kClusterNodes; ++i) {
    if (i != kKilled) seen += Ask(sandbox, i, {"CLUSTER", "NODES"}) + "\n";
  }
  return seen;
}

}  // namespace resprobe::sandbox
