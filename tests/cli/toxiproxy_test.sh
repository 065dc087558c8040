#!/usr/bin/env bash
# proxy --toxiproxy: an external Toxiproxy instead of our proxy. Our own proxy plays it, and one
# that lies.
#   usage: toxiproxy_test.sh PROGRAM LYING_TOXIPROXY
set -euo pipefail
program=$1
lying=$2
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/proxy_lib.sh"
cd "$temp"

start server serve --port 0
server=$(port_of server)
start ours proxy --listen 0 --server "127.0.0.1:$server" --api 0 --name other
api=$(api_of ours)

# In an external one: the proxy and its toxics exist, act, and are removed by Ctrl-C; its other
# proxies are left alone.
start proxy proxy --listen 0 --server "127.0.0.1:$server" --toxiproxy "127.0.0.1:$api" \
  --toxics 'fin bytes=3; latency upstream latency=2 jitter=1 toxicity=0.1 name=late'
has proxy "before 127.0.0.1:$server; API on http://127.0.0.1:$api"
gives 200 '"name":"fin_downstream","type":"fin","stream":"downstream","toxicity":1.0,"attributes":{"bytes":3}' GET /proxies/redis
gives 200 '"name":"late","type":"latency","stream":"upstream","toxicity":0.1,"attributes":{"latency":2,"jitter":1}' GET /proxies/redis
[[ $(ask "$(port_of proxy)" 'PING\r\n') == '+PO' ]] || { echo "not cut" >&2; failures=$((failures + 1)); }
(($(fired fin) == 1)) || failures=$((failures + 1))
refused "has a proxy 'redis' already" --toxiproxy "127.0.0.1:$api"
kill -INT "$pid"
wait "$pid" || { echo "it ends with $?" >&2; failures=$((failures + 1)); }
has proxy "toxics: fin_downstream, late"
gives 404 'proxy not found' GET /proxies/redis
gives 200 '"name":"other"' GET /proxies/other

# A refused toxic leaves nothing in the other Toxiproxy.
LIE=refuse DELETED=$temp/deleted refused \
  "fin_downstream: toxiproxy 9.9.9 refuses it: invalid toxic type" --api 0 --toxiproxy "$lying" --toxics fin
has deleted "/proxies/redis"

# Only what the answer states counts.
lies() { LIE=$1 refused "$2" --api 0 --toxiproxy "$lying" --toxics 'latency latency=5'; }
lies attribute "toxiproxy 9.9.9 has made another of it: jitter is 7"
lies toxicity "toxicity is 0.5"
lies missing "stream is null"
lies end "does not answer"
start proxy proxy --listen 0 --server "127.0.0.1:$server" --api 0 --toxiproxy "$lying" \
  --toxics 'latency latency=5'
kill -INT "$pid"
if wait "$pid"; then
  echo "a proxy that stays is not told of" >&2
  failures=$((failures + 1))
fi
has proxy.err "keeps /proxies/redis: HTTP status 500"

# No Toxiproxy there; something else there.
refused "skipped, since there is no Toxiproxy here: $temp/none: cannot be started" \
  --api 0 --toxiproxy "$temp/none"
code=0
PATH=$temp "$program" proxy --listen 0 --server "127.0.0.1:$server" --api 0 --toxiproxy 2>"$temp/err" ||
  code=$?
((code == 2)) || { echo "exit code $code instead of 2" >&2; failures=$((failures + 1)); }
has err "skipped, since there is no Toxiproxy here: toxiproxy-server: cannot be started"
printf '#!/bin/sh\necho "no such flag" >&2\n' >"$temp/other"
chmod +x "$temp/other"
refused "has ended: no such flag: is it toxiproxy-server" \
  --api 0 --toxiproxy "$temp/other"
refused "is not a Toxiproxy: it does not answer GET /version" \
  --toxiproxy "127.0.0.1:$server"
refused "start one there" --toxiproxy 127.0.0.1:1
refused "is not this machine" --toxiproxy 192.0.2.1:8474
refused "--seed" --seed 3 --toxiproxy
refused "--api: cannot listen on port $server" \
  --api "$server" --toxiproxy "$lying"
finish
