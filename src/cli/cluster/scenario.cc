#include "cli/cluster/scenario.h"

#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>
#include <utility>

#include "cli/yaml/block.h"
#include "engine/rng.h"
#include "runner/files.h"
#include "runner/user_error.h"

namespace resprobe::cli {
namespace {

const std::vector<std::string> kSignals = {"sigkill", "sigterm"};
const std::vector<std::string> kStrategies = {"random", "primary_only", "replica_only", "specific"};

void ReadCluster(Block block, Scenario::Cluster* cluster) {
  block.Need("num_shards");
  block.Need("replicas_per_shard");
  block.Get("num_shards", &cluster->num_shards, 3, 16);
  block.Get("replicas_per_shard", &cluster->replicas_per_shard, 0, 5);
  block.Get("base_port", &cluster->base_port, 1, 65535);
  block.Get("base_data_dir", &cluster->base_data_dir);
  block.Get("valkey_binary", &cluster->valkey_binary);
  block.Get("enable_cleanup", &cluster->enable_cleanup);
  block.End();
  const int nodes = cluster->num_shards * (1 + cluster->replicas_per_shard);
  if (nodes > Scenario::kMostNodes) {
    block.FailAt("num_shards", absl::StrFormat("with these replicas makes %d nodes, and a sandbox "
                                               "has %d at most",
                                               nodes, Scenario::kMostNodes));
  }
  if (!cluster->enable_cleanup && cluster->base_data_dir.empty()) {
    block.FailAt("enable_cleanup", "is false: add base_data_dir, for the files of the nodes");
  }
}

bool IsTarget(const std::string& text, const Scenario::Cluster& cluster) {
  const auto number = [](std::string_view digits) {
    if (digits.empty() || digits.size() > 5) return -1;
    int value = 0;
    for (const char digit : digits) {
      if (digit < '0' || digit > '9') return -1;
      value = 10 * value + (digit - '0');
    }
    return value;
  };
  const int nodes = cluster.num_shards * (1 + cluster.replicas_per_shard);
  const std::string_view view = text;
  if (view.starts_with("shard-") && view.ends_with("-primary") && view.size() > 14) {
    const int shard = number(view.substr(6, view.size() - 14));
    return shard >= 0 && shard < cluster.num_shards;
  }
  if (view.starts_with("node-")) {
    const int node = number(view.substr(5));
    return node >= 0 && node < nodes;
  }
  const int port = number(view);
  return view.size() == 40 || (port >= cluster.base_port && port < cluster.base_port + nodes);
}

void ReadOperations(const std::string& file, Block* root, Scenario* scenario) {
  const YAML::Node list = root->List("operations");
  for (size_t i = 0; i < list.size(); ++i) {
    Block block(file, "operations[" + std::to_string(i) + "]", list[i], list[i].Mark().line + 1);
    Scenario::Operation operation;
    block.Need("type");
    block.Need("target_node");
    int type = 0;
    block.GetOne("type", {"failover"}, &type);
    block.Get("target_node", &operation.target_node);
    if (!IsTarget(operation.target_node, scenario->cluster)) {
      block.FailAt("target_node",
                   "is no node of this cluster: use shard-N-primary, node-N, a port "
                   "from base_port on, or an identifier");
    }
    Block parameters = block.Inner("parameters");
    parameters.Get("force", &operation.force);
    parameters.End();
    Block timing = block.Inner("timing");
    timing.Get("delay_before", &operation.delay_before);
    timing.Get("timeout", &operation.timeout);
    timing.Get("delay_after", &operation.delay_after);
    timing.End();
    block.End();
    if (scenario->cluster.replicas_per_shard == 0) {
      block.FailAt("type", "needs replicas: replicas_per_shard is 0");
    }
    scenario->operations.push_back(operation);
  }
}

void ReadChaos(Block block, const Scenario::Cluster& cluster, Scenario::Chaos* chaos) {
  int type = 0;
  block.GetOne("type", {"process_kill"}, &type);
  Scenario::Signal signal = Scenario::Signal::kKill;
  block.GetOne("process_chaos_type", kSignals, &signal);
  if (!block.Null("process_chaos_type")) chaos->signal = signal;
  block.Get("randomize_per_operation", &chaos->randomize_per_operation);
  if (block.Null("process_chaos_type")) {
    if (!chaos->randomize_per_operation) {
      block.FailAt("process_chaos_type", "may be null with randomize_per_operation: true alone");
    }
    chaos->signal.reset();
  }
  Block target = block.Inner("target_selection");
  target.GetOne("strategy", kStrategies, &chaos->strategy);
  target.Get("specific_nodes", &chaos->specific_nodes);
  for (const std::string& node : chaos->specific_nodes) {
    if (!IsTarget(node, cluster)) target.FailAt("specific_nodes", "has '" + node + "', no node");
  }
  if (chaos->strategy == Scenario::Strategy::kSpecific && chaos->specific_nodes.empty()) {
    target.FailAt("strategy", "is specific: add specific_nodes");
  }
  target.End();
  Block timing = block.Inner("timing");
  timing.Get("delay_before_operation", &chaos->delay_before_operation);
  timing.Get("delay_after_operation", &chaos->delay_after_operation);
  timing.Get("chaos_duration", &chaos->chaos_duration);
  timing.End();
  Block coordination = block.Inner("coordination");
  coordination.Get("chaos_before_operation", &chaos->before);
  coordination.Get("chaos_during_operation", &chaos->during);
  coordination.Get("chaos_after_operation", &chaos->after);
  coordination.End();
  block.End();
}

void ReadValidation(Block block, Scenario::Validation* validation) {
  block.Get("check_replication", &validation->check_replication);
  block.Get("check_cluster_status", &validation->check_cluster_status);
  block.Get("check_slot_coverage", &validation->check_slot_coverage);
  block.Get("check_topology", &validation->check_topology);
  block.Get("check_view_consistency", &validation->check_view_consistency);
  block.Get("check_data_consistency", &validation->check_data_consistency);
  block.Get("stabilization_wait", &validation->stabilization_wait);
  block.Get("validation_timeout", &validation->validation_timeout, 0.001);
  block.Get("blocking_on_failure", &validation->blocking_on_failure);
  block.Get("retry_on_transient_failure", &validation->retry_on_transient_failure);
  block.Get("max_retries", &validation->max_retries, 0, 1000);
  block.Get("retry_delay", &validation->retry_delay);
  Block replication = block.Inner("replication_config");
  // Another default than without the block.
  if (!replication.empty()) validation->max_acceptable_lag = 5;
  replication.Get("max_acceptable_lag", &validation->max_acceptable_lag);
  replication.Get("require_all_replicas_synced", &validation->require_all_replicas_synced);
  replication.Get("check_replication_offset", &validation->check_replication_offset);
  replication.Get("min_replicas_per_shard", &validation->min_replicas_per_shard, 0, 5);
  replication.Get("timeout", &validation->replication_timeout, 0.001);
  replication.End();
  Block status = block.Inner("cluster_status_config");
  status.Get("acceptable_states", &validation->acceptable_states);
  status.Get("allow_degraded", &validation->allow_degraded);
  status.Get("require_quorum", &validation->require_quorum);
  status.Get("timeout", &validation->status_timeout, 0.001);
  status.End();
  Block slots = block.Inner("slot_coverage_config");
  slots.Get("require_full_coverage", &validation->require_full_coverage);
  slots.Get("allow_slot_conflicts", &validation->allow_slot_conflicts);
  slots.Get("timeout", &validation->slot_timeout, 0.001);
  slots.End();
  Block topology = block.Inner("topology_config");
  topology.Get("strict_mode", &validation->strict_mode);
  topology.Get("allow_failed_nodes", &validation->allow_failed_nodes);
  topology.Get("timeout", &validation->topology_timeout, 0.001);
  topology.End();
  Block view = block.Inner("view_consistency_config");
  view.Get("require_full_consensus", &validation->require_full_consensus);
  view.Get("allow_transient_inconsistency", &validation->allow_transient_inconsistency);
  view.Get("max_inconsistency_duration", &validation->max_inconsistency_duration);
  view.Get("timeout", &validation->view_timeout, 0.001);
  view.End();
  Block data = block.Inner("data_consistency_config");
  data.Get("check_test_keys", &validation->check_test_keys);
  data.Get("check_cross_replica_consistency", &validation->check_cross_replica_consistency);
  data.Get("num_test_keys", &validation->num_test_keys, 0, 100'000);
  data.Get("key_prefix", &validation->key_prefix);
  data.Get("timeout", &validation->data_timeout, 0.001);
  data.End();
  block.End();
}

// The form of the project's guide.
void ReadShortValidation(Block block, Scenario::Validation* validation) {
  bool conflicts = true;
  bool synced = true;
  bool connectivity = true;
  block.Get("check_slot_coverage", &validation->require_full_coverage);
  block.Get("check_slot_conflicts", &conflicts);
  block.Get("check_replica_sync", &synced);
  block.Get("check_node_connectivity", &connectivity);
  block.Get("check_data_consistency", &validation->check_data_consistency);
  block.Get("convergence_timeout", &validation->validation_timeout, 0.001);
  block.Get("max_replication_lag", &validation->max_acceptable_lag);
  block.End();
  validation->allow_slot_conflicts = !conflicts;
  validation->check_slot_coverage = validation->require_full_coverage || conflicts;
  validation->check_replication = validation->require_all_replicas_synced = synced;
  validation->check_cluster_status = validation->check_topology =
      validation->check_view_consistency = connectivity;
  // It may take all of that time.
  validation->max_retries =
      static_cast<int>(validation->validation_timeout / std::max(validation->retry_delay, 0.1)) + 1;
}

Scenario ReadScenario(const std::string& file, const YAML::Node& document) {
  Block root(file, "", document, document.Mark().line + 1);
  if (root.empty()) throw runner::UserError(file + ":1: there is no scenario in it");
  Scenario scenario;
  root.Need("scenario_id");
  root.Need("cluster");
  root.Get("scenario_id", &scenario.id);
  if (scenario.id.empty() || scenario.id.size() > 100 || scenario.id.starts_with('.') ||
      scenario.id.contains('/')) {
    root.FailAt("scenario_id", "must be a name for a folder");
  }
  root.GetSeed("seed", &scenario.seed);
  ReadCluster(root.Inner("cluster"), &scenario.cluster);
  ReadOperations(file, &root, &scenario);
  ReadChaos(root.Inner("chaos"), scenario.cluster, &scenario.chaos);
  if (root.Given("validation") && root.Given("state_validation")) {
    root.FailAt("validation", "says the same as state_validation: use one of them");
  }
  ReadValidation(root.Inner("state_validation"), &scenario.validation);
  if (root.Given("validation")) {
    ReadShortValidation(root.Inner("validation"), &scenario.validation);
  } else {
    root.Inner("validation");
  }
  root.End();
  return scenario;
}

}  // namespace

std::vector<Scenario> ParseScenarios(const std::string& text, const std::string& file) {
  std::vector<Scenario> scenarios;
  try {
    for (const YAML::Node& document : YAML::LoadAll(text)) {
      scenarios.push_back(ReadScenario(file, document));
    }
  } catch (const YAML::Exception& error) {
    throw runner::UserError(file + ":" + std::to_string(error.mark.line + 1) +
                            ": is no YAML: " + error.msg);
  }
  if (scenarios.empty()) throw runner::UserError(file + ":1: there is no scenario in it");
  return scenarios;
}

std::vector<Scenario> ReadScenarios(const std::string& file) {
  return ParseScenarios(runner::ReadFile(file), file);
}

namespace {

// Writes "key: value" of a block.
class BlockWriter {
 public:
  explicit BlockWriter(YAML::Emitter* out) : out_(*out) { out_ << YAML::BeginMap; }
  BlockWriter(YAML::Emitter* out, const char* key) : out_(*out) {
    out_ << YAML::Key << key << YAML::Value << YAML::BeginMap;
  }
  ~BlockWriter() { out_ << YAML::EndMap; }
  BlockWriter(const BlockWriter&) = delete;
  BlockWriter& operator=(const BlockWriter&) = delete;

