#ifndef RESPROBE_CLI_MUTANTS_MUTANT_TABLE_H_
#define RESPROBE_CLI_MUTANTS_MUTANT_TABLE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "cli/mutants/mutant_results.h"
#include "mutants/mutant_list.h"
#include "runner/json.h"

namespace resprobe::cli {

// What the verb measures and prints.
struct MutantPlan {
  std::vector<mutants::Mutant> mutants;
  std::vector<std::string> sources;  // of kCaseSources
  std::string without;
  double seconds = 60;
  uint64_t trials = 10;
  unsigned jobs = 1;   // trials side by side
  unsigned cores = 1;  // of the machine
  // By harness; those that are left out have none.
  std::map<std::string, std::string> builds;

  Trial TrialOf(const mutants::Mutant& mutant, const std::string& harness,
                const std::string& source, uint64_t number) const;
};

// All trials of one fault from one source of cases.
struct SourceOutcome {
  uint64_t trials = 0;
  bool reached = false;
  bool triggered = false;
  // Of the trials that detected it.
  std::map<std::string, uint64_t> found_by;  // "command_handler reply_model": how often
  std::vector<double> executions;
  std::vector<double> seconds;
  std::vector<double> ops;    // of shrunk cases
  std::vector<double> bytes;  // the same

  uint64_t detected() const { return executions.size(); }
};

struct MutantRow {
  mutants::Mutant mutant;
  std::map<std::string, SourceOutcome> sources;
};

struct MutantTable {
  std::vector<MutantRow> rows;
  // Results of builds before this one.
  uint64_t older = 0;
};

// A trial runs its harnesses in order until one detects the fault: what the results say of each.
MutantTable Tabulate(const MutantPlan& plan, const ResultStore& store);

// "1,234 (800–2,000)": the median and the range.
std::string MedianAndRange(std::vector<double> values, int digits);

std::string TableText(const MutantPlan& plan, const MutantTable& table);
// The document docs/mutants.md; `command` is the command line that has written it.
std::string TableMarkdown(const MutantPlan& plan, const MutantTable& table,
                          const std::string& command);
Json TableJson(const MutantPlan& plan, const MutantTable& table);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_MUTANTS_MUTANT_TABLE_H_
