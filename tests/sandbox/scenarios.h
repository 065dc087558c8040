#ifndef RESPROBE_TESTS_SANDBOX_SCENARIOS_H_
#define RESPROBE_TESTS_SANDBOX_SCENARIOS_H_

// Systems of real servers that the tests run, more than once each.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sandbox/sandbox.h"
#include "sandbox/sandbox_client.h"
#include "sandbox/sandbox_cluster.h"

namespace resprobe::sandbox {

// A system in a new folder below the temporary folder, which it deletes.
class TestSystem {
 public:
  TestSystem(const std::string& program, const SandboxOptions& options);
  ~TestSystem();
  // A copy of the system as it is, in a folder of its own; see error() if it is not ok().
  std::unique_ptr<TestSystem> Copy();

  // Adds a node and starts it, with arguments that suit the sandbox and these; false: see error().
  // `prepared`: only up to its first call on its disk.
  bool Start(const std::vector<std::string>& arguments, bool prepared = false);
  // The same with a configuration file, which a Sentinel needs.
  bool StartSentinel(const std::string& configuration);
  // The folder of all.
  const std::string& folder() const { return folder_; }
  // The node's folder.
  std::string Folder(size_t node) const;
  // All files of all nodes: path, contents.
  std::map<std::string, std::string> Files() const;

  Sandbox& sandbox() { return *sandbox_; }
  std::string Ask(size_t node, std::initializer_list<std::string_view> words,
                  uint16_t port = 6379) {
    return SandboxClient(sandbox_.get(), node, port).Ask(words);
  }
  const std::string& error() const { return error_; }
  bool ok() const { return sandbox_ != nullptr && error_.empty() && !sandbox_->failed(); }

 private:
  TestSystem(const std::string& program);
  bool Add(const std::vector<std::string>& arguments, const std::string& configuration = "",
           bool prepared = false);

  const std::string program_;
  std::string folder_;
  std::string error_;
  std::unique_ptr<Sandbox> sandbox_;
};

// What a run leaves.
struct RunResult {
  uint64_t trace_hash = 0;
  uint64_t notes = 0;
  uint64_t turns = 0;
  int64_t virtual_us = 0;
  std::map<std::string, std::string> files;
  std::string seen;   // replies
  std::string trace;  // the last notes
  std::string error;  // empty: the run did what it should
};

using Scenario = RunResult (*)(const std::string& program, const SandboxOptions& options);

// One server with AOF, RDB, both rewrites, an expiry and a restart.
RunResult RunSingle(const std::string& program, const SandboxOptions& options);
// A primary with two replicas, one of which is cut off for a while; the primary is killed.
RunResult RunReplicas(const std::string& program, const SandboxOptions& options);
// Six nodes that form a cluster; a primary is killed, and its replica takes over.
RunResult RunCluster(const std::string& program, const SandboxOptions& options);
// Three Sentinels, a primary and two replicas; the primary loses power.
RunResult RunSentinels(const std::string& program, const SandboxOptions& options);

// The same as in sandbox/sandbox_cluster.h; the nodes log to a file on their disks.
bool FormCluster(TestSystem* system);
std::string FailOver(TestSystem* system);

}  // namespace resprobe::sandbox

#endif  // RESPROBE_TESTS_SANDBOX_SCENARIOS_H_
