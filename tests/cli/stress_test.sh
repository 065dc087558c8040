#!/usr/bin/env bash
# stress: counts, CSV as redis-benchmark's, errors, a log for HdrHistogram's tools.
# usage: stress_test.sh PROGRAM
set -euo pipefail
program=$1
. "$(dirname "$0")/lib.sh"
need_python
cp "$(dirname "$0")/../live/history/racy_server.py" "$temp"
server="$python $temp/racy_server.py {port}"

run 0 stress --start "$server" -c 3 -n 200 -t set,get -r 20 --hdr "$temp/log"
has out "SET"
has out "200 operations in"
grep -q '^Tag=set,[0-9.]*,.*,HISTFAAA' "$temp/log" || { echo "no histogram in the log" >&2; failures=1; }
run 0 stress --start "$server" -c 2 -n 50 -t ping --csv
head="\"test\",\"rps\",\"avg_latency_ms\",\"min_latency_ms\",\"p50_latency_ms\",\"p95_latency_ms\",\"p99_latency_ms\",\"max_latency_ms\""
[[ $(head -n 1 "$temp/out") == "$head" ]] || { echo "another head of the CSV" >&2; failures=1; }
has out '"PING_MBULK","'
# It is redis-benchmark's head.
if [[ -n ${RESPROBE_REDIS_BENCHMARK:-} && -n ${RESPROBE_REDIS_SERVER:-} ]]; then
  "$RESPROBE_REDIS_SERVER" --port 0 --unixsocket "$temp/socket" --save "" --dir "$temp" \
    >/dev/null 2>&1 &
  redis=$!
  until [[ -S $temp/socket ]]; do kill -0 $redis || break; done
  theirs=$("$RESPROBE_REDIS_BENCHMARK" -s "$temp/socket" --csv -n 50 -c 2 -t set,get 2>/dev/null)
  run 0 stress -s "$temp/socket" --csv -n 50 -c 2 -t set,get --flush
  kill $redis
  wait $redis 2>/dev/null || true
  [[ $(head -n 1 <<<"$theirs") == "$head" ]] || { echo "redis-benchmark says: $theirs" >&2; failures=1; }
  [[ $(cut -d, -f1 <<<"$theirs") == "$(cut -d, -f1 "$temp/out")" ]] ||
    { echo "other tests than redis-benchmark's" >&2; failures=1; }
fi
# Errors fail the run.
run 1 stress --start "$server" -c 2 -n 50 -t sadd --format json --output "$temp/json"
has out "errors: ERR 50"
grep -q '"ERR": 50' "$temp/json" || { echo "no errors in the report" >&2; failures=1; }
# What was measured is kept when the run is interrupted, or the server ends.
: >"$temp/out" # or what the run before it has written could be taken for its output
"$program" stress --start "$server" -c 2 -n 1000000000 -t set --format json --output "$temp/cut" \
  --hdr "$temp/cut_log" --warm-up 0 >"$temp/out" 2>"$temp/err" &
stress=$!
until grep -q "closed loop" "$temp/out"; do kill -0 $stress || break; done
kill -TERM $stress
code=0
wait $stress || code=$?
((code == 143)) || { echo "exit code $code after SIGTERM" >&2; failures=1; }
grep -q '"interrupted": true' "$temp/cut" || { echo "no report of what was cut" >&2; failures=1; }
grep -q '^#\[interrupted\]' "$temp/cut_log" || { echo "no log of what was cut" >&2; failures=1; }
wrong_use "only a report goes to a file: add --format json" stress --start "$server" \
  --output "$temp/x.csv"
wrong_use "there is no test 'fly'" stress --start "$server" -t fly
wrong_use "name a server with" stress -t set
finish
