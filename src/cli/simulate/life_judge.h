#ifndef RESPROBE_CLI_SIMULATE_LIFE_JUDGE_H_
#define RESPROBE_CLI_SIMULATE_LIFE_JUDGE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/table/profile.h"
#include "findings/case_runner.h"
#include "history/history.h"
#include "history/life.h"
#include "history/linearizer.h"
#include "history/witness.h"
#include "runner/json.h"

namespace resprobe::cli {

// The name under which histories are filed, and the first line of their text: "ops lives".
inline constexpr std::string_view kLives = "lives";

// Which life a history is of.
struct LifeSpec {
  uint64_t seed = 1;
  uint64_t operations = 1000;
  uint32_t clients = 8;
  uint32_t keys = 100;
  history::Part part = history::Part::kConcurrent;
  Profile profile = Profile::kRedis70;  // that the history is judged by
};

// A history as a case: "ops lives", a comment "# Life: {…}" with its life, and the history's text
// (history.h).
std::string CaseOf(const std::optional<LifeSpec>& life, const history::History& history);
// Reads such a case; also a history's text alone. `life` is empty if the text does not name it.
// Throws UserError that names the file and the line.
void ReadCaseOf(const fs::path& file, history::History* history, std::optional<LifeSpec>* life);

struct LifeVerdict {
  history::Verdict verdict = history::Verdict::kOk;
  std::string why;          // of kUnknown
  bool by_witness = false;  // the server's own order explains it
  std::string no_witness;   // why that order does not explain it; "": it does, or there is none
  history::LinearizerResult search;
};
// `order`: the server's, or nullptr. Ctrl-C makes the verdict unknown.
LifeVerdict Judge(const history::History& history, const std::vector<history::Executed>* order,
                  Profile profile);

// The outcome of a life whose history is a violation, or that did not reach its end (`failure`, or
// ""). Its files: picture.txt, picture.svg, history.txt.
findings::CaseOutcome OutcomeOf(const LifeSpec& life, const history::History& history,
                                const LifeVerdict& verdict, const std::string& failure);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_SIMULATE_LIFE_JUDGE_H_
