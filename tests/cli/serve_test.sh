#!/usr/bin/env bash
# serve: redis-cli and redis-benchmark against the core, termination by a signal, a busy port.
set -euo pipefail
program=$1
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/serve_lib.sh"

wrong_use "--profile: there is no 'redis-1.0': use redis-7.0" \
  serve --port 0 --profile redis-1.0
wrong_use "--port" serve --port 65536
wrong_use "--clock" serve --port 0 --clock sun

start
wrong_use "--port: cannot listen on port $port: Address already in use" serve --port "$port"

# With bash alone, if no client is installed.
same "replies" $'+OK\n:2\n+OK' "$(ask "$port" $'SET a 1\nINCR a')"

cli=${RESPROBE_REDIS_CLI:-}
if [[ -n $cli ]]; then
  "$cli" -p "$port" RPUSH l a b c >"$temp/out"
  "$cli" -3 -p "$port" HGETALL nothing >>"$temp/out"
  printf 'MULTI\nSET b "x y"\nGET b\nEXEC\n' | "$cli" -p "$port" >>"$temp/out"
  has out "x y"
  has out "QUEUED"
  "$cli" -p "$port" LRANGE l 0 -1 >"$temp/out"
  has out "c"
else
  echo "skipped: redis-cli, RESPROBE_REDIS_CLI is not set"
fi
benchmark=${RESPROBE_REDIS_BENCHMARK:-}
if [[ -n $benchmark ]]; then
  "$benchmark" -p "$port" -n 2000 -P 16 -c 10 -q -t ping,set,get,lpush,lrange_100,zadd,spop \
    >"$temp/out" 2>&1 || failures=$((failures + 1))
  has out "LRANGE_100"
  has out "requests per second"
else
  echo "skipped: redis-benchmark, RESPROBE_REDIS_BENCHMARK is not set"
fi
stop TERM 0
has out " commands"

start --clock virtual
ask "$port" $'TIME\nSET a 1 PX 1\nPTTL a' >"$temp/out"
has out "1700000000"
has out ":1"
stop INT 0
has out " commands"
finish
