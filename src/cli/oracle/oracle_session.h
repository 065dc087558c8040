#ifndef RESPROBE_CLI_ORACLE_ORACLE_SESSION_H_
#define RESPROBE_CLI_ORACLE_ORACLE_SESSION_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/server_options.h"
#include "engine/arena.h"
#include "engine/codec.h"
#include "findings/shrink_budget.h"
#include "live/oracle/oracle.h"
#include "runner/output.h"
#include "runner/project.h"
#include "worlds/command/command_world.h"

namespace resprobe::cli {

using CommandCase = Case<CommandWorld>;

// The live server on which cases of command_handler or invalidation run, and how it is judged.
struct LiveOptions {
  ServerOptions server;
  std::string profile = "auto";
  // The server is watched, not compared with the core.
  bool unmodelled = false;
  bool dangerous = false;
  // The server is a RediSearch that is compared with the core's query parser.
  bool query = false;
  // The server is given broken values (RESTORE), and watched; assertions are failures too.
  bool restore = false;
  bool assertions = false;
  // The programs that check a server's files are run, not the server.
  bool check_tools = false;
  size_t memory_mb = 1024;
  // Compared: how long the server may be asked what it has.
  double survey_seconds = 60;
  // Compared: errors are the same if their codes are.
  bool only_error_codes = false;
  // Compared: differences that do not end a case, by signature.
  std::vector<std::string> known;

  // `traits`: of the server's options.
  void AddTo(Verb* verb, const ServerTraits& traits = {});
  bool given() const { return server.given(); }
};

// The shorter hang timeout used while shrinking; the result must hang for the full time.
int ShrinkingHangMs(int hang_ms);

// A live server with an oracle.
class OracleSession {
 public:
  // Throws UserError if there is no such server or profile.
  explicit OracleSession(const LiveOptions& options);
  OracleSession(const OracleSession&) = delete;
  OracleSession& operator=(const OracleSession&) = delete;

  // Returns the first difference. After a difference that ended the server, the server has been
  // restarted, or is gone(); throws UserError if it was gone before.
  std::optional<live::Difference> Run(const CommandCase& c);
  // The same without waiting for the last replies (Oracle::RunAhead()): after a difference, rerun
  // the last `suspects` cases.
  std::optional<live::Difference> RunAhead(const CommandCase& c);
  std::optional<live::Difference> CatchUp();
  // Shrinks the case within the budget, as long as it shows the same difference; texts are
  // allocated in `arena`. False if the case does not show it now.
  bool Shrink(const std::string& signature, findings::ShrinkBudget* budget, Arena* arena,
              CommandCase* c);

  // The request that a difference starts from: of the case's prefixes, the first that leaves the
  // server with other data, by its last request, "set PX: leaves other data", even if that is
  // known; otherwise the difference's own signature. For small cases.
  std::string CauseOf(const CommandCase& c, const live::Difference& difference);
  // Runs the case on a server that has just been started, if the session starts it.
  std::optional<live::Difference> RunFresh(const CommandCase& c);
  // From now on a difference with this signature does not end a case.
  void Know(const std::string& signature) { known_.insert(signature); }
  // The same for this difference of the case, unless the replies after it do not follow the
  // requests any more.
  void KnowIfInStep(const CommandCase& c, const live::Difference& difference);
  void Forget(const std::string& signature) { known_.erase(signature); }
  void set_known(live::KnownDifferences known) { known_ = std::move(known); }
  const live::KnownDifferences& known() const { return known_; }

  // Once this returns true, nothing waits for the server. nullptr: no limit.
  void LimitTo(std::function<bool()> over) { over_ = std::move(over); }
  // Begins again after a limit has ended a case.
  void Resume();

  // True if the server has ended, or hangs, and cannot be restarted.
  bool gone() const { return !gone_.empty(); }
  const std::string& why_gone() const { return gone_; }

  const live::Oracle& oracle() const { return *oracle_; }
  void set_counts(live::OracleCounts counts) { oracle_->set_counts(std::move(counts)); }
  const live::LiveServer& target() const { return *target_; }
  std::string_view profile() const { return profile_; }
  // The log of the last server that ended or hung.
  const std::string& last_log() const { return last_log_; }

 private:
  void Revive();
  void LookAtState(const CommandCase& c);
  std::string FirstCause(const CommandCase& c, const live::Difference& difference);
  // True if other commands read the same data on both sides after these requests, so that the
  // command that reads it otherwise is wrong, not what has written it.
  bool OthersReadTheSame(const CommandCase& c, const live::Difference& left);

  // True if what reads the key differs in the same way after another command has written the last
  // op's value.
  bool OtherWritesToo(const CommandCase& c, const live::Difference& left);
  // Runs it once, and names what it shows of a command that the survey has found unfit after that.
  std::optional<live::Difference> RunOnce(const CommandCase& c);
  // The survey's cause, if an unfit command is called before the difference; otherwise its own.
  std::string UnfitCause(const CommandCase& c, const live::Difference& difference) const;

  std::function<bool()> over_;  // the server asks it to its end
  std::unique_ptr<live::LiveServer> target_;
  std::unique_ptr<live::Oracle> oracle_;
  std::string_view profile_;
  std::string last_log_;
  std::string gone_;
  live::KnownDifferences known_;
};

// The difference as text, with both replies and the lines for redis-cli.
std::string Describe(const live::Difference& difference);
Json ToJson(const live::Difference& difference);
// The session as input for redis-cli: plain lines if there is one client, otherwise "CLIENT> LINE".
std::string Session(const std::vector<std::string>& lines);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_ORACLE_ORACLE_SESSION_H_
