#!/usr/bin/env bash
# proxy --toxiproxy with a real Toxiproxy, and its toxiproxy-cli against our proxy.
#   usage: toxiproxy_real_test.sh PROGRAM
set -euo pipefail
program=$1
. "$(dirname "$0")/lib.sh"
need toxiproxy-server toxiproxy-cli
. "$(dirname "$0")/proxy_lib.sh"
cd "$temp"

start server serve --port 0
server=$(port_of server)

# with TOXICS: starts a real Toxiproxy with them; its port is $port, its API $api.
with() {
  start proxy proxy --listen 0 --server "127.0.0.1:$server" --api 0 --toxiproxy --toxics "$1"
  has proxy "toxiproxy "
  port=$(port_of proxy)
  api=$(api_of proxy)
}
# ends TEXT: stops it, and checks that it prints the text.
ends() {
  kill -INT "$pid"
  wait "$pid" || { echo "it ends with $?" >&2; failures=$((failures + 1)); }
  has proxy "$1"
}
# answers TEXT: checks that a connection with two commands gets this answer.
answers() {
  local answer
  answer=$(ask "$port" 'PING\r\nQUIT\r\n' 2>/dev/null) || true
  [[ $answer == "$1" ]] || { echo "'$answer' is not '$1'" >&2; failures=$((failures + 1)); }
}
whole=$'+PONG\r\n+OK\r'

with ""
answers "$whole"
ends "toxics: none"
with "latency latency=5 jitter=2; slicer average_size=2 size_variation=1 delay=10; bandwidth upstream rate=50; slow_close delay=5"
gives 200 '"attributes":{"latency":5,"jitter":2},"name":"latency_downstream"' GET /proxies/redis
gives 200 '"attributes":{"rate":50},"name":"bandwidth_upstream"' GET /proxies/redis
answers "$whole"
ends "toxics: bandwidth_upstream, latency_downstream, slicer_downstream, slow_close_downstream"
with "limit_data bytes=3"
answers "+PO"
ends "toxics: limit_data_downstream"
with "timeout timeout=20"
answers ""
ends "toxics: timeout_downstream"
with "reset_peer toxicity=0.5"
gives 200 '"toxicity":0.5' GET /proxies/redis/toxics/reset_peer_downstream
ends "toxics: reset_peer_downstream"
wrong_use "never_read_upstream: toxiproxy" proxy --listen 0 --server "127.0.0.1:$server" --api 0 \
  --toxiproxy --toxics "never_read upstream"
# Reports what went through it: a connection is counted when it has ended.
with "limit_data bytes=3"
answers "+PO"
until http GET /metrics && grep -q 'sent_bytes_total{direction="downstream".* 3$' "$temp/body"; do :; done
ends "downstream: 3 of "

# Toxiproxy's client drives our proxy as it drives its own.
start proxy proxy --listen 0 --server "127.0.0.1:$server" --api 0
port=$(port_of proxy)
api=$(api_of proxy)
cli() {
  toxiproxy-cli -h "http://127.0.0.1:$api" "$@" >"$temp/cli" 2>&1 || {
    echo "toxiproxy-cli $*:" >&2
    cat "$temp/cli" >&2
    failures=$((failures + 1))
  }
}
cli list
has cli "127.0.0.1:$server"
cli toxic add -t latency -a latency=1 -a jitter=1 -n late redis
has cli "late"
cli toxic add -t limit_data -a bytes=3 --downstream redis
answers "+PO"
cli toxic update -n limit_data_downstream -a bytes=2 redis
answers "+P"
cli inspect redis
has cli "limit_data_downstream"
cli toxic remove -n limit_data_downstream redis
answers "$whole"
cli toggle redis
answers ""
cli toggle redis
answers "$whole"
cli create -l 127.0.0.1:0 -u "localhost:$server" two
cli list
has cli "two"
cli delete two
gives 404 "proxy not found" GET /proxies/two
finish
