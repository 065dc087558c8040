#!/usr/bin/env bash
# oracle --unmodelled, and replay and minimize with it; and how the oracle handles a server that
# ends or hangs.
set -euo pipefail
program=$1
faulty=$2
part=$3 # one of the functions below, which are tests of their own
. "$(dirname "$0")/lib.sh"
cd "$RESPROBE_SOURCE_DIR"
export RESPROBE_WORK_DIR=$temp/work
findings=$temp/work/findings/command_handler

# start FAULT…: the options that start the server with these faults
# (tests/live/oracle/faulty_server.cc).
hang=1
start() {
  server=(--start "$faulty" --hang "$hang")
  # For --unmodelled; the faulty server may be built with AddressSanitizer.
  watched=(--unmodelled --memory 0)
  for fault in "$@"; do server+=("--server-arg=--fault" "--server-arg=$fault"); done
}

printf 'ops command_handler\ncall client=0 SET k 1\ncall client=0 INCR k\ncall client=0 GET k\n' \
  >"$temp/case.ops"

unmodelled() {
  wrong_use "may end a server" oracle --unmodelled --server 127.0.0.1:1
  wrong_use "--dangerous requires --unmodelled" oracle --start "$faulty" --dangerous
  wrong_use "excludes" oracle --start "$faulty" --unmodelled --profile redis-7.0
  start x.sound=sound
  wrong_use "there is no such group: use some of faults" \
    oracle "${server[@]}" "${watched[@]}" --groups stream

  # Several faults: each is found, shrunk to its call, and filed with the log; the run continues
  # after them.
  start x.crash=crash x.twice=twice x.sound=sound x.more=sound
  run 1 oracle "${server[@]}" "${watched[@]}" --seeds 8 --format json --output "$temp/report.json"
  has out "finding met: server has ended: signal 11: faultyCommand|call: "
  has out "finding: server has ended: signal 11: faultyCommand|call"
  has out "finding: a reply too many: x.twice"
  has out "8 cases"
  cp "$temp/report.json" "$temp/json"
  has json '"replays": true'
  folder=$(find "$findings" -name '*server-has-ended*' | head -n 1)
  holds "$folder" case case.ops original redis-cli.txt report.json server.log
  cp "$folder/server.log" "$temp/log"
  has log "BUG REPORT START"
  tr a-z A-Z <"$folder/case.ops" >"$temp/ops"
  has ops "X.CRASH"
  if (($(wc -l <"$temp/ops") > 3)); then
    echo "the case is not one call:" >&2
    cat "$temp/ops" >&2
    failures=$((failures + 1))
  fi
  run 1 replay "$folder/case.ops" "${server[@]}" "${watched[@]}"
  has out "signature: server has ended"
  run 0 minimize "$folder/original" --harness command_handler "${server[@]}" "${watched[@]}" \
    --output "$temp/small.ops"
  has out "-> 1 ops"
  start x.crash=sound x.twice=sound
  run 0 replay "$folder/case.ops" "${server[@]}" "${watched[@]}"
  wrong_use "bears it, so there is nothing to minimize" \
    minimize "$folder/case.ops" "${server[@]}" "${watched[@]}"

  # Never sent unless requested.
  printf 'ops command_handler\ncall client=0 SHUTDOWN\n' >"$temp/end.ops"
  start shutdown=exit x.sound=sound
  run 0 replay "$temp/end.ops" "${server[@]}" "${watched[@]}"
  has out "not sent, shutdown: it ends the server: 1"
  run 1 replay "$temp/end.ops" "${server[@]}" "${watched[@]}" --dangerous
  has out "server has ended: exit code 3"

  # (valkey 8.0.1 gives a failing AUTH no reply, which is found: docs/findings.)
  if [[ -z ${RESPROBE_REDIS_SERVER:-} ]]; then
    echo "skipped: a real server, RESPROBE_REDIS_SERVER is not set"
  else
    run 0 oracle --start "$RESPROBE_REDIS_SERVER" --unmodelled --seeds 20 --groups geo,hyperloglog \
      --protocol 2
    has out "0 findings"
  fi
}

