#!/usr/bin/env bash
# oracle --restore, and replay, minimize and show of what it finds, on a server with planted faults:
# tests/live/restore/toy_restore_server.py.   usage: restore_test.sh PROGRAM
set -euo pipefail
program=$1
. "$(dirname "$0")/lib.sh"
need_python
cd "$RESPROBE_SOURCE_DIR"
export RESPROBE_WORK_DIR=$temp/work
toy="$python tests/live/restore/toy_restore_server.py {socket}"

wrong_use "excludes" oracle --start "$toy" --restore --unmodelled
wrong_use "excludes" oracle --start "$toy" --restore --query
wrong_use "--assertions requires --restore" oracle --start "$toy" --assertions
wrong_use "permit it with --flush" oracle --server 127.0.0.1:1 --restore
wrong_use "--memory is for --unmodelled" oracle --start "$toy" --memory 5

# A sound server: nothing is found.
run 0 oracle --start "$toy" --restore --memory 0 --seeds 600 --format json --output "$temp/json"
has out "toy 1.0, seed 1: "
has out "0 findings"
has json 'ERR Bad data format'

seeds=600
memory=0
shrink=12 most=2
# found FAULT SIGNATURE OPTION…: one finding with that signature, of at most $most ops, after $shrink
# smaller cases. Where each of these takes a second, or another start of the server, only few are
# tried: that a finding is small is shown by the others.
found() {
  local fault=$1 signature=$2 ops
  shift 2
  rm -rf "$RESPROBE_WORK_DIR"
  run 1 oracle --start "$toy $fault" --restore --stop-on-failure --memory "$memory" --seeds "$seeds" \
    --shrink "$shrink" --format json --output "$temp/json" "$@"
  has out "finding: $signature"
  folder=$(find "$RESPROBE_WORK_DIR" -mindepth 3 -maxdepth 3 | head -n 1)
  holds "$folder" case case.ops original redis-cli.txt report.json
  ops=$(sed -n 's/.*"ops_after": \([0-9]*\).*/\1/p' "$temp/json" | sort -n | head -n 1)
  if ((${ops:-999} > most)); then
    echo "$fault: $ops ops instead of $most at most" >&2
    failures=$((failures + 1))
  fi
  run 1 replay "$folder"
}
found crash "server has ended: signal 11: readValue"
holds "$folder" server.log
run 0 show "$folder"
has out "restore key=0"
run 0 minimize "$folder/original" --harness restore --start "$toy crash" --output "$temp/small.ops"
cp "$temp/small.ops" "$temp/ops"
has ops "ops restore"
run 1 replay "$temp/small.ops" --start "$toy crash"
run 0 replay "$temp/small.ops" --start "$toy"
wrong_use "bears it, so there is nothing to minimize" minimize "$temp/small.ops" --start "$toy"
wrong_use "add --start COMMAND" replay "$temp/small.ops"
shrink=1 most=100 seeds=12
found assertion-always "server has ended: assertion toy.c:12: readValue (sanitized)" --seed 256
shrink=12 most=2 seeds=600
found report "crash report: signal 11: readValue"
found close "connection closed: restore"
shrink=0 most=100 seeds=1
found hang "server hangs: restore" --hang 1
found short "no whole reply: lrange" --hang 1 --seed 21
seeds=600 shrink=12 most=2
found twice "a reply too many: llen"
found shape "another shape: not int(0..): llen"
found garbage "no RESP: llen"
memory=50 seeds=3 shrink=1 most=100
found memory "memory: restore"
memory=0 seeds=300

# An assertion without sanitize-dump-payload is counted, and a finding only on request.
rm -rf "$RESPROBE_WORK_DIR"
run 0 oracle --start "$toy assertion" --restore --memory 0 --seeds 64 --format json \
  --output "$temp/json"
has out "assertions without sanitize-dump-payload, which upstream tolerates: "
has out "assertion toy.c:12, first from seed "
has json '"what": "assertion toy.c:12"'
found assertion "assertion: assertion toy.c:12: readValue" --assertions

finish
