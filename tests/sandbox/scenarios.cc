#include "tests/sandbox/scenarios.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace resprobe::sandbox {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kSecond = 1'000'000;

std::string Line(const std::string& text, std::string_view start) {
  const size_t at = text.find(start);
  return at == text.npos ? "" : text.substr(at, text.find_first_of("\r\n", at) - at);
}

RunResult ResultOf(TestSystem* system, const std::string& seen, const std::string& error) {
  RunResult result;
  Sandbox& sandbox = system->sandbox();
  result.trace_hash = sandbox.trace_hash();
  result.notes = sandbox.note_count();
  result.turns = sandbox.turns();
  result.virtual_us = sandbox.now_us();
  result.files = system->Files();
  result.seen = seen;
  result.trace = sandbox.Notes();
  result.error = !system->ok() ? system->error() + sandbox.error() : error;
  return result;
}

// Runs until `done`, at most `within_us`; asks after each tenth of a second.
template <class Done>
bool RunUntilDone(TestSystem* system, int64_t within_us, const Done& done) {
  for (int64_t spent = 0; spent < within_us; spent += kSecond / 10) {
    if (done()) return true;
    system->sandbox().RunFor(kSecond / 10);
    if (!system->ok()) return false;
  }
  return done();
}

// The files in a directory of a disk, and below.
void AddFiles(Disk* disk, const std::string& directory, const std::string& prefix,
              std::map<std::string, std::string>* files) {
  std::vector<std::string> names;
  disk->List(directory, &names);
  for (const std::string& name : names) {
    const std::string path = directory + "/" + name;
    if (disk->IsDirectory(path)) {
      AddFiles(disk, path, prefix, files);
    } else {
      (*files)[prefix + path.substr(1)] = *disk->Content(path);
    }
  }
}

}  // namespace

TestSystem::TestSystem(const std::string& program) : program_(program) {
  folder_ = fs::temp_directory_path() / "resprobe-sandbox-XXXXXX";
  if (mkdtemp(folder_.data()) == nullptr) std::abort();
}

TestSystem::TestSystem(const std::string& program, const SandboxOptions& options)
    : TestSystem(program) {
  sandbox_ = Sandbox::Make(options, &error_);
}

std::unique_ptr<TestSystem> TestSystem::Copy() {
  std::unique_ptr<TestSystem> copy(new TestSystem(program_));
  copy->sandbox_ = sandbox_->Copy(copy->folder_, &copy->error_);
  return copy;
}

