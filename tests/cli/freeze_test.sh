#!/usr/bin/env bash
# Failures of every kind become tests: red with the fault, green after the fix.
#   usage: freeze_test.sh PROGRAM CANARIES HARNESSES FRAGILE
# CANARIES and HARNESSES hold the same harnesses with and without a planted fault; FRAGILE/faulty
# and FRAGILE/mended the one that fails in every possible way.
set -euo pipefail
program=$1 canaries=$2 harnesses=$3 fragile=$4
. "$(dirname "$0")/lib.sh"
tests=$(cd "$(dirname "$0")" && pwd)
seeds=$RESPROBE_SOURCE_DIR/corpus
cd "$temp"
export RESPROBE_WORK_DIR=$temp/work

# A private repository for the frozen tests.
mkdir -p "$temp/repository/harnesses" "$temp/repository/corpus/fragile"
export RESPROBE_SOURCE_DIR=$temp/repository
regressions=$temp/repository/tests/regressions

build() { export RESPROBE_HARNESS_DIR=$1; }
fail() {
  echo "$*" >&2
  failures=$((failures + 1))
}
# all_tests_of HARNESS: runs them like ./resprobe test.
all_tests_of() { bash "$tests/corpus_test.sh" "$program" "$1" "$1" >"$temp/all" 2>&1; }

