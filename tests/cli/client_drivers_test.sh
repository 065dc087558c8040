#!/usr/bin/env bash
# Each driver of ours whose client is here: own replies from a peer that does nothing wrong. The drivers
# of hiredis besides: their verdicts are those of io_chaos.
#   usage: client_drivers_test.sh PROGRAM FOLDER_OF_DRIVERS_IN_C
set -euo pipefail
program=$1 built=$2
. "$(dirname "$0")/lib.sh"
export RESPROBE_WORK_DIR=$temp/work
drivers=$(realpath "$(dirname "$0")/../../drivers")

# runs CODE DRIVER OPS: replays the case with the driver.
runs() {
  printf 'ops client_live\n# Run: {"runner":"client","harness":"client_live","options":{"driver":"%s"}}\n%b' "$2" "$3" >"$temp/case.ops"
  run "$1" replay "$temp/case.ops"
}
sound='config\nstep\nstep step=set\nstep step=get\nstep step=mget\nstep step=push\nstep step=error
step step=download size=5000\nstep step=upload size=70000\npipeline commands=6 size=300
step no_wait=yes\nwait\nclose\nstep\ntoxic kind=slicer first=1\nstep step=download size=30\n'

# subscribes DRIVER: its subscriber gets its messages.
subscribes() {
  printf 'ops client_live\n# Run: {"runner":"client","harness":"client_live","options":{"driver":"%s"}}\n%b' "$1" \
    'config\nsubscribe\npublish\npublish\ntick\nsubscribe\npublish which=1\ntick\nclose\n' >"$temp/case.ops"
  run 0 replay --trace "$temp/case.ops"
  for message in '(SUBSCRIBE t1) gets "m1"' '(SUBSCRIBE t1) gets "m2"' '(SUBSCRIBE t2) gets "m3"'; do
    has out "$message"
  done
}

# pushes DRIVER: its push handler gets invalidations.
pushes() {
  printf 'ops client_live\n# Run: {"runner":"client","harness":"client_live","options":{"driver":"%s"}}\n%b' "$1" \
    'config push=yes\nstep\nchange which=1\nstep\nstep\n' >"$temp/case.ops"
  run 0 replay --trace "$temp/case.ops"
  has out 'push ["invalidate",["b"]]'
}

# have COMMAND…: true if the command succeeds, which looks for a client.
have() {
  "$@" >/dev/null 2>&1 && return
  echo "skipped: $client, no client here"
  return 1
}
client=redis_py && have /usr/bin/python3 -c 'import redis' && {
  runs 0 "/usr/bin/python3 $drivers/redis_py.py" "$sound"
  runs 0 "/usr/bin/python3 $drivers/redis_py_asyncio.py" "$sound"
  subscribes "/usr/bin/python3 $drivers/redis_py.py"
  subscribes "/usr/bin/python3 $drivers/redis_py_asyncio.py"
}
export NODE_PATH=${NODE_PATH:-/usr/share/nodejs}
client=node_redis && have node -e 'require("redis")' && {
  runs 0 "node $drivers/node_redis.js" "$sound"
  subscribes "node $drivers/node_redis.js"
}
client=phpredis && have php -r 'exit(extension_loaded("redis") ? 0 : 1);' && runs 0 "php $drivers/phpredis.php" "$sound"
client=redis_rb && have ruby -e 'require "redis"' && {
  runs 0 "ruby $drivers/redis_rb.rb" "$sound"
  subscribes "ruby $drivers/redis_rb.rb"
}
client=perl_redis && have perl -MRedis -e 1 && {
  runs 0 "perl $drivers/perl_redis.pl" "$sound"
  subscribes "perl $drivers/perl_redis.pl"
}
client=redis_cli && have command -v redis-cli python3 && {
  runs 0 "python3 $drivers/redis_cli.py" "$sound"
  subscribes "python3 $drivers/redis_cli.py"
}

# io_chaos has found no violation of blocking hiredis, and one way to end an asynchronous one: a reply
# that nobody asked for (docs/findings/hiredis-subscribe.md).
unasked='config\ntoxic kind=unsolicited_reply first=0\nstep\nstep\n'
for version in "" _0_14; do
  client=hiredis$version
  have test -x "$built/hiredis$version" || continue
  runs 0 "$built/hiredis$version" "$sound"
  runs 0 "$built/hiredis$version" "$unasked"
  run 0 client --driver "$built/hiredis$version" --seeds 60
  runs 0 "$built/hiredis_async$version" "$sound"
  subscribes "$built/hiredis$version"
  subscribes "$built/hiredis_async$version"
  [[ -n $version ]] || {
    pushes "$built/hiredis"
    pushes "$built/hiredis_async"
  }
  runs 1 "$built/hiredis_async$version" "$unasked"
  has out "redisProcessCallbacks: Assertion"
done
for file in "$drivers"/*.*; do
  (($(wc -l <"$file") < 100)) || { echo "$file has 100 lines or more" >&2; failures=$((failures + 1)); }
done
finish
