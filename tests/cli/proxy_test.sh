#!/usr/bin/env bash
# The proxy's HTTP API, as Toxiproxy's users know it, and the verb chaos-peer.
#   usage: proxy_test.sh PROGRAM
set -euo pipefail
program=$1
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/proxy_lib.sh"
cd "$temp"

start server serve --port 0
server=$(port_of server)
echo '{"seq":1,"what":"a run before"}' >"$temp/log"
start proxy proxy --listen 0 --server "127.0.0.1:$server" --api 0 --log "$temp/log" --seed 3 \
  --toxics "latency latency=20 jitter=5; fin bytes=2 toxicity=0 name=cut"
port=$(port_of proxy)
api=$(api_of proxy)

gives 200 '"version":"' GET /version
gives 200 "\"listen\":\"127.0.0.1:$port\",\"upstream\":\"127.0.0.1:$server\",\"enabled\":true" GET /proxies
gives 200 '"name":"latency_downstream","type":"latency","stream":"downstream","toxicity":1.0,"attributes":{"latency":20,"jitter":5}}' GET /proxies/redis
gives 200 '"name":"cut"' GET /proxies/redis/toxics
gives 200 '"toxicity":0.0' GET /proxies/redis/toxics/cut
gives 200 '"type":"never_read"' GET /toxics
! grep -q '"type":"eintr"' "$temp/body" || { echo "a toxic that no socket can have is listed" >&2; failures=$((failures + 1)); }
[[ $(ask "$port" 'PING\r\nQUIT\r\n') == $'+PONG\r\n+OK\r' ]] || { echo "no answer" >&2; failures=$((failures + 1)); }
(($(fired latency) > 0)) || { echo "latency did not fire" >&2; failures=$((failures + 1)); }

# Changes at run time: a toxic is added, changed, removed.
gives 200 '"toxicity":1.0' PATCH /proxies/redis/toxics/cut '{"toxicity": 1}'
[[ $(ask "$port" 'PING\r\n') == '+P' ]] || { echo "not cut" >&2; failures=$((failures + 1)); }
gives 200 '"attributes":{"bytes":3}' POST /proxies/redis/toxics/cut '{"attributes": {"bytes": 3}}'
[[ $(ask "$port" 'PING\r\n') == '+PO' ]] || { echo "not cut later" >&2; failures=$((failures + 1)); }
(($(fired fin) == 2)) || { echo "fin fired $(fired fin) times" >&2; failures=$((failures + 1)); }
http DELETE /proxies/redis/toxics/cut
[[ $status == 204 ]] || { echo "DELETE: $status" >&2; failures=$((failures + 1)); }
gives 404 '"error":"toxic not found"' GET /proxies/redis/toxics/cut
gives 200 '"name":"slicer_upstream","type":"slicer","stream":"upstream"' POST /proxies/redis/toxics \
  '{"type":"slicer","stream":"upstream","attributes":{"average_size":2,"size_variation":1,"delay":10}}'
[[ $(ask "$port" 'PING\r\nQUIT\r\n') == $'+PONG\r\n+OK\r' ]] || failures=$((failures + 1))
(($(fired slicer) > 2)) || { echo "slicer did not fire" >&2; failures=$((failures + 1)); }

# Errors are reported as Toxiproxy does.
gives 400 '"error":"invalid toxic type","status":400' POST /proxies/redis/toxics '{"type":"x"}'
gives 400 'stream was invalid' POST /proxies/redis/toxics '{"type":"timeout","stream":"x"}'
gives 400 'bad request body' POST /proxies/redis/toxics '{'
gives 400 'latency has no ' PATCH /proxies/redis/toxics/latency_downstream '{"attributes":{"x":1}}'
gives 400 'give a number from 0 to' PATCH /proxies/redis/toxics/latency_downstream '{"attributes":{"latency":-1}}'
gives 400 'out of reach of a socket' POST /proxies/redis/toxics '{"type":"eintr"}'
gives 409 'toxic already exists' POST /proxies/redis/toxics '{"name":"latency_downstream","type":"timeout"}'
gives 409 'a second latency' POST /proxies/redis/toxics '{"name":"other","type":"latency"}'
gives 404 'proxy not found' GET /proxies/none
gives 404 'no such path' GET /nothing
gives 409 'proxy already exists' POST /proxies "{\"name\":\"redis\",\"upstream\":\"127.0.0.1:$server\"}"
gives 400 'missing required field: name' POST /proxies '{}'
# Names that no path could refer to afterwards.
gives 400 "\"error\":\"bad name 'a/b': give one without a slash\"" POST /proxies \
  "{\"name\":\"a/b\",\"upstream\":\"127.0.0.1:$server\"}"
