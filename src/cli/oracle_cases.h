#ifndef RESPROBE_CLI_ORACLE_CASES_H_
#define RESPROBE_CLI_ORACLE_CASES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "cli/live_server.h"

namespace resprobe::cli {

struct CaseOptions {
  uint64_t seed = 1;
  size_t ops = 0;                   // in each generated case; 0: as the generator has it
  std::vector<std::string> groups;  // of commands ("string"); none: all
  std::string protocol = "both";    // "2", "3"
};

// The cases of one run: the seed corpus and the regressions of command_handler, then what the seeds
// stand for, every fourth a case of the corpus with a few ops changed. All of it is a function of
// the options and the corpus.
class OracleCases {
 public:
  // Throws UserError at a group that there is not.
  OracleCases(const Project& project, const CaseOptions& options);

  // The next case, valid until the one after it.
  const CommandCase& Next();
  // Where it comes from: a file, or "seed 17".
  const std::string& name() const { return name_; }
  size_t corpus() const { return corpus_.size(); }
  Arena& arena() { return arena_; }

 private:
  void Generate(uint64_t seed);
  void AddTargets(Gen& gen);
  void Restrict(uint64_t seed);

  CaseOptions options_;
  std::vector<std::string> groups_;
  std::vector<fs::path> corpus_;
  size_t taken_ = 0;  // of the corpus
  uint64_t seed_;
  std::string name_;
  Arena arena_;
  CommandCase case_;
};

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_ORACLE_CASES_H_
