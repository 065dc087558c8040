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

namespace resprobe::cli {

// Questions to a harness binary: `BINARY --resprobe VERB …` (driver/driver.h). Whatever the subject
// does to itself, it does it to a child process.

// A fact: a key and its words.
struct Fact {
  std::string key;
  std::vector<std::string> words;
  const std::string& value() const;
};
std::vector<Fact> ReadFacts(std::string_view output);

struct HarnessInfo {
  std::string name;
  std::string summary;
  std::string input;                                            // "ops" or "bytes"
  std::vector<std::pair<std::string, std::string>> invariants;  // name, statement
  std::string subject;                                          // what is under test, its version
  std::string compiler;
  std::string flags;
  std::string engine;

  // "" if there is no such invariant.
  std::string StatementOf(const std::string& invariant) const;
};
HarnessInfo AskInfo(const HarnessEntry& harness);

// How one case went.
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
  std::string report;  // of a crash, as the process wrote it
  bool failed() const { return outcome != "ok"; }
};

struct RunOptions {
  bool trace = false;
  bool twice = false;
  Limits limits = {.timeout_seconds = 25, .rss_mb = 2048};
};

// Runs the cases, many to a process; hands each result over as it comes, in order. A case that
// crashes the process costs only itself. Throws UserError at a case that cannot be read.
void RunCases(const HarnessEntry& harness, const std::vector<fs::path>& cases,
              const RunOptions& options, const std::function<void(CaseResult)>& take);

// The case for people.
std::string ShowCase(const HarnessEntry& harness, const fs::path& file);
// `.ops` text to a tape. Throws UserError that names file and line.
void ParseOps(const HarnessEntry& harness, const fs::path& text, const fs::path& tape);
void Generate(const HarnessEntry& harness, const std::string& seed, const fs::path& tape);
// The tapes of `count` seeds from `first` on, as files in `folder` with the seed as a name.
std::vector<fs::path> GenerateMany(const HarnessEntry& harness, uint64_t first, size_t count,
                                   const fs::path& folder);

// Measures one run of each case: hands over the file and nanoseconds, in order.
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
// At an interruption the smallest tape found by then, if there is one, is in `out`.
Shrunk Shrink(const HarnessEntry& harness, const fs::path& in, const fs::path& out,
              int timeout_seconds, size_t rss_mb);

// The signature of a process that ended in `result`; never empty.
Signature SignatureOf(const RunResult& result);

// The environment for a subject: what the sanitizers report, with or without symbols. Finding the
// symbols of one stack takes about a second.
std::vector<std::pair<std::string, std::string>> SanitizerEnvironment(bool symbolize);

}  // namespace resprobe::cli

#endif  // RESPROBE_RUNNER_HARNESS_PROCESS_H_
