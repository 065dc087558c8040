#include "cli/cluster/scenario_run.h"

#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>

#include "engine/rng.h"
#include "live/cluster/sandboxed_cluster.h"
#include "runner/files.h"
#include "runner/json.h"
#include "runner/process.h"
#include "runner/user_error.h"
#include "sandbox/sandbox_client.h"
#include "worlds/cluster/cluster_view.h"

namespace resprobe::cli {
namespace {

using sandbox::Sandbox;
using sandbox::SandboxClient;
using Cluster = live::SandboxedCluster;

constexpr double kLookSeconds = 0.1;
// An operation is on its way, and not done.
constexpr double kDuringSeconds = 0.002;
constexpr double kTermSeconds = 10;

int64_t Us(double seconds) { return static_cast<int64_t>(seconds * 1'000'000); }

// The text after "name:" in INFO.
std::string FieldOf(const std::string& info, std::string_view name) {
  const std::string start = std::string(name) + ":";
  const size_t at = info.find(start);
  if (at == info.npos) return "";
  const size_t begin = at + start.size();
  return info.substr(begin, info.find_first_of("\r\n", begin) - begin);
}
int64_t NumberOf(const std::string& text) { return std::strtoll(text.c_str(), nullptr, 10); }

// One run of a scenario.
class Execution {
 public:
  Execution(const Scenario& scenario, Cluster* cluster)
      : scenario_(scenario),
        cluster_(*cluster),
        sandbox_(cluster->sandbox()),
        rng_(scenario.seed.value_or(0)),
        size_(static_cast<size_t>(1 + scenario.cluster.replicas_per_shard)),
        shards_(static_cast<size_t>(scenario.cluster.num_shards)),
        nodes_(size_ * shards_) {}

  Json Run();

 private:
  struct Kill {
    size_t node;
    double at;
  };

  double Now() const { return static_cast<double>(sandbox_.now_us()) / 1e6; }
  void Wait(double seconds) { WaitUntil(Now() + seconds); }
  void WaitUntil(double seconds);
  // A node that was not killed has ended, or the sandbox cannot go on: throws Broken.
  void CheckLives();
  struct Broken {
    std::string why;
  };

  std::string NameOf(size_t node) const { return "node-" + std::to_string(node); }
  bool up(size_t node) const { return cluster_.up(node); }
  std::string Ask(size_t node, std::initializer_list<std::string_view> words, double within = 5) {
    return SandboxClient(&sandbox_, node).Ask(words, Us(within));
  }
  std::optional<ClusterView> ViewOf(size_t node, double within = 5);
  // As a live node sees it.
  std::optional<ClusterView> AnyView();
  size_t NodeOfId(std::string_view id) const;
  bool IsPrimary(const ClusterView& view, size_t node) const;
  // The node that an identifier means now; nodes_: none.
  size_t Resolve(const std::string& name);
  std::vector<size_t> Live() const;

  // --- Operations and chaos.
  void Operate(size_t number);
  bool LinksAreUp(double within);
  std::optional<size_t> ChooseVictim(const Scenario::Chaos& chaos);
  void Strike(const Scenario::Chaos& chaos, std::optional<size_t> victim, std::string_view phase,
              const std::string& operation);

  // --- Validation. Each check returns what is wrong, or nothing.
  Json Validate(const std::string& when);
  std::vector<std::pair<std::string, std::string>> CheckAll();
  std::string CheckReplication();
  std::string CheckStatus();
  std::string CheckSlots();
  std::string CheckTopology();
  std::string CheckViews();
  std::string CheckData();
  void WriteKeys();
  // GET or SET as a client does that follows redirections; "-…" and "(no reply)" are errors.
  std::string Follow(std::initializer_list<std::string_view> words, double within);
  std::string KeyName(int number) const {
    return scenario_.validation.key_prefix + std::to_string(number);
  }

  void Snapshot(const std::string& when);
  void Keep();

