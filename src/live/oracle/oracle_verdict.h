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

// Where the live server and the core part.
struct Difference {
  std::string command;  // "zadd"; "exec: zadd"; "state: ttl" of what is left at the end
  std::string kind;     // "error text", "integer where the core has null", "server hangs" …
  size_t op = 0;        // of the case; the number of ops for the state
  std::string request;  // the words for redis-cli
  std::string core;     // the replies for people
  std::string server;
  // What was sent up to there, "CLIENT> WORDS" a line; requests that were left out are not in it.
  std::vector<std::string> session;
  bool fatal = false;      // the server has to be restarted
  uint64_t cases_ago = 0;  // it is one of the case that was run this many cases before the last
  uint64_t suspects = 1;   // it may come from any of this many last cases

  std::string Signature() const { return command + ": " + kind; }
};

// The first difference, and which request and which cases it is blamed on.
class OracleVerdict {
 public:
  // All must outlive the verdict.
  OracleVerdict(LiveServer* target, const RequestLog* log, const OracleConnections* connections,
                int hang_ms)
      : target_(target), log_(log), connections_(connections), hang_ms_(hang_ms) {}

  void set_hang_ms(int ms) { hang_ms_ = ms; }
  int hang_ms() const { return hang_ms_; }

  // Whether the run goes on: there is no difference, and waiting was not cut short.
  bool going() const { return !difference_ && !given_up_; }
  const std::optional<Difference>& difference() const { return difference_; }
  // Forgets the difference; the run goes on unless waiting was cut short.
  void Clear() { difference_.reset(); }
  // Forgets everything: there is a server again.
  void Restart();
  // Puts a difference back that Restart() has forgotten.
  void Keep(const Difference& difference, bool fatal);

  // The request `asked` has another reply. `command`: what is blamed; empty: the request's own.
  void Differ(size_t asked, std::string kind, std::string core, std::string server,
              std::string command = {});
  // What a client got differs after its last reply.
  void DifferAtEnd(const OracleClient& client, std::string kind, std::string core,
                   std::string server);
  // The server does not answer: it has ended, or it hangs. If waiting was cut short, the run is
  // given up.
  void ServerFailed();
  // Looks for a crash report of a server that goes on.
  void CheckLog();
  // How many cases have begun since the server's log was read.
  uint64_t unlogged() const { return log_->case_number() - logged_; }
  // How many of the last cases have not been compared to their end.
  uint64_t unsettled() const { return log_->Unsettled(FirstOwed(*connections_, log_->end())); }

 private:
  LiveServer* target_;
  const RequestLog* log_;
  const OracleConnections* connections_;
  int hang_ms_;
  std::optional<Difference> difference_;
  bool given_up_ = false;  // waiting was cut short, up to the next Restart()
  uint64_t logged_ = 0;    // the last case when the server's log was read
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_ORACLE_ORACLE_VERDICT_H_
