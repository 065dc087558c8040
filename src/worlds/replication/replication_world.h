#ifndef RESPROBE_WORLDS_REPLICATION_REPLICATION_WORLD_H_
#define RESPROBE_WORLDS_REPLICATION_REPLICATION_WORLD_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/resp/reply_parser.h"
#include "engine/generate.h"
#include "engine/op.h"
#include "engine/run_context.h"
#include "worlds/replication/replicated_servers.h"
#include "worlds/replication/write_book.h"

namespace resprobe {

// What a script of the op `script` does, to one key.
enum class ScriptKind : uint8_t { kCount, kTime, kRandom, kExpiry, kSetAndPop, kTwoKeys };
inline constexpr std::string_view kScriptKindNames[] = {"count",  "time",        "random",
                                                        "expiry", "set-and-pop", "two-keys"};
constexpr std::span<const std::string_view> EnumNames(ScriptKind) { return kScriptKindNames; }

// Model: a primary and one to four replicas, in a star or a chain, with clients at each of them,
// and an operator who promotes servers and tells them which one to follow. Bytes take a fixed time
// from server to server. There are two kinds of writes. Numbered writes go to a few keys of their
// own; write_book.h knows which servers may have each, and which must. Any other command may be
// sent as well, scripts included; its effect is compared between replica and primary at the end.
//
// Faults: links that are held, cut at a byte, or reset, one way; processes that are killed, lose
// power, or are paused; clocks that jump.
//
// Promise: kInvariants.
class ReplicationWorld {
 public:
  static constexpr std::string_view kName = "replication";
  static constexpr bool kKeepsMemory = true;
  static constexpr std::string_view kSummary =
      "a primary and its replicas: partitions, kills, promotions; who has what, and who is equal";
  static constexpr InvariantInfo kInvariants[] = {
      {"never_had", "a server serves nothing that neither it nor a primary of it was sent"},
      {"keeps",
       "a primary keeps what it has accepted, and a replica that takes its place what WAIT has "
       "confirmed for all replicas"},
      {"read_only", "a replica takes no writes of clients"},
      {"converges", "once all is healed, every replica follows its primary, at the same offset"},
      {"replicas_equal",
       "then keys, values, order and times to live are those of the primary, also after all links "
       "were lost between two writes"},
      {"goes_on", "then a write is accepted, and WAIT confirms it for all replicas"},
      {"keeps_links",
       "then no connection is lost, whatever becomes of clients that wait in silence"},
      {"stays_up", "no server ends by itself"},
  };

  struct Config {
    Index replicas;  // and one
    bool valkey = false;
    bool chained = false;
    bool log = false;
    bool disk_sync = false;
    bool small_backlog = false;
  };

  // `at`: an even number is the server that the operator has last made a primary; an odd one is
  // number at / 2.

  // A numbered write.
  struct Put {
    static constexpr std::string_view kName = "put";
    static constexpr int kWeight = 12;
    Index at;
    Index key;
  };
  // Reads a key of these, and the role of the server.
  struct Read {
    static constexpr std::string_view kName = "read";
    static constexpr int kWeight = 6;
    Index at;
    Index key;
  };
  // WAIT for this many replicas, for a time.
  struct Await {
    static constexpr std::string_view kName = "await";
    static constexpr int kWeight = 5;
    Index at;
    Index replicas;
    Count ms;
  };
  // Any other command on keys, or SELECT.
  struct Call {
    static constexpr std::string_view kName = "call";
    static constexpr int kWeight = 12;
    Index at;
    Args args;
  };
  struct Script {
    static constexpr std::string_view kName = "script";
    static constexpr int kWeight = 2;
    Index at;
    Index key;
    ScriptKind kind = ScriptKind::kCount;
  };
  struct Advance {
    static constexpr std::string_view kName = "advance";
    static constexpr int kWeight = 8;
    Count ms;  // 0: none
  };
  // What one server sends to another waits, until `release`.
  struct Hold {
    static constexpr std::string_view kName = "hold";
    static constexpr int kWeight = 2;
    Index from;
    Index to;
  };
  struct Release {
    static constexpr std::string_view kName = "release";
    static constexpr int kWeight = 3;
    Index from;
    Index to;
  };
  // On the open connections from one server to another, the next `bytes` bytes arrive, and nothing
  // after them, until `reset`.
  struct Cut {
    static constexpr std::string_view kName = "cut";
    static constexpr int kWeight = 2;
    Index from;
    Index to;
    Count bytes;
  };
  struct Reset {
    static constexpr std::string_view kName = "reset";
    static constexpr int kWeight = 2;
    Index a;
    Index b;
  };
  struct Kill {
    static constexpr std::string_view kName = "kill";
    Index node;
    bool power = false;
  };
  // A server that is down starts, and follows as the operator has last said.
  struct Restart {
    static constexpr std::string_view kName = "restart";
    static constexpr int kWeight = 2;
    Index node;
  };
  struct Promote {
    static constexpr std::string_view kName = "promote";
    Index node;
  };
  struct Follow {
    static constexpr std::string_view kName = "follow";
    static constexpr int kWeight = 2;
    Index node;
    Index of;
  };
  struct Pause {
    static constexpr std::string_view kName = "pause";
    Index node;
    Count ms;
  };
  struct Jump {
    static constexpr std::string_view kName = "jump";
    Index node;
    Number ms;
  };
  using Op = std::variant<Put, Read, Await, Call, Script, Advance, Hold, Release, Cut, Reset, Kill,
                          Restart, Promote, Follow, Pause, Jump>;

