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
start unix record --listen 0 --output "$temp/cases/unix" --unix "$socket"
for name in own unix; do
  [[ $(ask "$(port_of "$name")" 'SET k v\r\nGET k\r\nQUIT\r\n') == $'+OK\r\n$1\r\nv\r\n+OK\r' ]] ||
    { echo "$name: no answer" >&2; failures=$((failures + 1)); }
done
stop_all
for name in own unix; do
  has "$name" "1 connections, 3 requests, 3 replies"
  grep -r -q "GET k" "$temp/cases/$name/command_handler" ||
    { echo "$name: nothing is recorded" >&2; failures=$((failures + 1)); }
done
! kill -0 "$server" 2>/dev/null || { echo "the started server is left" >&2; failures=$((failures + 1)); }
finish
