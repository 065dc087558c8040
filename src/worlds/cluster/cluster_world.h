#ifndef RESPROBE_WORLDS_CLUSTER_CLUSTER_WORLD_H_
#define RESPROBE_WORLDS_CLUSTER_CLUSTER_WORLD_H_

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/resp/reply_parser.h"
#include "engine/generate.h"
#include "engine/op.h"
#include "engine/run_context.h"
#include "worlds/cluster/cluster_servers.h"
#include "worlds/cluster/cluster_view.h"
#include "worlds/cluster/election_watch.h"
#include "worlds/cluster/write_ledger.h"

namespace resprobe {

// How CLUSTER FAILOVER is asked for.
enum class FailoverMode : uint8_t { kPlain, kForce, kTakeover };
inline constexpr std::string_view kFailoverModeNames[] = {"plain", "force", "takeover"};
constexpr std::span<const std::string_view> EnumNames(FailoverMode) { return kFailoverModeNames; }

// Model: a formed cluster of 6 to 10 nodes, clients that follow redirections, and an operator.
// Numbered writes go to keys in slots of all shards. Time decides when bytes arrive.
//
// Faults: links that are held, one way, between nodes and between a node and its clients, or reset;
// processes that are killed, lose power, or are paused; clocks that jump; an operator who promotes,
// moves and forgets nodes, and stops in the middle of moving a slot; packets that an outsider sends
// to the bus.
//
// Promise: kInvariants. What the servers do not promise is not asserted (docs/cluster.md). After
// packets of an outsider, only `never_had`, `stays_up` and `starts` are.
class ClusterWorld {
 public:
  static constexpr std::string_view kName = "cluster";
  static constexpr std::string_view kSummary =
      "a cluster of real nodes: partitions, kills, failovers, slots that move, hostile packets";
  static constexpr InvariantInfo kInvariants[] = {
      {"never_had", "a node serves nothing that clients have not sent, or that was refused"},
      {"keeps",
       "a write that was accepted while nothing was wrong is kept until something is; one that "
       "WAIT has confirmed for its shard, as long as a node that has it"},
      {"one_vote", "a node votes once in an epoch, over all its processes"},
      {"vote_kept", "the epoch of the last vote in nodes.conf never falls"},
      {"one_winner", "one election at most is won in an epoch"},
      {"epoch_rises", "the current epoch of a process never falls"},
      {"equal_views", "once all is healed, all nodes agree on nodes, roles, slots and epochs"},
      {"one_owner", "then each slot has one owner, and each replica follows a primary"},
      {"serves", "then the state is ok, replicas are linked, and clients are served at every node"},
      {"redirections_end", "then one redirection leads to the owner of a slot"},
      {"stays_up", "no node ends by itself"},
      {"starts", "every node starts again"},
  };

  struct Config {
    Index shape;  // of kShapes
    bool log = false;
    bool partial = false;   // cluster-require-full-coverage no
    bool migrates = false;  // a migration barrier of 1
    bool restart = false;   // at the end, all nodes are killed and start again
  };

