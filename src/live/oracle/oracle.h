#ifndef RESPROBE_LIVE_ORACLE_ORACLE_H_
#define RESPROBE_LIVE_ORACLE_ORACLE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/resp/reply_parser.h"
#include "core/resp/request_parser.h"
#include "core/server/server.h"
#include "engine/codec.h"
#include "live/net/resp_connection.h"
#include "live/oracle/oracle_compare.h"
#include "live/oracle/oracle_requests.h"
#include "live/server/live_server.h"
#include "worlds/command/command_world.h"

namespace resprobe::live {

struct OracleOptions {
  Profile profile = Profile::kRedis70;
  // A server that owes a reply and says nothing for so long, to nobody, hangs.
  int hang_ms = 10'000;
};

// Where the live server and the core part.
struct Difference {
  std::string command;  // "zadd"; "exec: zadd"; "state: ttl" of what is left at the end
  std::string kind;     // "error text", "integer where the core has null", "server hangs" …
  size_t op = 0;        // of the case; behind the last one for the state
  std::string request;  // the words for redis-cli
  std::string core;     // the replies for people
  std::string server;
  // What was sent up to there, "CLIENT> WORDS" a line; requests that were left out are not in it.
  std::vector<std::string> session;
  bool fatal = false;      // the server has to be restarted
  uint64_t cases_ago = 0;  // it is one of the case that was run so many before the last
  uint64_t suspects = 1;   // it may come from any of so many last cases

  std::string Signature() const { return command + ": " + kind; }
};

struct CommandCounts {
  uint64_t requests = 0;
  // How often each literal word of its syntax was given.
  std::vector<std::pair<std::string, uint64_t>> options;
};

// Requests are counted once their replies have been compared.
struct OracleCounts {
  uint64_t cases = 0;
  uint64_t requests = 0;  // of the cases
  uint64_t state = 0;     // of the comparisons of what is left at the end of each
  uint64_t writes = 0;    // pipelines sent
  uint64_t opaque = 0;    // pipelines whose replies were compared by their length
  // Those of the cases; nullptr: what is no command.
  std::unordered_map<const Command*, CommandCounts> commands;
  std::map<std::string, uint64_t, std::less<>> left_out;  // by reason
};

// Runs cases of the harness command_handler on the core and on a live server, and compares every
// reply, every push, and what is left at the end.
//
// The order in which the live server takes the requests is that of the case: what one client says
// is gathered into few writes, and before another client has its turn, all that the first is owed
// has been read. How much that is the core tells, which runs everything first. Only for SPOP the
// server has to be asked first: the core then takes what the server took.
//
// Connections are kept from case to case. RESET, the comparison of what is left and FLUSHALL go
// behind the last requests of a case, and the next case may begin behind them, on the connection
// that still owes their replies: then the server works at one case while the core runs the next.
class Oracle {
 public:
  // The target must outlive the oracle.
  Oracle(LiveServer* target, const OracleOptions& options);

  // Connects; to be called before the first case, and after a fatal difference, when it also
  // restarts a server of ours. False with one line in `error` if there is no server.
  bool Prepare(std::string* error);
  // The first difference, or nothing; also nothing where the target's stop() has cut waiting short,
  // and from then on.
  std::optional<Difference> Run(const Case<CommandWorld>& c);
  // As Run(), but does not wait for the last replies, so that the difference may be one of an
  // earlier case (Difference::cases_ago), or show in CatchUp(). What came behind it then was not
  // compared, and whose fault an end of the server is, nobody can tell: the last cases, as many as
  // there are suspects, are to be run again, one by one.
  std::optional<Difference> RunAhead(const Case<CommandWorld>& c);
  // Reads and compares all that is owed.
  std::optional<Difference> CatchUp();
  // How many of the last cases have not been compared to their end.
  uint64_t unsettled() const;

  // The same op by op. After a difference further ops do nothing; Finish() compares what is left,
  // or gives up what was begun, and is to be called once in either case.
  void Begin(const CommandWorld::Config& config);
  template <class Op>
  void Step(const Op& op) {
    if (going()) Apply(op);
    ++op_;
  }
  void Finish();
  const std::optional<Difference>& difference() const { return difference_; }

