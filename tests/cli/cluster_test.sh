#!/usr/bin/env bash
# cluster: scenario files are run, in the same way each time; what is wrong in a file is named with its
# line; what is printed can be read again.
#   usage: cluster_test.sh PROGRAM
set -euo pipefail
program=$1
. "$(dirname "$0")/lib.sh"
scenarios=$RESPROBE_SOURCE_DIR/scenarios/cluster
cd "$temp"

# refused LINE MESSAGE: the file in `broken` is refused, with that line.
refused() {
  cat >broken.yaml
  wrong_use "broken.yaml:$1: $2" cluster validate broken.yaml
}
good='cluster: {num_shards: 3, replicas_per_shard: 1}
operations: [{type: failover, target_node: shard-0-primary}]'

refused 2 "is no YAML" <<<'scenario_id: [x'
refused 1 "there is no scenario in it" </dev/null
refused 1 "scenario_id is missing" <<<"$good"
refused 2 "cluster.num_shards must be a whole number from 3 to 16" <<<'scenario_id: x
cluster: {num_shards: 2, replicas_per_shard: 1}'
refused 2 "cluster.num_shards with these replicas makes 96 nodes, and a sandbox has 60 at most" <<<'scenario_id: x
cluster: {num_shards: 16, replicas_per_shard: 5}'
refused 3 "operations must be a list with one entry at least" <<<'scenario_id: x
cluster: {num_shards: 3, replicas_per_shard: 1}
operations: []'
refused 4 "operations[0].type must be one of failover" <<<'scenario_id: x
cluster: {num_shards: 3, replicas_per_shard: 1}
operations:
- {type: reshard, target_node: shard-0-primary}'
refused 3 "operations[0].target_node is no node of this cluster" <<<'scenario_id: x
cluster: {num_shards: 3, replicas_per_shard: 1}
operations: [{type: failover, target_node: shard-3-primary}]'
refused 6 "there is no key chaos.timing.duration" <<<"scenario_id: x
$good
chaos:
  timing:
    duration: 10"
refused 5 "chaos.target_selection.strategy must be one of random, primary_only" <<<"scenario_id: x
$good
chaos:
  target_selection: {strategy: all}"
refused 4 "chaos.process_chaos_type may be null with randomize_per_operation: true alone" <<<"scenario_id: x
$good
chaos: {process_chaos_type: null}"
refused 4 "state_validation.max_retries must be a whole number" <<<"scenario_id: x
$good
state_validation: {max_retries: -1}"
refused 4 "cluster.num_shards is given twice" <<<'scenario_id: x
cluster:
  num_shards: 3
  num_shards: 4
  replicas_per_shard: 1
operations: [{type: failover, target_node: shard-0-primary}]'
wrong_use "name a scenario file, or use --random" cluster run --start redis-server
wrong_use "--random takes no files" cluster run x.yaml --random --start redis-server
wrong_use "/dev/null/x: cannot be created" cluster run "$scenarios/simple_failover.yaml" \
  --start redis-server --output /dev/null/x
wrong_use "no-such-file" cluster validate no-such-file

run 0 cluster validate "$scenarios"/*.yaml
has out "failover_with_chaos.yaml: example-failover-with-chaos: 3 operations on 48 nodes"
run 0 cluster export --seed 7
cp out seven.yaml
run 0 cluster validate seven.yaml
has out "seven.yaml: 7: "

need redis-server
for server in redis-server valkey-server; do
  command -v "$server" >/dev/null || continue
  for take in one two; do
    run 0 cluster run "$scenarios/simple_failover.yaml" "$scenarios/randomization.yaml" --seed 5 \
      --start "$server" --output "$take"
    has out "2 of 2 scenarios pass"
    grep -v '"seconds"' "$take/summary.json" >"$take.json"
  done
  # To the byte.
  cmp one.json two.json || failures=$((failures + 1))
  cmp one/test-randomization/log.json two/test-randomization/log.json || failures=$((failures + 1))
  cp one/test-randomization/result.json text
  for field in scenario_id success start_time end_time operations_executed chaos_events validation_results \
    error_message seed; do
    has text "\"$field\""
  done
  has text '"phase": "'
  cp one/test-randomization/log.json text
  for field in cluster_config operations operation_logs cluster_state_snapshots errors status; do
    has text "\"$field\""
  done
  # What a run has written can be run.
  run 0 cluster run one/simple-failover-test/scenario.yaml --start "$server"
done

# The short form of the validation; a cluster that cannot be as wanted.
cat >short.yaml <<<"scenario_id: short
seed: 1
$good
validation: {check_slot_coverage: true, check_replica_sync: true, convergence_timeout: 20.0, max_replication_lag: 5.0}"
run 0 cluster run short.yaml --start redis-server
cat >impossible.yaml <<<"scenario_id: impossible
seed: 1
$good
state_validation: {cluster_status_config: {acceptable_states: [fine]}, retry_delay: 0.5}"
run 1 cluster run impossible.yaml --start redis-server
has out "cluster_status: node-"
# Ctrl-C ends a run between two moments of a scenario; what was run is told.
mkfifo pipe
"$program" cluster run "$scenarios/simple_failover.yaml" --iterations 1000000 --start redis-server \
  >pipe 2>&1 &
pid=$!
exec 3<pipe
while IFS= read -r line <&3 && [[ $line != *' pass '* ]]; do :; done
kill -INT "$pid"
cat <&3 >endless
code=0
wait "$pid" || code=$?
[[ $code == 130 ]] || { echo "Ctrl-C: $code" >&2; failures=$((failures + 1)); }
has endless "the rest was not run"
exit $((failures > 0))
