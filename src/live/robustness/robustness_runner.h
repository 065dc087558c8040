#ifndef RESPROBE_LIVE_ROBUSTNESS_ROBUSTNESS_RUNNER_H_
#define RESPROBE_LIVE_ROBUSTNESS_ROBUSTNESS_RUNNER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/resp/reply_parser.h"
#include "core/resp/request_parser.h"
#include "engine/codec.h"
#include "live/net/resp_connection.h"
#include "live/robustness/robustness_docs.h"
#include "live/server/live_server.h"
#include "worlds/command/command_world.h"

namespace resprobe::live {

struct RobustnessOptions {
  // A server that sends nothing for this long, on any connection, hangs.
  int hang_ms = 10'000;
  // A private server fails above this much resident memory, in megabytes; 0: no limit.
  size_t memory_mb = 1024;
  // Also sends requests that are otherwise never sent (SHUTDOWN, DEBUG …; robustness_rules.h).
  bool dangerous = false;
  // Polled during waits; true ends all waits, and with them the case.
  std::function<bool()> stop = [] { return false; };
};

// A failure that no request may cause in a server.
struct Fault {
  enum class Kind : uint8_t {
    kEnded,       // its process has ended
    kReport,      // it has logged a crash report, but still runs
    kHangs,       // it answers on no connection
    kMemory,      // it has used more memory than allowed
    kNoResp,      // its output is not RESP
    kNoReply,     // a request has no reply within the limit of a hang, though others are answered
    kExtraReply,  // a reply without a request
    kClosed,      // it has closed a connection although no request asked for it
  };
  Kind kind = Kind::kEnded;
  std::string detail;   // for kEnded and kReport: "signal 11: f|g|h"; for kNoResp: the parse error
  std::string command;  // "xadd": the first request without a reply, or the command in the report
  size_t op = 0;        // index in the case
  std::string request;  // the request, as words for redis-cli
  std::vector<std::string> session;  // all requests so far, each as "CLIENT> WORDS"
  std::string log;                   // the end of the log, for a server started by this process

  // True if the server must be restarted.
  bool fatal() const { return kind <= Kind::kMemory && kind != Kind::kReport; }
  // Describes the fault: "server has ended: signal 11: f|g|h: xadd".
  std::string Signature() const;
  // The signature without parts that depend on how requests were batched: while a case is shrunk,
  // two faults with the same key count as the same.
  std::string Key() const;
};
std::string_view FaultName(Fault::Kind kind);

struct CallCount {
  uint64_t called = 0;
  uint64_t accepted = 0;  // replies that are not errors
};

struct CallCounts {
  uint64_t cases = 0;
  uint64_t requests = 0;
  uint64_t writes = 0;
  uint64_t restarts = 0;
  std::map<std::string, CallCount, std::less<>> commands;  // by full name
  std::map<std::string, uint64_t, std::less<>> left_out;   // by reason
};

// Runs cases on a live server and checks it: does it stay alive, does it reply, once per request
// and in RESP, within its memory limit?
//
// Requests to one client are batched until another client's turn (with `audit`, sent one by one).
// If a pipeline lacks a reply, the case runs again with an ECHO after each request, which shows
// which request has none; also inside a transaction, where the array of EXEC would take in the
// replies after it. A reply is missing if it does not come within the limit of a hang, although a
// second connection is answered after the requests. A client that may block (BLPOP) stays blocked
// until its next turn, or the end of the case, and is then unblocked.
class RobustnessRunner {
 public:
  // `target` and `table` must outlive the runner. The table says which names are commands with
  // subcommands.
  RobustnessRunner(LiveServer* target, const DocTable* table, const RobustnessOptions& options);

  // Connects; restarts a private server after a fault, or if `fresh`. False with one line in
  // `error` if no server is available.
  bool Prepare(bool fresh, std::string* error);
  // Returns the first fault, or nullopt if there is none or `stop` returned true. Afterwards the
  // state is reset, or the next case needs Prepare().
  std::optional<Fault> Run(const Case<CommandWorld>& c);