gives 400 "bad name 'a/b': give one without a slash at proxy 1" POST /populate \
  "[{\"name\":\"a/b\",\"upstream\":\"127.0.0.1:$server\"}]"
gives 400 "bad name 'x/'" POST /proxies/redis/toxics '{"name":"x/","type":"timeout"}'
gives 400 "upstream: '192.0.2.77' is not this machine" POST /proxies '{"name":"far","upstream":"192.0.2.77:80"}'
gives 400 "upstream: '192.0.2.77' is not this machine" POST /proxies/redis '{"upstream":"192.0.2.77:80"}'
gives 200 "\"upstream\":\"127.0.0.1:$server\"" GET /proxies/redis

# While disabled it refuses connections; a reset enables it and removes its toxics.
gives 200 '"enabled":false' POST /proxies/redis '{"enabled": false}'
! (ask "$port" 'PING\r\n') 2>/dev/null || { echo "not refused" >&2; failures=$((failures + 1)); }
http POST /reset
[[ $status == 204 ]] || { echo "reset: $status" >&2; failures=$((failures + 1)); }
gives 200 '"enabled":true,"toxics":[]' GET /proxies/redis
[[ $(ask "$port" 'PING\r\nQUIT\r\n') == $'+PONG\r\n+OK\r' ]] || failures=$((failures + 1))

# Two APIs cannot share a port.
start second proxy --listen 0 --server "127.0.0.1:$server" --api 0
refused "--api: port $(api_of second) is not available" --api "$(api_of second)"

# Only --allow-remote listens for clients on more than 127.0.0.1.
start open proxy --listen 0 --server "127.0.0.1:$server" --api 0 --allow-remote
! (: <>"/dev/tcp/127.0.0.2/$port") 2>/dev/null ||
  { echo "the proxy listens on 127.0.0.2" >&2; failures=$((failures + 1)); }
(: <>"/dev/tcp/127.0.0.2/$(port_of open)") ||
  { echo "the proxy of --allow-remote does not listen on 127.0.0.2" >&2; failures=$((failures + 1)); }

# The same address spelled differently is no change: a connection stays open.
exec 9<>"/dev/tcp/127.0.0.1/$port"
gives 200 "\"listen\":\"127.0.0.1:$port\"" PATCH /proxies/redis "{\"listen\":\"localhost:$port\"}"
gives 201 '"proxies":[{"name":"redis"' POST /populate \
  "[{\"name\":\"redis\",\"listen\":\"127.0.0.1:$port\",\"upstream\":\"127.0.0.1:$server\"}]"
printf 'PING\r\n' >&9
read -r answer <&9
exec 9>&-
[[ $answer == $'+PONG\r' ]] || { echo "the connection has not stayed: $answer" >&2; failures=$((failures + 1)); }

# A proxy that populate does not change keeps its toxics; one whose address changes is recreated; an
# invalid list creates nothing.
gives 201 '"name":"more"' POST /proxies "{\"name\":\"more\",\"listen\":\"127.0.0.1:0\",\"upstream\":\"127.0.0.1:$server\"}"
more=$(sed -n -E 's/.*"listen":"127\.0\.0\.1:([0-9]+)".*/\1/p' "$temp/body")
gives 200 '"type":"latency"' POST /proxies/more/toxics '{"type":"latency","stream":"Upstream","attributes":null}'
gives 201 '"type":"latency"' POST /populate \
  "[{\"name\":\"more\",\"listen\":\"localhost:$more\",\"upstream\":\"127.0.0.1:$server\"}]"
gives 201 '"toxics":[]' POST /populate \
  "[{\"name\":\"more\",\"listen\":\"127.0.0.1:$more\",\"upstream\":\"localhost:$server\"}]"
