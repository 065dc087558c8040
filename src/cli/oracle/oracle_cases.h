#ifndef RESPROBE_CLI_ORACLE_ORACLE_CASES_H_
#define RESPROBE_CLI_ORACLE_ORACLE_CASES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "cli/oracle/oracle_session.h"
#include "runner/seed_cases.h"
#include "worlds/command/command_generate.h"

namespace resprobe::cli {

struct CaseOptions {
  uint64_t seed = 1;
  size_t ops = 0;                     // in each generated case; 0: the generator decides
  std::vector<std::string> groups;    // of commands ("string"); none: all
  std::vector<std::string> commands;  // by their full names ("client|id"); none: all
  std::vector<std::string> without;   // the same: none of these
  std::string protocol = "both";      // "2", "3"
};

// Throws UserError if a group or a command does not exist in any profile.
void CheckCaseOptions(const CaseOptions& options);

// The cases of one run of the oracle: SeedCases of command_handler, restricted by the options.
class OracleCases {
 public:
  // Cases have only what the server has. Throws UserError if no command is left.
  OracleCases(const runner::Project& project, const CaseOptions& options,
              const live::ServerSurvey& survey, Profile profile);

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
  // The options and the server permit it.
  bool Wanted(const Command& command) const;

  CaseOptions options_;
  const live::ServerSurvey& survey_;
  Profile profile_;
  bool restricted_ = false;
  CommandChoice choice_;
  runner::SeedCases<CommandWorld> cases_;
};

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_ORACLE_ORACLE_CASES_H_
