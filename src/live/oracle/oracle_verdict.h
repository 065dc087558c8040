#ifndef RESPROBE_LIVE_ORACLE_ORACLE_VERDICT_H_
#define RESPROBE_LIVE_ORACLE_ORACLE_VERDICT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "live/oracle/oracle_client.h"
#include "live/oracle/request_log.h"
#include "live/server/live_server.h"

namespace resprobe::live {

// A difference between the live server and the core.
struct Difference {
  std::string command;  // "zadd"; "exec: zadd"; "state: ttl" for the final state
  std::string kind;     // "error text", "integer where the core has null", "server hangs" …
  size_t op = 0;        // of the case; the number of ops for the state
  std::string request;  // the words for redis-cli
  std::string core;     // the replies as text
  std::string server;
  // What was sent up to this point, one line "CLIENT> WORDS" each, without requests that were left
  // out.
  std::vector<std::string> session;
  bool fatal = false;      // the server must be restarted
  uint64_t cases_ago = 0;  // the case was run this many cases before the last one
  uint64_t suspects = 1;   // any of this many last cases may be the cause

  std::string Signature() const { return command + ": " + kind; }
};

// The first difference, and the request and cases that are blamed for it.
class OracleVerdict {
 public:
  // All must outlive the verdict.
  OracleVerdict(LiveServer* target, const RequestLog* log, const OracleConnections* connections,
                int hang_ms)
      : target_(target), log_(log), connections_(connections), hang_ms_(hang_ms) {}

  void set_hang_ms(int ms) { hang_ms_ = ms; }
  int hang_ms() const { return hang_ms_; }

  // True if the run continues: there is no difference, and waiting was not interrupted.
  bool going() const { return !difference_ && !given_up_; }
  const std::optional<Difference>& difference() const { return difference_; }
  // Clears the difference; the run continues unless waiting was interrupted.
  void Clear() { difference_.reset(); }
  // Clears everything: there is a server again.
  void Restart();
  // Restores a difference that Restart() has cleared.
  void Keep(const Difference& difference, bool fatal);

  // The request `asked` has a different reply. `command` is what is blamed; if empty, the request's
  // own.
  void Differ(size_t asked, std::string kind, std::string core, std::string server,
              std::string command = {});
  // A client's output differs after its last reply.
  void DifferAtEnd(const OracleClient& client, std::string kind, std::string core,
                   std::string server);
  // The server does not answer: it has ended, or it hangs. If waiting was interrupted, the run is
  // given up.
  void ServerFailed();
  // Looks for a crash report of a server that continues.
  void CheckLog();
  // The number of cases begun since the server's log was read.
  uint64_t unlogged() const { return log_->case_number() - logged_; }
  // The number of last cases that have not been compared completely.
  uint64_t unsettled() const { return log_->Unsettled(FirstOwed(*connections_, log_->end())); }

 private:
  LiveServer* target_;
  const RequestLog* log_;
  const OracleConnections* connections_;
  int hang_ms_;
  std::optional<Difference> difference_;
  bool given_up_ = false;  // waiting was interrupted; until the next Restart()
  uint64_t logged_ = 0;    // the last case when the server's log was read
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_ORACLE_ORACLE_VERDICT_H_
