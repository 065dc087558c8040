#ifndef RESPROBE_CLI_ORACLE_ORACLE_CASES_H_
#define RESPROBE_CLI_ORACLE_ORACLE_CASES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "cli/oracle/oracle_session.h"
#include "runner/seed_cases.h"

namespace resprobe::cli {

struct CaseOptions {
  uint64_t seed = 1;
  size_t ops = 0;                   // in each generated case; 0: the generator decides
  std::vector<std::string> groups;  // of commands ("string"); none: all
  std::string protocol = "both";    // "2", "3"
};

// The cases of one run of the oracle: SeedCases of command_handler, restricted by the options.
class OracleCases {
 public:
  // Throws UserError if a group does not exist.
  OracleCases(const runner::Project& project, const CaseOptions& options);

  // The next case, valid until the next call.
  const CommandCase& Next();
  // Goes back by `cases`: the next case is then the first of them again.
  void Back(uint64_t cases) { cases_.Back(cases); }
  // Its origin: a file, or "seed 17".
  const std::string& name() const { return cases_.name(); }
  // The number of cases before those from seeds.
  size_t corpus() const { return cases_.corpus(); }

 private:
  void Generate(uint64_t seed, Arena* arena, CommandCase* c) const;
  void Restrict(CommandCase* c);

  CaseOptions options_;
  runner::SeedCases<CommandWorld> cases_;
};

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_ORACLE_ORACLE_CASES_H_
