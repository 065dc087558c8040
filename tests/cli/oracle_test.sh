#!/usr/bin/env bash
# oracle, and replay and minimize on a live server.
set -euo pipefail
program=$1
. "$(dirname "$0")/lib.sh"
cd "$RESPROBE_SOURCE_DIR"
export RESPROBE_WORK_DIR=$temp/work

wrong_use "name a server" oracle
wrong_use "cannot start '/no/such/server'" oracle --start /no/such/server
wrong_use "--start $(command -v true): the server has ended at once: it says nothing: name redis-server" \
  oracle --start "$(command -v true)"
wrong_use "is not HOST:PORT" oracle --server nonsense
for server in "${RESPROBE_REDIS_SERVER:-}" "${RESPROBE_VALKEY_SERVER:-}"; do
  [[ -z $server ]] || wrong_use "wants a password" oracle --start "$server --requirepass x"
done
wrong_use "cannot connect to $temp/none" oracle --unix "$temp/none"
wrong_use "is not this machine: --allow-remote permits it" oracle --server 192.0.2.1:6379
wrong_use "excludes" oracle --start redis-server --server 127.0.0.1:1
wrong_use "--time 5x: give a time" oracle --start redis-server --time 5x

# The core against itself, without any server.
rm -f "$temp/pipe"
mkfifo "$temp/pipe"
"$program" serve --port 0 >"$temp/pipe" &
id=$!
exec 3<"$temp/pipe"
IFS= read -r line <&3
port=${line#*127.0.0.1:}
port=${port%%;*}
wrong_use "there is no group 'strings': use some of bitmap" \
  oracle --server "127.0.0.1:$port" --groups strings
run 0 oracle --server "127.0.0.1:$port" --seeds 50 --groups string,list --protocol 3 \
  --format json --output "$temp/report.json"
has out "0 differences"
cp "$temp/report.json" "$temp/json"
has json '"differences": []'
cat >"$temp/case.ops" <<'OPS'
ops command_handler
config clients=1
call client=0 SADD s 1 2
call client=1 OBJECT ENCODING s
OPS
run 0 replay "$temp/case.ops" --server "127.0.0.1:$port"
has out "ok"
printf 'ops command_handler\ncall client=0 CONFIG "GET\\x00" ""\n' >"$temp/nul.ops"
run 0 replay "$temp/nul.ops" --server "127.0.0.1:$port"
has out "left out, a name with a NUL behind it, which a server finds by chance: 1"
wrong_use "do not differ, so there is nothing to minimize" \
  minimize "$temp/case.ops" --server "127.0.0.1:$port"
wrong_use "which does not run against a server" replay corpus/resp_parser/made-2fb8166002cdb8f2 \
  --server "127.0.0.1:$port"
# The reasons for which requests are left out: one line, unless all are asked for.
run 0 oracle --server "127.0.0.1:$port" --seeds 300
has out "left out: "
has out " reasons; --verbose lists them"
(($(grep -c "left out" "$temp/out") == 1)) || { cat "$temp/out" >&2; failures=$((failures + 1)); }
run 0 oracle --server "127.0.0.1:$port" --seeds 300 --verbose
(($(grep -c "^left out, .*: [0-9,]*$" "$temp/out") > 3)) || { cat "$temp/out" >&2; failures=$((failures + 1)); }
kill "$id"
cat <&3 >"$temp/out"
wait "$id"
exec 3<&-

server=${RESPROBE_REDIS_SERVER:-}
if [[ -z $server ]]; then
  echo "skipped: oracle --start, RESPROBE_REDIS_SERVER is not set"
  finish
  exit
fi
run 0 oracle --start "$server" --seeds 1
has out "0 differences"
# In virtual time, and without sockets; what cannot be simulated is refused in one line.
run 0 oracle --sandbox --start "$server" --seeds 200
has out "0 differences"
run 1 oracle --sandbox --start "$server" --server-arg=--set-max-intset-entries --server-arg=1 --seeds 1
has out "object|encoding: value of bulk string"
folder=$(find "$temp/work/findings/command_handler" -name 'oracle-redis-7.0-*object-encoding*' |
  head -n 1)
has "${folder#"$temp/"}/report.json" '"sandbox": true'
run 1 replay "$folder/case.ops"
rm -r "$temp/work"
wrong_use "does what the sandbox cannot simulate: a thread that runs beside the main one" \
  oracle --sandbox --start "$server" --server-arg=--io-threads --server-arg=2
wrong_use "--sandbox requires --start" oracle --sandbox --server 127.0.0.1:1
wrong_use "--sandbox excludes --unmodelled" oracle --sandbox --start "$server" --unmodelled
# The core and the server differ in a limit: the difference is found, shrunk, filed, replayed,
# minimized.
changed=(--start "$server" --server-arg=--set-max-intset-entries --server-arg=1)
run 1 replay "$temp/case.ops" "${changed[@]}"
has out "object|encoding: value of bulk string"
run 0 minimize "$temp/case.ops" "${changed[@]}" --output "$temp/small.ops"
has out "signature: object|encoding"
run 1 oracle "${changed[@]}" --seeds 1
has out "object|encoding: value of bulk string"
folder=$(find "$temp/work/findings/command_handler" -name 'oracle-redis-7.0-*object-encoding*' |
  head -n 1)
holds "$folder" case case.ops original redis-cli.txt report.json
run 1 replay "$folder/report.json" "${changed[@]}"
run 1 replay "$folder/case.ops" "${changed[@]}"
run 0 replay "$folder/case.ops" --start "$server"

# The same under an engine: command_oracle runs the core and the server side by side.
wrong_use "--start is for a harness with a live server" fuzz query_parser --start "$server"
wrong_use "under libFuzzer only" fuzz command_oracle --engine afl
run 0 list
if grep -q "^command_oracle: the core and a live server" "$temp/out"; then
  harness=(--harness command_oracle)
  export RESPROBE_ORACLE_START="$server"
  run 0 replay "$temp/case.ops" "${harness[@]}" --twice
  has out "ok"
  export RESPROBE_ORACLE_START="$server --set-max-intset-entries 1"
  run 1 replay "$temp/case.ops" "${harness[@]}"
  has out "same_reply"
  run 0 minimize "$temp/case.ops" "${harness[@]}" --output "$temp/small.ops"
  has out "2 -> 2 ops"
  # Frozen with the faulty server, however it is named.
  unset RESPROBE_ORACLE_START
  wrong_use "or name the server that has it with --start" \
    freeze "$temp/case.ops" "${harness[@]}" --output "$temp/frozen.ops"
  wrong_use "--start is for a harness with a live server" \
    freeze corpus/query_parser/d1_and --start "$server"
  run 0 freeze "$temp/case.ops" "${harness[@]}" --output "$temp/frozen.ops" \
    --start "$server" --server-arg=--set-max-intset-entries --server-arg=1
  has frozen.ops "# Must hold: same_reply"
  RESPROBE_ORACLE_START="$server '--set-max-intset-entries' \"1\"" \
    run 1 replay "$temp/case.ops" "${harness[@]}"
  has out "same_reply"
  RESPROBE_ORACLE_START="$server '" run 2 replay "$temp/case.ops" "${harness[@]}"
  has err "the quote ' is not closed"
  export RESPROBE_ORACLE_START=/no/such/server
  run 2 replay "$temp/case.ops" "${harness[@]}"
  has err "cannot start '/no/such/server'"
fi
finish