  template <class T>
  BlockWriter& Put(const char* key, const T& value) {
    out_ << YAML::Key << key << YAML::Value << value;
    return *this;
  }

 private:
  YAML::Emitter& out_;
};

void PrintValidation(const Scenario::Validation& v, YAML::Emitter* out) {
  BlockWriter block(out, "state_validation");
  block.Put("check_replication", v.check_replication)
      .Put("check_cluster_status", v.check_cluster_status)
      .Put("check_slot_coverage", v.check_slot_coverage)
      .Put("check_topology", v.check_topology)
      .Put("check_view_consistency", v.check_view_consistency)
      .Put("check_data_consistency", v.check_data_consistency)
      .Put("stabilization_wait", v.stabilization_wait)
      .Put("validation_timeout", v.validation_timeout)
      .Put("blocking_on_failure", v.blocking_on_failure)
      .Put("retry_on_transient_failure", v.retry_on_transient_failure)
      .Put("max_retries", v.max_retries)
      .Put("retry_delay", v.retry_delay);
  BlockWriter(out, "replication_config")
      .Put("max_acceptable_lag", v.max_acceptable_lag)
      .Put("require_all_replicas_synced", v.require_all_replicas_synced)
      .Put("check_replication_offset", v.check_replication_offset)
      .Put("min_replicas_per_shard", v.min_replicas_per_shard)
      .Put("timeout", v.replication_timeout);
  BlockWriter(out, "cluster_status_config")
      .Put("acceptable_states", v.acceptable_states)
      .Put("allow_degraded", v.allow_degraded)
      .Put("require_quorum", v.require_quorum)
      .Put("timeout", v.status_timeout);
  BlockWriter(out, "slot_coverage_config")
      .Put("require_full_coverage", v.require_full_coverage)
      .Put("allow_slot_conflicts", v.allow_slot_conflicts)
      .Put("timeout", v.slot_timeout);
  BlockWriter(out, "topology_config")
      .Put("strict_mode", v.strict_mode)
      .Put("allow_failed_nodes", v.allow_failed_nodes)
      .Put("timeout", v.topology_timeout);
  BlockWriter(out, "view_consistency_config")
      .Put("require_full_consensus", v.require_full_consensus)
      .Put("allow_transient_inconsistency", v.allow_transient_inconsistency)
      .Put("max_inconsistency_duration", v.max_inconsistency_duration)
      .Put("timeout", v.view_timeout);
  BlockWriter(out, "data_consistency_config")
      .Put("check_test_keys", v.check_test_keys)
      .Put("check_cross_replica_consistency", v.check_cross_replica_consistency)
      .Put("num_test_keys", v.num_test_keys)
      .Put("key_prefix", v.key_prefix)
      .Put("timeout", v.data_timeout);
}

}  // namespace

std::string PrintScenario(const Scenario& scenario) {
  YAML::Emitter out;
  out.SetDoublePrecision(7);
  {
    BlockWriter root(&out);
    root.Put("scenario_id", scenario.id);
    if (scenario.seed) root.Put("seed", *scenario.seed);
    const Scenario::Cluster& cluster = scenario.cluster;
    BlockWriter(&out, "cluster")
        .Put("num_shards", cluster.num_shards)
        .Put("replicas_per_shard", cluster.replicas_per_shard)
        .Put("base_port", cluster.base_port)
        .Put("base_data_dir", cluster.base_data_dir)
        .Put("valkey_binary", cluster.valkey_binary)
        .Put("enable_cleanup", cluster.enable_cleanup);
    out << YAML::Key << "operations" << YAML::Value << YAML::BeginSeq;
    for (const Scenario::Operation& operation : scenario.operations) {
      BlockWriter one(&out);
      one.Put("type", "failover").Put("target_node", operation.target_node);
      BlockWriter(&out, "parameters").Put("force", operation.force);
      BlockWriter(&out, "timing")
          .Put("delay_before", operation.delay_before)
          .Put("timeout", operation.timeout)
          .Put("delay_after", operation.delay_after);
    }
    out << YAML::EndSeq;
    {
      const Scenario::Chaos& chaos = scenario.chaos;
      BlockWriter block(&out, "chaos");
      block.Put("type", "process_kill");
      if (chaos.signal) {
        block.Put("process_chaos_type", kSignals[static_cast<size_t>(*chaos.signal)]);
      } else {
        block.Put("process_chaos_type", YAML::Null);
      }
      block.Put("randomize_per_operation", chaos.randomize_per_operation);
      {
        BlockWriter target(&out, "target_selection");
        target.Put("strategy", kStrategies[static_cast<size_t>(chaos.strategy)]);
        if (!chaos.specific_nodes.empty()) target.Put("specific_nodes", chaos.specific_nodes);
      }
      BlockWriter(&out, "timing")
          .Put("delay_before_operation", chaos.delay_before_operation)
          .Put("delay_after_operation", chaos.delay_after_operation)
          .Put("chaos_duration", chaos.chaos_duration);
      BlockWriter(&out, "coordination")
          .Put("chaos_before_operation", chaos.before)
          .Put("chaos_during_operation", chaos.during)
          .Put("chaos_after_operation", chaos.after);
    }
    PrintValidation(scenario.validation, &out);
  }
  return std::string(out.c_str()) + "\n";
}

Scenario RandomScenario(uint64_t seed) {
  Rng rng(seed);
  // Hundredths, which have a short form.
  const auto seconds = [&](int64_t least, int64_t most) {
    return static_cast<double>(rng.Between(least * 100, most * 100)) / 100;
  };
  Scenario scenario;
  scenario.id = std::to_string(seed);
  scenario.seed = seed;
  Scenario::Cluster& cluster = scenario.cluster;
  do {
    cluster.num_shards = static_cast<int>(rng.Between(3, 16));
    cluster.replicas_per_shard = static_cast<int>(rng.Between(1, 5));
  } while (cluster.num_shards * (1 + cluster.replicas_per_shard) > Scenario::kMostNodes);
  cluster.base_port = static_cast<int>(rng.Between(7000, 8000));
  const int most = std::min(5, cluster.num_shards * cluster.replicas_per_shard);
  for (int64_t i = rng.Between(1, most); i > 0; --i) {
    Scenario::Operation operation;
    operation.target_node = "shard-" +
                            std::to_string(rng.Below(static_cast<uint64_t>(cluster.num_shards))) +
                            "-primary";
    operation.force = rng.OneIn(2);
    operation.delay_before = seconds(0, 5);
    operation.timeout = seconds(20, 60);
    operation.delay_after = seconds(0, 5);
    scenario.operations.push_back(operation);
  }
  Scenario::Chaos& chaos = scenario.chaos;
  chaos.strategy = static_cast<Scenario::Strategy>(rng.Below(3));
  chaos.delay_before_operation = seconds(0, 2);
  chaos.delay_after_operation = seconds(0, 2);
  chaos.chaos_duration = seconds(5, 15);
  const uint64_t phase = rng.Below(3);
  chaos.before = phase == 0;
  chaos.during = phase == 1;
  chaos.after = phase == 2;
  chaos.signal = rng.OneIn(2) ? Scenario::Signal::kKill : Scenario::Signal::kTerm;
  // Without a block of its own, as of a file that has none.
  scenario.validation.acceptable_states = {"ok", "unknown"};
  return scenario;
}

}  // namespace resprobe::cli
