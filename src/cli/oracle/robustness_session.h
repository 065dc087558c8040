#ifndef RESPROBE_CLI_ORACLE_ROBUSTNESS_SESSION_H_
#define RESPROBE_CLI_ORACLE_ROBUSTNESS_SESSION_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "cli/oracle/oracle_cases.h"
#include "cli/oracle/oracle_session.h"
#include "live/robustness/robustness_docs.h"
#include "live/robustness/robustness_runner.h"

namespace resprobe::cli {

// A live server that is watched, not compared (--unmodelled).
class RobustnessSession {
 public:
  // Throws UserError if there is no such server, or it must not be treated in this way.
  explicit RobustnessSession(const LiveOptions& options);

  // Returns the first fault; nothing after Ctrl-C too. Restarts a private server if necessary
  // before the case (after an earlier fault) or if `fresh`; throws UserError if that is not
  // possible.
  std::optional<live::Fault> Run(const CommandCase& c, bool fresh = false);

  // Shrinks the case as long as it shows the fault, each time on a fresh server: first with its
  // requests one by one, which identifies the request, otherwise in their pipelines. Sets `fault`
  // to that of the smallest case. Returns whether the fault recurred on a fresh server.
  bool Shrink(findings::ShrinkBudget* budget, Arena* arena, CommandCase* c, live::Fault* fault);

  const live::LiveServer& target() const { return *target_; }
  const live::DocTable& table() const { return table_; }
  const live::CallCounts& counts() const { return caller_->counts(); }

 private:
  std::unique_ptr<live::LiveServer> target_;
  live::DocTable table_;
  std::unique_ptr<live::RobustnessRunner> caller_;
};

// The fault as text, with the lines for redis-cli; and as JSON.
std::string Describe(const live::Fault& fault);
Json ToJson(const live::Fault& fault);

// The options of the verb oracle.
struct CallVerbOptions {
  LiveOptions server;
  CaseOptions cases;
  uint64_t requests = 0;  // of the compared oracle; 0: any number
  uint64_t seeds = 0;     // 0: until the time is over
  double seconds = 0;     // 0: until the seeds are done
  // Of the compared oracle: files, "" for none; "any" or "new".
  std::string accept;
  std::string write_accept;
  std::string junit;
  std::string fail_on = "any";
  bool stop_on_failure = false;
  size_t shrink_candidates = 3000;  // smaller cases that are tried for a finding
  bool verbose = false;  // of the compared oracle: a line for each reason why a request is left out
  runner::OutputOptions output;
};
// The verb oracle with --unmodelled (robustness.cc). Returns the exit code.
int CallUnmodelled(const CallVerbOptions& options);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_ORACLE_ROBUSTNESS_SESSION_H_
