#!/usr/bin/env bash
# io --qdisc: the same cases over a slow queueing discipline of the kernel, if the machine supports
# it.
set -euo pipefail
program=$1
. "$(dirname "$0")/lib.sh"
cd "$RESPROBE_SOURCE_DIR"
export RESPROBE_WORK_DIR=$temp/work

wrong_use "--peer memory has no network" io --peer memory --qdisc 'tbf rate 1mbit burst 2kb limit 6kb'
wrong_use "skipped, since this machine cannot do --qdisc" io --qdisc 'nonsense 7'

queue='tbf rate 1mbit burst 2kb limit 6kb'
"$program" io --seeds 1 --qdisc "$queue" >"$temp/out" 2>"$temp/err" || {
  cat "$temp/err"
  ((failures == 0)) || finish
  exit 77
}
run 0 io --seeds 40 --qdisc "$queue" --format json --output "$temp/report.json"
has out "40 cases: "
has out " 0 differ, 0 not run"
# Packets have waited in it.
grep -q -E '"qdisc": "tbf: sent [0-9]+ bytes .*overlimits [1-9]' "$temp/report.json" || {
  echo "nothing has waited in the queue:" >&2
  cat "$temp/report.json" >&2
  failures=$((failures + 1))
}
finish
