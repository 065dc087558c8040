#ifndef RESPROBE_WORLDS_COMMAND_COMMAND_WORLD_H_
#define RESPROBE_WORLDS_COMMAND_COMMAND_WORLD_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/resp/reply_parser.h"
#include "core/resp/request_parser.h"
#include "engine/generate.h"
#include "engine/op.h"
#include "engine/run_context.h"
#include "sim/network.h"
#include "sim/node.h"
#include "sim/scheduler.h"
#include "sim/server_subject.h"
#include "worlds/command/promises.h"
#include "worlds/command/reply_model.h"
#include "worlds/command/watch_book.h"

namespace resprobe {

// Model: a server as a node (sim/node.h), and up to four clients with a connection each. What a
// client queues waits in its stream to the server; replies are delivered at once. The world parses
// every request and reply itself, and a model per client (reply_model.h) determines which reply is
// due. A fifth connection, the probe, sends the world's own requests at the end.
//
// Faults: pipelines that are cut at any byte, garbage, clients that disconnect in the middle, and
// time that jumps.
//
// Promise: kInvariants. With a server other than the core, those that inspect the server are
// skipped.
class CommandWorld {
 public:
  static constexpr std::string_view kName = "command_handler";
  static constexpr bool kKeepsMemory = true;
  static constexpr std::string_view kSummary =
      "commands of several clients: replies by the table, transactions, expiry, a sound keyspace";
  static constexpr InvariantInfo kInvariants[] = {
      {"well_formed", "what the server sends is RESP"},
      {"reply_has_shape", "every reply has the shape that the command table gives it"},
      {"one_reply_per_request", "each request is answered once, in order, before the next turn"},
      {"pushes_are_asked_for", "pushes and messages come only to clients that asked for them"},
      {"connection_stays_open", "the server closes a connection only where the protocol says so"},
      {"no_empty_aggregate", "no empty list, hash, set or sorted set is left behind"},
      {"sorted_sets_sorted", "sorted sets are sorted, and their two indexes agree"},
      {"expired_unseen", "no reply shows anything of a key that has expired or does not exist"},
      {"exec_all_or_nothing",
       "EXEC runs all that was queued, or nothing; nothing exactly if a watched key has changed"},
      {"error_changes_nothing", "a request that is answered with an error changes no key"},
      {"reading_changes_nothing", "a command that the table calls read-only changes no key"},
      {"changes_are_reported",
       "a command reports every key that it changes, to watches, caches and replicas, and none "
       "that "
       "exists neither before nor after it"},
      {"timeouts_are_kept",
       "a command that waits is answered when its time-out is over, and not before with nothing"},
      {"scan_is_complete",
       "SCAN, HSCAN, SSCAN and ZSCAN return what is there from start to end, whatever else "
       "changes, "
       "and only what their filters select"},
      {"encoding_fits",
       "a new hash, set or sorted set is packed exactly if it is within the server's limits"},
      {"time_is_the_clocks", "TIME is the time of the server's clock"},
      {"views_agree", "DBSIZE, EXISTS, TYPE, KEYS and SCAN agree"},
      {"memory_returns", "after FLUSHALL no key is left and the memory account is zero"},
      {"keyspace_sound", "the keyspace passes its own checks"},
      {"promises_kept",
       "small dialogues end as the documentation of their commands says, whatever was before"},
  };

  struct Config {
    Index clients;    // 1 to 4
    Index protocol3;  // bit i: client i starts with HELLO 3
    // Requests are sent one by one, and everything is checked after each. Otherwise pipelines stay
    // whole, only the keys that a request names are checked, and at the end TYPE is requested for
    // two of the keys.
    bool audit = false;
  };

  // Sends a request, after everything that the client has queued.
  struct Call {
    static constexpr std::string_view kName = "call";
    static constexpr int kWeight = 24;
    Index client;
    Args args;
  };
  // Queues a request.
  struct Queue {
    static constexpr std::string_view kName = "queue";
    static constexpr int kWeight = 5;
    Index client;
    Args args;
  };
  // Sends this many of the queued bytes.
  struct Deliver {
    static constexpr std::string_view kName = "deliver";
    static constexpr int kWeight = 3;
    Index client;
    Count bytes;
  };
  // Queues arbitrary bytes.
  struct Raw {
    static constexpr std::string_view kName = "raw";
    Index client;
    Text bytes;
  };
  // Advances the clock.
  struct Advance {
    static constexpr std::string_view kName = "advance";
    static constexpr bool kAddsUp = true;
    static constexpr int kWeight = 2;
    Count ms;
  };
  // The client disconnects and reconnects.
  struct Reconnect {
    static constexpr std::string_view kName = "reconnect";
    Index client;
  };
  using Op = std::variant<Call, Queue, Deliver, Raw, Advance, Reconnect>;

  // The longest argument and the longest string of the world's own core: enough for every limit
  // that commands have, and cheap to fill.
  static constexpr int64_t kMaxBulk = 64 << 10;

  // Uses the world's own core, or another server (not owned).
  explicit CommandWorld(ServerSubject* subject = nullptr);
  ~CommandWorld();
  CommandWorld(const CommandWorld&) = delete;
  CommandWorld& operator=(const CommandWorld&) = delete;

  void Start(const Config& config, RunContext& run);
  void Apply(const Call& op, RunContext& run);
  void Apply(const Queue& op, RunContext& run);
  void Apply(const Deliver& op, RunContext& run);
  void Apply(const Raw& op, RunContext& run);
  void Apply(const Advance& op, RunContext& run);
  void Apply(const Reconnect& op, RunContext& run);
  void Settle(RunContext& run);

