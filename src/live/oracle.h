#ifndef RESPROBE_LIVE_ORACLE_H_
#define RESPROBE_LIVE_ORACLE_H_

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
#include <vector>

#include "core/resp/reply_parser.h"
#include "core/resp/request_parser.h"
#include "core/server/server.h"
#include "engine/codec.h"
#include "live/oracle_compare.h"
#include "live/oracle_link.h"
#include "live/oracle_requests.h"
#include "live/oracle_target.h"
#include "worlds/command_world.h"

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
  bool fatal = false;  // the server has to be restarted

  std::string Signature() const { return command + ": " + kind; }
};

struct OracleCounts {
  uint64_t cases = 0;
  uint64_t requests = 0;  // of the cases
  uint64_t state = 0;     // of the comparisons of what is left at the end of each
  uint64_t writes = 0;    // pipelines sent
  uint64_t opaque = 0;    // pipelines whose replies were compared by their length
  std::map<std::string, uint64_t, std::less<>> compared;  // by command, those of the cases
  // By command: how often each literal word of its syntax was given.
  std::map<const Command*, std::vector<std::pair<std::string, uint64_t>>> options;
  std::map<std::string, uint64_t, std::less<>> left_out;  // by reason
};

// Runs cases of the harness command_handler on the core and on a live server, and compares every
// reply, every push, and what is left at the end.
//
// The order in which the live server takes the requests is that of the case: what is sent to one
// client is gathered into one write, and before another client has its turn, all that the first is
// owed has been read. How much that is the core tells, which runs everything first. Only for SPOP
// the server has to be asked first: the core then takes what the server took.
//
// Connections are kept from case to case: RESET, the comparison of what is left and FLUSHALL go in
// one write to each.
class Oracle {
 public:
  // The target must outlive the oracle.
  Oracle(OracleTarget* target, const OracleOptions& options);

  // Connects; to be called before the first case, and after a fatal difference, when it also
  // restarts a server of ours. False with one line in `error` if there is no server.
  bool Prepare(std::string* error);
  // The first difference, or nothing.
  std::optional<Difference> Run(const Case<CommandWorld>& c);

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
  // Output of the core on one connection, made by one request.
  struct Chunk {
    size_t end;  // in Peer::expected; it starts where the one before ends
    size_t asked;
    bool own;  // of the client that asked
  };
  struct Peer {
    uint64_t core_id = 0;
    OracleLink link;
    bool used = false;    // since the link was last reset
    bool hello3 = false;  // HELLO 3 is yet to be sent
    uint64_t server_id = 0;
    size_t skip = 0;        // values that come first and are not compared
    bool wants_id = false;  // the first of them is the server's id of the connection
    resp::ReplyParser skipper;
    std::string unsent;
    std::string held;  // delivered, but not yet a whole request
    resp::RequestParser requests;
    bool nonsense = false;
    std::string expected;
    std::vector<Chunk> chunks;
    std::vector<size_t> silent;  // requests without a reply so far, since the last that has one
    std::string deferred;        // what the client says while it waits (BLPOP)
    bool unfenced = false;       // the last request sent has no reply
    bool lossy = false;          // closed for another client's sake: what came before may be lost
    bool stays_open = false;     // the server does not close although the core has
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
  void Abort();
  // A command of the oracle's own, which the server has to take.
  bool Demand(const std::string& line, std::string* error);

  Peer& Use(Index client);
  void Open(Peer& peer);
  void Connect(Peer& peer);
  void Greet(Peer& peer);
  void HangUp(Peer& peer);
  void Deliver(Peer& peer, std::string_view bytes);
  void Execute(Peer& peer, std::vector<std::string> args, std::string_view wire);
  void ExecuteNonsense(Peer& peer, std::string_view bytes);
  bool Waits(const Peer& peer) const;
  void Turn(Peer& peer);
  void Flush(Peer& peer);
  void TakeOutputs(Peer& peer, size_t asked);
  void AfterCore(Peer& peer);
  void CountOptions(const Command& command, const std::vector<std::string>& args);
  bool MapIds(const Command& command, std::vector<std::string>* core,
              std::vector<std::string>* server);
  void FindUniverse(const Client& client, Asked* asked);
  // The leaves of the core's reply; false if it is an error.
  bool Probe(int db, const std::vector<std::string>& args, std::vector<std::string>* leaves);
  bool IsChoice(const Client& client, const Asked& asked) const;
  void TakeChoice(Peer& peer, Asked* asked, std::string_view core_wire);

  // Reads what the client is owed and compares it.
  void ReadOwed(Peer& peer);
  bool Skip(Peer& peer);
  enum class Wait { kMore, kNever, kClosed, kFailed };
  // Waits for bytes; kNever if the server has nothing more to say to this client.
  Wait WaitFor(Peer& peer);
  bool Fence();
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
  // Nothing answers: it has ended, or it hangs.
  void ServerFailed();
  // What the server has logged, though it goes on.
  void CheckLog();
  bool going() const { return !difference_; }
  size_t Number(const Peer& peer) const { return static_cast<size_t>(&peer - peers_.data()); }

  OracleTarget* target_;
  OracleOptions options_;
  Server core_;
  std::array<Peer, kMaxClients + 1> peers_;  // the last one is the oracle's own
  OracleLink fence_;
  size_t clients_ = 1;
  Peer* active_ = nullptr;
  size_t op_ = 0;
  bool all_databases_ = false;  // others than the first may hold keys
  bool settings_changed_ = false;
  bool state_ = false;  // comparing what is left
  bool one_by_one_ = false;
  TimeRewriter times_;
  std::deque<Asked> asked_;
  Comparer comparer_;
  std::optional<Difference> difference_;
  OracleCounts counts_;
  std::string wire_;
  std::string core_wire_;
};

}  // namespace resprobe::live

#endif  // RESPROBE_LIVE_ORACLE_H_
