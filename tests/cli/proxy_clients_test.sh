#!/usr/bin/env bash
# redis-cli and redis-benchmark through the proxy to a real server, under every toxic.
#   usage: proxy_clients_test.sh PROGRAM
set -euo pipefail
program=$1
. "$(dirname "$0")/lib.sh"
need redis-cli redis-benchmark "${RESPROBE_REDIS_SERVER:-redis-server}"
. "$(dirname "$0")/proxy_lib.sh"
cd "$temp"

# The server's port was free just now; the server reports at once if another process has taken it.
start probe serve --port 0
server=$(port_of probe)
stop_all
"${RESPROBE_REDIS_SERVER:-redis-server}" --port "$server" --bind 127.0.0.1 --save "" --dir "$temp" \
  >"$temp/redis.log" 2>&1 &
redis=$!
trap 'stop_all; kill "$redis" 2>/dev/null && wait "$redis" || true; rm -rf "$temp"' EXIT
until redis-cli -p "$server" ping 2>/dev/null | grep -q PONG; do kill -0 "$redis"; done

start proxy proxy --listen 0 --server "127.0.0.1:$server" --api 0
port=$(port_of proxy)
api=$(api_of proxy)
bench=(redis-benchmark -p "$port" -c 4 -t set,get -q -n)

"${bench[@]}" 2000 >"$temp/plain" 2>&1
has plain "GET: "
http GET /toxics
types=$(grep -o '"type":"[a-z_]*"' "$temp/body" | cut -d '"' -f 4)
(($(wc -w <<<"$types") > 20)) || { echo "few toxics: $types" >&2; failures=$((failures + 1)); }
for type in $types; do
  stream=downstream attributes=""
  case $type in
    latency | late_connect) attributes="\"$([[ $type == latency ]] && echo latency || echo delay)\":5" ;;
    bandwidth) attributes='"rate":10' ;;
    timeout | reset_peer) attributes='"timeout":20' ;;
    slow_close) attributes='"delay":20' ;;
    limit_data | fin | rst | half_close) attributes='"bytes":60' ;;
    never_read) stream=upstream attributes='"bytes":100' ;;
  esac
  gives 200 "\"type\":\"$type\"" POST /proxies/redis/toxics \
    "{\"type\":\"$type\",\"stream\":\"$stream\",\"attributes\":{$attributes}}"
  if [[ $type == down || $type == refuse ]]; then
    redis-cli -p "$port" ping >"$temp/refused" 2>&1 || true
    has refused "Connection refused"
  else
    # It sends requests without end (-l), so toxics that act after a delay find it still connected.
    endless=(-l)
    [[ $type == never_read ]] && endless=()
    "${bench[@]}" 300 "${endless[@]}" >"$temp/bench" 2>&1 &
    client=$!
    started+=("$client")
    until (($(fired "$type") > 0)); do :; done 2>/dev/null
  fi
  http POST /reset
  if [[ $type == never_read ]]; then
    # The data was only delayed.
    wait "$client" || { echo "the benchmark did not recover from never_read" >&2; failures=$((failures + 1)); }
    has bench "GET: "
  elif [[ $type != down && $type != refuse ]]; then
    kill "$client" 2>/dev/null || true # it may have lost its replies, and wait for them
    wait "$client" || true
  fi
done

# Toxics that only delay and slice do not break the clients.
for toxic in '"slicer","attributes":{"average_size":1}' '"latency","attributes":{"latency":2,"jitter":2}' \
  '"bandwidth","attributes":{"rate":100}' '"slow_close","attributes":{"delay":10}'; do
  http POST /proxies/redis/toxics "{\"type\":$toxic}"
  "${bench[@]}" 300 >"$temp/bench" 2>&1 || { echo "the benchmark fails under $toxic" >&2; failures=$((failures + 1)); }
  has bench "GET: "
  [[ $(redis-cli -p "$port" echo whole) == whole ]] || failures=$((failures + 1))
  http POST /reset
done
# Toxics that end connections are reported by the clients.
http POST /proxies/redis/toxics '{"type":"reset_peer"}'
redis-cli -p "$port" ping >"$temp/reset" 2>&1 || true
has reset "Connection reset by peer"
http POST /reset
http POST /proxies/redis/toxics '{"type":"limit_data","attributes":{"bytes":3}}'
redis-cli -p "$port" ping >"$temp/closed" 2>&1 || true
has closed "Server closed the connection"
finish
