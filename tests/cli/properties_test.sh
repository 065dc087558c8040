#!/usr/bin/env bash
# properties: of the core, of a server with faults (tests/live/oracle/toy_server.py), of real servers.
# usage: properties_test.sh PROGRAM core | any | servers
set -euo pipefail
program=$1
part=$2
. "$(dirname "$0")/lib.sh"
export RESPROBE_WORK_DIR=$temp/work
findings=$RESPROBE_WORK_DIR/findings/properties

if [[ $part == servers ]]; then
  need redis-server valkey-server
  for server in redis-server valkey-server; do
    run 0 properties --start "$server" --seeds 60
    has out "left out: a live server is crashed by ./resprobe crash"
  done
  finish
  exit
fi

if [[ $part == any ]]; then
  # Any server: what it lacks is left out, and said; its fault is found.
  need_python
  cp "$(dirname "$0")/../live/oracle/toy_server.py" "$temp"
  toy="$python $temp/toy_server.py {port}"
  run 0 properties --start "$toy" --seeds 40 --filter set_get_roundtrip,sort_orders,append_concatenates
  has out "left out: the server lacks SORT"
  run 1 properties --start "$toy append-twice" --seeds 40 --filter append_concatenates --stop-on-failure
  has out "violation:append_concatenates"
  folder=$findings/properties-violation-append_concatenates
  run 1 replay "$folder"
  run 0 freeze "$folder" -o "$temp/frozen.ops"
  run 1 replay "$temp/frozen.ops"
  # A server that ends is a finding of its own, and the run goes on with a new one.
  run 1 properties --start "$toy +dies" --seeds 20 --filter set_get_roundtrip
  has out "violation:answers"
  finish
  exit
fi

run 0 properties --list
count=$(wc -l <"$temp/out")

# Of the core each holds; the report has a result for each.
run 0 properties --seeds 60 --format json --output "$temp/json"
has out "the core, in simulation"
has json '"passed": '"$count"
# One case does not try all: not tried is not held.
run 1 properties --seeds 1
has out "not tried once: give more --seeds"

# A fault is found, made small, filed, and shows again; it is a test once it is frozen.
run 1 properties --plant scan_returns_all --seeds 400 --stop-on-failure
has out "violation:scan_returns_all"
folder=$findings/properties-violation-scan_returns_all
run 1 replay "$folder"
run 0 show "$folder"
has out "check property=scan_returns_all"
run 0 minimize "$folder"
run 0 freeze "$folder" -o "$temp/frozen.ops"
run 1 replay "$temp/frozen.ops"
run 1 properties --plant crash_recovery_consistent --filter crash_recovery_consistent --seeds 10 --stop-on-failure
has out "violation:crash_recovery_consistent"
# One that nothing could find fails the run.
run 1 properties --plant set_algebra --filter set_get_roundtrip --seeds 5
has out "vacuous: the fault of --plant set_algebra was not found"

wrong_use "there is no property 'x'" properties --filter x
wrong_use "--plant" properties --plant x
wrong_use "cannot start 'no-such-server'" properties --start 'no-such-server {port}'

finish
