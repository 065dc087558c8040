#!/usr/bin/env bash
# crash: a real server that holds; one without fsync, whose finding the other verbs know; where nothing
# was crashed; wrong uses.
#   usage: crash_test.sh PROGRAM
set -euo pipefail
program=$1
. "$(dirname "$0")/lib.sh"
export RESPROBE_WORK_DIR=$temp/work
finding=$temp/work/findings/durability/crash-violation-acknowledged_kept

wrong_use "--start" crash
wrong_use "--policy sometimes: no such name: choose from" crash --start redis-server --policy sometimes
wrong_use "--faults gremlins: no such name: choose from" crash --start redis-server --faults gremlins
wrong_use "--policy: it names nothing" crash --start redis-server --policy ,
wrong_use "--level" crash --start redis-server --level strong
wrong_use "no-such-server" crash --start no-such-server
if [[ ! -x /bin/busybox ]] && command -v true >/dev/null; then
  wrong_use "/bin/true" crash --start /bin/true --seeds 1
fi

need redis-server
for server in redis-server valkey-server; do
  command -v "$server" >/dev/null || continue
  run 0 crash --start "$server" --seed 41 --seeds 4 --format json --output "$temp/json"
  has out "0 findings"
  has json '"findings": []'
  has json '"lost": 0'
  grep -q '"kept": [1-9]' "$temp/json" || { cat "$temp/json"; failures=$((failures + 1)); }
  # Crashed while a child rewrites the log, while a thread syncs it, and in the server itself.
  for place in "child write new base" "thread fsync log" "server write log" "child rename snapshot"; do
    has json "\"$place\""
  done
  # What was injected has acted.
  grep -A1 '"faults": {' "$temp/json" | grep -q '": [1-9]' || { cat "$temp/json"; failures=$((failures + 1)); }
done

# What a run needs is said again after the user's settings; what does not suit a run is told.
run 0 crash --start "redis-server --appendonly no --port 7000 --appendfsync no" --policy always \
  --faults power --seeds 5
has out "0 findings"
wrong_use "-NOAUTH" crash --start "redis-server --requirepass x" --seeds 1
wrong_use "-CLUSTERDOWN" crash --start "redis-server --cluster-enabled yes" --seeds 1
wrong_use "a working directory of its own" crash --start "redis-server --dir /tmp" --seeds 1

# A run that crashes nothing where it should does not pass.
run 1 crash --start redis-server --policy always --faults eintr --seeds 1
has out "nothing was crashed at: "

run 0 crash --start redis-server --policy everysec --faults enospc,eio --sweep --seed 59 --seeds 1 \
  --format json --output "$temp/json"
has json '"swept_calls"'
grep -q '"swept_faults": [1-9]' "$temp/json" || { cat "$temp/json"; failures=$((failures + 1)); }
# The case of seed 59 has a rewrite of the log and a restart.
# Each call failed once, and from then on, in each way that it can; none was left out, also while a
# process loads.
python3 - "$temp/json" <<'P' || failures=$((failures + 1))
import json, sys
report = json.load(open(sys.argv[1]))
swept = report["swept"]
assert "server read log" in swept and "child write new base" in swept, swept.keys()
for place, counts in swept.items():
    ways = {"write": 2}.get(place.split()[1], 1)  # ENOSPC and EIO, else EIO
    assert counts["not_swept"] == 0, place
    assert counts["once"] == counts["from_then_on"] == ways * counts["calls"], (place, counts)
P

# Without fsync.
run 1 crash --start redis-server --policy always --faults power --plant no-fsync --seeds 3
has out "violation:acknowledged_kept"
holds "$finding" case case.ops report.json trace.txt report.txt stack.txt
run 1 replay "$finding" --trace --twice
has out "write appendonlydir/appendonly.aof.1.incr.aof 55 bytes at 0 = 55"
has out "lost_acknowledged"
run 0 minimize "$finding"
run 1 findings check
has out "failing"
# The report stands for its folder.
run 1 replay "$finding/report.json"
run 0 findings --format json
cp "$temp/out" "$temp/one"
run 0 findings list --format json
cmp "$temp/out" "$temp/one" || failures=$((failures + 1))
wrong_use "there is no folder" freeze "$finding" -o "$temp/nosuch/x.ops"
[[ ! -e $temp/nosuch ]] || failures=$((failures + 1))
# Where much is pending, too: what was synced is no excuse.
run 1 crash --start redis-server --policy always --faults power --level weak --plant no-fsync --seed 22 --seeds 1
has out "violation:acknowledged_kept"
run 0 crash --start redis-server --faults power,kill --level weak --seeds 6
has out "0 findings"
# The same case on a server that syncs.
run 0 replay "$finding/case.ops" --harness durability --start redis-server
exit $((failures > 0))
