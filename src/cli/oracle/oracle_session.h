#ifndef RESPROBE_CLI_ORACLE_ORACLE_SESSION_H_
#define RESPROBE_CLI_ORACLE_ORACLE_SESSION_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cli/server_options.h"
#include "engine/arena.h"
#include "engine/codec.h"
#include "live/oracle/oracle.h"
#include "runner/output.h"
#include "runner/project.h"
#include "worlds/command/command_world.h"

namespace resprobe::cli {

using CommandCase = Case<CommandWorld>;

// The live server that cases of command_handler or invalidation run on, and how it is judged.
struct LiveOptions {
  ServerOptions server;
  std::string profile = "auto";
  // The server is watched, not compared with the core.
  bool unmodelled = false;
  bool dangerous = false;
  size_t memory_mb = 1024;

  void AddTo(Verb* verb);
  bool given() const { return server.given(); }
  // As one would type it again.
  std::string Typed() const;
};

// A hang is looked for with less patience while a case is made smaller; what is left must hang for
// the whole time.
int ShrinkingHangMs(int hang_ms);

// A live server with the oracle before it.
class OracleSession {
 public:
  // Throws UserError if there is no such server or profile.
  explicit OracleSession(const LiveOptions& options);

  // The first difference. After one that ended the server, it has been restarted, or is gone();
  // throws UserError where it was gone before.
  std::optional<live::Difference> Run(const CommandCase& c);
  // The same without waiting for the last replies (Oracle::RunAhead()): after a difference the last
  // cases, as many as are suspects, are to be run again.
  std::optional<live::Difference> RunAhead(const CommandCase& c);
  std::optional<live::Difference> CatchUp();
  // Makes the case small as long as it shows the same difference; texts go into `arena`. Tries at
  // most `candidates`, and stops at Ctrl-C. Returns how many were tried.
  size_t Shrink(const std::string& signature, size_t candidates, Arena* arena, CommandCase* c);

  // It has ended, or hangs, and cannot be restarted.
  bool gone() const { return !gone_.empty(); }
  const std::string& why_gone() const { return gone_; }

  const live::Oracle& oracle() const { return *oracle_; }
  const live::LiveServer& target() const { return *target_; }
  std::string_view profile() const { return profile_; }
  // What the last server that ended, or hung, had logged.
  const std::string& last_log() const { return last_log_; }

 private:
  void Revive();

  std::unique_ptr<live::LiveServer> target_;
  std::unique_ptr<live::Oracle> oracle_;
  std::string_view profile_;
  std::string last_log_;
  std::string gone_;
};

// The difference for people, with both replies and the lines for redis-cli.
std::string Describe(const live::Difference& difference);
Json ToJson(const live::Difference& difference);
// The session as redis-cli takes it: plain lines if there is one client, else "CLIENT> LINE".
std::string Session(const std::vector<std::string>& lines);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_ORACLE_ORACLE_SESSION_H_
