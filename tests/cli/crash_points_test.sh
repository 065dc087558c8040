#!/usr/bin/env bash
# crash-points: what it counts, a planted fault that it finds, files, and that the other verbs know; wrong
# uses.
#   usage: crash_points_test.sh PROGRAM HARNESSES
set -euo pipefail
program=$1 harnesses=$2
. "$(dirname "$0")/lib.sh"
export RESPROBE_WORK_DIR=$temp/work RESPROBE_HARNESS_DIR=$harnesses
finding=$temp/work/findings/durability/crash-points-violation-acknowledged_kept

wrong_use "name a case, or give --seed N" crash-points
wrong_use "a case has no seed: remove" crash-points "$temp/case.ops" --seed 1
wrong_use "--level" crash-points --seed 1 --level strong
wrong_use "--budget" crash-points --seed 1 --budget 0
wrong_use "--plant" crash-points --seed 1 --plant gremlins
wrong_use "none.ops" crash-points "$temp/none.ops"
printf 'ops resp_parser\nbytes "x"\n' >"$temp/other.ops"
run 2 crash-points "$temp/other.ops"
wrong_use "a case of replication: crash-points takes those of durability" \
  crash-points "$(find "$RESPROBE_SOURCE_DIR/corpus/replication" -type f | head -n 1)"

cat >"$temp/case.ops" <<'TEXT'
ops durability
config policy=always
call client=0 SET a 1
call client=0 INCR n
save kind=rewrite
child
call client=0 INCR n
kill after=3
call client=0 INCR n
TEXT
# A sound server, at each level; also while it loads what the kill has left.
for level in prefix reordered weak; do
  run 0 crash-points "$temp/case.ops" --level "$level" --format json --output "$temp/json"
  has out "level $level"
  has out "judged wrong: 0"
  has json '"failed": 0'
  has json '"findings": []'
  grep -q '"while_starting": [1-9]' "$temp/json" || { cat "$temp/json"; failures=$((failures + 1)); }
done
run 0 crash-points --seed 1 --seeds 3
has out "3 cases"
[[ ! -e $temp/work/findings/durability ]] || { echo "a finding of a sound server" >&2; failures=$((failures + 1)); }

# A server that makes no fsync: found, made small, filed.
wrong_use "there is no folder" crash-points "$temp/case.ops" --save "$temp/none/first.ops"
run 1 crash-points "$temp/case.ops" --plant no-fsync --format json --output "$temp/json" \
  --save "$temp/first.ops"
has out "violation:acknowledged_kept"
has out "replay:"
has json '"invariant": "acknowledged_kept"'
has json '"verb": "crash-points"'
holds "$finding" case case.ops original report.json
run 0 replay "$temp/first.ops"
run 1 replay "$finding"
has out "violation:acknowledged_kept"
run 0 show "$finding"
has out "# run by: crash-points, harness durability"
run 0 minimize "$finding"
has out "is minimal already: "
run 0 findings
has out "crash-points-violation-acknowledged_kept"
run 1 findings check
has out "failing"
export RESPROBE_SOURCE_DIR=$temp/repository
mkdir -p "$temp/repository/harnesses" "$temp/repository/corpus/durability"
run 0 freeze "$finding" -o "$temp/frozen.ops"
run 1 replay "$temp/frozen.ops"
# The same case without the fault.
run 0 replay "$temp/frozen.ops" --harness durability
finish
