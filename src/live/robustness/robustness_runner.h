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
  // A server that says nothing for so long, on any connection, hangs.
  int hang_ms = 10'000;
  // Resident memory, in megabytes, beyond which a private server has blown up; 0: no limit.
  size_t memory_mb = 1024;
  // Sends what is never sent otherwise (SHUTDOWN, DEBUG …; unmodelled_rules.h).
  bool dangerous = false;
  // Asked while it waits; true makes all waiting end, and with it the case.
  std::function<bool()> stop = [] { return false; };
};

// What a server must not do, whatever it is asked.
struct Fault {
  enum class Kind : uint8_t {
    kEnded,       // its process is gone
    kReport,      // it has logged a crash report, and goes on
    kHangs,       // no connection gets an answer
    kMemory,      // it has taken more memory than it may
    kNoResp,      // what it sends is no RESP
    kNoReply,     // a request has no reply, though the server has nothing more to say
    kExtraReply,  // a reply that nothing asked for
    kClosed,      // it has closed a connection that nothing asked it to close
  };
  Kind kind = Kind::kEnded;
  std::string detail;   // of kEnded and kReport: "signal 11: f|g|h"; of kNoResp: what is wrong
  std::string command;  // "xadd": the first request without a reply, or what the report names
  size_t op = 0;        // of the case
  std::string request;  // the words for redis-cli
  std::vector<std::string> session;  // what was sent up to there, "CLIENT> WORDS" a line
  std::string log;                   // what the server has logged last, of a server of ours

  // Whether the server has to be restarted.
  bool fatal() const { return kind <= Kind::kMemory && kind != Kind::kReport; }
  // "server has ended: signal 11: f|g|h: xadd".
  std::string Signature() const;
  // The same without what depends on how requests were gathered: two faults that have it in common
  // are taken for one while a case is made smaller.
  std::string Key() const;
};
std::string_view FaultName(Fault::Kind kind);

struct CallCount {
  uint64_t called = 0;
  uint64_t accepted = 0;  // answered without an error
};

struct CallCounts {
  uint64_t cases = 0;
  uint64_t requests = 0;
  uint64_t writes = 0;
  uint64_t restarts = 0;
  std::map<std::string, CallCount, std::less<>> commands;  // by full name
  std::map<std::string, uint64_t, std::less<>> left_out;   // by reason
};

// Runs cases on a live server and watches it: does it live, answer, answer each request once and in
// RESP, within its memory?
//
// Requests to one client go out together until it is another client's turn (with `audit`, one by
// one). Where a reply is missing in a pipeline, the case runs again with an ECHO behind each
// request, which shows whose reply it is; in a transaction too, where the array of EXEC would take
// in the replies behind it. What is owed then has come when a second connection has
// been answered behind it. A client that may wait (BLPOP) is left waiting until its next turn, or
// the end, and then unblocked.
class RobustnessRunner {
 public:
  // `target` and `table` must outlive it. The table tells which names are commands with
  // subcommands.
  RobustnessRunner(LiveServer* target, const DocTable* table, const RobustnessOptions& options);

  // Connects; restarts a private server after a fault, or if `fresh`. False with one line in
  // `error` if there is no server.
  bool Prepare(bool fresh, std::string* error);
  // The first fault, or nothing; nothing also when it is to stop. Afterwards the state is reset, or
  // the server is to be prepared.
  std::optional<Fault> Run(const Case<CommandWorld>& c);

  // Whether the next case needs Prepare() first.
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
    bool is_id = false;    // CLIENT ID, by the caller itself
    bool is_mark = false;  // ECHO, by the caller itself
    CallCount* count = nullptr;
  };
  struct Peer {
    RespConnection link;
    std::string id;  // the server's
    std::string unsent;
    resp::RequestParser requests;  // of what goes out
    resp::ReplyParser replies;
    resp::Reply reply;
    std::deque<size_t> owed;     // indexes of asked_
    std::vector<size_t> queued;  // the same, of a transaction; with marks only
    uint64_t sent = 0;           // bytes since the last fence
    bool protocol3 = false;
    bool counted = true;    // one reply for each request
    bool nonsense = false;  // the server closes
  };
  enum class Wait { kMore, kNever, kClosed, kFailed };

  void RunOnce(const Case<CommandWorld>& c);
  void Apply(const CommandWorld::Call& op);
  void Apply(const CommandWorld::Queue& op);
  void Apply(const CommandWorld::Deliver& op);
  void Apply(const CommandWorld::Raw& op);
  void Apply(const CommandWorld::Advance&) {}  // a live server's clock is its own
  void Apply(const CommandWorld::Reconnect& op);

  Peer& Use(Index client);
  bool Connect(Peer& peer);
  void Deliver(Peer& peer, std::string_view bytes);
  void Execute(Peer& peer, std::vector<std::string> args);
  // Adds a request to what goes out next.
  Asked& Ask(Peer& peer, std::vector<std::string> args);
  void Turn(Peer* peer);
  void Send(Peer& peer);
  // Reads what the client is owed, as far as it comes.
  void Collect(Peer& peer);
  // The same until nothing is owed.
  void Settle(Peer& peer);
  bool Take(Peer& peer);
  // With marks: the request that has no reply, as this one shows.
  std::optional<size_t> Unanswered(Peer& peer, const resp::ReplyView& reply);
  Wait WaitFor(Peer& peer);
  bool Fence(uint64_t sent);
  // Sends requests on the control connection; true when so many lines have come back.
  bool Control(std::string_view requests, int replies = 1);
  bool ConnectControl();
  void Finish();
  // What shows of the process and its log.
  void CheckServer();
  void Reset();

  void Fail(Fault::Kind kind, std::string detail, const Peer* peer);
  void Blame(size_t asked);
  void ServerGone();
  std::string FullName(const std::vector<std::string>& args) const;
  std::string Words(const Asked& asked) const;
  bool going() const { return !fault_ && !options_.stop(); }

  LiveServer* target_;
  const DocTable* table_;
  RobustnessOptions options_;
  std::array<Peer, kMaxClients> peers_;
  RespConnection control_;
  size_t clients_ = 1;
  size_t op_ = 0;
  bool audit_ = false;
  bool marks_ = false;  // an ECHO stands behind each request
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
