#!/usr/bin/env bash
# serve: redis-cli and redis-benchmark against the core, termination by a signal, a busy port.
set -euo pipefail
program=$1
. "$(dirname "$0")/lib.sh"

wrong_use "--profile: there is no 'redis-1.0': use redis-7.0" \
  serve --port 0 --profile redis-1.0
wrong_use "--port" serve --port 65536
wrong_use "--clock" serve --port 0 --clock sun

# start ARGUMENT…: starts a server; sets $id and $port.
start() {
  rm -f "$temp/pipe"
  mkfifo "$temp/pipe"
  "$program" serve --port 0 "$@" >"$temp/pipe" 2>"$temp/err" &
  id=$!
  exec 3<"$temp/pipe"
  local line
  IFS= read -r line <&3
  port=${line#*127.0.0.1:}
  port=${port%%;*}
}

# stop SIGNAL: checks that it exits with 0 and prints a last line.
stop() {
  local code=0
  kill "-$1" "$id"
  cat <&3 >"$temp/out"
  wait "$id" || code=$?
  exec 3<&-
  if ((code != 0)); then
    echo "serve ended with exit code $code" >&2
    failures=$((failures + 1))
  fi
  has out " commands"
}

start
wrong_use "--port: cannot listen on port $port: Address already in use" serve --port "$port"

# With bash alone, if no client is installed.
exec 4<>"/dev/tcp/127.0.0.1/$port"
printf 'SET a 1\r\nINCR a\r\nQUIT\r\n' >&4
cat <&4 >"$temp/out"
exec 4>&-
printf '+OK\r\n:2\r\n+OK\r\n' | cmp - "$temp/out" || failures=$((failures + 1))

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
stop TERM

start --clock virtual
exec 4<>"/dev/tcp/127.0.0.1/$port"
printf 'TIME\r\nSET a 1 PX 1\r\nPTTL a\r\nQUIT\r\n' >&4
cat <&4 >"$temp/out"
exec 4>&-
has out "1700000000"
has out ":1"
stop INT
finish