  const Scenario& scenario_;
  Cluster& cluster_;
  Sandbox& sandbox_;
  Rng rng_;
  const size_t size_;
  const size_t shards_;
  const size_t nodes_;
  std::map<size_t, Kill> killed_;
  int executed_ = 0;
  int keys_written_ = 0;
  Json chaos_events_ = Json::array();
  Json validations_ = Json::array();
  Json operation_logs_ = Json::array();
  Json snapshots_ = Json::array();
  Json errors_ = Json::array();
};

void Execution::WaitUntil(double seconds) {
  cluster_.RunUntil(Us(seconds));
  CheckLives();
}

void Execution::CheckLives() {
  if (runner::Interrupted()) throw runner::Interruption();
  if (sandbox_.failed()) throw Broken{sandbox_.error()};
  for (size_t i = 0; i < nodes_; ++i) {
    if (!up(i) && !killed_.contains(i))
      throw Broken{NameOf(i) + " has ended: " + cluster_.Ending(i)};
  }
}

std::optional<ClusterView> Execution::ViewOf(size_t node, double within) {
  return ClusterView::Parse(Ask(node, {"CLUSTER", "NODES"}, within));
}

std::optional<ClusterView> Execution::AnyView() {
  for (const size_t node : Live()) {
    if (std::optional<ClusterView> view = ViewOf(node); view && view->Myself() != nullptr) {
      return view;
    }
  }
  return {};
}

size_t Execution::NodeOfId(std::string_view id) const {
  size_t node = 0;
  while (node < nodes_ && cluster_.IdOf(node) != id) ++node;
  return node;
}

bool Execution::IsPrimary(const ClusterView& view, size_t node) const {
  const ClusterMember* const member = view.Find(cluster_.IdOf(node));
  return member != nullptr && member->primary;
}

std::vector<size_t> Execution::Live() const {
  std::vector<size_t> live;
  for (size_t i = 0; i < nodes_; ++i) {
    if (up(i)) live.push_back(i);
  }
  return live;
}

size_t Execution::Resolve(const std::string& name) {
  if (name.starts_with("shard-")) {
    const std::optional<ClusterView> view = AnyView();
    const auto shard = static_cast<int>(NumberOf(name.substr(6)));
    const ClusterMember* const owner =
        view ? view->OwnerOf(shard * (Cluster::kSlots / static_cast<int>(shards_))) : nullptr;
    return owner == nullptr ? nodes_ : NodeOfId(owner->id);
  }
  if (name.starts_with("node-")) return static_cast<size_t>(NumberOf(name.substr(5)));
  if (name.size() == 40) return NodeOfId(name);
  return static_cast<size_t>(NumberOf(name) - scenario_.cluster.base_port);
}

bool Execution::LinksAreUp(double within) {
  const std::optional<ClusterView> view = AnyView();
  if (!view) return false;
  return std::ranges::all_of(Live(), [&](size_t node) {
    const std::string info = Ask(node, {"INFO", "replication"}, within);
    return FieldOf(info, "role") == "master" || FieldOf(info, "master_link_status") == "up";
  });
}

std::optional<size_t> Execution::ChooseVictim(const Scenario::Chaos& chaos) {
  const std::optional<ClusterView> view = AnyView();
  std::set<size_t> named;
  for (const std::string& name : chaos.specific_nodes) named.insert(Resolve(name));
  std::vector<size_t> candidates;
  for (const size_t node : Live()) {
    // The last live node of a shard is not killed.
    size_t others = 0;
    for (size_t i = node / size_ * size_; i < (node / size_ + 1) * size_; ++i) {
      others += i != node && up(i) ? 1 : 0;
    }
    if (others == 0) continue;
    const bool primary = view && IsPrimary(*view, node);
    switch (chaos.strategy) {
      case Scenario::Strategy::kRandom:
        break;
      case Scenario::Strategy::kPrimaryOnly:
        if (!primary) continue;
        break;
      case Scenario::Strategy::kReplicaOnly:
        if (primary) continue;
        break;
      case Scenario::Strategy::kSpecific:
        if (!named.contains(node)) continue;
        break;
    }
    candidates.push_back(node);
  }
  if (candidates.empty()) return {};
  return rng_.Pick(candidates);
}

void Execution::Strike(const Scenario::Chaos& chaos, std::optional<size_t> victim,
                       std::string_view phase, const std::string& operation) {
  Json event = {{"chaos_type", "process_kill"},
                {"phase", phase},
                {"operation", operation},
                {"start_time", Now()}};
  if (!victim || !up(*victim)) {
    event["success"] = false;
    event["error_message"] = "no node may be killed";
    event["end_time"] = Now();
    chaos_events_.push_back(event);
    return;
  }
  const Scenario::Signal signal =
      chaos.signal.value_or(rng_.OneIn(2) ? Scenario::Signal::kKill : Scenario::Signal::kTerm);
  const std::optional<ClusterView> view = AnyView();
  event["chaos_id"] = absl::StrFormat("chaos-%d", chaos_events_.size() + 1);
  event["target_node"] = NameOf(*victim);
  event["target_role"] = view && IsPrimary(*view, *victim) ? "primary" : "replica";
  event["process_chaos_type"] = signal == Scenario::Signal::kKill ? "sigkill" : "sigterm";
  killed_[*victim] = {*victim, Now()};
  if (signal == Scenario::Signal::kKill) {
    cluster_.Crash(*victim, CrashKind::kProcess);
  } else {
    sandbox_.node(*victim).Signal(SIGTERM);
    for (const double until = Now() + kTermSeconds; up(*victim) && Now() < until;) {
      Wait(kDuringSeconds);
    }
  }
  event["success"] = !up(*victim);
  if (up(*victim)) event["error_message"] = "it has not ended";
  event["end_time"] = Now();
  chaos_events_.push_back(event);
}

void Execution::Operate(size_t number) {
  const Scenario::Operation& operation = scenario_.operations[number];
  const std::string name = absl::StrFormat("op-%d", number + 1);
  Scenario::Chaos chaos = scenario_.chaos;
  const auto about = [&](double seconds) {
    return chaos.randomize_per_operation
               ? seconds * static_cast<double>(rng_.Between(800, 1200)) / 1000
               : seconds;
  };
  if (chaos.randomize_per_operation) {
    chaos.signal = rng_.OneIn(2) ? Scenario::Signal::kKill : Scenario::Signal::kTerm;
    const uint64_t phase = rng_.Below(3);
    chaos.before = phase == 0;
    chaos.during = phase == 1;
    chaos.after = phase == 2;
    if (chaos.strategy != Scenario::Strategy::kSpecific) {
      chaos.strategy = static_cast<Scenario::Strategy>(rng_.Below(3));
    }
  }
  Json log = {{"operation_id", name},
              {"operation_type", "failover"},
              {"target_node", operation.target_node},
              {"parameters", {{"force", operation.force}}},
              {"start_time", Now()},
              {"success", false}};
  Snapshot("before " + name);
  if (chaos.before) {
    Wait(about(chaos.delay_before_operation));
    Strike(chaos, ChooseVictim(chaos), "before", name);
  }
  Wait(operation.delay_before);
  const auto fail = [&](const std::string& why) {
    log["error_message"] = why;
    errors_.push_back(name + ": " + why);
  };
  const size_t target = Resolve(operation.target_node);
  const std::optional<ClusterView> view = AnyView();
  std::vector<size_t> replicas;
  if (target < nodes_ && view && IsPrimary(*view, target)) {
    for (const size_t node : Live()) {
      const ClusterMember* const member = view->Find(cluster_.IdOf(node));
      if (member != nullptr && member->replicates == cluster_.IdOf(target)) {
        replicas.push_back(node);
      }
    }
  }
  if (target >= nodes_ || !view || !IsPrimary(*view, target)) {
    fail(operation.target_node + " is no primary now");
  } else if (replicas.empty()) {
    fail(operation.target_node + " has no live replica");
  } else {
    const size_t replica = rng_.Pick(replicas);
    const double until = Now() + operation.timeout;
    log["replica"] = NameOf(replica);
    const std::optional<size_t> victim = chaos.during ? ChooseVictim(chaos) : std::nullopt;
    const std::string reply = operation.force ? Ask(replica, {"CLUSTER", "FAILOVER", "FORCE"})
                                              : Ask(replica, {"CLUSTER", "FAILOVER"});
    log["reply"] = reply;
    if (chaos.during) {
      // The vote is on its way.
      Wait(kDuringSeconds);
      Strike(chaos, victim, "during", name);
    }
    if (reply != "OK") {
      fail("CLUSTER FAILOVER: " + reply);
    } else {
      // A failover that was asked for is done within a second, or not at all.
      WaitUntil(std::min(until, Now() + std::clamp(operation.timeout / 2, 1.0, 3.0)));
      bool linked = LinksAreUp(1);
      while (!linked && Now() < until) {
        Wait(kLookSeconds);
        linked = LinksAreUp(1);
      }
      const std::optional<ClusterView> after = AnyView();
      log["took_over"] = after && up(replica) && IsPrimary(*after, replica);
      if (linked) {
        log["success"] = true;
        ++executed_;
      } else {
        fail(absl::StrFormat("replicas are not connected after %g s", operation.timeout));
      }
    }
  }
  if (chaos.after) {
    Wait(about(chaos.delay_after_operation));
    Strike(chaos, ChooseVictim(chaos), "after", name);
  }
  Wait(operation.delay_after);
  log["end_time"] = Now();
  operation_logs_.push_back(log);
  Snapshot("after " + name);
}

// --- Validation.

std::string Execution::CheckReplication() {
  const Scenario::Validation& v = scenario_.validation;
  const std::optional<ClusterView> view = AnyView();
  if (!view) return "no node answers";
  std::map<size_t, int> replicas;  // live ones, by shard
  for (const size_t node : Live()) {
    const std::string info = Ask(node, {"INFO", "replication"}, v.replication_timeout);
    if (FieldOf(info, "role") != "slave") continue;
    if (FieldOf(info, "master_link_status") != "up") {
      return NameOf(node) + " is not connected to its primary";
    }
    const int64_t silence = NumberOf(FieldOf(info, "master_last_io_seconds_ago"));
    if (static_cast<double>(silence) > v.max_acceptable_lag) {
      return absl::StrFormat("%s has heard nothing from its primary for %d s", NameOf(node),
                             silence);
    }
    ++replicas[node / size_];
    if (!v.check_replication_offset && !v.require_all_replicas_synced) continue;
    const ClusterMember* const member = view->Find(cluster_.IdOf(node));
    const size_t primary = member == nullptr ? nodes_ : NodeOfId(member->replicates);
    if (primary == nodes_ || !up(primary)) continue;
    const std::string of = Ask(primary, {"INFO", "replication"}, v.replication_timeout);
    const int64_t lag =
        NumberOf(FieldOf(of, "master_repl_offset")) - NumberOf(FieldOf(info, "slave_repl_offset"));
    // Pings move the offset of a primary.
    if (v.require_all_replicas_synced && lag > 0) {
      return absl::StrFormat("%s lacks %d bytes of %s", NameOf(node), lag, NameOf(primary));
    }
    if (lag < 0 && v.check_replication_offset) {
      return absl::StrFormat("%s is %d bytes ahead of %s", NameOf(node), -lag, NameOf(primary));
    }
  }
  for (size_t shard = 0; shard < shards_; ++shard) {
    int dead = 0;
    for (size_t i = shard * size_; i < (shard + 1) * size_; ++i) dead += up(i) ? 0 : 1;
    const int least =
        std::min(v.min_replicas_per_shard, scenario_.cluster.replicas_per_shard - dead);
    if (replicas[shard] < least) {
      return absl::StrFormat("shard %d has %d replicas, not %d", shard, replicas[shard], least);
    }
  }
  return {};
}

std::string Execution::CheckStatus() {
  const Scenario::Validation& v = scenario_.validation;
  size_t good = 0;
  std::string bad;
  const std::vector<size_t> live = Live();
  for (const size_t node : live) {
    const std::string state =
        FieldOf(Ask(node, {"CLUSTER", "INFO"}, v.status_timeout), "cluster_state");
    if (std::ranges::find(v.acceptable_states, state) != v.acceptable_states.end()) {
      ++good;
    } else {
      bad = NameOf(node) + " has state '" + state + "'";
    }
  }
  if (!bad.empty() && !(v.allow_degraded && good > 0)) return bad;
  if (!v.require_quorum) return {};
  const std::optional<ClusterView> view = AnyView();
  size_t voters = 0;
  size_t live_voters = 0;
  for (const ClusterMember& member : view ? view->members() : std::vector<ClusterMember>()) {
    if (!member.primary || member.slots.empty()) continue;
    ++voters;
    const size_t node = NodeOfId(member.id);
    live_voters += node < nodes_ && up(node) ? 1 : 0;
  }
  if (live_voters < voters / 2 + 1) {
    return absl::StrFormat("%d of %d primaries are alive: no quorum", live_voters, voters);
  }
  return {};
}

std::string Execution::CheckSlots() {
  const Scenario::Validation& v = scenario_.validation;
  std::vector<size_t> owners(Cluster::kSlots, nodes_);
  std::string conflict;
  for (const size_t node : Live()) {
    const std::optional<ClusterView> view = ViewOf(node, v.slot_timeout);
    const ClusterMember* const myself = view ? view->Myself() : nullptr;
    if (myself == nullptr) return NameOf(node) + " does not answer";
    if (!myself->primary) continue;
    for (const auto& [first, last] : myself->slots) {
      for (int slot = first; slot <= last; ++slot) {
        size_t& owner = owners[static_cast<size_t>(slot)];
        if (owner != nodes_ && conflict.empty()) {
          conflict =
              absl::StrFormat("slot %d is claimed by %s and %s", slot, NameOf(owner), NameOf(node));
        }
        owner = node;
      }
    }
  }
  if (!v.allow_slot_conflicts && !conflict.empty()) return conflict;
  const auto missing = std::ranges::count(owners, nodes_);
  if (v.require_full_coverage && missing > 0) {
    return absl::StrFormat("%d slots have no live owner", missing);
  }
  return {};
}

std::string Execution::CheckTopology() {
  const Scenario::Validation& v = scenario_.validation;
  size_t primaries = 0;
  size_t replicas = 0;
  for (const size_t node : Live()) {
    const std::string role =
        FieldOf(Ask(node, {"INFO", "replication"}, v.topology_timeout), "role");
    primaries += role == "master" ? 1 : 0;
    replicas += role == "slave" ? 1 : 0;
  }
  if (!v.allow_failed_nodes && primaries + replicas < nodes_) {
    return absl::StrFormat("%d of %d nodes are alive", primaries + replicas, nodes_);
  }
  const size_t wanted = nodes_ - shards_ - (nodes_ - Live().size());
  if (primaries != shards_ || replicas != wanted) {
    const std::string seen = absl::StrFormat("%d primaries and %d replicas, not %d and %d",
                                             primaries, replicas, shards_, wanted);
    if (v.strict_mode || primaries < shards_) return seen;
  }
  return {};
}

std::string Execution::CheckViews() {
  const Scenario::Validation& v = scenario_.validation;
  const double until = Now() + (v.allow_transient_inconsistency ? v.max_inconsistency_duration : 0);
  for (;;) {
    std::map<std::string, std::vector<std::string>> views;
    const std::vector<size_t> live = Live();
    for (const size_t node : live) {
      const std::optional<ClusterView> view = ViewOf(node, v.view_timeout);
      if (!view) return NameOf(node) + " does not answer";
      views[view->Agreed()].push_back(NameOf(node));
    }
    size_t most = 0;
    for (const auto& [view, names] : views) most = std::max(most, names.size());
    if (v.require_full_consensus ? views.size() == 1 : 2 * most > live.size()) return {};
    if (Now() >= until) {
      std::vector<std::string> groups;
      for (const auto& [view, names] : views) groups.push_back(absl::StrJoin(names, " "));
      return absl::StrFormat("%d views: ", views.size()) + absl::StrJoin(groups, "; ");
    }
    Wait(kLookSeconds);
  }
}

std::string Execution::Follow(std::initializer_list<std::string_view> words, double within) {
  const std::vector<size_t> live = Live();
  if (live.empty()) return "(no reply)";
  size_t node = live.front();
  std::string reply;
  for (int hops = 0; hops < 5; ++hops) {
    reply = Ask(node, words, within);
    if (!reply.starts_with("-MOVED ")) return reply;
    const std::string address = reply.substr(reply.rfind(' ') + 1);
    const std::string ip = address.substr(0, address.rfind(':'));
    for (node = 0; node < nodes_ && cluster_.AddressOf(node) != ip;) ++node;
    if (node == nodes_ || !up(node)) return reply;
  }
  return reply;
}

void Execution::WriteKeys() {
  const Scenario::Validation& v = scenario_.validation;
  for (int i = 0; i < v.num_test_keys; ++i) {
    const std::string reply =
        Follow({"SET", KeyName(i), "value-" + std::to_string(i)}, v.data_timeout);
    if (reply != "OK") throw Broken{"cannot write " + KeyName(i) + ": " + reply};
    ++keys_written_;
  }
}

std::string Execution::CheckData() {
  const Scenario::Validation& v = scenario_.validation;
  std::optional<ClusterView> view = AnyView();
  if (!view) return "no node answers";
  for (int i = 0; i < keys_written_; ++i) {
    const std::string expected = "value-" + std::to_string(i);
    if (v.check_test_keys) {
      const std::string value = Follow({"GET", KeyName(i)}, v.data_timeout);
      if (value != expected) return KeyName(i) + " is '" + value + "', not '" + expected + "'";
    }
    if (!v.check_cross_replica_consistency) continue;
    const ClusterMember* const owner = view->OwnerOf(SlotOfKey(KeyName(i)));
    for (const size_t node : Live()) {
      const ClusterMember* const member = view->Find(cluster_.IdOf(node));
      if (owner == nullptr || member == nullptr || member->replicates != owner->id) continue;
      SandboxClient client(&sandbox_, node);
      client.Ask({"READONLY"}, Us(v.data_timeout));
      const std::string value = client.Ask({"GET", KeyName(i)}, Us(v.data_timeout));
      if (value != expected) {
        return KeyName(i) + " is '" + value + "' at " + NameOf(node) + ", a replica";
      }
    }
  }
  return {};
}

std::vector<std::pair<std::string, std::string>> Execution::CheckAll() {
  const Scenario::Validation& v = scenario_.validation;
  std::vector<std::pair<std::string, std::string>> results;
  const auto check = [&](bool wanted, const char* name, std::string (Execution::*make)()) {
    if (wanted) results.emplace_back(name, (this->*make)());
  };
  check(v.check_replication, "replication", &Execution::CheckReplication);
  check(v.check_cluster_status, "cluster_status", &Execution::CheckStatus);
  check(v.check_slot_coverage, "slot_coverage", &Execution::CheckSlots);
  check(v.check_topology, "topology", &Execution::CheckTopology);
  check(v.check_view_consistency, "view_consistency", &Execution::CheckViews);
  check(v.check_data_consistency, "data_consistency", &Execution::CheckData);
  return results;
}

Json Execution::Validate(const std::string& when) {
  const Scenario::Validation& v = scenario_.validation;
  const double start = Now();
  const double until = start + v.stabilization_wait + v.validation_timeout;
  Wait(v.stabilization_wait);
  Json result = {{"when", when}, {"start_time", start}};
  for (int attempt = 0;; ++attempt) {
    CheckLives();
    Json checks = Json::object();
    std::vector<std::string> failed;
    for (const auto& [name, why] : CheckAll()) {
      checks[name] = {{"success", why.empty()}};
      if (why.empty()) continue;
      checks[name]["error_message"] = why;
      failed.push_back(name + ": " + why);
    }
    result["overall_success"] = failed.empty();
    result["checks"] = checks;
    result["attempts"] = attempt + 1;
    result["errors"] = failed;
    const bool again = !failed.empty() && v.retry_on_transient_failure && attempt < v.max_retries &&
                       Now() + v.retry_delay < until;
    if (!again) break;
    Wait(v.retry_delay);
  }
  result["end_time"] = Now();
  return result;
}

void Execution::Snapshot(const std::string& when) {
  Json snapshot = {{"when", when}, {"time", Now()}, {"nodes", Json::array()}};
  const std::optional<ClusterView> view = AnyView();
  for (size_t i = 0; i < nodes_; ++i) {
    const ClusterMember* const member = view ? view->Find(cluster_.IdOf(i)) : nullptr;
    Json node = {{"node", NameOf(i)},
                 {"port", scenario_.cluster.base_port + static_cast<int>(i)},
                 {"id", cluster_.IdOf(i)},
                 {"alive", up(i)}};
    if (member != nullptr) {
      node["role"] = member->primary ? "primary" : "replica";
      node["epoch"] = member->epoch;
      std::vector<std::string> slots;
      for (const auto& [first, last] : member->slots) {
        slots.push_back(absl::StrFormat("%d-%d", first, last));
      }
      node["slots"] = absl::StrJoin(slots, " ");
      node["failed"] = member->failed;
    }
    snapshot["nodes"].push_back(node);
  }
  snapshots_.push_back(snapshot);
}

// The nodes' files, which are on simulated disks.
void Execution::Keep() {
  if (scenario_.cluster.enable_cleanup) return;
  for (size_t i = 0; i < nodes_; ++i) {
    const fs::path folder = fs::path(scenario_.cluster.base_data_dir) / NameOf(i);
    fs::create_directories(folder);
    for (const char* const name : {"log", "nodes.conf"}) {
      if (const std::string* const content = cluster_.ReadFile(i, name)) {
        runner::WriteFile(folder / name, *content);
      }
    }
  }
}

Json Execution::Run() {
  Json result = {{"scenario_id", scenario_.id}, {"seed", *scenario_.seed}, {"start_time", Now()}};
  bool success = false;
  std::string error;
  try {
    Snapshot("start");
    if (scenario_.validation.check_data_consistency) WriteKeys();
    for (size_t i = 0; i < scenario_.operations.size(); ++i) {
      Operate(i);
      validations_.push_back(Validate(absl::StrFormat("after op-%d", i + 1)));
      if (!validations_.back()["overall_success"].get<bool>() &&
          scenario_.validation.blocking_on_failure) {
        error = "the validation after an operation has failed, and blocks";
        break;
      }
    }
    double last = 0;
    for (const auto& [node, kill] : killed_) last = std::max(last, kill.at);
    if (!killed_.empty()) WaitUntil(std::max(Now(), last + scenario_.chaos.chaos_duration));
    Json final_validation = Validate("final");
    success = error.empty() && executed_ > 0 && final_validation["overall_success"].get<bool>();
    if (executed_ == 0 && error.empty()) {
      error = "no operation was executed: " +
              absl::StrJoin(errors_.get<std::vector<std::string>>(), "; ");
    }
    if (error.empty() && !success) {
      error = absl::StrJoin(final_validation["errors"].get<std::vector<std::string>>(), "; ");
    }
    result["final_validation"] = std::move(final_validation);
  } catch (const Broken& broken) {
    error = broken.why;
  }
  if (!sandbox_.failed()) Keep();
  if (!error.empty()) errors_.push_back(error);
  result["success"] = success;
  result["end_time"] = Now();
  result["operations_executed"] = executed_;
  result["chaos_events"] = chaos_events_;
  result["validation_results"] = validations_;
  result["error_message"] = error.empty() ? Json() : Json(error);
  result["trace_hash"] = absl::StrFormat("%016x", sandbox_.trace_hash());
  Json operations = Json::array();
  for (const Scenario::Operation& operation : scenario_.operations) {
    operations.push_back({{"type", "failover"},
                          {"target_node", operation.target_node},
                          {"parameters", {{"force", operation.force}}},
                          {"timing",
                           {{"delay_before", operation.delay_before},
                            {"timeout", operation.timeout},
                            {"delay_after", operation.delay_after}}}});
  }
  const Scenario::Cluster& cluster = scenario_.cluster;
  Json log = {{"scenario_id", scenario_.id},
              {"seed", *scenario_.seed},
              {"start_time", result["start_time"]},
              {"end_time", result["end_time"]},
              {"cluster_config",
               {{"num_shards", cluster.num_shards},
                {"replicas_per_shard", cluster.replicas_per_shard},
                {"base_port", cluster.base_port}}},
              {"operations", operations},
              {"operation_logs", operation_logs_},
              {"chaos_events", chaos_events_},
              {"validation_results", validations_},
              {"cluster_state_snapshots", snapshots_},
              {"errors", errors_},
              {"status", success ? "completed" : "failed"}};
  return {{"result", result}, {"log", log}};
}

}  // namespace

class ScenarioRunner::Clusters {
 public:
  explicit Clusters(Cluster::Options options) : cluster(std::move(options)) {}
  Cluster cluster;
};

ScenarioRunner::ScenarioRunner(std::string program, std::vector<std::string> arguments)
    : program_(std::move(program)), arguments_(std::move(arguments)) {}
ScenarioRunner::~ScenarioRunner() = default;

Json ScenarioRunner::Run(const Scenario& scenario) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  const std::string program =
      scenario.cluster.valkey_binary.empty() ? program_ : scenario.cluster.valkey_binary;
  auto found = std::ranges::find(clusters_, program, [](const auto& one) { return one.first; });
  if (found == clusters_.end()) {
    clusters_.emplace_back(
        program, std::make_unique<Clusters>(Cluster::Options{
                     .program = program,
                     .arguments = program == program_ ? arguments_ : std::vector<std::string>(),
                     .cpu = sandbox::PinToThisProcessor()}));
    found = clusters_.end() - 1;
  }
  Cluster& cluster = found->second->cluster;
  const bool made =
      cluster.Reset({.shards = static_cast<size_t>(scenario.cluster.num_shards),
                     .replicas = static_cast<size_t>(scenario.cluster.replicas_per_shard),
                     .log = true,
                     .full_coverage = false,
                     .migrates = true});
  if (!made) throw runner::UserError(scenario.id + ": " + cluster.error());
  Json json = Execution(scenario, &cluster).Run();
  json["result"]["seconds"] = std::chrono::duration<double>(Clock::now() - start).count();
  return json;
}

}  // namespace resprobe::cli
