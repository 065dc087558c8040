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
  // Throws UserError if there is no such server, or none that may be treated so.
  explicit RobustnessSession(const LiveOptions& options);

  // The first fault; nothing also after Ctrl-C. A private server is restarted where that is needed,
  // before the case (after an earlier fault) or if `fresh`; throws UserError if that cannot be
  // done.
  std::optional<live::Fault> Run(const CommandCase& c, bool fresh = false);

  struct Shrunk {
    bool again = false;  // the fault showed again on a fresh server
    size_t candidates = 0;
  };
  // Makes the case small as long as it shows the fault, each time on a fresh server: first with its
  // requests one by one, which tells which of them it is, else as they were gathered. Sets `fault`
  // to that of the smallest case. Tries at most `candidates`, for `seconds`, and stops at Ctrl-C.
  Shrunk Shrink(size_t candidates, double seconds, Arena* arena, CommandCase* c,
                live::Fault* fault);

  const live::LiveServer& target() const { return *target_; }
  const live::DocTable& table() const { return table_; }
  const live::CallCounts& counts() const { return caller_->counts(); }

 private:
  std::unique_ptr<live::LiveServer> target_;
  live::DocTable table_;
  std::unique_ptr<live::RobustnessRunner> caller_;
};

// The fault for people, with the lines for redis-cli; and as JSON.
std::string Describe(const live::Fault& fault);
Json ToJson(const live::Fault& fault);

// The options of the verb oracle.
struct CallVerbOptions {
  LiveOptions server;
  CaseOptions cases;
  uint64_t requests = 0;  // of the compared oracle; 0: any number
  uint64_t seeds = 0;     // 0: until the time is over
  double seconds = 0;     // 0: until the seeds are done
  OutputOptions output;
};
// The verb oracle with --unmodelled (robustness.cc). Returns the exit code.
int CallUnmodelled(const CallVerbOptions& options);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_ORACLE_ROBUSTNESS_SESSION_H_
