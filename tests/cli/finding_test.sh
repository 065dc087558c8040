#!/usr/bin/env bash
# From fuzzing a harness with a planted fault to a small case that replays.
#   usage: finding_test.sh PROGRAM CANARIES FRAGILE
# FRAGILE/late holds a harness that fails only in a process that has run another case.
set -euo pipefail
program=$1
. "$(dirname "$0")/lib.sh"
cd "$RESPROBE_SOURCE_DIR"
export RESPROBE_WORK_DIR=$temp/work RESPROBE_HARNESS_DIR=$2
finding=$temp/work/findings/query_parser/violation-round_trip

# The seeds violate it, so it is found on any machine, however slow.
run 1 fuzz query_parser --time 4s --jobs 1 --seed 1 --format json --output "$temp/report.json"
has out "violation:round_trip"
has out "replay:"
holds "$finding" case original trace.txt stack.txt report.txt report.json
cp "$temp/report.json" "$temp/json"
has json '"invariant": "round_trip"'
has json '"repeats"'
has json '"seconds_until_found"'
has json '"executions_until_found"'
has json '"replay"'
(($(wc -c <"$finding/case") <= 8)) || { echo "it is not minimized" >&2; failures=$((failures + 1)); }

run 1 replay "$finding"
has out "violation:round_trip"
run 1 replay "$temp/work/findings/query_parser/violation-round_trip/original" --format json
has out '"signature": "violation:round_trip"'
run 0 minimize "$finding/original" -o "$temp/min" --harness query_parser
has out "signature: violation:round_trip"
cmp "$temp/min" "$finding/case" || { echo "minimize is not the same twice" >&2; failures=$((failures + 1)); }
run 1 replay --harness query_parser "$temp/min"
run 0 minimize "$finding/original" -o "$temp/min.ops" --harness query_parser
cmp "$temp/min.ops" "$finding/case.ops" || failures=$((failures + 1))
run 1 replay "$temp/min.ops" --twice
# What is minimal already is not written again, except to a file that is named.
for case in "$finding" "$temp/min.ops"; do
  cp -r "$temp" "$temp.before"
  run 0 minimize "$case"
  has out "is minimal already: "
  rm -f "$temp/out" "$temp/err" "$temp.before/out" "$temp.before/err"
  diff -r "$temp" "$temp.before" >&2 || failures=$((failures + 1))
  rm -r "$temp.before"
done
run 0 minimize "$temp/min.ops" -o "$temp/same.ops"
cmp "$temp/min.ops" "$temp/same.ops" || failures=$((failures + 1))
wrong_use "is a folder: name a file" minimize "$finding" -o "$temp"
wrong_use "there is no folder" minimize "$finding" -o "$temp/none/min"

# A second run recognizes it.
run 1 fuzz query_parser --time 60s --stop-on-failure --jobs 1 --seed 2
has out "known from an earlier run"

# Open findings run first: nothing else of this run can show it.
mkdir "$temp/empty"
printf a >"$temp/empty/a"
run 1 fuzz query_parser --time 1s --jobs 1 --seed 1 --corpus "$temp/empty"
has out "known from an earlier run"

# A failure that is met again and again is stepped over, and counted, by a process that goes on.
head -c 256 /dev/zero >"$temp/progress"
mkdir "$temp/stepped"
RESPROBE_PROGRESS=$temp/progress RESPROBE_STEP_OVER=nothing,round_trip "$2/query_parser" -runs=3000 \
  -seed=1 "$temp/stepped" corpus/query_parser >"$temp/out" 2>&1 || {
  echo "it does not step over" >&2
  failures=$((failures + 1))
}
read -r executions other over < <(od -An -td8 -w24 -N24 "$temp/progress")
if ((executions < 3000 || other != 0 || over == 0)); then
  echo "$executions executions, $other of nothing, $over stepped over" >&2
  failures=$((failures + 1))
fi
# What it stepped over is not learnt.
(($(RESPROBE_STEP_OVER=nothing "$2/query_parser" -runs=0 "$temp/stepped" 2>&1 | grep -c violation) == 0)) || {
  echo "what fails was learnt" >&2
  failures=$((failures + 1))
}

# The filed case passes now, because the fault was fixed: a failure with the same signature is filed
# anew.
printf 1a >"$finding/case"
run 1 fuzz query_parser --time 60s --stop-on-failure --jobs 1 --seed 3
! grep -q "known from an earlier run" "$temp/out" || { echo "taken for the old finding" >&2; failures=$((failures + 1)); }
[[ $(cat "$finding-mended/case") == 1a ]] || { echo "the old finding is lost" >&2; failures=$((failures + 1)); }
run 1 replay "$finding"

# A failure that needs earlier cases in the process is not reported as a case that replays.
RESPROBE_HARNESS_DIR=$3/late run 1 fuzz fragile --time 60s --stop-on-failure --jobs 1 --seed 1 --format json \
  --output "$temp/report.json"
has out "by itself it holds: what ran before it in the process matters"
cp "$temp/report.json" "$temp/json"
has json '"replays": false'
cp "$temp/work/findings/fragile/violation-no_v/report.txt" "$temp/text"
has text "the first run"

# A harness that keeps memory is looked at for leaks, but not after each case.
RESPROBE_HARNESS_DIR=$3/leaks run 1 fuzz fragile --time 60s --stop-on-failure --jobs 1 --seed 1
has out "leak:"
has out "Lose"
has out "by itself it holds: what ran before it in the process matters"

# A path that must be quoted for a shell, and is not UTF-8.
RESPROBE_WORK_DIR=$temp/w$'\xff'" k" run 1 fuzz query_parser --time 60s --stop-on-failure --jobs 1 --seed 1
has out "replay:    ./resprobe replay '"

# A case as text, with irrelevant steps; its harness's clients have a fault.
cat >"$temp/long.ops" <<'TEXT'
ops invalidation
config clients=1 noloop=yes
barrier
read client=0 key=0
advance ms=5
write client=0 kind=set key=0 ms=7
read client=1 key=0
TEXT
cat >"$temp/short.ops" <<'TEXT'
ops invalidation
config noloop=yes
read client=0 key=0
write client=0 kind=set key=0 ms=0
TEXT
# Omitted fields are 0 or no; the printed case has all of them.
run 0 show "$temp/short.ops"
cp "$temp/out" "$temp/short.ops"
run 1 replay "$temp/long.ops" --trace
has out "violation:cached_implies_tracked"
has out "#3 write client=0 kind=set key=0 ms=7"
run 0 minimize "$temp/long.ops" -o "$temp/least.ops"
has out "5 -> 2 ops"
cmp "$temp/least.ops" "$temp/short.ops" || { cat "$temp/least.ops" >&2; failures=$((failures + 1)); }
run 0 show "$temp/least.ops"
cmp "$temp/out" "$temp/short.ops" || failures=$((failures + 1))
run 1 replay "$temp/least.ops" --twice --format json
has out '"hash2"'
sed -i 's/client=1/client=x/' "$temp/long.ops"
wrong_use "long.ops:7: client=x: write a whole number from 0 to 255" replay "$temp/long.ops"
finish
