#ifndef RESPROBE_LIVE_ORACLE_ORACLE_VERDICT_H_
#define RESPROBE_LIVE_ORACLE_ORACLE_VERDICT_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "live/oracle/oracle_client.h"
#include "live/oracle/request_log.h"
#include "live/server/live_server.h"

namespace resprobe::live {

// A difference between the live server and the core.
struct Difference {
  std::string command;  // "zadd"; "exec: zadd"; "state: ttl" for the final state
  std::string cause;    // replaces all of this in the signature, if several commands share it
  std::string after;    // the last write of what the command reads, "set PX"; or ""
  std::string kind;     // "error text", "integer where the core has null", "server hangs" …
  std::string left_by;  // of a difference in the final state: the last op's last write; or ""
  size_t op = 0;        // of the case; the number of ops for the state
  std::string request;  // the words for redis-cli
  std::vector<std::string> words;
  std::string core;  // the replies as text
  std::string server;
  // What was sent up to this point, one line "CLIENT> WORDS" each, without requests that were left
  // out.
  std::vector<std::string> session;
  bool fatal = false;      // the server must be restarted
  uint64_t cases_ago = 0;  // the case was run this many cases before the last one
  uint64_t suspects = 1;   // any of this many last cases may be the cause
  // The replies do not follow the requests: one is missing, one too many, or no RESP. Another
  // request than the one that is named may be the cause, unless each had waited for its reply.
  bool out_of_step = false;
  // The server has closed the connection of the client: the case may go on with a new one.
  bool closed = false;
  // Replies are missing after a known difference in the same case, which may be the reason.
  bool behind_known = false;

  // "zadd: value of integer", "get after set PX: null where the core has bulk string", or the
  // cause.
  std::string Signature() const {
    if (!cause.empty()) return cause;
    return command + (after.empty() ? "" : " after " + after) + ": " + kind;
  }
};

// Differences that do not end a case, by signature.
using KnownDifferences = std::set<std::string, std::less<>>;

// The kind of difference of a write that leaves other data than the core's: "set PX: leaves …".
inline constexpr std::string_view kLeavesOtherData = "leaves other data";
// The same if the first that differs is the expiry of a key.
inline constexpr std::string_view kLeavesOtherExpiry = "leaves another expiry";

// The signature of pushes that no client has asked for: they may come at any time.
inline constexpr std::string_view kUnaskedPush = "a push that no client has asked for";

// "set PX": a command, with the literal words of its syntax that the request gives.
std::string CommandWithOptions(const Command& command, const std::vector<std::string>& args);

// The first difference, and the request and cases that are blamed for it.
//
// A known difference in a reply does not end its case. If the request was a write, then the core
// takes over its keys from the server. Where it cannot, they are doubtful for the rest of the case,
// and so is what is read from them or written from them: differences in such replies are counted,
// and are no findings.
class OracleVerdict {
 public:
  // All must outlive the verdict.
  OracleVerdict(LiveServer* target, const RequestLog* log, OracleConnections* connections,
                OracleCounts* counts, int hang_ms)
      : target_(target), log_(log), connections_(connections), counts_(counts), hang_ms_(hang_ms) {}

  void set_hang_ms(int ms) { hang_ms_ = ms; }
  int hang_ms() const { return hang_ms_; }

  // True if the run continues: there is no difference, and waiting was not interrupted.
  bool going() const { return !difference_ && !given_up_; }
  // True if waiting was interrupted: nothing is compared until the next Restart().
  bool given_up() const { return given_up_; }
  const std::optional<Difference>& difference() const { return difference_; }
  // Clears the difference; the run continues unless waiting was interrupted.
  void Clear() { difference_.reset(); }
  // The same for the next case, to which the differences apply that are known by now.
  void BeginCase();
  // Clears everything: there is a server again.
  void Restart();
  // Restores a difference that Restart() has cleared.
  void Keep(const Difference& difference, bool fatal);

  // Must outlive the verdict; nullptr: none is known.
  void set_known(const KnownDifferences* known) { known_ = known; }
  // For a server that may have many differences: what is read is blamed on the last write of its
  // keys in the case, "get after set PX"; and what ends the stream of replies has one cause,
  // whichever command it follows.
  void set_finds_causes(bool finds) { finds_causes_ = finds; }
  // What was not the same on the server.
  struct Adopted {
    bool data = false;
    bool expiry = false;  // by more than clocks may differ
  };
  // Makes the keys of a request in the core what they are on the server; nullopt if it cannot. The
  // core has run nothing after the request. None: all keys of known differences are doubtful.
  using Adopt = std::function<std::optional<Adopted>(const Asked&)>;
  void set_adopt(Adopt adopt) { adopt_ = std::move(adopt); }

