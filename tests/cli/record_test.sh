#!/usr/bin/env bash
# record in front of a server that it starts itself, and of a unix socket.
#   usage: record_test.sh PROGRAM
set -euo pipefail
program=$1
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/proxy_lib.sh"
need redis-server
cd "$temp"

start own record --listen 0 --output "$temp/cases/own" --start redis-server
own=$pid
server=$(tr -d ' ' <"/proc/$own/task/$own/children")
socket=$(readlink "/proc/$server/cwd")/socket
start unix record --listen 0 --output "$temp/cases/unix" --unix "$socket" --allow-remote \
  --leave-out set --max-case 16
has own "recording on 127.0.0.1:$(port_of own) the traffic to and from 127.0.0.1:"
has unix "recording on 0.0.0.0:$(port_of unix) the traffic to and from unix:$socket, into"

# Only --allow-remote listens on more than 127.0.0.1.
! (: <>"/dev/tcp/127.0.0.2/$(port_of own)") 2>/dev/null ||
  { echo "own: listens on 127.0.0.2" >&2; failures=$((failures + 1)); }
(: <>"/dev/tcp/127.0.0.2/$(port_of unix)") ||
  { echo "unix: does not listen on 127.0.0.2" >&2; failures=$((failures + 1)); }

# A folder that is gone at the end.
start gone record --listen 0 --output "$temp/cases/gone" --unix "$socket"
rm -r "$temp/cases/gone"
echo >"$temp/cases/gone"
ask "$(port_of gone)" 'QUIT\r\n' >/dev/null
code=0
kill -INT "$pid"
wait "$pid" || code=$?
((code == 2)) || { echo "gone: exit code $code instead of 2" >&2; failures=$((failures + 1)); }
has gone.err "resprobe: cannot write $temp/cases/gone/"
for name in own unix; do
  [[ $(ask "$(port_of "$name")" 'SET k v\r\nGET k\r\nQUIT\r\n') == $'+OK\r\n$1\r\nv\r\n+OK\r' ]] ||
    { echo "$name: no answer" >&2; failures=$((failures + 1)); }
done
stop_all
has own "1 connections, 3 requests, 3 replies"
has unix "2 connections, 3 requests, 3 replies"
for name in own unix; do
  grep -r -q "GET k" "$temp/cases/$name/command_handler" ||
    { echo "$name: nothing is recorded" >&2; failures=$((failures + 1)); }
done
grep -r -q "SET k" "$temp/cases/own/command_handler" ||
  { echo "own: a request is left out" >&2; failures=$((failures + 1)); }
! grep -r -q "SET k" "$temp/cases/unix/command_handler" ||
  { echo "unix: a request is not left out" >&2; failures=$((failures + 1)); }
[[ -n $(find "$temp/cases/own/resp_parser" -type f -size +16c) ]] ||
  { echo "own: cases are cut" >&2; failures=$((failures + 1)); }
[[ -z $(find "$temp/cases/unix/resp_parser" -type f -size +16c) ]] ||
  { echo "unix: a case is too long" >&2; failures=$((failures + 1)); }
! kill -0 "$server" 2>/dev/null || { echo "the started server is left" >&2; failures=$((failures + 1)); }
finish
