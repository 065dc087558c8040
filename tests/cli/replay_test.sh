#!/usr/bin/env bash
# replay, show and minimize on valid, missing and broken cases.
set -euo pipefail
program=$1
. "$(dirname "$0")/lib.sh"
cd "$RESPROBE_SOURCE_DIR"

run 0 replay corpus/query_parser/d1_and --twice
has out "ok"
has out "hash"
run 0 replay corpus/query_parser --twice
has out "cases:"
run 0 replay corpus/query_parser --quiet --format json
has out '"outcome": "ok"'
run 0 replay --harness query_parser --seed 7 --trace
has out "trace:"
run 0 show corpus/query_parser/d1_and
run 0 show corpus/query_parser/d1_and corpus/query_parser/d1_or
has out "# corpus/query_parser/d1_or"

# With two servers, the trace and its diagram show which server it was.
run 0 replay corpus/invalidation/default.ops --trace
has out "  server gets "
run 0 replay corpus/invalidation/replica_reads.ops --trace
has out "  primary gets "
has out "  replica pushes "
! grep -q '^ *server ' "$temp/out" || { echo "one of them is 'server'" >&2; failures=$((failures + 1)); }
run 0 replay corpus/invalidation/failover.ops --trace
has out "  new primary gets "
run 0 show --diagram corpus/invalidation/default.ops
has out ">server</text>"
! grep -q '>replica</text>' "$temp/out" || { echo "there is no replica" >&2; failures=$((failures + 1)); }
run 0 show --diagram corpus/invalidation/failover.ops
has out ">primary</text>"
has out ">replica</text>"
has out "dies; the replica takes its place"

# .ops text is recognized by its first line as well.
run 0 replay corpus/invalidation/default.ops
named=$(grep -o 'ops [0-9]* *hash .*' "$temp/out")
cp corpus/invalidation/default.ops "$temp/story"
run 0 replay "$temp/story"
has out "$named"
run 0 replay --harness invalidation "$temp/story"
has out "$named"
run 0 show "$temp/story"
has out "ops invalidation"
printf 'ops nonsense\n' >"$temp/other"
wrong_use "other:1: there is no harness 'nonsense'" replay "$temp/other"
wrong_use "story:" replay --harness command_handler "$temp/story"

printf '1hello' >"$temp/case"
run 0 replay --harness query_parser "$temp/case"
wrong_use "--harness" replay "$temp/case"
wrong_use "there is no such file" replay "$temp/missing.ops"
wrong_use "there is no harness 'nonsense'" replay --harness nonsense "$temp/case"
printf 'ops nonsense\n' >"$temp/unknown.ops"
wrong_use "unknown.ops:1: there is no harness 'nonsense'" replay "$temp/unknown.ops"
printf 'no ops at all\n' >"$temp/corrupt.ops"
wrong_use "corrupt.ops:1: is not .ops text" replay "$temp/corrupt.ops"
printf 'ops query_parser\nbytes "1a"\n' >"$temp/raw.ops"
run 0 replay "$temp/raw.ops"
printf 'call a\n' >>"$temp/raw.ops"
wrong_use "raw.ops:3: no op is named 'call'" replay "$temp/raw.ops"
# A folder that a run of an earlier version left without a report when it was killed: what an engine
# has printed is no case.
torn=$temp/work/findings/query_parser/violation-round_trip
mkdir -p "$torn"
printf '1hello' >"$torn/original"
printf 'the stack\n' >"$torn/report.txt"
run 0 replay "$torn"
has out "original"
! grep -q report.txt "$temp/out" || { echo "report.txt was run" >&2; failures=$((failures + 1)); }
mkdir "$temp/empty"
wrong_use "holds no case" replay --harness query_parser "$temp/empty"
wrong_use "does not fail" minimize --harness query_parser "$temp/case"
if ((EUID != 0)); then
  chmod 000 "$temp/case"
  wrong_use "cannot be read" replay --harness query_parser "$temp/case"
fi
finish
