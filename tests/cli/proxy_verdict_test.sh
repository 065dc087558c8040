#!/usr/bin/env bash
# The verdict of proxy on its clients: each thing that a client must not do, and a client that does not.
#   usage: proxy_verdict_test.sh PROGRAM
set -euo pipefail
program=$1
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/proxy_lib.sh"

start server serve --port 0
server=$(port_of server)

# begin ARGUMENT…: a proxy. Sets port and api.
begin() {
  start proxy proxy --listen 0 --server "127.0.0.1:$server" --api 0 "$@"
  port=$(port_of proxy)
  api=$(api_of proxy)
}
# finishes CODE TEXT: ends the proxy, whose exit code and last words are to be these.
finishes() {
  kill -INT "$pid"
  local code=0
  wait "$pid" || code=$?
  [[ $code == "$1" ]] || { echo "the proxy ends with $code instead of $1" >&2; failures=$((failures + 1)); }
  has proxy "$2"
}
# counted NAME: how often, by /counts.
counted() {
  http GET /proxies/redis/counts
  sed -n -E "s/.*\"$1\":([0-9]+).*/\1/p" "$temp/body"
}
toxic() { gives 200 "$1" POST /proxies/redis/toxics "{\"type\":\"$1\"$2}"; }
# exchange TEXT BYTES: sends the text on descriptor 8, and reads as many bytes of the answer.
exchange() {
  printf '%b' "$1" >&8
  read -r -N "$2" -u 8 answer
}

# A client that does nothing wrong: it closes after a protocol error, and comes back.
begin --tag tag --back-within 1ms
toxic garbage ',"attributes":{"bytes":3}'
exec 8<>"/dev/tcp/127.0.0.1/$port"
printf 'PING\r\n' >&8
read -r -N 1 -u 8 _
exec 8>&-
http POST /reset
[[ $(ask "$port" 'ECHO tag:1\r\nECHO tag:1=tag:1\r\nQUIT\r\n') == *tag:1=tag:1* ]] || failures=$((failures + 1))
for name in use_after_error wrong_reply not_back storm malformed; do
  [[ $(counted "$name") == 0 ]] || { echo "$name: $(<"$temp/body")" >&2; failures=$((failures + 1)); }
done
has body '"not_judged":[]'
finishes 0 "the client did nothing that it must not"

# One that goes on after a protocol error. How long the bytes are does not matter: each line is sent
# after something of the last answer was read.
begin
toxic garbage ',"attributes":{"bytes":3}'
exec 8<>"/dev/tcp/127.0.0.1/$port"
until (($(counted use_after_error) > 0)); do
  printf 'PING\r\n' >&8
  read -r -N 1 -t 0.01 -u 8 _ || true
  while read -r -N 1 -t 0 -u 8; do read -r -N 1 -u 8 _; done
done
exec 8>&-
finishes 1 "use_after_error"
has proxy "PING, after "
has proxy "not judged: wrong_reply: without --tag"

# One that takes the reply of another command.
begin --tag cmd
exec 8<>"/dev/tcp/127.0.0.1/$port"
exchange 'ECHO cmd:1\r\nECHO cmd:2\r\n' 22
exchange 'ECHO cmd:1=cmd:2\r\n' 18
exec 8>&-
finishes 1 "wrong_reply, 1 time: cmd:1 got the reply of cmd:2"

# One that never comes back.
begin --back-within 1ms
exec 8<>"/dev/tcp/127.0.0.1/$port"
exchange 'PING\r\n' 7
toxic reset_peer ''
http POST /reset
until [[ $(counted not_back) == 1 ]]; do :; done
finishes 1 "not_back, 1 time: no reply has reached the client"
exec 8>&-

# One that connects without a pause.
begin
toxic reset_peer ''
for _ in {1..5}; do ask "$port" 'PING\r\n' >/dev/null 2>&1 || true; done
[[ $(counted storm) == 0 ]] || failures=$((failures + 1))
until (($(counted storm) > 0)); do
  for _ in {1..50}; do (exec 8<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || true; done
done
finishes 1 "connections within a second ended without a reply"
finish
