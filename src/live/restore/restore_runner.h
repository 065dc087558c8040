#ifndef RESPROBE_LIVE_RESTORE_RESTORE_RUNNER_H_
#define RESPROBE_LIVE_RESTORE_RESTORE_RUNNER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/resp/reply_parser.h"
#include "core/table/table.h"
#include "live/net/resp_connection.h"
#include "live/restore/restore_model.h"
#include "live/restore/restore_world.h"
#include "live/server/live_server.h"

namespace resprobe::live {

struct RestoreOptions {
  // A server that sends nothing for this long, on any connection, hangs.
  int hang_ms = 10'000;
  // A private server fails above this much resident memory, in megabytes; 0: no limit.
  size_t memory_mb = 1024;
  // Polled during waits; true ends all waits, and with them the case.
  std::function<bool()> stop = [] { return false; };
};

// What was wrong with a server that was given a broken value.
struct RestoreFailure {
  enum class Kind : uint8_t {
    kEnded,       // its process has ended
    kAssertion,   // the same, by an assertion of its own, without sanitize-dump-payload
    kHangs,       // it answers on no connection
    kMemory,      // it has used more memory than allowed
    kReport,      // it has logged a crash report, but still runs
    kNoResp,      // its output is not RESP
    kNoReply,     // a request has no reply, or only the first part of one
    kExtraReply,  // a reply without a request
    kClosed,      // it has closed the connection
    kShape,       // a reply of another shape than the command has
    kVerdict,     // it refuses a value that the core accepts, or the other way round
  };
  Kind kind = Kind::kEnded;
  std::string detail;     // "signal 11: f|g|h", the parse error, the expected shape
  std::string command;    // "xadd": the request without a reply, or the command in the report
  bool sanitize = false;  // sanitize-dump-payload was on
  size_t op = 0;          // index in the case
  std::string request;    // as words for redis-cli
  std::vector<std::string> session;  // all requests so far, as lines for redis-cli
  std::string log;                   // the end of the log, for a server started by this process

  // True if the server must be restarted.
  bool fatal() const { return kind <= Kind::kMemory; }
  // "server has ended: signal 11: f|g|h (sanitized)".
  std::string Signature() const;
};
std::string_view RestoreFailureName(RestoreFailure::Kind kind);
// "hangs: xrange".
std::string HangIn(std::string_view command);

struct RestoreCounts {
  uint64_t payloads = 0;  // RESTORE and SET of a value
  uint64_t accepted = 0;  // of these
  uint64_t compared = 0;  // the same, by the core too
  uint64_t requests = 0;
  uint64_t restarts = 0;
  std::map<std::string, uint64_t, std::less<>> refusals;  // of RESTORE, by the error
};

// Runs cases on a live server and watches it: does it stay alive, does it answer each request once,
// in the right shape, within its memory limit? Cases of a campaign run in batches, a pipeline each,
// with an ECHO and the deletion of the keys after each case; a batch in which something is wrong
// says which cases are suspect, and these are run alone, request by request.
class RestoreRunner {
 public:
  // `target` must outlive the runner.
  RestoreRunner(LiveServer* target, const RestoreOptions& options);

  // Connects; restarts a private server after a fatal failure, or if `fresh`. False with one line
  // in `error` if no server is available.
  bool Prepare(bool fresh, std::string* error);

  // Runs one case, request by request. Returns its failure; nullopt also if `stop` returned true.
  // After a failure the next case needs Prepare().
  std::optional<RestoreFailure> Run(const RestoreCase& c);

  // Sends a batch of cases, whose replies Receive() reads. The cases need not live longer than the
  // call.
  void Send(const std::vector<RestoreCase>& cases);
  struct Suspects {
    size_t first = 0;  // the first case of the batch that is not known to be sound
    // How the server ended, if it did: "signal 11: f|g|h"; "hangs: xrange" if it hangs in XRANGE.
    std::string cause;
    bool ended = false;
    bool assertion = false;  // it ended by one of its own
  };
  // Reads the replies to the oldest batch. nullopt if all is well; otherwise the batches in flight
  // are forgotten, and the next one needs Prepare().
  std::optional<Suspects> Receive();