compared() {
  # The comparing oracle: the same for a server that ends or hangs.
  start incr=crash
  run 0 minimize "$temp/case.ops" "${server[@]}" --output "$temp/small.ops"
  has out "signature: incr: server has ended: signal 11: faultyCommand|call"
  has out "3 -> 1 ops"
  # A run is some cases ahead of what it has checked: it still finds the right one.
  for fault in crash report; do
    rm -rf "$findings"
    start incr=$fault
    run 1 oracle "${server[@]}" --groups string --requests 100
    folder=$(find "$findings" -name 'oracle-*' | head -n 1)
    tr a-z A-Z <"$folder/case.ops" >"$temp/ops"
    has ops " INCR"
    run 1 replay "$folder/case.ops" "${server[@]}"
  done
  # A server that cannot be restarted: the finding is kept, and the run ends.
  "$faulty" --unixsocket "$temp/socket" --logfile "$temp/socket.log" --fault incr=crash &
  id=$!
  until [[ -S $temp/socket ]]; do :; done
  rm -rf "$findings"
  run 1 oracle --unix "$temp/socket" --flush --hang 1 --groups string --time 60s --format json \
    --output "$temp/report.json"
  wait "$id" || true
  has out "server has ended"
  has out "the run ends here, since the server does not come back: cannot connect to"
  cp "$temp/report.json" "$temp/json"
  # It did not fail alone, and it did not hold either: it could not be run.
  if grep -q '"replays"' "$temp/json"; then
    echo "what could not be run is said to replay, or not to" >&2
    failures=$((failures + 1))
  fi
  folder=$(find "$findings" -name 'oracle-*' | head -n 1)
  holds "$folder" case case.ops original report.json
  # All that replay needs to connect as this run did.
  has json "\"unix\": \"$temp/socket\""
  has json '"flush": true'
  has json '"hang": 1'
  has out "./resprobe replay $folder"
  wrong_use "cannot connect to $temp/socket" replay "$folder"
  start incr=hang
  run 1 replay "$temp/case.ops" "${server[@]}"
  has out "signature: incr: server hangs"
}

interrupted() {
  # Ctrl-C while a server hangs, at its start, at its first request, and within a case: the run ends
  # at once.
  hang=3600
  for fault in ping hello incr; do
    start $fault=interrupt x.sound=sound
    run 130 oracle "${server[@]}" --groups string
    run 130 replay "$temp/case.ops" "${server[@]}"
    has err "interrupted"
    run 130 minimize "$temp/case.ops" "${server[@]}" --output "$temp/small.ops"
    has err "interrupted"
    run 130 oracle "${server[@]}" "${watched[@]}" --groups faults
  done
  # Findings so far are kept. (Late enough that the first replies were read: cases begin before the
  # replies to earlier ones are read.)
  rm -rf "$findings"
  start append=twice:120:interrupt
  run 130 oracle "${server[@]}" --groups string --format json \
    --output "$temp/report.json"
  has out "difference: append: "
  cp "$temp/report.json" "$temp/json"
  has json '"interrupted": true'
  folder=$(find "$findings" -name 'oracle-*append*' | head -n 1)
  holds "$folder" case case.ops original report.json
}

silent() {
  # A server that accepts connections and never answers is given up after --hang, at its start and
  # when it is asked for its version.
  for fault in ping hello command; do
    start $fault=hang
    wrong_use " for 1 s: " oracle "${server[@]}" --seeds 1
  done
  wrong_use "says nothing to COMMAND for 1 s: $faulty: is it a RESP server" replay "$temp/case.ops" "${server[@]}"
  rm -f "$temp/socket"
  "$faulty" --unixsocket "$temp/socket" --logfile "$temp/socket.log" --fault hello=hang &
  id=$!
  until [[ -S $temp/socket ]]; do :; done
  wrong_use "says nothing to HELLO for 1 s: -s $temp/socket: is it a RESP server" \
    oracle --unix "$temp/socket" --hang 1
  kill "$id"
  wait "$id" || true
}

"$part"
finish
