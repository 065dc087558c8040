#ifndef RESPROBE_FINDINGS_CASE_RUNNER_H_
#define RESPROBE_FINDINGS_CASE_RUNNER_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "findings/failure.h"
#include "runner/harness_process.h"
#include "runner/project.h"

namespace resprobe::cli {

// What one run of a case showed.
struct CaseOutcome {
  // "ok", "violation", "crash", "not deterministic", "difference", "fault".
  std::string word = "ok";
  uint64_t ops = 0;
  std::string hash;   // of the trace, if the run reached its end and the runner has traces
  std::string hash2;  // of the second run, if there was one
  Symptom what;       // of a failure
  std::string text;   // what failed, for people: lines indented by two
  std::string trace;
  std::string stack;
  // What belongs in the folder of the finding besides the case: a file's name and its content.
  std::map<std::string, std::string> files;

  bool failed() const { return word != "ok"; }
};

struct ShrinkLimits {
  size_t candidates = 20'000;  // that are tried at most
  double seconds = 3600;       // that it may take, where a runner can tell
};

// A case that was made smaller.
struct SmallCase {
  bool failed = false;       // else it showed no failure, and all below is empty
  bool interrupted = false;  // by Ctrl-C; it is the smallest found by then
  // Whether the outcome is one of this case run alone. If not, the tape is the one that was given.
  bool reproduced = false;
  std::string tape;
  CaseOutcome outcome;
  uint64_t candidates = 0;
  uint64_t ops_before = 0;
  uint64_t ops_after = 0;
};

// What runs the cases of a RunSpec. One object holds what is expensive to have: a live server with
// its connections, worker processes. Every method throws UserError where a server or a binary is
// not there or does not come back, and Interruption on Ctrl-C, unless it says otherwise.
class CaseRunner {
 public:
  using Take = std::function<void(const fs::path& file, CaseOutcome outcome)>;

  virtual ~CaseRunner() = default;

  // How it runs them; with the server's version and profile, where there is a server.
  virtual const RunSpec& spec() const = 0;
  // What is under test, and how it was built: the versions of a Failure.
  virtual Json Versions() = 0;

  // Runs the cases, which are tapes or `.ops` text, in order. `twice`: each twice.
  virtual void Run(const std::vector<fs::path>& files, bool trace, bool twice,
                   const Take& take) = 0;
  // Makes a case small as long as it fails in the same way. After Ctrl-C it returns what it has.
  virtual SmallCase Shrink(const fs::path& file, const ShrinkLimits& limits) = 0;
  // The case as `.ops` text, with every choice in it spelled out; and as a tape.
  virtual std::string TextOf(const fs::path& file) = 0;
  virtual std::string TapeOf(const fs::path& file) = 0;

  // Why a case is no failure, after its name: "does not fail in query_parser".
  virtual std::string WhySound() const = 0;
  // After all cases: the last lines for people, and what the report has besides the cases.
  virtual std::string Summary(size_t cases,
                              const std::map<std::string, size_t>& outcomes) const = 0;
  virtual Json Report() const { return Json::object(); }

  // One case.
  CaseOutcome RunOne(const fs::path& file, bool trace = false, bool twice = false) {
    CaseOutcome result;
    Run({file}, trace, twice,
        [&](const fs::path&, CaseOutcome outcome) { result = std::move(outcome); });
    return result;
  }
};

// "    line\n" of every line of the text.
std::string Indented(const std::string& text);

// "3 cases: 2 ok, 1 violation\n".
std::string CountOutcomes(size_t cases, const std::map<std::string, size_t>& outcomes);

}  // namespace resprobe::cli

#endif  // RESPROBE_FINDINGS_CASE_RUNNER_H_
