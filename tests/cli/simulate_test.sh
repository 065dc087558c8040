#!/usr/bin/env bash
# simulate: lives of the core, of a server with races (tests/live/history/racy_server.py), of real
# servers; a violation is a finding.
# usage: simulate_test.sh PROGRAM core | races | found | servers
set -euo pipefail
program=$1
part=$2
. "$(dirname "$0")/lib.sh"
export RESPROBE_WORK_DIR=$temp/work

# check TEXT COMMAND…: COMMAND must succeed.
check() {
  local text=$1
  shift
  if ! "$@"; then
    echo "$text" >&2
    failures=$((failures + 1))
  fi
}

if [[ $part == core ]]; then
  # A planted fault of the simulated server is found, filed, and shows again in the same life.
  run 1 simulate --seeds 20 --ops 200 --clients 4 --keys 10 --parts crash_recovery --plant no-fsync \
    --stop-on-failure
  has out "violation:durable_linearizable"
  folder=$(echo "$RESPROBE_WORK_DIR"/findings/lives/simulate-violation-durable_linearizable-*)
  holds "$folder" case case.ops original history.txt picture.txt picture.svg report.json
  run 1 replay "$folder"
  has out "the kept history: violation"
  has out "the life, lived again, fails in run 1"
  run 0 show "$folder"
  has out "ops lives"
  wrong_use "no test can make a server show it again" freeze "$folder"
  run 1 findings check "$folder"
  run 1 simulate --seeds 20 --ops 200 --clients 4 --keys 10 --parts concurrent_operations \
    --plant stale-read --stop-on-failure
  has out "violation:linearizable"
  # A fault that is not found fails the run.
  run 1 simulate --seeds 1 --ops 1 --clients 1 --keys 1 --parts concurrent_operations --plant no-fsync
  has out "vacuous: the fault of --plant no-fsync was not found"
  wrong_use "there is no part 'storm'" simulate --parts storm
  wrong_use "--plant is a fault of the simulated server" simulate --plant no-fsync --start x
  # A history of somebody else's is judged.
  printf 'ops lives\n0 1 2  SET k 1 -> "+OK\\r\\n"\n1 3 4  GET k -> "$-1\\r\\n"\n' >"$temp/bad.ops"
  run 1 replay "$temp/bad.ops"
  has out "violation:linearizable:get"
  printf 'ops lives\n0 1 2  SET k 1 -> "+OK\\r\\n"\n0 3  GET k\n' >"$temp/torn.ops"
  wrong_use "torn.ops: line 3: " replay "$temp/torn.ops"
  finish
  exit
fi

need_python
cp "$(dirname "$0")/../live/history/racy_server.py" "$temp"
racy="$python $temp/racy_server.py {port}"

if [[ $part == races ]]; then
  # Without a race it passes; with one it does not.
  run 0 simulate --start "$racy" --seeds 3 --ops 100 --clients 4 --keys 14
  has out "crash_recovery           left out: the server is neither redis nor valkey"
  for race in incr push stale dirty torn lost; do
    rm -rf "$RESPROBE_WORK_DIR"
    run 1 simulate --start "$racy $race" --seeds 100 --ops 150 --clients 4 --keys 7 --stop-on-failure \
      --parts concurrent_operations
    has out "violation:linearizable"
  done
  # Liveness: a server that ends, and one that answers no more.
  run 1 simulate --start "$racy ends" --seeds 100 --ops 150 --clients 4 --keys 7 --stop-on-failure \
    --parts concurrent_operations
  has out "liveness:server has ended: exit code 3"
  run 1 simulate --start "$racy mute" --seeds 100 --ops 150 --clients 4 --keys 7 --stop-on-failure \
    --parts concurrent_operations --hang 1
  has out "liveness:server hangs"
  check "a history without all replies is not read again: $(<"$temp/out")" \
    test -z "$(grep "could not be made small" "$temp/out")"
fi

if [[ $part == found ]]; then
  # It is replayed from another folder than it was found from.
  cd "$temp"
  run 1 simulate --start "$python racy_server.py {port} lost" --seeds 100 --ops 150 --clients 4 \
    --keys 7 --stop-on-failure --parts concurrent_operations --format json --output "$temp/json"
  cd /
  folder=$(echo "$RESPROBE_WORK_DIR"/findings/lives/simulate-violation-linearizable-*)
  holds "$folder" case case.ops original history.txt picture.txt picture.svg report.json
  check "the case is not smaller than the history" \
    test "$(wc -l <"$folder/case.ops")" -lt "$(wc -l <"$folder/history.txt")"
  grep -q '"signature": "violation:linearizable:' "$temp/json" || check "no finding in the report" false
  # minimize leaves the whole history as it was met.
  cp "$folder/history.txt" "$temp/history"
  run 0 minimize "$folder"
  cmp -s "$temp/history" "$folder/history.txt" || check "minimize has changed history.txt" false
  # The server is started as it was then.
  run 1 replay "$folder"
  has out "the kept history: violation"
  has out "the life, lived again, fails in run"
  # On the server without the race the lives pass, while the history stays what it is.
  run 0 replay --start "$racy" "$folder"
  has out "the kept history: violation"
  has out "does not fail in 10 runs"
  # Without its server the history is judged all the same; with one that is mended it is not gone.
  mv "$temp/racy_server.py" "$temp/away"
  run 2 replay "$folder"
  has out "the kept history: violation"
  has out "the life cannot be lived again"
  sed "s/^import sys$/import sys; del sys.argv[2:]/" "$temp/away" >"$temp/racy_server.py"
  run 0 findings check "$folder"
  has out "0 still fail, 0 are gone, 1 not met"
  run 0 findings rm --gone
  has out "0 findings removed"
fi

if [[ $part == servers ]]; then
  found=no
  for server in redis-server valkey-server; do
    command -v $server >/dev/null || continue
    found=yes
    run 0 simulate --start $server --seeds 2 --ops 300
    has out "crash_recovery                2      2"
    # The same server, which keeps no log whatever it is told, loses what it has answered.
    printf '#!/bin/sh\nexec %s "$@" --appendonly no\n' "$server" >"$temp/forgetful-server"
    chmod +x "$temp/forgetful-server"
    run 1 simulate --start "$temp/forgetful-server" --seeds 9 --ops 100 --clients 4 --keys 10 \
      --parts crash_recovery --stop-on-failure
    has out "violation:durable_linearizable"
    rm -rf "$RESPROBE_WORK_DIR"
  done
  [[ $found == yes ]] || need redis-server
fi

finish