  // A numbered write, sent to a node; the client follows its redirections.
  struct Put {
    static constexpr std::string_view kName = "put";
    static constexpr int kWeight = 12;
    Index at;
    Index key;
  };
  // The same for a read; `here`: of the node itself (READONLY).
  struct Read {
    static constexpr std::string_view kName = "read";
    static constexpr int kWeight = 5;
    Index at;
    Index key;
    bool here = false;
  };
  // WAIT for all replicas, where the key was last written.
  struct Await {
    static constexpr std::string_view kName = "await";
    static constexpr int kWeight = 5;
    Index key;
    Count ms;
  };
  // CLUSTER INFO.
  struct Look {
    static constexpr std::string_view kName = "look";
    static constexpr int kWeight = 2;
    Index node;
  };
  struct Advance {
    static constexpr std::string_view kName = "advance";
    static constexpr int kWeight = 10;
    Count ms;  // 0: none
  };
  // What one end sends to another waits, until `release`. The number after the last node's:
  // clients.
  struct Hold {
    static constexpr std::string_view kName = "hold";
    static constexpr int kWeight = 3;
    Index from;
    Index to;
  };
  struct Release {
    static constexpr std::string_view kName = "release";
    static constexpr int kWeight = 2;
    Index from;
    Index to;
  };
  // Nodes from `node` on, `count` of them, are cut off from all others, both ways.
  struct Isolate {
    static constexpr std::string_view kName = "isolate";
    static constexpr int kWeight = 2;
    Index node;
    Index count;
  };
  struct Reset {
    static constexpr std::string_view kName = "reset";
    Index a;
    Index b;
  };
  struct Kill {
    static constexpr std::string_view kName = "kill";
    static constexpr int kWeight = 3;
    Index node;
    bool power = false;
  };
  struct Restart {
    static constexpr std::string_view kName = "restart";
    static constexpr int kWeight = 3;
    Index node;
  };
  struct Pause {
    static constexpr std::string_view kName = "pause";
    Index node;
    Count ms;  // ten of them
  };
  struct Jump {
    static constexpr std::string_view kName = "jump";
    Index node;
    Number ms;
  };
  struct Failover {
    static constexpr std::string_view kName = "failover";
    static constexpr int kWeight = 4;
    Index node;
    FailoverMode mode = FailoverMode::kPlain;
  };
  struct Replicate {
    static constexpr std::string_view kName = "replicate";
    Index node;
    Index of;
  };
  struct Forget {
    static constexpr std::string_view kName = "forget";
    Index node;
    Index other;
  };
  struct Meet {
    static constexpr std::string_view kName = "meet";
    Index node;
    Index other;
  };
  struct Bump {
    static constexpr std::string_view kName = "bump";
    Index node;
  };
  // Moves the slot of a key to a primary: the first `steps` of kMoveSteps; 0: all.
  struct Move {
    static constexpr std::string_view kName = "move";
    static constexpr int kWeight = 3;
    Index key;
    Index to;
    Count steps;
  };
  // All faults end; the cluster must settle.
  struct Heal {
    static constexpr std::string_view kName = "heal";
  };
  // Packets of an outsider, who knows the identifiers and epochs of nodes, to the bus of a node.
  struct Intrude {
    static constexpr std::string_view kName = "intrude";
    Index node;
    Number seed;
  };
  using Op =
      std::variant<Put, Read, Await, Look, Advance, Hold, Release, Isolate, Reset, Kill, Restart,
                   Pause, Jump, Failover, Replicate, Forget, Meet, Bump, Move, Heal, Intrude>;

  static constexpr std::pair<size_t, size_t> kShapes[] = {{3, 1}, {3, 2}, {4, 1}, {5, 1}};
  // IMPORTING, MIGRATING, MIGRATE, NODE at the target, NODE at the source.
  static constexpr size_t kMoveSteps = 5;
  // In which a healed cluster settles; and what a forgotten node takes, which is barred for 60 s.
  static constexpr int64_t kSettleMs = 30'000;
  static constexpr int64_t kBarredMs = 70'000;

  explicit ClusterWorld(std::unique_ptr<ClusterServers> servers) : servers_(std::move(servers)) {}
  ClusterWorld(const ClusterWorld&) = delete;
  ClusterWorld& operator=(const ClusterWorld&) = delete;

  void Start(const Config& config, RunContext& run);
  void Apply(const Put& op, RunContext& run);
  void Apply(const Read& op, RunContext& run);
  void Apply(const Await& op, RunContext& run);
  void Apply(const Look& op, RunContext& run);
  void Apply(const Advance& op, RunContext& run);
  void Apply(const Hold& op, RunContext& run);
  void Apply(const Release& op, RunContext& run);
  void Apply(const Isolate& op, RunContext& run);
  void Apply(const Reset& op, RunContext& run);
  void Apply(const Kill& op, RunContext& run);
  void Apply(const Restart& op, RunContext& run);
  void Apply(const Pause& op, RunContext& run);
  void Apply(const Jump& op, RunContext& run);
  void Apply(const Failover& op, RunContext& run);
  void Apply(const Replicate& op, RunContext& run);
  void Apply(const Forget& op, RunContext& run);
  void Apply(const Meet& op, RunContext& run);
  void Apply(const Bump& op, RunContext& run);
  void Apply(const Move& op, RunContext& run);
  void Apply(const Heal& op, RunContext& run);
  void Apply(const Intrude& op, RunContext& run);
  void Settle(RunContext& run);