  // True if the next case needs Prepare() first.
  bool stale() const { return stale_; }
  void set_hang_ms(int ms) { options_.hang_ms = ms; }
  const RobustnessOptions& options() const { return options_; }
  const CallCounts& counts() const { return counts_; }

 private:
  static constexpr size_t kMaxClients = 4;
  static constexpr std::string_view kMark = "resprobe: up to here";
  struct Asked {
    std::vector<std::string> args;
    size_t op = 0;
    size_t client = 0;
    bool may_wait = false;
    bool lasting = false;
    bool is_id = false;    // the runner's own CLIENT ID
    bool is_mark = false;  // the runner's own ECHO
    CallCount* count = nullptr;
  };
  struct Peer {
    RespConnection link;
    std::string id;  // the server's id of this client
    std::string unsent;
    resp::RequestParser requests;  // parses the case's bytes
    resp::ReplyParser replies;
    std::deque<size_t> owed;     // indexes of asked_
    std::vector<size_t> queued;  // the same, for a transaction; only with marks
    uint64_t sent = 0;           // bytes since the last fence
    bool protocol3 = false;
    bool counted = true;    // one reply per request
    bool nonsense = false;  // it has sent malformed input: the server closes
  };
  enum class Wait { kMore, kNever, kClosed, kFailed };

  void RunOnce(const Case<CommandWorld>& c);
  void Apply(const CommandWorld::Call& op);
  void Apply(const CommandWorld::Queue& op);
  void Apply(const CommandWorld::Deliver& op);
  void Apply(const CommandWorld::Raw& op);
  void Apply(const CommandWorld::Advance&) {}  // a live server's clock cannot be moved
  void Apply(const CommandWorld::Reconnect& op);

  Peer& Use(Index client);
  bool Connect(Peer& peer);
  void Deliver(Peer& peer, std::string_view bytes);
  void Execute(Peer& peer, std::vector<std::string> args);
  // Adds a request to the pending output.
  Asked& Ask(Peer& peer, std::vector<std::string> args);
  void Turn(Peer* peer);
  void Send(Peer& peer);
  // Reads the replies due to the client, as far as they arrive.
  void Collect(Peer& peer);
  // The same, until none is due.
  void Settle(Peer& peer);
  bool Take(Peer& peer);
  // With marks: the request that has no reply, if this reply shows it.
  std::optional<size_t> Unanswered(Peer& peer, const resp::ReplyView& reply);
  Wait WaitFor(Peer& peer);
  // True if bytes or the end come within the limit of a hang, although others are answered.
  bool ComesLate(Peer& peer);
  bool Fence(uint64_t sent);
  // Sends requests on the control connection; true when `replies` lines have been received.
  bool Control(std::string_view requests, int replies = 1);
  static std::string Request(std::initializer_list<std::string_view> words);
  bool ConnectControl();
  void Finish();
  // Checks the server's process and its log.
  void CheckServer();
  void Reset();

  void Fail(Fault::Kind kind, std::string detail, const Peer* peer);
  void Blame(size_t asked);
  void ServerGone();
  std::string FullName(const std::vector<std::string>& args) const;
  bool going() const { return !fault_ && !options_.stop(); }

  LiveServer* target_;
  const DocTable* table_;
  RobustnessOptions options_;
  std::array<Peer, kMaxClients> peers_;
  RespConnection control_;
  size_t clients_ = 1;
  size_t op_ = 0;
  bool audit_ = false;
  bool marks_ = false;  // an ECHO follows each request
  bool may_close_ = false;
  bool paused_ = false;
  bool lasting_ = false;
  std::set<std::string> undo_;
  bool stale_ = true;
  Peer* active_ = nullptr;
  std::vector<Asked> asked_;
  std::optional<Fault> fault_;
  CallCounts counts_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_ROBUSTNESS_ROBUSTNESS_RUNNER_H_