  static void Generate(Gen& gen, Config& config);
  static void GenerateClient(Gen& gen, Index* client);
  static void Generate(Gen& gen, Call& op);
  static void Generate(Gen& gen, Queue& op);
  static void Generate(Gen& gen, Raw& op);
  static void Generate(Gen& gen, Advance& op);

 private:
  static constexpr size_t kMaxClients = 4;
  // Endpoints of the network: the server, then the clients, then the probe.
  static constexpr Network::Endpoint kServer = 0;
  // State of the keys that a request names before it runs, for the checks that inspect the core.
  static constexpr size_t kMaxTouched = 8;

  struct Peer {
    Peer(size_t number, const resp::RequestLimits& limits) : index(number), requests(limits) {}

    const size_t index;  // in peers_
    Network::End end = Network::End::kNone;
    uint64_t connection = 0;       // the server's id of it
    resp::RequestParser requests;  // parses the bytes that were sent
    bool nonsense = false;         // they are not requests any more
    resp::ReplyParser replies;
    ReplyModel model;
    bool has_sent = false;  // anything on this connection
    // A command of the client waits, and its time-out is over at least_ms at the earliest and at
    // most_ms at the latest, by the server's clock; 0: it has none, or nothing waits.
    int64_t least_ms = 0;
    int64_t most_ms = 0;
  };
  struct Touched {
    int db;
    std::string_view key;
    uint64_t digest;
    bool exists;  // perhaps expired
  };
  struct Before {
    const Command* command = nullptr;
    bool absent = false;  // it names keys, none of which exists
    WatchBook::Verdict verdict = WatchBook::Verdict::kUnknown;  // of EXEC
    bool in_multi = false;
    bool waiting = false;  // another client waits for a key
    uint64_t dirty = 0;
    uint64_t digest = 0;
  };

  bool MayBeSent(const Args& args) const;
  Peer& Use(Index client, RunContext& run);
  void Open(Peer& peer);
  void NoteTimeout(Peer& peer, std::span<const std::string_view> args);
  void CheckTimeout(const Peer& peer, RunContext& run);
  void Hangup(Peer& peer);
  static Network::End ServersEnd(const Peer& peer) { return Network::Peer(peer.end); }
  // What the client has queued and the server has not received; takes some of it.
  ByteStream& Unsent(const Peer& peer) { return network_.Incoming(ServersEnd(peer)); }
  std::string_view TakeUnsent(const Peer& peer, size_t bytes = SIZE_MAX) {
    return network_.Take(ServersEnd(peer), bytes);
  }
  void Send(Peer& peer, std::string_view bytes, RunContext& run);
  // Sends exactly one complete request; `wire` are its bytes.
  void SendOne(Peer& peer, std::span<const std::string_view> args, std::string_view wire,
               RunContext& run);
  void EndPause();
  void Exchange(Peer& peer, std::string_view wire, RunContext& run);
  void Collect(Peer& peer, RunContext& run);
  void CollectReplies(Peer& peer, bool open, RunContext& run);
  void CollectClosed(Peer& peer, RunContext& run);
  bool Silent(const Peer& peer) const;
  void CollectOthers(const Peer& sender, RunContext& run);
  void CheckAnswered(const Peer& peer, RunContext& run);
  void CheckTouched(RunContext& run);
  void CheckReported(RunContext& run);
  void CheckEncodings(std::span<const std::string_view> args, RunContext& run);
  void Look(const Peer& peer, const Command* command, std::span<const std::string_view> args);
  void Compare(Peer& peer, std::span<const std::string_view> args, RunContext& run);
  void CheckText(const std::string& problem, RunContext& run);
  void Drain(Peer& peer, bool look, RunContext& run);
  void LookAtKeys(RunContext& run);
  void CheckPromises(RunContext& run);
  void CheckPromise(const Promise& promise, RunContext& run);
  void CheckViews(int db, RunContext& run);
  void CheckFilters(int db, RunContext& run);
  void CheckScans(int db, uint64_t choices, RunContext& run);
  bool CheckScan(std::initializer_list<std::string_view> scan, size_t stride,
                 std::vector<std::string> there, std::string_view remove, std::string_view add,
                 uint64_t choices, RunContext& run);
  // The world's own requests, on a separate connection: several are sent together, then all are
  // answered, in answers_. False after a violation; an error reply is one.
  void Ask(std::span<const std::string_view> words);
  void Ask(std::initializer_list<std::string_view> words) {
    Ask(std::span(words.begin(), words.size()));
  }
  bool Answered(RunContext& run);

  std::unique_ptr<ServerSubject> own_;
  ServerSubject* const subject_;
  Server* const core_;
  const Command* const lcs_;
  Scheduler scheduler_;
  Network network_{&scheduler_};
  Node node_;
  Config config_;
  std::vector<std::unique_ptr<Peer>> peers_;  // kMaxClients, and the probe
  size_t clients_ = 1;
  WatchBook watches_;
  Before before_;
  std::array<Touched, kMaxTouched> touched_;
  size_t touched_count_ = 0;
  std::vector<int> positions_;
  // The last reply to a request of the current client.
  bool refused_ = false;
  bool answered_ = false;
  bool answer_empty_ = false;  // it shows nothing of any key
  bool answer_null_ = false;
  bool asking_ = false;
  size_t question_count_ = 0;
  std::vector<resp::Reply> answers_;  // the first answer_count_ are in use; the others keep memory
  size_t answer_count_ = 0;
  std::vector<std::string> names_;
  std::vector<std::string> scanned_;
  std::vector<std::string_view> words_;
  uint32_t databases_used_ = 1;
  bool paused_ = false;   // a foreign server, whose pause cannot be ended
  bool killing_ = false;  // a client has requested that others be closed
  // A client has requested to unblock others, or a pause, which time-outs outlast.
  bool unblocking_ = false;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_COMMAND_COMMAND_WORLD_H_
