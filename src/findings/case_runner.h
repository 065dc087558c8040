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
#include "findings/shrink_budget.h"
#include "runner/harness_process.h"
#include "runner/project.h"

namespace resprobe::findings {

// The result of one run of a case.
struct CaseOutcome {
  // "ok", "violation", "crash", "not deterministic", "difference", "fault".
  std::string word = "ok";
  uint64_t ops = 0;
  std::string hash;   // of the trace, if the run reached its end and the runner has traces
  std::string hash2;  // of the second run, if there was one
  Symptom what;       // of the failure
  std::string text;   // what failed, as text: lines indented by two
  std::string trace;
  std::string stack;
  // Files for the folder of the finding besides the case: name and content.
  std::map<std::string, std::string> files;

  bool failed() const { return word != "ok"; }
};

// The result of shrinking a case.
struct SmallCase {
  bool failed = false;       // false: it showed no failure, and everything below is empty
  bool interrupted = false;  // by Ctrl-C; it is the smallest found by then
  std::string limit;         // that ended it before nothing was left to try; "" if none did
  // True if the outcome is from a run of this case alone. Otherwise the tape is the original one.
  bool reproduced = false;
  std::string tape;
  CaseOutcome outcome;
  uint64_t candidates = 0;
  uint64_t ops_before = 0;
  uint64_t ops_after = 0;
};

// Runs the cases of a RunSpec. One object holds what is expensive to create: a live server with its
// connections, worker processes. Every method throws UserError if a server or a binary is missing
// or does not come back, and Interruption on Ctrl-C, unless it says otherwise.
class CaseRunner {
 public:
  using Take = std::function<void(const fs::path& file, CaseOutcome outcome)>;

  virtual ~CaseRunner() = default;

  // How it runs them, including the server's version and profile, if there is a server.
  virtual const RunSpec& spec() const = 0;
  // The software under test, and how it was built: the versions of a Failure.
  virtual Json Versions() = 0;

  // Runs the cases, which are tapes or `.ops` text, in order. `twice`: each of them twice.
  virtual void Run(const std::vector<fs::path>& files, bool trace, bool twice,
                   const Take& take) = 0;
  // Shrinks a case as long as it fails in the same way. After Ctrl-C it returns the result so far.
  virtual SmallCase Shrink(const fs::path& file, const ShrinkLimits& limits) = 0;
  // The case as `.ops` text, with every choice spelled out; and as a tape.
  virtual std::string TextOf(const fs::path& file) = 0;
  virtual std::string TapeOf(const fs::path& file) = 0;

  // Why a case is not a failure, to follow its name: "does not fail in query_parser".
  virtual std::string WhySound() const = 0;
  // After all cases: the last lines of text, and the report's content besides the cases.
  virtual std::string Summary(size_t cases,
                              const std::map<std::string, size_t>& outcomes) const = 0;
  virtual Json Report() const { return Json::object(); }

  // Runs one case.
  CaseOutcome RunOne(const fs::path& file, bool trace = false, bool twice = false) {
    CaseOutcome result;
    Run({file}, trace, twice,
        [&](const fs::path&, CaseOutcome outcome) { result = std::move(outcome); });
    return result;
  }
};

// "    line\n" for every line of the text.
std::string Indented(const std::string& text);

// "3 cases: 2 ok, 1 violation\n".
std::string CountOutcomes(size_t cases, const std::map<std::string, size_t>& outcomes);

}  // namespace resprobe::findings

#endif  // RESPROBE_FINDINGS_CASE_RUNNER_H_
