#ifndef RESPROBE_CLI_ORACLE_CHECK_RUNNER_H_
#define RESPROBE_CLI_ORACLE_CHECK_RUNNER_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "cli/oracle/oracle_session.h"
#include "core/table/profile.h"
#include "engine/op.h"
#include "findings/world_runner.h"
#include "runner/project.h"

namespace resprobe::cli {

// Files for the programs that check a server's files: each op is one file and its check.
struct CheckWorld {
  static constexpr std::string_view kName = "check_tools";
  struct Config {};
  // redis-check-rdb FILE.
  struct Rdb {
    static constexpr std::string_view kName = "rdb";
    Text bytes;
  };
  // redis-check-aof FILE, and with --fix.
  struct Aof {
    static constexpr std::string_view kName = "aof";
    Text bytes;
  };
  using Op = std::variant<Rdb, Aof>;
};
using CheckCase = Case<CheckWorld>;

struct CheckCounts {
  uint64_t files = 0;
  uint64_t runs = 0;      // of the tools
  uint64_t sound = 0;     // files that they found nothing in
  uint64_t repaired = 0;  // files that were cut
};

// Runs such cases. The server of its spec is only named, not started: its tools are beside it.
class CheckCaseRunner : public findings::WorldRunner<CheckWorld> {
 public:
  // Throws UserError if the server has no such tools.
  CheckCaseRunner(const runner::Project& project, const findings::RunSpec& spec);

  const findings::RunSpec& spec() const override { return spec_; }
  Json Versions() override;
  findings::CaseOutcome RunCase(const CheckCase& c) override;
  void ShrinkCase(findings::ShrinkBudget* budget, Arena* arena, CheckCase* c,
                  findings::CaseOutcome* outcome, bool* reproduced) override;
  std::string WhySound() const override;
  std::string Summary(size_t cases, const std::map<std::string, size_t>& outcomes) const override;

  const CheckCounts& counts() const { return counts_; }

 private:
  struct Failure {
    std::string signature;
    std::string statement;
    std::string seen;
    std::string output;  // of the tool
  };
  // The output of a run that ended as such a program does.
  struct Checked {
    int code = 0;
    std::string output;
  };

  std::optional<Checked> Check(const std::string& tool, const fs::path& file, bool fix,
                               std::optional<Failure>* failure);
  std::optional<Failure> CheckRdb(std::string_view bytes);
  std::optional<Failure> CheckAof(std::string_view bytes);

  fs::path source_;
  findings::RunSpec spec_;
  std::string rdb_tool_;
  std::string aof_tool_;
  Profile profile_ = Profile::kRedis70;
  size_t memory_mb_ = 0;
  int hang_seconds_ = 10;
  CheckCounts counts_;
};

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_ORACLE_CHECK_RUNNER_H_