  // Each pair of kinds of replies (the core's and the server's) to a command sets one of these.
  // They must outlive the oracle.
  void ObserveShapes(std::span<uint8_t> shapes) { comparer_.ObserveShapes(shapes); }

  // Each request waits for its reply: after a fatal difference that tells which it was.
  void set_one_by_one(bool one_by_one) { one_by_one_ = one_by_one; }
  void set_hang_ms(int ms) { options_.hang_ms = ms; }
  int hang_ms() const { return options_.hang_ms; }

  const OracleCounts& counts() const { return counts_; }
  const std::array<uint64_t, kFreedoms>& freedoms() const { return comparer_.used(); }

 private:
  static constexpr size_t kMaxClients = 4;
  static constexpr size_t kControl = kMaxClients;
  // Output of the core for one connection, made by one request.
  struct Chunk {
    size_t end;  // in Wire::expected; it starts where the one before ends
    size_t asked;
    bool own;  // of the client that asked
  };
  // A connection to the live server, and what it owes.
  struct Wire {
    RespConnection link;
    bool taken = false;      // by a client of the case
    uint64_t server_id = 0;  // 0: it is the first thing to come
    std::string expected;    // what the core has said; up to `read` the server has said it, too
    size_t read = 0;
    std::vector<Chunk> chunks;  // of `expected`
    size_t next = 0;            // the first that has not been read
    size_t sent = 0;            // in `expected`: what was asked for by the last write but one
    size_t unanswered = 0;      // bytes written since a reply was read

    bool owes() const { return next < chunks.size(); }
    size_t owed() const { return expected.size() - read; }
    void Owe(std::string_view output, size_t asked, bool own) {
      expected += output;
      chunks.push_back({expected.size(), asked, own});
    }
    void Forget();  // what has been read
    void Clear();   // what is owed
  };
  // A client of the case, or the oracle's own.
  struct Peer {
    uint64_t core_id = 0;
    Wire* wire = nullptr;  // once it has something to say
    std::string greeting;  // what the core has answered to HELLO 3, which is yet to be sent
    std::string unsent;
    std::string held;  // delivered, but not yet a whole request
    resp::RequestParser requests;
    bool nonsense = false;
    std::vector<size_t> silent;  // requests without a reply so far, since the last that has one
    std::string deferred;        // what the client says while it waits (BLPOP)
    bool unfenced = false;       // the last request sent has no reply
    bool lossy = false;          // closed for another client's sake: what came before may be lost
    bool stays_open = false;     // the server does not close although the core has
    bool named = false;          // a request, perhaps one that is queued, has its number
  };
  struct Value {
    resp::Reply reply;
    size_t asked = 0;
    bool own = true;
  };

  void Apply(const CommandWorld::Call& op);
  void Apply(const CommandWorld::Queue& op);
  void Apply(const CommandWorld::Deliver& op);
  void Apply(const CommandWorld::Raw& op);
  void Apply(const CommandWorld::Advance& op);
  void Apply(const CommandWorld::Reconnect& op);
  void Settle();
  bool Reset(Peer& peer);
  void CompareState();
  void End();
  void Abort();
  void DropAll();
  // A command of the oracle's own, which the server has to take.
  bool Demand(const std::string& line, std::string* error);

