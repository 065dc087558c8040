#ifndef RESPROBE_FINDINGS_LIVE_RUN_H_
#define RESPROBE_FINDINGS_LIVE_RUN_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runner/case_file.h"
#include "runner/json.h"
#include "runner/output.h"
#include "runner/process.h"
#include "runner/project.h"

// What the verbs that run cases on a live server have in common: oracle, with --unmodelled too,
// model-check, and replay and minimize with a server.
namespace resprobe::cli {

// The time of a run without that of what is no part of it; and when its next line is due.
class RunClock {
 public:
  RunClock();

  double Seconds() const;
  // True once every ten seconds.
  bool LineDue();
  // "12 s, 3,456 calls/s".
  std::string Rate(uint64_t count, const std::string& what) const;

  // The time of its life does not count.
  class Pause {
   public:
    explicit Pause(RunClock* clock);
    ~Pause();
    Pause(const Pause&) = delete;
    Pause& operator=(const Pause&) = delete;

   private:
    RunClock* clock_;
    double start_;
  };

 private:
  double start_;
  double next_line_;
  double paused_ = 0;
};

// A kind of failure, with the smallest case that shows it.
struct LiveFinding {
  std::string signature;
  std::string from;  // the case that showed it first: a file, or "seed 17"
  std::string text;  // both sides, for people
  Json report;       // both sides, and the server; LiveFindings adds the rest
  uint64_t met = 1;  // times
  size_t ops_before = 0;
  size_t ops_after = 0;
  size_t candidates = 0;  // that were tried to make it smaller
  bool known = false;     // its folder was there before this run
  fs::path folder;
};

// What a run has found, each kind once, in folders work/findings/HARNESS/PREFIX-SIGNATURE.
class LiveFindings {
 public:
  struct Names {
    std::string noun;  // "difference"
    std::string harness;
    std::string prefix;
    std::string server;  // the options that name the server, as one would type them
  };
  struct File {
    std::string name;
    std::string content;
  };

  LiveFindings(const Project& project, std::FILE* out, Names names);

  // Counts one more of a kind; false if it is new.
  bool MetBefore(const std::string& signature);
  // Makes the folder of a new kind, and keeps the tape that showed it and what else was seen then,
  // so that nothing is lost while it is made smaller.
  LiveFinding& Begin(const std::string& signature, const std::string& from,
                     const std::string& original, const std::vector<File>& seen = {});
  // Writes the smallest case, its text, report.json and the other files; says what was found.
  void End(LiveFinding& finding, const std::string& tape, const std::string& ops,
           const std::vector<File>& others);

  // "3 differences".
  std::string Count() const;
  // The count, then a line for each kind.
  void Sum() const;
  Json ToJson() const;
  // What a run exits with.
  int ExitCode() const;

 private:
  std::string Replay(const LiveFinding& finding) const;
  Json ToJson(const LiveFinding& finding) const;

  const Project& project_;
  std::FILE* out_;
  Names names_;
  std::map<std::string, LiveFinding> found_;
};

// What became of one case on a live server.
struct LiveOutcome {
  std::string word = "ok";  // "difference"
  size_t ops = 0;
  // Of a failure.
  std::string signature;
  size_t op = 0;
  std::string text;
  Json report = Json::object();

  bool failed() const { return !signature.empty(); }
};

// From a difference or a fault, with what Describe() and ToJson() say of it.
template <class Failure>
LiveOutcome OutcomeOf(size_t ops, const std::string& word, const std::optional<Failure>& failure,
                      std::string (*describe)(const Failure&), Json (*to_json)(const Failure&)) {
  LiveOutcome outcome;
  outcome.ops = ops;
  if (!failure) return outcome;
  outcome.word = word;
  outcome.signature = failure->Signature();
  outcome.op = failure->op;
  outcome.text = describe(*failure);
  outcome.report = to_json(*failure);
  return outcome;
}

// Runs the cases one after the other, says what became of each (if `quiet`: of those that failed)
// and adds it to "cases" of the report. Returns how many failed. Throws Interruption at Ctrl-C.
size_t ReplayCases(const Project& project, const std::vector<fs::path>& cases, bool quiet,
                   const OutputOptions& output,
                   const std::function<LiveOutcome(const fs::path&)>& run, Json* report);

// How a case became smaller.
struct Minimized {
  std::string signature;
  size_t candidates = 0;
  size_t ops_before = 0;
  size_t ops_after = 0;
  size_t bytes_before = 0;
  size_t bytes_after = 0;
  bool interrupted = false;
};

// Says it. Returns the exit code.
int TellMinimized(const Project& project, const fs::path& file, const fs::path& output,
                  const Minimized& minimized);

// Reads the case, has it made smaller and writes what is left. `shrink` says the signature and how
// many candidates it tried; it throws UserError if nothing fails.
template <class World>
int MinimizeCase(const Project& project, const fs::path& file, const fs::path& output,
                 const std::function<Minimized(Arena*, Case<World>*)>& shrink) {
  Arena arena;
  Case<World> c;
  ReadCase<World>(file, &arena, &c);
  const size_t ops_before = c.ops.size();
  const size_t bytes_before = TapeOf(c).size();
  Minimized minimized = shrink(&arena, &c);
  minimized.interrupted = Interrupted();
  minimized.ops_before = ops_before;
  minimized.ops_after = c.ops.size();
  minimized.bytes_before = bytes_before;
  minimized.bytes_after = TapeOf(c).size();
  WriteCase(output, c);
  return TellMinimized(project, file, output, minimized);
}

}  // namespace resprobe::cli

#endif  // RESPROBE_FINDINGS_LIVE_RUN_H_