  static void Generate(Gen& gen, Config& config);
  static void Generate(Gen& gen, Await& op);
  static void Generate(Gen& gen, Advance& op);
  static void Generate(Gen& gen, Isolate& op);
  static void Generate(Gen& gen, Jump& op);
  static void Generate(Gen& gen, Failover& op);
  static void Generate(Gen& gen, Move& op);
  static void Generate(Gen& gen, Intrude& op);

  ClusterServers& servers() { return *servers_; }
  const ElectionWatch& elections() const { return elections_; }

 private:
  static constexpr size_t kMostNodes = ClusterServers::kMostNodes;
  static constexpr size_t kMostHops = 5;

  struct Connection {
    uint64_t id = 0;
    std::set<size_t> keys;  // that were written on it
  };
  // How a request for a key ended.
  struct Outcome {
    enum Kind : uint8_t { kDone, kRefused, kUnknown } kind = kUnknown;
    size_t node = 0;  // that was asked last
    size_t hops = 0;
    std::string text;  // the reply: a value (empty: null), or an error
  };
  struct Problem {
    std::string_view invariant;
    std::string text;
  };

  // --- Clients.
  std::span<const resp::Reply> Ask(Connection& connection, size_t node, std::string_view requests,
                                   size_t count, int64_t within_ms = kPatienceMs);
  // The reply to one command on a connection of its own, as text; errors begin with '-'. Nothing if
  // there is none.
  std::optional<std::string> Command(size_t node, std::initializer_list<std::string_view> words,
                                     int64_t within_ms = kPatienceMs);
  void Disconnect(Connection& connection);
  static void AppendRequest(std::string* out, std::initializer_list<std::string_view> words);
  Outcome Follow(size_t at, std::initializer_list<std::string_view> words);
  size_t NodeAt(std::string_view address) const;
  size_t NodeOfId(std::string_view id) const;
  static std::string KeyName(size_t key);
  void CheckValue(size_t key, const Outcome& outcome, RunContext& run);

  // --- The system.
  void Pass(int64_t ms, RunContext& run);
  bool CheckLives(RunContext& run);
  void ReadElections(RunContext& run);
  void CheckEpoch(size_t node, std::string_view info, RunContext& run);
  bool Launch(size_t node, RunContext& run);
  void Disturb() { ledger_.Disturb(); }
  void SetHeld(size_t from, size_t to, bool held);
  size_t EndOf(Index index) const;
  std::optional<ClusterView> ViewOf(size_t node);
  size_t MoveSlot(size_t key, size_t to, size_t steps);
  void Note(RunContext& run, size_t node, std::string_view what);

  // --- At the end.
  void EndFaults(RunContext& run);
  // Time passes until the cluster has settled; a violation if it does not.
  bool Converge(RunContext& run);
  void MeetMissing();
  Problem WhyNotSettled(RunContext& run);
  Problem WhyNotServed();
  // Ends the moves of slots that have been begun.
  void EndMoves(RunContext& run);
  void CheckKept(RunContext& run);
  void LearnRoles();
  void RestartAll(RunContext& run);

  static constexpr int64_t kPatienceMs = 20;

  std::unique_ptr<ClusterServers> servers_;
  Config config_;
  size_t shards_ = 0;
  size_t replicas_ = 0;
  size_t nodes_ = 0;
  std::array<std::string, kMostNodes> ids_;
  std::array<int64_t, kMostNodes> paused_until_us_{};
  std::array<uint64_t, kMostNodes> epochs_{};  // that a process has shown
  std::array<size_t, kMostNodes> shard_of_{};
  bool shards_known_ = true;
  bool hostile_ = false;
  int64_t extra_ms_ = 0;  // to settle in
  std::array<std::bitset<kMostNodes + 1>, kMostNodes + 1> held_;
  std::set<size_t> forgotten_;
  std::array<std::optional<size_t>, WriteLedger::kMostKeys> moving_;  // to which node
  uint32_t moved_ = 0;  // keys whose slots have been moved, or were about to be
  std::array<size_t, WriteLedger::kMostKeys> written_at_{};
  std::array<Connection, kMostNodes> clients_;
  WriteLedger ledger_;
  ElectionWatch elections_;
  resp::ReplyParser parser_;
  std::vector<resp::Reply> replies_;
  std::string in_;
  std::string request_;
};

}  // namespace resprobe

#endif  // RESPROBE_WORLDS_CLUSTER_CLUSTER_WORLD_H_