gives 400 'missing required field: upstream at proxy 2' POST /populate \
  "[{\"name\":\"half\",\"upstream\":\"127.0.0.1:$server\"},{\"name\":\"x\"}]"
gives 404 'proxy not found' GET /proxies/half
gives 400 '"proxies":[{"name":"whole"' POST /populate \
  "[{\"name\":\"whole\",\"upstream\":\"127.0.0.1:$server\"},{\"name\":\"x\",\"upstream\":\"nowhere\"}]"
gives 400 'name: give a string' POST /proxies '{"name":1,"upstream":"127.0.0.1:1"}'
gives 400 'enabled: give true or false' PATCH /proxies/redis '{"enabled":"no"}'
gives 400 'is not HOST:PORT' PATCH /proxies/more '{"listen":"127.0.0.1:x"}'
[[ $(ask "$more" 'PING\r\nQUIT\r\n') == $'+PONG\r\n+OK\r' ]] || failures=$((failures + 1))

# Only the supported methods, and no web page.
gives 405 'method not allowed' GET /reset
gives 405 'method not allowed' PUT /proxies
gives 405 'method not allowed' POST /proxies/redis/counts
agent=Mozilla/5.0 gives 403 'User agent not allowed' POST /reset

# More proxies; a new address for one.
gives 201 '"name":"two"' POST /proxies "{\"name\":\"two\",\"listen\":\"127.0.0.1:0\",\"upstream\":\"127.0.0.1:$server\"}"
two=$(sed -n -E 's/.*"listen":"127\.0\.0\.1:([0-9]+)".*/\1/p' "$temp/body")
[[ $(ask "$two" 'PING\r\nQUIT\r\n') == $'+PONG\r\n+OK\r' ]] || failures=$((failures + 1))
gives 200 "\"upstream\":\"127.0.0.1:$port\"" POST /proxies/two "{\"upstream\":\"127.0.0.1:$port\"}"
[[ $(ask "$two" 'PING\r\nQUIT\r\n') == $'+PONG\r\n+OK\r' ]] || failures=$((failures + 1))
gives 201 '"name":"three"' POST /populate "[{\"name\":\"three\",\"upstream\":\"127.0.0.1:$server\"}]"
http DELETE /proxies/two
! (ask "$two" 'PING\r\n') 2>/dev/null || { echo "two is still there" >&2; failures=$((failures + 1)); }
stop_all
has proxy "fired: latency "
has log '{"seq":1,'
(($(grep -c '"seq":1,' "$temp/log") == 1)) || { echo "the log is of two runs" >&2; failures=$((failures + 1)); }
has log '"what":"toxic","note":"fin"'
has log '"side":"client","what":"recv"'

# A server by its unix socket, and one that the proxy starts itself, with its arguments; both end
# with the test.
if command -v redis-server >/dev/null; then
  start own proxy --listen 0 --api 0 --start "redis-server --databases 3" \
    --server-arg=--maxclients --server-arg=77
  own=$pid
  answer=$(ask "$(port_of own)" 'CONFIG GET databases\r\nCONFIG GET maxclients\r\nQUIT\r\n')
  [[ $answer == *$'\r\n3\r\n'*$'\r\n77\r\n+OK\r' ]] ||
    { echo "the started server does not answer as it should: $answer" >&2; failures=$((failures + 1)); }
  server_pid=$(tr -d ' ' <"/proc/$own/task/$own/children")
  socket=$(readlink "/proc/$server_pid/cwd")/socket
  start unix proxy --listen 0 --api 0 --unix "$socket"
  has unix "before unix:$socket;"
  [[ $(ask "$(port_of unix)" 'PING\r\nQUIT\r\n') == $'+PONG\r\n+OK\r' ]] ||
    { echo "no answer by the unix socket" >&2; failures=$((failures + 1)); }
  # The API opens no other socket to everyone, but it may name the same one again.
  api=$(api_of unix)
  gives 201 "\"upstream\":\"unix:$socket\"" POST /proxies \
    "{\"name\":\"again\",\"upstream\":\"unix:$socket\"}"
  gives 400 "is not HOST:PORT" POST /proxies "{\"name\":\"x\",\"upstream\":\"unix:$temp/other\"}"
  stop_all
  ! kill -0 "$server_pid" 2>/dev/null || { echo "the started server is left" >&2; failures=$((failures + 1)); }
