#!/usr/bin/env bash
# Cases of invalidation over a live server's sockets: replay, minimize, model-check.
set -euo pipefail
program=$1
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
cd "$RESPROBE_SOURCE_DIR"
export RESPROBE_WORK_DIR=$temp/work

wrong_use "name a server" model-check
wrong_use "cannot start" model-check --start /no/such/server
# The old spelling, and what either verb does not have.
wrong_use "name a server" invalidate --model-check
wrong_use "cannot start" invalidate --start /no/such/server --model-check
wrong_use "--kill" invalidate --model-check --start redis-server --kill 5
wrong_use "--seeds" invalidate --start redis-server --seeds 5

server=${RESPROBE_VALKEY_SERVER:-${RESPROBE_REDIS_SERVER:-}}
if [[ -z $server ]]; then
  echo "no server to start: skipped" >&2
  ((failures == 0)) || exit 1
  exit 77
fi

regressions=tests/regressions/invalidation
run 0 replay "$regressions" --start "$server"
has out "cases on"
has out ": 0 differ"
has out "pushes compared"
wrong_use "--unmodelled is for cases of command_handler" \
  replay "$regressions" --start "$server" --unmodelled
wrong_use "replay those of invalidation by themselves" \
  replay "$regressions" tests/regressions/command_handler --start "$server"
wrong_use "there is nothing to minimize" \
  minimize "$regressions/push_overtakes_reply.ops" --start "$server" -o "$temp/none.ops"

# With the old spelling, which stays.
run 0 invalidate --model-check --start "$server" --seeds 20 --seed 7 \
  --format json --output "$temp/report.json"
cp "$temp/report.json" "$temp/json"
has json '"differences": []'
has json '"sets_clock": true'

# A server that differs: it has one database.
cat >"$temp/case.ops" <<'OPS'
ops invalidation
config clients=1
read client=1 key=2
select client=0 db=1
read client=0 key=0
barrier
OPS
few=(--start "$server --databases 1")
run 1 replay "$temp/case.ops" "${few[@]}"
has out ": another reply"
has out "ERR DB index is out of range"
run 0 minimize "$temp/case.ops" "${few[@]}" -o "$temp/small.ops"
has out ": another reply"
(($(grep -c client= "$temp/small.ops") <= 3)) || { cat "$temp/small.ops"; failures=$((failures + 1)); }
run 1 model-check "${few[@]}" --seeds 1
has out ": another reply"
has out "folder:"

# The same under an engine.
run 0 list
if grep -q "^invalidation_live: caching clients on a live server" "$temp/out"; then
  harness=(--harness invalidation_live)
  RESPROBE_ORACLE_START="$server" run 0 replay "$temp/case.ops" "${harness[@]}" --twice
  RESPROBE_ORACLE_START="$server --databases 1" run 1 replay "$temp/case.ops" "${harness[@]}"
  has out "same_reply"
fi
finish