  // Makes the values of a ValueScript and returns their dumps without footers; texts of `strings`
  // as they are. Empty if the server has no DUMP.
  void ReadValues(std::vector<std::string>* dumped, std::vector<std::string>* strings);

  bool stale() const { return stale_; }
  void set_hang_ms(int ms) { options_.hang_ms = ms; }
  int hang_ms() const { return options_.hang_ms; }
  const RestoreCounts& counts() const { return counts_; }
  // The name of the core's profile for the server; empty if there is none, and nothing is compared.
  std::string_view profile() const { return model_ ? ProfileName(profile_) : ""; }
  // False if the server has no such setting; cases of both kinds are then the same.
  bool has_sanitize() const { return has_sanitize_; }
  // Of the server's RDB format, as its dumps say; 0 before a Prepare().
  uint16_t rdb_version() const { return rdb_version_; }

 private:
  struct Asked {
    enum class What : uint8_t { kSetting, kValue, kCall, kCleanUp, kMark };
    What what = What::kCall;
    uint32_t which = 0;                   // of the case in its batch
    bool sanitized = false;               // the case has sanitize-dump-payload
    const Command* command = nullptr;     // of the table, for the shape of the reply
    RestoreModel::Verdict expected = {};  // of RESTORE
  };
  using Batch = std::vector<Asked>;

  bool Restart(std::string* error);
  // Connects and deletes all keys.
  bool Begin(std::string* error);
  bool Connect();
  std::vector<std::string> WordsOf(const RestoreWorld::Op& op) const;
  // Appends the request to the output, and to the batch.
  void Ask(Batch* batch, std::vector<std::string_view> words, Asked asked);
  void AskForCase(Batch* batch, const RestoreCase& c, uint32_t which);
  // True if the reply has the shape that the table gives the command, as far as it applies to all
  // values that the server may accept.
  bool Fits(const Command& command, const resp::ReplyView& reply, bool sanitized);
  // What is wrong with a reply.
  std::optional<RestoreFailure::Kind> Judge(const Asked& asked, const resp::ReplyView& reply);
  enum class Got : uint8_t { kReply, kNothing, kClosed, kSilent, kNoResp };
  // Reads one reply; kNothing if the server has nothing more to send, kSilent if it answers on no
  // connection.
  Got TakeReply(int hang_ms);
  void Ping();
  // True if the server answers on a connection of its own. `waited_ms`: since Ping().
  bool Answers(int hang_ms, int waited_ms = 0);
  // Sends one request and reads its replies, for ReadValues() and Prepare().
  std::optional<resp::ReplyView> Query(const std::vector<std::string>& words);
  // What the two verdicts on a RESTORE are, if they differ.
  std::string DifferenceOf(const Asked& asked, const resp::ReplyView& reply) const;
  void Fail(RestoreFailure::Kind kind, std::string detail, const RestoreCase& c, size_t op);
  void ServerGone(const RestoreCase& c, size_t op);
  // Fails if the process has used too much memory, or its log has a crash report.
  void CheckServer(const RestoreCase& c, size_t op);
  bool going() const { return !failure_ && !options_.stop(); }

  LiveServer* target_;
  RestoreOptions options_;
  Profile profile_ = Profile::kRedis70;
  std::optional<RestoreModel> model_;
  RespConnection link_;
  RespConnection control_;
  size_t unanswered_ = 0;  // requests on it
  resp::ReplyParser replies_;
  std::deque<Batch> sent_;
  std::map<std::pair<const Command*, bool>, Shape> shapes_;  // of Fits()
  std::optional<RestoreFailure> failure_;
  std::optional<bool> sanitize_;  // as the server has it now
  bool has_sanitize_ = true;
  // Requests of all connections are handled in their order: what one answers is newer than what
  // another was sent before. Otherwise only time shows that a reply is missing.
  bool in_order_ = false;
  uint16_t rdb_version_ = 0;
  bool stale_ = true;
  bool must_restart_ = false;
  RestoreCounts counts_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_RESTORE_RESTORE_RUNNER_H_