fi

# The same seed hits the same connections.
for _ in 1 2; do
  start server serve --port 0
  start proxy proxy --listen 0 --server "127.0.0.1:$(port_of server)" --api 0 --seed 9 \
    --toxics "fin bytes=2 toxicity=0.5"
  for _ in {1..12}; do ask "$(port_of proxy)" 'QUIT\r\n'; done | tr -d '\r\n' >>"$temp/hits"
  echo >>"$temp/hits"
  stop_all
done
(($(sort -u "$temp/hits" | wc -l) == 1)) && grep -q '+OK' "$temp/hits" && grep -q '+O+' "$temp/hits" ||
  { cat "$temp/hits" >&2; failures=$((failures + 1)); }

# chaos-peer: a script, a seed, a separate process; the log is JSON lines.
printf 'reply "+A\\r\\n" ":2\\r\\n"\nconnection 2\nrst bytes=1\n' >"$temp/script"
for place in "" --forked; do
  # shellcheck disable=SC2086
  start peer chaos-peer --listen 0 --script "$temp/script" $place
  exec 8<>"/dev/tcp/127.0.0.1/$(port_of peer)"
  printf 'x\r\ny\r\n' >&8
  read -r -N 8 answer <&8
  exec 8>&-
  [[ $answer == $'+A\r\n:2\r\n' ]] || { echo "$answer" >&2; failures=$((failures + 1)); }
  ask "$(port_of peer)" 'x\r\n' >/dev/null 2>&1 || true
  until grep -q '"note":"rst: rst"' "$temp/peer"; do :; done
  stop_all
  has peer.err "2 connections; fired: rst 1"
  has peer '"what":"script"'
done
# Where it listens is the first line, even where the log and its script go to the same place.
for place in "" --forked; do
  : >"$temp/both" # or what the one before it has written could be taken for its output
  # shellcheck disable=SC2086
  "$program" chaos-peer --listen 0 --script "$temp/script" $place >"$temp/both" 2>&1 &
  started+=($!)
  until grep -q '"what":"script"' "$temp/both"; do :; done
  stop_all
  head -n 1 "$temp/both" >"$temp/first"
  has first "evil peer on 127.0.0.1:"
done
run 0 chaos-peer --listen 0 --seed 7 --print
cp "$temp/out" "$temp/seven"
run 0 chaos-peer --listen 0 --script "$temp/seven" --print
cmp "$temp/out" "$temp/seven" || failures=$((failures + 1))

printf 'seed 1\nlatncy\n' >"$temp/bad"
wrong_use "bad:2: there is no toxic 'latncy'" chaos-peer --listen 0 --script "$temp/bad"
wrong_use "--script FILE or --seed S" chaos-peer --listen 0
wrong_use "--toxics: latency has no 'x'" proxy --listen 0 --server 127.0.0.1:1 --toxics "latency x=1"
wrong_use "toxicity=2: give a number from 0 to 1" proxy --listen 0 --server 127.0.0.1:1 --toxics "fin toxicity=2"
wrong_use "--toxics: bad name 'a/b'" proxy --listen 0 --server 127.0.0.1:1 --toxics "fin name=a/b"
wrong_use "--name: bad name 'a/b'" proxy --listen 0 --server 127.0.0.1:1 --name a/b
wrong_use "a second fin" proxy --listen 0 --server 127.0.0.1:1 --toxics "fin; fin name=x"
wrong_use "start a server there" proxy --listen 0 --server 127.0.0.1:1 --api 0
wrong_use "is not HOST:PORT" proxy --listen 0 --server nowhere --api 0
wrong_use "--unix: cannot connect to $temp/none: No such file" proxy --listen 0 --unix "$temp/none" --api 0
wrong_use "--start /no/such: cannot start '/no/such'" proxy --listen 0 --start /no/such --api 0
wrong_use "name a server with --start" proxy --listen 0
finish