  // True if the request is sent alone: it is a write that is known to differ, and the case goes on
  // from what the server has made of it; or its connection may be closed.
  bool MustBeAlone(const Asked& asked) const;
  // True if it is known to leave other data, which its reply need not show.
  bool LeavesOtherData(const Asked& asked) const;
  // True if the server is known to close connections after errors, or instead of them.
  bool closes_after_errors() const { return closes_after_errors_; }
  // The core takes over the keys of this request, the last one; or they are doubtful from now on.
  void TakeOver(size_t asked);
  // What this request, a write, makes of doubtful keys is doubtful too (RENAME, SUNIONSTORE).
  void SpreadDoubt(size_t asked);

  // How often a known difference was met, by signature.
  const std::map<std::string, uint64_t, std::less<>>& met() const { return met_; }
  // Which commands have shown a difference that several commands share, by its signature.
  const std::map<std::string, std::set<std::string>, std::less<>>& commands_of() const {
    return commands_of_;
  }

  // The value of a reply to the request `asked` differs. False if that is known, or doubtful: then
  // the case goes on.
  bool ValueDiffers(size_t asked, const Mismatch& mismatch, std::string core, std::string server);
  // The request `asked` has a different reply, or none. `command` is what is blamed; if empty, the
  // request's own.
  void Differ(size_t asked, std::string kind, std::string core, std::string server,
              std::string command = {});
  // A client's output differs after its last reply.
  void DifferAtEnd(const OracleClient& client, std::string kind, std::string core,
                   std::string server);
  // The reply to `asked`, or the last one, does not end: its bytes so far.
  void NoEnd(const OracleClient& client, std::optional<size_t> asked, std::string_view bytes);
  // What a client gets as the reply to `asked`, or the last one, is no RESP: why, and the bytes.
  void NoResp(const OracleClient& client, std::optional<size_t> asked, const std::string& why,
              std::string_view bytes);
  // The server does not reply to this request.
  void NoReply(size_t asked, const std::string& kind, const resp::ReplyView& core,
               std::string server);
  // The server closes the connection instead of the reply to this request. False if that is known,
  // and no other request was under way: then the case goes on with a new connection.
  bool Closed(size_t asked, const resp::ReplyView& core);
  // The server has closed the connection after its reply to this request, which was an error or
  // not.
  void ClosedAfter(size_t asked, bool error);
  // The same of a server that closes it after each reply. False if that is known.
  bool ClosedAfterEach(size_t asked);
  // There is more after the reply to this request, which was an error or not.
  void TooMany(size_t asked, bool error, std::string server);
  // A push to a client that has asked for none. False if that is known: then it is ignored.
  bool UnaskedPush(const OracleClient& client, std::string server);
  // True if this command is known to reply something else where the core has a value, other than an
  // error to some request.
  bool Misreads(std::string_view command) const { return misreading_.contains(command); }
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
  std::string LastWrite(size_t asked) const;
  // The signature of the difference if it is the reading command's own fault, whatever was written
  // before; "" if it cannot be.
  static std::string ReadersOwn(const Difference& difference);
  // Counts the difference of a write that is known to leave what was taken over.
  void CountLeft(const Asked& asked, const Adopted& adopted);
  void SetCause(std::string_view cause);
  bool IsDoubtful(const Asked& asked) const;
  void Doubt(const Asked& asked);
  // True if the core has run nothing after the request.
  bool InStep(size_t asked) const;

  LiveServer* target_;
  const RequestLog* log_;
  OracleConnections* connections_;
  OracleCounts* const counts_;
  int hang_ms_;
  std::optional<Difference> difference_;
  bool given_up_ = false;  // waiting was interrupted; until the next Restart()
  uint64_t logged_ = 0;    // the last case when the server's log was read
  const KnownDifferences* known_ = nullptr;
  bool finds_causes_ = false;
  std::map<std::string, uint64_t, std::less<>> met_;
  std::map<std::string, std::set<std::string>, std::less<>> commands_of_;
  uint64_t doubtful_case_ = 0;  // the case that the next one is about
  std::set<std::string, std::less<>> doubtful_keys_;
  bool all_doubtful_ = false;
  Adopt adopt_;
  // From the known differences: commands, those that misread, those whose connection was closed,
  // and commands with options that leave other data.
  std::set<std::string, std::less<>> differing_;
  std::set<std::string, std::less<>> misreading_;
  std::set<std::string, std::less<>> closing_;
  std::set<std::string, std::less<>> leaving_;
  bool closes_after_errors_ = false;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_ORACLE_ORACLE_VERDICT_H_