TestSystem::~TestSystem() {
  sandbox_.reset();
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

std::string TestSystem::Folder(size_t node) const {
  return folder_ + "/" + std::to_string(100 + node);
}

bool TestSystem::Add(const std::vector<std::string>& arguments, const std::string& configuration,
                     bool prepared) {
  if (!ok()) return false;
  fs::create_directory(Folder(sandbox_->size()));
  SandboxNodeOptions options;
  options.program = program_;
  options.directory = Folder(sandbox_->size());
  options.arguments = arguments;
  SandboxNode& node = sandbox_->AddNode(options);
  if (!configuration.empty()) node.disk().Place("sentinel.conf", configuration);
  return prepared ? node.Prepare(&error_) : node.Start(&error_);
}

bool TestSystem::Start(const std::vector<std::string>& arguments, bool prepared) {
  std::vector<std::string> words = {"--port", "6379",   "--bind", "0.0.0.0",   "--protected-mode",
                                    "no",     "--save", "",       "--logfile", "log"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return Add(words, "", prepared);
}

bool TestSystem::StartSentinel(const std::string& configuration) {
  return Add({"sentinel.conf", "--sentinel", "--port", "26379", "--bind", "0.0.0.0",
              "--protected-mode", "no", "--logfile", "log"},
             configuration);
}

std::map<std::string, std::string> TestSystem::Files() const {
  std::map<std::string, std::string> files;
  for (size_t i = 0; i < sandbox_->size(); ++i) {
    AddFiles(&sandbox_->node(i).disk(), "", std::to_string(i) + "/", &files);
  }
  return files;
}

RunResult RunSingle(const std::string& program, const SandboxOptions& options) {
  TestSystem system(program, options);
  std::string seen;
  std::string wrong;
  if (system.Start({"--appendonly", "yes", "--appendfsync", "everysec"})) {
    Sandbox& sandbox = system.sandbox();
    SandboxClient client(&sandbox, 0);
    for (int i = 0; i < 300; ++i) {
      const std::string key = "key:" + std::to_string(i % 97);
      client.Ask({"RPUSH", key, std::string(static_cast<size_t>(i), 'x')});
      if (i % 10 == 0) sandbox.RunFor(kSecond / 50);
    }
    client.Ask({"SET", "short", "life", "PX", "1500"});
    seen += client.Ask({"BGSAVE"}) + "\n";
    sandbox.RunFor(kSecond);
    seen += client.Ask({"GET", "short"}) + "\n";
    seen += client.Ask({"BGREWRITEAOF"}) + "\n";
    client.Ask({"SET", "during", "rewrite"});
    sandbox.RunFor(kSecond);
    seen += client.Ask({"GET", "short"}) + "\n";
    client.Ask({"UNLINK", "key:1"});
    client.Ask({"SRANDMEMBER", "nothing"});
    seen += client.Ask({"RANDOMKEY"}) + "\n" + client.Ask({"INFO"}) + "\n";
    client.Disconnect();
    sandbox.node(0).Crash(CrashKind::kProcess);
    std::string error;
    if (!sandbox.node(0).Start(&error)) wrong = error;
    sandbox.RunFor(kSecond);  // it loads its files
    seen += client.Ask({"DBSIZE"}) + "\n" + client.Ask({"GET", "during"}) + "\n";
    sandbox.RunFor(kSecond);
    if (!seen.contains("\nlife\n") || !seen.contains("\n(nil)\n") ||
        !seen.ends_with("\nrewrite\n")) {
      wrong += " the server has not done what it should";
    }
  }
  return ResultOf(&system, seen, wrong);
}

RunResult RunReplicas(const std::string& program, const SandboxOptions& options) {
  TestSystem system(program, options);
  std::string seen;
  std::string wrong;
  const std::vector<std::string> arguments = {"--repl-diskless-sync-delay", "0", "--repl-timeout",
                                              "10"};
  if (system.Start(arguments) && system.Start(arguments) && system.Start(arguments)) {
    Sandbox& sandbox = system.sandbox();
    SandboxClient primary(&sandbox, 0);
    const std::string much(50'000, 'y');
    for (int i = 0; i < 40; ++i) primary.Ask({"SET", "key:" + std::to_string(i), much});
    for (size_t i = 1; i < 3; ++i) system.Ask(i, {"REPLICAOF", Sandbox::AddressOf(0), "6379"});
    const auto linked = [&](size_t i) {
      return system.Ask(i, {"INFO", "replication"}).contains("master_link_status:up");
    };
    if (!RunUntilDone(&system, 20 * kSecond, [&] { return linked(1) && linked(2); })) {
      wrong = "the replicas do not synchronize";
    }
    sandbox.Hold(0, 1);
    for (int i = 0; i < 100; ++i) {
      primary.Ask({"INCR", "counter"});
      sandbox.RunFor(kSecond / 100);
    }
    seen += system.Ask(1, {"GET", "counter"}) + " " + system.Ask(2, {"GET", "counter"}) + "\n";
    sandbox.RunFor(15 * kSecond);  // longer than repl-timeout
    sandbox.Release(0, 1);
    if (!RunUntilDone(&system, 20 * kSecond,
                      [&] { return system.Ask(1, {"GET", "counter"}) == "100"; })) {
      wrong += " the replica does not catch up";
    }
    seen += Line(primary.Ask({"INFO", "replication"}), "master_repl_offset") + "\n";
    sandbox.node(0).Crash(CrashKind::kProcess);
    sandbox.RunFor(2 * kSecond);
    system.Ask(1, {"REPLICAOF", "NO", "ONE"});
    system.Ask(2, {"REPLICAOF", Sandbox::AddressOf(1), "6379"});
    system.Ask(1, {"INCR", "counter"});
    if (!RunUntilDone(&system, 20 * kSecond,
                      [&] { return system.Ask(2, {"GET", "counter"}) == "101"; })) {
      wrong += " the new primary is not followed";
    }
    seen += system.Ask(1, {"INFO"}) + system.Ask(2, {"INFO"});
    if (!seen.starts_with("(nil) 100\n")) wrong += " the held link was not held";
  }
  return ResultOf(&system, seen, wrong);
}

bool FormCluster(TestSystem* system) {
  for (size_t i = 0; i < kClusterNodes; ++i) {
    if (!system->Start({"--cluster-enabled", "yes", "--cluster-node-timeout", "1000",
                        "--cluster-config-file", "nodes.conf"})) {
      return false;
    }
  }
  return FormCluster(&system->sandbox());
}

std::string FailOver(TestSystem* system) { return FailOver(&system->sandbox()); }

RunResult RunCluster(const std::string& program, const SandboxOptions& options) {
  TestSystem system(program, options);
  std::string seen;
  std::string wrong;
  if (FormCluster(&system)) {
    seen = FailOver(&system);
    if (seen.empty()) wrong = "no replica takes over";
  } else {
    wrong = "no cluster: " + system.Ask(0, {"CLUSTER", "INFO"});
  }
  return ResultOf(&system, seen, wrong);
}

RunResult RunSentinels(const std::string& program, const SandboxOptions& options) {
  TestSystem system(program, options);
  std::string seen;
  std::string wrong;
  const std::vector<std::string> replica = {"--replicaof", "10.0.0.1 6379",
                                            "--repl-diskless-sync-delay", "0"};
  const std::string configuration =
      "sentinel monitor prime 10.0.0.1 6379 2\n"
      "sentinel down-after-milliseconds prime 3000\n"
      "sentinel failover-timeout prime 20000\n";
  if (system.Start({}) && system.Start(replica) && system.Start(replica) &&
      system.StartSentinel(configuration) && system.StartSentinel(configuration) &&
      system.StartSentinel(configuration)) {
    const auto primary = [&](size_t sentinel) {
      return system.Ask(sentinel, {"SENTINEL", "GET-MASTER-ADDR-BY-NAME", "prime"}, 26379);
    };
    system.sandbox().RunFor(30 * kSecond);
    seen += primary(3) + "\n";
    system.sandbox().node(0).Crash(CrashKind::kMachine);
    const auto moved = [&] {
      return primary(3) != "10.0.0.1\n6379" && primary(3) == primary(4) && primary(4) == primary(5);
    };
    if (!RunUntilDone(&system, 120 * kSecond, moved)) wrong = "no failover";
    seen += primary(5) + "\n" + std::to_string(system.sandbox().now_us()) + "\n";
    system.sandbox().RunFor(60 * kSecond);
    seen += system.Ask(3, {"SENTINEL", "REPLICAS", "prime"}, 26379) + "\n";
  }
  return ResultOf(&system, seen, wrong);
}

}  // namespace resprobe::sandbox
