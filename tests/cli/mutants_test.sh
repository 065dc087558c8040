#!/usr/bin/env bash
# mutants: measures each fault once, goes on from there, and writes the table. The harness is the
# canary of command_handler, whose fault is always on.
#   usage: mutants_test.sh PROGRAM CANARIES
set -euo pipefail
program=$1
. "$(dirname "$0")/lib.sh"
mkdir -p "$temp"/{repository/{harnesses,mutants,src/core},harnesses}
export RESPROBE_SOURCE_DIR=$temp/repository RESPROBE_WORK_DIR=$temp/work RESPROBE_HARNESS_DIR=$temp/harnesses
echo 'command_handler command_handler' >"$temp/harnesses/harnesses.txt"
echo 'command_oracle command_handler' >"$temp/harnesses/live.txt"
printf '%s\n' 'command_handler x.cc -' 'command_oracle x.cc -' >"$temp/repository/harnesses/harnesses.txt"
touch "$temp/repository/src/core/a.cc"
for name in command_handler command_oracle; do ln -s "$2/command_handler" "$temp/harnesses/$name"; done
list=$temp/repository/mutants/a.txt
cat >"$list" <<'LIST'
mutant pop_leaves_list
file src/core/a.cc
harness command_oracle command_handler
breaks LPOP leaves an empty list.
in   a;
from a;
LIST

wrong_use "--only other: no fault has such a name" mutants --only other
wrong_use "--harness rdb: no fault is for it" mutants --harness rdb
wrong_use "--without model: use one of op-mutator, coverage, swarm" mutants --without model
wrong_use "only a report goes to a file: add --format json" mutants --output "$temp/table"
run 0 mutants --list
has out "pop_leaves_list  LPOP leaves an empty list."

# No such server: that harness is skipped, and said to be.
time=20s
bench() { run "$1" mutants --time "$time" --start "$temp/none" --trials "${@:2}"; }
bench 0 2 --seeds-only
has out "skipped: command_oracle: there is no $temp/none"
has out "pop_leaves_list, command_handler, seeds, trial 2: violation:no_empty_aggregate after "
has out "generated seeds alone: 1 of 1 faults detected within 20s (100%)"
[[ $(grep -c '"mutant":"pop_leaves_list"' "$temp/work/mutants/results.jsonl") == 2 ]] ||
  { echo "not two results" >&2; failures=$((failures + 1)); }

# A line that a kill has cut off, and results that are there.
printf '{"mutant":"pop' >>"$temp/work/mutants/results.jsonl"
bench 0 2 --seeds-only --format markdown --output "$temp/table"
! grep -q 'trial' "$temp/out" || { echo "measured again:" >&2; cat "$temp/out" >&2; failures=$((failures + 1)); }
has table "| pop_leaves_list | LPOP leaves an empty list. | not reached | command_handler no_empty_aggregate |"

# Fuzzing shrinks what it finds. Another entry is another fault.
sed -i 's/a;/b;/' "$list"
time=600s # it ends with what it finds, however busy the machine is
bench 0 1 --corpus none
time=20s
has out "pop_leaves_list, command_handler, none, trial 1: violation:no_empty_aggregate after "
has out " ops, "
bench 0 1 --seeds-only --fresh
has out "trial 1: violation"

# A harness that does not run its seeds as the plain one does is no measure.
mkdir -p "$temp/repository/corpus/command_handler"
printf 'ops command_handler\ncall LPUSH l0 a\ncall LPOP l0\n' >"$temp/repository/corpus/command_handler/a.ops"
bench 2 1 --seeds-only
has err "with no fault switched on"

sed -i '/^breaks/d' "$list"
wrong_use "mutants/a.txt:1: pop_leaves_list has no line 'breaks'" mutants --list
finish
