#ifndef RESPROBE_CLI_CLUSTER_SCENARIO_H_
#define RESPROBE_CLI_CLUSTER_SCENARIO_H_

// A test of a cluster as people write it down: a cluster, operations, chaos, what is validated. The
// form is the YAML of the valkey-fuzzer project; docs/cluster.md says what each key means here.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace resprobe::cli {

// All times are in seconds, of virtual time.
struct Scenario {
  // In a sandbox, whatever the shape.
  static constexpr int kMostNodes = 60;

  enum class Signal { kKill, kTerm };
  enum class Strategy { kRandom, kPrimaryOnly, kReplicaOnly, kSpecific };

  struct Cluster {
    int num_shards = 3;          // 3 to 16
    int replicas_per_shard = 1;  // 0 to 5
    int base_port = 7000;        // node i is called base_port + i, too
    std::string base_data_dir;   // gets the nodes' files if they are not cleaned up
    std::string valkey_binary;   // empty: that of --start
    bool enable_cleanup = true;
  };
  struct Operation {
    std::string target_node;  // shard-N-primary, node-N, a port or an identifier
    bool force = false;
    double delay_before = 0;
    double timeout = 30;
    double delay_after = 0;
  };
  struct Chaos {
    std::optional<Signal> signal = Signal::kKill;  // none: either
    bool randomize_per_operation = false;
    Strategy strategy = Strategy::kRandom;
    std::vector<std::string> specific_nodes;
    double delay_before_operation = 0;
    double delay_after_operation = 0;
    double chaos_duration = 10;
    bool before = false;
    bool during = true;
    bool after = false;
  };
  struct Validation {
    bool check_replication = true;
    bool check_cluster_status = true;
    bool check_slot_coverage = true;
    bool check_topology = true;
    bool check_view_consistency = true;
    bool check_data_consistency = true;
    double stabilization_wait = 5;
    double validation_timeout = 30;
    bool blocking_on_failure = false;
    bool retry_on_transient_failure = true;
    int max_retries = 3;
    double retry_delay = 2;
    // replication_config
    double max_acceptable_lag = 10;
    bool require_all_replicas_synced = false;
    bool check_replication_offset = true;
    int min_replicas_per_shard = 1;
    double replication_timeout = 10;
    // cluster_status_config
    std::vector<std::string> acceptable_states = {"ok"};
    bool allow_degraded = false;
    bool require_quorum = true;
    double status_timeout = 10;
    // slot_coverage_config
    bool require_full_coverage = true;
    bool allow_slot_conflicts = false;
    double slot_timeout = 10;
    // topology_config
    bool strict_mode = true;
    bool allow_failed_nodes = true;
    double topology_timeout = 10;
    // view_consistency_config
    bool require_full_consensus = true;
    bool allow_transient_inconsistency = true;
    double max_inconsistency_duration = 5;
    double view_timeout = 15;
    // data_consistency_config
    bool check_test_keys = true;
    bool check_cross_replica_consistency = true;
    int num_test_keys = 100;
    std::string key_prefix = "fuzzer:test:";
    double data_timeout = 10;
  };

  std::string id;
  std::optional<uint64_t> seed;
  Cluster cluster;
  std::vector<Operation> operations;
  Chaos chaos;
  Validation validation;
};

// Reads all documents of a file. Throws UserError, with file and line, for what is not YAML, a key
// that is unknown, a value of another type or outside of its range, and what the sandbox cannot do.
std::vector<Scenario> ReadScenarios(const std::string& file);
// The same of a text; `file` is for messages.
std::vector<Scenario> ParseScenarios(const std::string& text, const std::string& file);
// Each key, with its value.
std::string PrintScenario(const Scenario& scenario);
// 3 to 16 shards with 1 to 5 replicas (at most kMostNodes nodes), 1 to 5 failovers, one kind of
// chaos.
Scenario RandomScenario(uint64_t seed);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_CLUSTER_SCENARIO_H_
