#!/usr/bin/env bash
# Wrong use: one clear line, exit code 2. Help: exit code 0.
set -euo pipefail
program=$1
. "$(dirname "$0")/lib.sh"
cd "$RESPROBE_SOURCE_DIR"
export RESPROBE_WORK_DIR=$temp/work

run 0 --help
has out "replay"
for verb in list fuzz replay show minimize record corpus "corpus check" "corpus merge" bench; do
  # shellcheck disable=SC2086
  run 0 $verb --help
  has out "--help"
done
run 0 list
has out "query_parser"
run 0 list --format json
has out "\"harnesses\""

wrong_use "see ./resprobe --help"
wrong_use "see ./resprobe --help" nonsense
wrong_use "see ./resprobe fuzz --help" fuzz --nonsense
wrong_use "there is no harness 'nonsense'" fuzz nonsense --time 1s
wrong_use "--time 5x" fuzz query_parser --time 5x
wrong_use "--time 0" fuzz query_parser --time 0
wrong_use "--engine" fuzz query_parser --engine honggfuzz
wrong_use "--format json" fuzz query_parser --output "$temp/report.json"
wrong_use "there is no folder" fuzz query_parser --format json --output "$temp/none/report.json"
wrong_use "--jobs" fuzz query_parser --jobs 0
wrong_use "name cases" replay
wrong_use "--harness" replay --seed 7
wrong_use "whole number" replay --harness query_parser --seed seven
wrong_use "CASE" show
wrong_use "there is no such file" show "$temp/missing"
wrong_use "there is no such file" minimize "$temp/missing"
wrong_use "there is no harness" corpus merge nonsense
wrong_use "is not a folder" corpus merge query_parser "$temp/missing"
wrong_use "--server" record --listen 0 --output "$temp/cases"
finish
