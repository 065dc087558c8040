#!/usr/bin/env bash
# spec and full: every key does something or is refused with its line; what runs is one report.
# usage: spec_test.sh PROGRAM
set -euo pipefail
program=$1
. "$(dirname "$0")/lib.sh"
export RESPROBE_WORK_DIR=$temp/work
cd "$temp"

# A test of each kind.
cat >whole.yaml <<'YAML'
version: 1
invariants:
  - name: "set_get_roundtrip"
    description: "SET k v; GET k => v"
    category: "data_integrity"
faults:
  - name: "disk_full"
    description: "Simulate disk full error"
    severity: "high"
    recovery: "heals"
scenarios:
  smoke:
    description: "quick"
    tests:
      - name: "basic_set_get"
        operations: ["SET", "GET"]
        keys: 100
        iterations: 1000
        include_restart: true
        invariants: [set_get_roundtrip]
  chaos:
    default_seeds: 7
    tests:
      - {name: full disk, faults: [disk_full], expect: [error_returned, consistent_after_restart]}
  stress:
    tests:
      - {name: load, operations: [SET], connections: 3, operations_per_connection: 5, value_sizes: [8, 99], measure: [p99]}
  soak:
    tests:
      - {name: long, duration: 5m, alert_threshold: {rss_growth_percent: 10, throughput_drop_percent: 30}}
oracle:
  reference: valkey-server
  command_groups:
    strings: {commands: [GET, SET], test_cases: 9}
simulation:
  default_config: {seeds: 3, operations_per_seed: 40, clients: 2}
  scenarios: [{name: connection_storm}]
YAML
run 0 spec check whole.yaml --start my-server
has out "./resprobe simulate --parts concurrent_operations,crash_recovery --seeds 5 --keys 100 --ops 200 --start my-server"
has out "./resprobe chaos --faults disk_full --seeds 7 --start my-server"
has out "./resprobe stress --tests set --connections 3 --ops 15 --value-size 8 --start my-server"
has out "./resprobe stress --tests set --connections 3 --ops 15 --value-size 99 --start my-server"
has out "./resprobe soak --duration 5m --interval 5 --growth 5 --drop 30 --start my-server"
has out "./resprobe oracle --start valkey-server --commands get,set --seeds 9"
has out "./resprobe simulate --parts connection_storm --seeds 3 --ops 40 --clients 2 --start my-server"

# wrong LINE TEXT SED…: the file with a change is refused at that line.
wrong() {
  local line=$1 text=$2
  shift 2
  sed "$@" whole.yaml >wrong.yaml
  cmp -s whole.yaml wrong.yaml && { echo "sed $*: changes nothing" >&2; failures=1; }
  wrong_use "wrong.yaml:$line: $text" spec check wrong.yaml
}
wrong 1 "version must be 1" -e 's/^version: 1/version: 7/'
wrong 5 "there is no key invariants[0].kategory" -e 's/category/kategory/'
wrong 3 "invariants has 'no_such', which no test here checks" -e '3s/set_get_roundtrip/no_such/'
wrong 7 "faults has 'disk_fool', no fault of chaos" -e '7s/disk_full/disk_fool/'
wrong 16 "scenarios.smoke.tests[0].operations has 'SIT', no command" -e 's/"SET"/"SIT"/'
wrong 17 "scenarios.smoke.tests[0].keys must be a whole number" -e 's/keys: 100/keys: many/'
wrong 20 "scenarios.smoke.tests[0].invariants has 'other', which invariants does not declare" \
  -e '20s/set_get_roundtrip/other/'
wrong 24 "scenarios.chaos.tests[0].expect has 'luck'" -e 's/error_returned/luck/'
wrong 27 "scenarios.stress.tests[0].operations has 'KEYS', for which there is no load" -e '27s/SET/KEYS/'
wrong 30 "scenarios.soak.tests[0].duration is too short" -e 's/5m/9s/'
wrong 21 "there is no key scenarios.properties: use smoke, chaos, stress, soak" -e 's/^  chaos:/  properties:/'
wrong 36 "there is no key simulation.default_config.tick_ms" -e 's/clients: 2/tick_ms: 1/'
wrong 37 "simulation.scenarios[0].name must be one of" -e 's/connection_storm/storm/'
wrong 36 "" -e 's/{seeds: 3/{seeds: [3/'

# What runs is one report; an expectation that is not met fails.
cat >small.yaml <<'YAML'
version: 1
scenarios:
  chaos:
    tests:
      - {name: met, iterations: 10, faults: [disk_full], expect: [error_returned, eventual_completion]}
YAML
run 0 spec run small.yaml --format json --output small.json
has out "ok       chaos: met"
has small.json '"name": "expect error_returned"'
has small.json '"suite": "chaos: met"'
sed -e 's/error_returned/corruption_detected/' -e 's/met/not met/' small.yaml >other.yaml
run 1 full --spec other.yaml --format html --output other.html
has out "FAIL     chaos: not met"
has other.html "expect corruption_detected"
# Nothing that was not run has passed.
run 1 full --quick --time 0.001s --start my-server
has out "skipped  smoke"
has out "skipped  oracle, my-server"
has out "0 passed, 0 failed, 0 unknown"
wrong_use "excludes" full --quick --spec small.yaml
finish