# A violation, a crash, an assertion and a hang; the case contains more than necessary.
printf x >"$temp/repository/corpus/fragile/seed"
for kind in v:violation-no_v o:asan-heap-buffer-overflow-resprobe a:assert h:timeout; do
  letter=${kind%%:*} name=${kind#*:}
  build "$fragile/faulty"
  more='and more\r\nthan\0needed'
  [[ $letter != h ]] || more=x # each candidate that hangs takes a second
  printf "%s$more" "$letter" >"$temp/case-$letter"
  run 0 freeze "$temp/case-$letter" --harness fragile --timeout 1
  frozen=("$regressions/fragile/$name"*.ops)
  if [[ ! -e ${frozen[0]} ]]; then
    fail "no frozen test of $name"
    continue
  fi
  has out "written: tests/regressions/fragile/$name"
  has out "./resprobe test -R corpus_fragile"
  ! grep -q "no test runs" "$temp/out" || fail "a test runs $name"
  tail -n 1 "${frozen[0]}" >"$temp/last"
  has last "bytes \"$letter\""
  cp "${frozen[0]}" "$temp/text"
  has text "# Must hold: "
  has text "# Failed on: resprobe core; resprobe "
  has text "# Built with: "
  run 1 replay "${frozen[0]}" --timeout 1
  # (All tests use 25 seconds for a hang.)
  [[ $letter == h ]] || ! all_tests_of fragile || fail "$name is not red"
  build "$fragile/mended"
  all_tests_of fragile || fail "$name is not green where it is mended"
  mv "${frozen[0]}" "$temp/frozen-$letter.ops"
done
cp "$temp/frozen-v.ops" "$temp/text"
has text "# Must hold: no_v: the input does not begin with v"
has text "# Expected: anything but v"
has text "# Seen: v, of 1 bytes"
has text "# Trace hash of the failing run: "

# What does not fail, or not always, cannot be a test; nothing is written.
build "$fragile/mended"
wrong_use "does not fail in fragile as it is built" freeze "$temp/case-v" --harness fragile
build "$fragile/faulty"
printf n >"$temp/case-n"
wrong_use "two runs of it differ" freeze "$temp/case-n" --harness fragile
wrong_use "let its name end in .ops" freeze "$temp/case-v" --harness fragile -o "$temp/x.txt"
wrong_use "is there already" freeze "$temp/case-v" --harness fragile -o "$temp/frozen-v.ops"
wrong_use "there is no such file" freeze "$temp/none"
printf '{}' >"$temp/empty.json"
wrong_use "is no report of a finding" freeze "$temp/empty.json"
# The report of a campaign does not make a folder a finding.
mkdir "$temp/campaign"
printf '{"findings": [], "seconds": 1}' >"$temp/campaign/report.json"
for verb in freeze minimize replay; do
  wrong_use "is a report, and no case" $verb "$temp/campaign"
done
cp "$temp/case-v" "$temp/campaign/case"
for verb in freeze minimize replay; do
  wrong_use "its path does not name the harness" $verb "$temp/campaign"
done
[[ -z $(find "$regressions" -type f) ]] || fail "a refused failure left a test behind"

# For every harness: the first case that fails with the planted fault, among its seeds or the
# generated cases; one fault is too rare for that.
mkdir "$temp/made-command_handler"
cat >"$temp/made-command_handler/case.ops" <<'TEXT'
ops command_handler
call client=0 RPUSH l0 a
call client=0 GET s0
call client=0 LPOP l0
TEXT
# first_violation HARNESS FOLDER: sets $case_of.
first_violation() {
  "$program" replay --quiet --harness "$1" "$2" >"$temp/replayed" 2>&1 || true
  case_of=$(sed -n -E '/^violation /{s/^violation +(.*)  ops .*/\1/p;q}' "$temp/replayed")
}
while read -r name corpus; do
  build "$canaries"
  first_violation "$name" "$seeds/$corpus"
  if [[ -z $case_of ]]; then
    mkdir -p "$temp/made-$name"
    pairs=()
    for i in {1..900}; do pairs+=("$i" "$temp/made-$name/$i"); done
    "$canaries/$name" --resprobe generate "${pairs[@]}"
    first_violation "$name" "$temp/made-$name"
  fi
  run 0 freeze "$case_of" --harness "$name" -o "$regressions/$corpus/frozen.ops"
  run 1 replay "$regressions/$corpus/frozen.ops"
  has out "violation:"
  # The same op has the same number everywhere.
  cp "$regressions/$corpus/frozen.ops" "$temp/text"
  at_op=$(sed -n 's/^  at op: *//p' "$temp/out")
  [[ -z $at_op ]] || grep -q -x -F "# At op: $at_op" "$temp/text" || fail "$name: not at op $at_op"
  build "$harnesses"
  mkdir -p "$temp/repository/corpus/$corpus"
  cp "$seeds/$corpus/$(ls "$seeds/$corpus" | head -n 1)" "$temp/repository/corpus/$corpus/"
  all_tests_of "$name" || { fail "$name: not green on the build without the fault"; cat "$temp/all" >&2; }
done <"$canaries/harnesses.txt"

# The folder of a finding, and its report alone, elsewhere.
build "$fragile/faulty"
printf 'v and more' >"$temp/repository/corpus/fragile/failing"
run 1 fuzz fragile --time 1s --jobs 1 --seed 1
finding=$temp/work/findings/fragile/violation-no_v
cp "$finding/report.json" "$temp/report"
for key in harness signature statement case hash seed engine versions commit subject compiler flags; do
  [[ $key != commit ]] || continue # not in a folder without git
  has report "\"$key\": "
done
has report '"case": "ops fragile\nbytes \"v\"\n"'
run 0 freeze "$finding" -o "$temp/of-folder.ops"
has out "minimized before"
cp "$finding/report.json" "$temp/elsewhere.json"
mv "$finding" "$temp/gone"
run 0 freeze "$temp/elsewhere.json" -o "$temp/of-report.ops"
cmp "$temp/of-folder.ops" "$temp/of-report.ops" || fail "the report alone makes another test"
has out "./resprobe replay $temp/of-report.ops"
has out "no test runs this file: tests are below tests/regressions/fragile"
# A failure found with special limits replays with the printed command, and can be frozen.
mv "$temp/repository/corpus/fragile/failing" "$temp/case-v"
printf m >"$temp/repository/corpus/fragile/failing"
run 1 fuzz fragile --time 1s --jobs 1 --seed 1 --rss 400
# (Other findings do not matter.)
command=$(sed -n '/oom/s/^ *replay: *\.\/resprobe //p' "$temp/out")
cp "$temp/work/findings/fragile/oom/report.json" "$temp/json"
has json '"rss": 400'
eval "run 1 $command"
has out "signature: oom"
run 0 freeze "$temp/work/findings/fragile/oom" -o "$temp/of-limits.ops"
wrong_use "does not fail in fragile" \
  freeze "$temp/work/findings/fragile/oom" -o "$temp/none.ops" --rss 2048
sed -i 's/violation:no_v/violation:other/' "$temp/elsewhere.json"
wrong_use "was filed as violation:other and fails as violation:no_v" \
  freeze "$temp/elsewhere.json" -o "$temp/none.ops"
finish
