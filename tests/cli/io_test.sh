#!/usr/bin/env bash
# io: cases of io_chaos over real TCP; list --matrix: the pairs that the seeds reach.
set -euo pipefail
program=$1
. "$(dirname "$0")/lib.sh"
cd "$RESPROBE_SOURCE_DIR"
export RESPROBE_WORK_DIR=$temp/work

run 0 io --seeds 60 --seed 7 --format json --output "$temp/report.json"
has out "over TCP to a peer in a process of its own"
has out "60 cases: "
has out " 0 differ, 0 not run"
cp "$temp/report.json" "$temp/json"
has json '"cases": 60'
has json '"failures": []'

for client in hiredis-async:async hiredis-sync:sync core:plain; do
  run 0 io --seeds 20 --peer tcp --client "${client%:*}"
  has out "clients: ${client#*:} 20"
done
run 0 io --seeds 20 --peer memory
has out "20 cases: 20 equal"

run 0 io --scenarios scenarios/io --peer tcp
has out "scenarios: "
run 0 io --scenarios scenarios/io --peer tcp --client hiredis-async
has out "speak of another client"

# A scenario that states something that does not happen.
mkdir "$temp/scenarios"
printf 'ops io_chaos\n# sees call read 0 = ECONNRESET\nconfig client=plain\nstep step=ping\nrun\n' \
  >"$temp/scenarios/wrong.ops"
run 1 io --scenarios "$temp/scenarios"
has out "wrong.ops: unmet: sees call read 0 = ECONNRESET"

wrong_use "evil" io --peer evil
wrong_use "curl" io --client curl
wrong_use "--seeds" io --seed 3
wrong_use "no-such.ops" io --cases "$temp/no-such.ops"

# The matrix counts a pair where the toxic had an effect while the step was pending, and only there.
# matrix FILE: prints the matrix as text; pairs FILE ROW COLUMN: prints one of its numbers.
matrix() {
  run 0 list --matrix io_chaos
  cp "$temp/out" "$temp/$1"
}
pairs() {
  awk -v row="$2" -v column="${3:0:5}" '
    NR == 1 { for (i = 1; i <= NF; ++i) if ($i == column) at = i + 1 }
    $1 == row { print $at }' "$temp/$1"
}
matrix before
mkdir -p "$temp/work/corpus/io_chaos"
for size in 30 31 32; do
  printf 'ops io_chaos\nconfig client=plain\ntoxic kind=rst first=3\n%s=%s\nrun\n' \
    'step step=download size' "$size" >"$temp/work/corpus/io_chaos/$size.ops"
done
matrix after
if (($(pairs after rst download) != $(pairs before rst download) + 3)) ||
  (($(pairs after rst upload) != $(pairs before rst upload))); then
  echo "list --matrix: three more cases of rst and download alone make these of those:" >&2
  grep -e ping -e '^rst' "$temp/after" "$temp/before" >&2
  failures=$((failures + 1))
fi
# A report of fuzz has the same of its inputs, how often each toxic fired, and what was checked.
run 0 fuzz io_chaos --corpus "$temp/work/corpus/io_chaos" --time 1s --seed 1 --format json \
  --output "$temp/fuzz.json"
has out "of io_chaos reach"
run 0 report show "$temp/fuzz.json" --format markdown
has out "own\_reply | from an honest peer"
has out "### Inputs by fault and step"
reached=$(awk -F'|' '/io.*: rst /{ print $4; exit }' "$temp/out")
((reached >= 3)) || { echo "rst fired in '$reached' inputs instead of 3 at least" >&2; failures=$((failures + 1)); }
# The seeds reach every pair; what a merge keeps of some of them reaches what they reached.
grep -q " pairs met$" "$temp/before" || { echo "not every pair is met" >&2; tail -n 1 "$temp/before" >&2; failures=$((failures + 1)); }
mkdir "$temp/project"
for file in "$RESPROBE_SOURCE_DIR"/*; do ln -s "$file" "$temp/project"; done
rm "$temp/project/corpus"
mkdir -p "$temp/project/corpus"
mkdir "$temp/project/corpus/io_chaos"
cp "$RESPROBE_SOURCE_DIR"/corpus/io_chaos/[0-3]* "$temp/project/corpus/io_chaos"
rm -r "$temp/work/corpus"
RESPROBE_SOURCE_DIR=$temp/project matrix some
RESPROBE_SOURCE_DIR=$temp/project run 0 corpus merge io_chaos
has out "corpus/io_chaos: "
RESPROBE_SOURCE_DIR=$temp/project matrix merged
[[ $(tail -n 1 "$temp/merged") == "$(tail -n 1 "$temp/some")" ]] || { tail -n 1 "$temp/merged" >&2; failures=$((failures + 1)); }
rm "$temp/project/corpus/io_chaos/"[0-1]*
RESPROBE_SOURCE_DIR=$temp/project matrix fewer
has fewer "pairs met; not met: "
wrong_use "crosses nothing" list --matrix query_parser

finish
