#ifndef RESPROBE_RUNNER_HARNESS_PROCESS_H_
#define RESPROBE_RUNNER_HARNESS_PROCESS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/triage.h"
#include "runner/process.h"
#include "runner/project.h"

namespace resprobe::runner {

// Calls of a harness binary: `BINARY --resprobe VERB …` (driver/driver.h). A subject that crashes
// or hangs does so in a child process.

// One fact that a harness reports: a key and its words.
struct Fact {
  std::string key;
  std::vector<std::string> words;
  const std::string& value() const;
};
std::vector<Fact> ReadFacts(std::string_view output);

// The command `BINARY --resprobe WORDS…`, for a caller that reads its output while it comes.
Command Ask(const HarnessEntry& harness, const std::vector<std::string>& words, bool symbolize);

struct HarnessInfo {
  std::string name;
  std::string summary;
  std::string input;                                            // "ops" or "bytes"
  std::vector<std::pair<std::string, std::string>> invariants;  // name, statement
  std::string subject;                                          // the software under test, with its
                                                                // version
  std::string compiler;
  std::string flags;
  std::string engine;

  // "" if the invariant does not exist.
  std::string StatementOf(const std::string& invariant) const;
};
HarnessInfo AskInfo(const HarnessEntry& harness);

// The result of one case.
struct CaseResult {
  fs::path file;
  std::string outcome;  // "ok", "violation", "crash", "not deterministic"
  std::string signature;
  std::string invariant;
  uint64_t op = 0;
  std::string expected;
  std::string seen;
  uint64_t ops = 0;
  std::string hash;
  std::string hash2;
  std::string trace;
  std::string stack;
  std::string report;  // of a crash: the child's stderr
  bool failed() const { return outcome != "ok"; }
};

struct RunOptions {
  bool trace = false;
  bool twice = false;
  Limits limits = {.timeout_seconds = 25, .rss_mb = 2048};
};

// Runs the cases, many per process, and passes each result to `take` as it arrives, in order. A
// case that crashes the process does not affect the others. Throws UserError for a case that cannot
// be read.
void RunCases(const HarnessEntry& harness, const std::vector<fs::path>& cases,
              const RunOptions& options, const std::function<void(CaseResult)>& take);

// The case as readable text.
std::string ShowCase(const HarnessEntry& harness, const fs::path& file);
// Converts `.ops` text to a tape. Throws UserError that names file and line.
void ParseOps(const HarnessEntry& harness, const fs::path& text, const fs::path& tape);
void Generate(const HarnessEntry& harness, const std::string& seed, const fs::path& tape);
// Writes the tapes of `count` seeds from `first` on into `folder`, each file named after its seed.
std::vector<fs::path> GenerateMany(const HarnessEntry& harness, uint64_t first, size_t count,
                                   const fs::path& folder);

// The result of an endless stream of ops (engine/op_source.h) that was cut after `ops`.
struct Streamed {
  bool failed = false;
  uint64_t ops = 0;
  std::string invariant;  // of a violation; "" for a crash, or if it took too long
};
// Runs the stream of a seed. If it fails, `tape` holds a case: the ops that were needed, or for a
// crash all of them.
Streamed RunStream(const HarnessEntry& harness, uint64_t seed, uint64_t ops, const fs::path& tape,
                   const Limits& limits);

// Measures one run of each case: passes the file and nanoseconds to `take`, in order.
void MeasureCosts(const HarnessEntry& harness, const std::vector<fs::path>& cases,
                  const std::function<void(const fs::path&, uint64_t)>& take);

struct Shrunk {
  std::string signature;  // "" if the case does not fail
  uint64_t candidates = 0;
  uint64_t ops_before = 0;
  uint64_t ops_after = 0;
  uint64_t bytes_before = 0;
  uint64_t bytes_after = 0;
};
// Asks `stop` ten times a second; if it returns true, the result is empty. Then, and on
// interruption, `out` holds the smallest tape found so far, if there is one.
Shrunk Shrink(const HarnessEntry& harness, const fs::path& in, const fs::path& out,
              size_t candidates, int timeout_seconds, size_t rss_mb,
              const std::function<bool()>& stop);

// The signature of a process that ended with `result`; never empty.
Signature SignatureOf(const RunResult& result);

// The environment of a harness process: sanitizer options, with or without symbols. Symbolizing one
// stack takes about a second.
std::vector<std::pair<std::string, std::string>> SanitizerEnvironment(bool symbolize);

}  // namespace resprobe::runner

#endif  // RESPROBE_RUNNER_HARNESS_PROCESS_H_