  // Nodes of the core.
  ReplicationWorld();
  explicit ReplicationWorld(std::unique_ptr<ReplicatedServers> servers)
      : servers_(std::move(servers)) {}
  ReplicationWorld(const ReplicationWorld&) = delete;
  ReplicationWorld& operator=(const ReplicationWorld&) = delete;

  void Start(const Config& config, RunContext& run);
  void Apply(const Put& op, RunContext& run);
  void Apply(const Read& op, RunContext& run);
  void Apply(const Await& op, RunContext& run);
  void Apply(const Call& op, RunContext& run);
  void Apply(const Script& op, RunContext& run);
  void Apply(const Advance& op, RunContext& run);
  void Apply(const Hold& op, RunContext& run);
  void Apply(const Release& op, RunContext& run);
  void Apply(const Cut& op, RunContext& run);
  void Apply(const Reset& op, RunContext& run);
  void Apply(const Kill& op, RunContext& run);
  void Apply(const Restart& op, RunContext& run);
  void Apply(const Promote& op, RunContext& run);
  void Apply(const Follow& op, RunContext& run);
  void Apply(const Pause& op, RunContext& run);
  void Apply(const Jump& op, RunContext& run);
  void Settle(RunContext& run);

  static void Generate(Gen& gen, Config& config);
  static void Generate(Gen& gen, Call& op);
  static void Generate(Gen& gen, Await& op);
  static void Generate(Gen& gen, Advance& op);
  static void Generate(Gen& gen, Cut& op);
  static void Generate(Gen& gen, Jump& op);

  ReplicatedServers& servers() { return *servers_; }

 private:
  static constexpr size_t kKeys = 3;
  static constexpr size_t kMostNodes = ReplicatedServers::kMostNodes;

  // A client's connection to a server; 0: there is none.
  struct Connection {
    uint64_t id = 0;
    std::vector<uint32_t> writes;  // that were accepted on it
  };
  struct Role {
    bool replica = false;
    bool linked = false;
    size_t of = 0;
    int64_t offset = 0;
  };
  // The values of a server: of each database, its keys with their times to live, in order.
  struct Contents {
    std::string digest;
    std::string keys;
    bool operator==(const Contents&) const = default;
  };

  size_t NodeOf(Index at) const {
    return at.value % 2 == 0 ? primary_ : at.value / size_t{2} % nodes_;
  }
  static std::string KeyName(size_t key) { return "r:" + std::to_string(key); }
  // Sends requests on a connection, and takes the replies; fewer, if they do not come in time: then
  // the connection is closed. Views are valid until the next call.
  std::span<const resp::Reply> Ask(Connection& connection, size_t node, std::string_view requests,
                                   size_t count, int64_t within_ms = kPatienceMs);
  void Disconnect(Connection& connection);
  static void AppendRequest(std::string* out, std::initializer_list<std::string_view> words);
  std::optional<Role> ReadRole(const resp::Reply& reply) const;
  // A command that must not be sent, since it does more than change keys, or changes those of Put.
  static bool MayBeSent(std::span<const std::string_view> words);
  void SendTo(size_t node, std::span<const std::string_view> words);
  // Time passes; servers that have paused long enough go on.
  void Pass(int64_t ms, RunContext& run);
  void Tell(size_t node, size_t of, RunContext& run);
  bool CheckLives(RunContext& run);
  void Note(RunContext& run, size_t node, std::string_view what);
  // --- At the end.
  void Heal(RunContext& run);
  size_t PrimaryOf(size_t node) const;
  // Empty, or what is not as it should be.
  std::string Linked();
  std::optional<Contents> ReadContents(size_t node);
  std::string Difference(const Contents& primary, const Contents& replica, size_t node);
  bool Converges(RunContext& run);
  void CheckReconnects(uint64_t choices, RunContext& run);
  void CheckKept(RunContext& run);
  void CheckGoesOn(RunContext& run);
  // The ids of the connections that a server has: " 1 7 12 "; empty if it does not answer.
  std::string Connections(size_t node);
  void CheckLinks(RunContext& run);

  static constexpr int64_t kPatienceMs = 20;
  static constexpr int64_t kBoundMs = 60'000;

  std::unique_ptr<ReplicatedServers> servers_;
  Config config_;
  size_t nodes_ = 0;
  size_t primary_ = 0;                      // that the operator has last made one
  std::array<size_t, kMostNodes> follows_;  // as the operator has last said
  std::array<int64_t, kMostNodes> paused_until_us_;
  std::array<int64_t, kMostNodes> jumped_ms_;  // of each clock, all together
  std::array<Connection, kMostNodes> writers_;
  std::array<Connection, kMostNodes> callers_;
  WriteBook book_;
  resp::ReplyParser parser_;
  std::vector<resp::Reply> replies_;
  std::string in_;
  std::string request_;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_REPLICATION_REPLICATION_WORLD_H_
