#!/usr/bin/env bash
# chaos: each fault fires, in simulation and on real servers; one that never fires fails the run; planted
# faults are found, and their findings known to the other verbs; wrong uses.
#   usage: chaos_test.sh PROGRAM
set -euo pipefail
program=$1
. "$(dirname "$0")/lib.sh"
export RESPROBE_WORK_DIR=$temp/work
findings=$temp/work/findings/durability
faults="crash_mid_write corrupt_read corrupt_write disk_full slow_write fsync_lost connection_drop memory_pressure"

wrong_use "--faults gremlins: no such name: choose from" chaos --faults gremlins
wrong_use "--faults: it names nothing" chaos --faults ,
wrong_use "--policy sometimes: no such name: choose from" chaos --policy sometimes
wrong_use "no-such-server" chaos --start no-such-server

run 0 chaos --seeds 300
for fault in $faults; do has out "$fault"; done
has out "0 findings"
run 0 chaos --seeds 300 --format json --output "$temp/json"
has json '"vacuous": null'
has json '"never_acted": []'
for fault in $faults; do
  python3 - "$temp/json" "$fault" <<'P' || failures=$((failures + 1))
import json, sys
asked = json.load(open(sys.argv[1]))["asked"][sys.argv[2]]
assert asked["fired"] > 0, (sys.argv[2], asked)
assert any(v["kept"] > 0 for v in asked.values() if isinstance(v, dict)), asked
P
done
# The same run again gives the same counts.
times=(-e '"seconds"' -e '"timestamp"' -e '"duration_ms"')
grep -v "${times[@]}" "$temp/json" >"$temp/one"
run 0 chaos --seeds 300 --format json --output "$temp/json"
grep -v "${times[@]}" "$temp/json" | cmp - "$temp/one" || failures=$((failures + 1))

# A fault that was asked for and never fired is named: one case does not reach two of these.
run 1 chaos --faults corrupt_read,memory_pressure,connection_drop --ops 1 --seeds 1
has out "vacuous: these faults never fired: "

# A broken server is found: the core with a fault that no harness has, which the other verbs know.
for plant in cut-request-runs:cut_request no-fsync:acknowledged_kept; do
  run 1 chaos --faults connection_drop,slow_write --policy always --plant "${plant%:*}" --seeds 50 --stop-on-failure
  has out "violation:${plant#*:}"
  finding=$findings/chaos-violation-${plant#*:}
  holds "$finding" case case.ops report.json trace.txt report.txt
  run 1 replay "$finding" --twice
  has out "violation:${plant#*:}"
  run 0 minimize "$finding"
  run 1 replay "$finding/report.json"
done
run 1 findings check
has out "2 still fail"
# A planted fault that is not found fails the run.
run 1 chaos --faults slow_write --policy always --plant cut-request-runs --ops 1 --seeds 1
has out "vacuous: the fault of --plant cut-request-runs was not found"

need redis-server
for server in redis-server valkey-server; do
  command -v "$server" >/dev/null || continue
  run 0 chaos --start "$server" --seeds 30 --format json --output "$temp/json"
  has json '"never_acted": []'
  has json '"lost": 0'
  has json '"mixed": 0'
done
rm -rf "$findings"
run 1 chaos --start redis-server --faults connection_drop --plant cut-request-runs --seeds 50 --stop-on-failure
has out "violation:cut_request"
finding=$findings/chaos-violation-cut_request
holds "$finding" case case.ops report.json trace.txt report.txt
run 1 replay "$finding" --twice
run 1 replay "$finding/report.json"
run 0 show "$finding"
has out "drop"
run 1 findings check
has out "failing"
run 0 minimize "$finding"
# The same case on a server whose requests are whole or nothing.
run 0 replay "$finding/case.ops" --harness durability --start redis-server
exit $((failures > 0))