  Peer& Use(Index client);
  void Open(Peer& peer);
  void TakeWire(Peer& peer);
  static void ReleaseWire(Peer& peer);
  void Connect(Wire* wire);
  void HangUp(Peer& peer);
  bool LeavesNothing(const Peer& peer) const;
  void Deliver(Peer& peer, std::string_view bytes);
  void Execute(Peer& peer, std::vector<std::string> args, std::string_view wire);
  void ExecuteNonsense(Peer& peer, std::string_view bytes);
  bool Waits(const Peer& peer) const;
  void Turn(Peer& peer);
  void Send(Wire& wire);
  void Flush(Peer& peer);
  void TakeOutputs(Peer& peer, size_t asked);
  void AfterCore(Peer& peer);
  Asked& NewAsked(const Peer& peer, Asked::Part part);
  Asked& AskedAt(size_t number) { return asked_[number - first_asked_]; }
  size_t last_asked() const { return first_asked_ + asked_.size() - 1; }
  // The first request that has not been compared.
  size_t FirstOwed() const;
  // Counts and forgets what has been compared.
  void Retire();
  void Count(const Asked& asked);
  bool MapIds(const Command& command, std::vector<std::string>* core,
              std::vector<std::string>* server);
  void FindUniverse(const Client& client, Asked* asked);
  // The leaves of the core's reply; false if it is an error.
  bool Probe(int db, const std::vector<std::string>& args, std::vector<std::string>* leaves);
  bool IsChoice(const Client& client, const Command& command,
                const std::vector<std::string>& args) const;
  void TakeChoice(Peer& peer, Asked* asked, std::string_view core_wire);

  // Reads what the client is owed, at least up to `end` of it, and compares it.
  void ReadOwed(Peer& peer, size_t end = SIZE_MAX);
  bool ReadEqual(Wire& wire, size_t end);
  bool ReadAlike(Wire& wire, const Chunk& chunk, std::string_view core);
  bool ReadNumber(Peer& peer);
  enum class Wait { kMore, kNever, kClosed, kFailed };
  // Waits for bytes; kNever if the server has nothing more to say to this client.
  Wait WaitFor(Peer& peer);
  // One round to accept a connection, one to read it, and one more for each that was about to end.
  static constexpr int kAnyRounds = 4;
  bool Fence(int rounds = kAnyRounds);
  void CompareValues(const std::vector<Value>& ours, const std::vector<Value>& theirs);
  void CompareLists(const std::vector<const Value*>& ours, const std::vector<const Value*>& theirs);
  // False if the core's output nests what must not be nested (EXEC of SUBSCRIBE in RESP3).
  bool ParseExpected(const Peer& peer, std::vector<Value>* values);
  void ReadOpaque(Peer& peer);
  bool ParseReceived(const Peer& peer, std::vector<Value>* values, size_t* consumed);
  void ExpectClosed(Peer& peer);

  void Differ(size_t asked, std::string kind, std::string core, std::string server,
              std::string command = {});
  void DifferAtEnd(const Peer& peer, std::string kind, std::string core, std::string server);
  // Nothing answers: it has ended, or it hangs. Or waiting is to stop, and nobody knows.
  void ServerFailed();
  // What the server has logged, though it goes on.
  void CheckLog();
  bool going() const { return !difference_ && !given_up_; }
  size_t Number(const Peer& peer) const { return static_cast<size_t>(&peer - peers_.data()); }

  LiveServer* target_;
  OracleOptions options_;
  Server core_;
  std::array<Peer, kMaxClients + 1> peers_;  // the last one is the oracle's own
  // The oracle's own client has its turn when the others have had theirs. Between cases at most one
  // of these owes anything; who speaks first takes that.
  std::array<Wire, kMaxClients> wires_;
  RespConnection fence_;
  size_t clients_ = 1;
  Peer* active_ = nullptr;
  size_t op_ = 0;
  bool all_databases_ = false;  // others than the first may hold keys
  bool settings_changed_ = false;
  bool state_ = false;  // comparing what is left
  bool one_by_one_ = false;
  bool out_of_range_ = false;  // the server may have ERANGE left in errno
  TimeRewriter times_;
  std::deque<Asked> asked_;  // since the first that has not been compared
  size_t first_asked_ = 0;   // its number
  uint64_t case_number_ = 0;
  uint64_t settled_ = 0;  // the last case that was compared to its end
  uint64_t logged_ = 0;   // the last case behind which the server's log was read
  Comparer comparer_;
  std::optional<Difference> difference_;
  bool given_up_ = false;  // waiting was to stop, up to the next Prepare()
  OracleCounts counts_;
  std::string core_wire_;
  // Of ReadAlike() and ReadNumber().
  resp::ReplyParser parsers_[2];
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_ORACLE_ORACLE_H_
