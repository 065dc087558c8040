#!/usr/bin/env bash
# invalidate, kill, workers and cmd.
set -euo pipefail
program=$1
. "$(dirname "$0")/lib.sh"
cd "$RESPROBE_SOURCE_DIR"
export RESPROBE_WORK_DIR=$temp/work

for verb in invalidate kill; do
  wrong_use "name a server" $verb
  wrong_use "cannot start '/no/such/server'" $verb --start /no/such/server
  wrong_use "there is no 'text'" $verb --start redis-server --types text
  wrong_use "there is no 'NONE'" $verb --start redis-server --commands none
  wrong_use "none of them writes a string" $verb --start redis-server --types string --commands get
  wrong_use "there is no 'nothing'" $verb --start redis-server --plant nothing
  wrong_use "is not http://HOST:PORT/PATH" $verb --url nonsense
  wrong_use "is not this machine: --allow-remote permits it" $verb --url http://192.0.2.1/cmd
  wrong_use "is a cache with its own server" $verb --start redis-server --url http://127.0.0.1/cmd
done
# A planted fault that no case of the run can show.
start=(--start /no/such/server)
wrong_use "nothing is killed: add --kill 20" invalidate "${start[@]}" --plant keep-on-loss
wrong_use "nothing is killed: add --kill 20" invalidate "${start[@]}" --plant trust-the-dead
wrong_use "nothing is flushed" invalidate "${start[@]}" --plant ignore-null-push --flushes 0
wrong_use "kill never flushes" kill "${start[@]}" --plant ignore-null-push
wrong_use "no connection is killed" kill "${start[@]}" --plant keep-on-loss --kill-mode worker
wrong_use "no worker is killed" kill "${start[@]}" --plant trust-the-dead --kill-mode client
wrong_use "no worker is killed under the lock" kill "${start[@]}" --plant hang-on-the-dead --points idle
wrong_use "nothing is written through the cache" \
  kill "${start[@]}" --plant crash-on-write --writers direct
wrong_use "the workers behind --url are not of this run" \
  invalidate --url http://127.0.0.1:1/cmd --plant half-put
# A log that cannot be written is refused before the run, since its findings would be lost.
: >"$temp/file"
for verb in invalidate kill; do
  wrong_use "there is no folder $temp/none" \
    $verb --start redis-server --failure-log "$temp/none/log.json"
  wrong_use "$temp/file" $verb --start redis-server --failure-log "$temp/file/"
done
# Invalid cases are refused before a server is started for them.
case_is_wrong() {
  printf '%s' "$2" >"$temp/wrong.json"
  wrong_use "$temp/wrong.json: is no case of invalidate or kill: $1" \
    invalidate --start /no/such/server --case "$temp/wrong.json"
}
keys='"keys":{"keys":2,"members":2,"value_size":8,"key_prefix":"","types":["string"],"commands":[]}'
case_is_wrong "it is empty" ''
case_is_wrong "it is neither .ops text nor JSON" '{"keys":'
case_is_wrong 'it has no "keys"' '[]'
case_is_wrong 'it has no "keys"' '{}'
case_is_wrong 'it has no "keys"' '{"keys":4}'
case_is_wrong '"keys" is no whole number from 1 to' '{"keys":{"keys":"four"}}'
case_is_wrong '"keys" is no whole number from 1 to' '{"keys":{"keys":99999999999999999999}}'
case_is_wrong 'it has no "rounds"' "{$keys}"
case_is_wrong '"rounds" is no list' "{$keys,\"rounds\":{}}"
case_is_wrong 'it has no "actions"' "{$keys,\"rounds\":[7]}"
case_is_wrong 'it has no "do"' "{$keys,\"rounds\":[{\"actions\":[3]}]}"
case_is_wrong '"worker" is no whole number from 0 to' \
  "{$keys,\"rounds\":[{\"actions\":[{\"do\":\"read\",\"worker\":-1}]}]}"
case_is_wrong '"key" is no whole number from 0 to 1' \
  "{$keys,\"rounds\":[{\"actions\":[{\"do\":\"read\",\"key\":2}]}]}"
case_is_wrong 'it has no failures' '{"failures":[]}'
case_is_wrong "line 2: no op is named 'jump'" $'ops shared_cache\njump\n'
case_is_wrong "line 1: a case of 'invalidation'" $'ops invalidation\n'
few=(--start redis-server --workers 2 --writers 3)
wrong_use "--writers 3: there are 2 workers" invalidate "${few[@]}"
wrong_use "--writers 3: there are 2 workers" workers --listen 0 "${few[@]}"
wrong_use "--signal: there is no 'SIGNONE'" kill --start redis-server --signal SIGNONE
wrong_use "neither ends nor stops a worker" kill --start redis-server --signal SIGCHLD
wrong_use "--points: there is no 'here'" kill --start redis-server --points here
wrong_use "cannot be killed at a point under the lock" kill --start redis-server --points locked
wrong_use "--writers: there is no 'both'" kill --start redis-server --writers both
wrong_use "name a server" workers --listen 0
wrong_use "workers --listen PORT serves one" cmd cached get k --url http://127.0.0.1:1/cmd
run 0 invalidate --list-commands
has out "hash"
has out "HGETALL {key}"

# A port that accepts and says nothing.
echo timeout >"$temp/script"
mkfifo "$temp/silent"
"$program" chaos-peer --listen 0 --script "$temp/script" --log /dev/null >"$temp/silent" &
id=$!
exec 3<"$temp/silent"
IFS= read -r line <&3
port=${line#evil peer on 127.0.0.1:}
wrong_use "no answer within 1 s" \
  cmd cached get k --timeout 1 --url "http://127.0.0.1:${port%%;*}/cmd"
kill -INT "$id"
wait "$id"
exec 3<&-

server=${RESPROBE_REDIS_SERVER:-}
if [[ -z $server ]]; then
  echo "skipped: what needs a server, RESPROBE_REDIS_SERVER is not set"
  finish
  exit
fi

# (the oracle and the other verbs find servers in the same way)
wrong_use "the server wants a password, which resprobe cannot give" \
  invalidate --start "$server --requirepass x"
run 0 invalidate --start "$server" --iterations 150 --kill 10 --seed 1 --workers 3 --writers 2 \
  --format json --output "$temp/report.json"
has out "0 failures"
cp "$temp/report.json" "$temp/json"
has json '"vacuous": null'
has json '"seed": 1'
run 0 kill --start "$server" --iterations 60 --seed 1 --signal SIGKILL,SIGSTOP --types hash,list
has out "CLIENT KILL idle"
has out "0 failures"

# Without a writer nothing is ever cached: a run that tests nothing fails.
run 1 invalidate --start "$server" --iterations 30 --seed 1 --writers 0
has out "vacuous: no read is known to have come from the cache"

# If the server refuses writes, nothing can become stale either.
for verb in invalidate kill; do
  run 1 $verb --start "$server" --server-arg=--maxmemory --server-arg=1 --iterations 40 --seed 1 \
    --format json --output "$temp/report.json"
  has out " refused)"
  has out "vacuous: the server refused"
  has out "OOM command not allowed"
  cp "$temp/report.json" "$temp/json"
  has json '"vacuous": "the server refused'
  has json '"values_refused":'
done

# A planted fault is found, shrunk and filed once; the case fails again, and passes without the
# fault. (life_test.sh does what can be done with the folder.)
run 1 invalidate --start "$server" --iterations 3000 --kill 20 --seed 1 --plant keep-on-loss \
  --stop-on-failure --failure-log "$temp/log/"
has out "minimized: "
has out "work/findings/shared_cache/invalidate-redis-"
log=$(find "$temp/log" -name '*.json' | head -n 1)
cp "$log" "$temp/json"
cp "${log%.json}.ops" "$temp/ops"
has ops "ops shared_cache"
has out "  replay:    ./resprobe replay "
for word in '"seed": ' '"plant": "keep-on-loss"' '"case": "ops shared_cache' '"minimized": true' \
  '"timeline"' '"invariant"' '"runner": "workers"'; do
  has json "$word"
done
# (a given case is run, not filed)
RESPROBE_WORK_DIR=$temp/given run 1 invalidate --start "$server" --plant keep-on-loss --case "$log" \
  --stop-on-failure --failure-log "$temp/again.json"
has out "failure: no_stale_after_barrier"
has out "seen: "
[[ ! -e $temp/given/findings ]] || { echo "--case has filed something" >&2; exit 1; }
cp "$temp/again.json" "$temp/json"
has json '"case": "ops shared_cache'
run 0 invalidate --start "$server" --case "$log" --iterations 3
run 1 invalidate --start "$server" --plant keep-on-loss --case "${log%.json}.ops" --stop-on-failure
# A log from before cases were .ops text.
cat >"$temp/old.json" <<'EOF'
{"configuration": {"workers": 3, "writers": 2, "tracking": "default"},
 "case": {"keys": {"keys": 4, "members": 2, "value_size": 8, "key_prefix": "old:",
                   "types": ["hash", "string"], "commands": []},
          "rounds": [{"actions": [
                        {"do": "await-read", "worker": 0, "key": 1, "command": "GET {key}"},
                        {"do": "kill-client", "worker": 0},
                        {"do": "write", "worker": -1, "key": 1, "command": "SET {key} {value}"}],
                      "checks": [{"do": "read", "worker": 2, "key": 1, "command": "GET {key}"}]}]},
 "minimized": null}
EOF
RESPROBE_WORK_DIR=$temp/old run 1 invalidate --start "$server" --plant keep-on-loss \
  --case "$temp/old.json"
has out "invalidate with 3 workers, 2 of them writers"
has out "GET resprobe:string:0"
run 0 invalidate --start "$server" --case "$temp/old.json" --iterations 3
# A planted fault that is not met is no success.
run 1 invalidate --start "$server" --iterations 30 --seed 1 --plant short-name --types string \
  --commands GET,SET
has out "0 failures"
has out "vacuous: the planted fault short-name was not found"
# A worker that crashes by itself.
run 1 invalidate --start "$server" --iterations 20 --seed 1 --plant crash-on-write \
  --stop-on-failure --failure-log "$temp/crash.json"
has out "failure: no_worker_crash"
has out "ended by itself"
has out " 0 kills"
printf '{}' >"$temp/broken.json"
wrong_use "is no case of invalidate or kill" invalidate --start "$server" --case "$temp/broken.json"
# A log that can no longer be written does not hide the failure.
run 2 invalidate --start "$server" --iterations 3000 --kill 20 --seed 1 --plant keep-on-loss \
  --stop-on-failure --failure-log /dev/full
has out "failure: "
has err "/dev/full: cannot be written"
# The default number of writers depends on the number of workers.
RESPROBE_WORK_DIR=$temp/two run 1 invalidate --start "$server" --iterations 3000 --kill 20 --seed 1 \
  --plant keep-on-loss --workers 2 --stop-on-failure --failure-log "$temp/two.json"
has out "invalidate with 2 workers, 2 of them writers"
cp "$temp/two.json" "$temp/json"
has json "workers=2 writers=2"
run 1 kill --start "$server" --iterations 60 --seed 1 --plant trust-the-dead --stop-on-failure \
  --failure-log "$temp/one.json" --format json --output "$temp/report.json"
cp "$temp/one.json" "$temp/json"
has json '"failures"'
# The table of kills has the round that failed, as the totals do.
awk -F'[:,]' '
  /"(client|worker)_kills":/ {kills += $2}
  /"killed":/ {killed += $2}
  /"rounds":/ {if ($2 > most) most = $2; rounds += $2}
  END {exit !(kills > 0 && killed == kills && rounds == 2 * most)}' "$temp/report.json" ||
  { echo "the table of kills and the totals differ" >&2; cat "$temp/out" >&2; failures=$((failures + 1)); }

# SIGTERM: the results so far are printed, and no process remains.
mkfifo "$temp/started"
"$program" invalidate --start "$server" --seed 1 >"$temp/started" &
id=$!
exec 4<"$temp/started"
IFS= read -r line <&4
kill -TERM "$id"
cat <&4 >"$temp/out"
code=0
wait "$id" || code=$?
exec 4<&-
((code == 143)) || { echo "an interrupted run ends with $code" >&2; exit 1; }
has out "reads checked"

# The endpoint.
mkfifo "$temp/pipe"
"$program" workers --listen 0 --start "$server" >"$temp/pipe" &
id=$!
exec 3<"$temp/pipe"
IFS= read -r line <&3
url=${line#*: }
url=${url%%;*}
port=${url#http://127.0.0.1:}
wrong_use "cannot listen on port ${port%%/*}" workers --listen "${port%%/*}" --start "$server"
run 0 cmd redis set k v --url "$url"
has out '"status": "ok"'
run 0 cmd relay get k --url "$url"
has out '"hit": false'
run 0 cmd cached GET k --url "$url"
has out '"hit": true'
has out '"result": "v"'
run 1 cmd direct lpush k v --url "$url"
has out 'WRONGTYPE'
wrong_use "holds keys" invalidate --url "$url"
run 0 cmd direct flushall --url "$url"
run 0 invalidate --url "$url" --iterations 10 --seed 1 --keys 6
has out "0 failures"
# A run leaves no keys in a cache that was there before.
run 0 kill --url "$url" --iterations 6 --seed 1 --keys 6
has out "CLIENT KILL idle"
kill "$id"
cat <&3 >"$temp/out"
has out "requests"
wait "$id"
exec 3<&-

# What a foreign cache does wrong is filed with its URL, and cannot be a test without a server.
"$program" workers --listen "${port%%/*}" --start "$server" --plant half-put >"$temp/pipe" &
id=$!
exec 3<"$temp/pipe"
IFS= read -r line <&3
run 1 invalidate --url "$url" --iterations 10 --seed 1 --keys 6 --stop-on-failure
has out "failure: no_torn_entry"
folder=$(find "$temp/work/findings/shared_cache" -name 'invalidate-url-*')
run 1 replay "$folder"
has out "signature: no_torn_entry"
wrong_use "its server was there before" freeze "$folder"
wrong_use "read nothing stale" freeze "$folder" --start "$server"
kill "$id"
cat <&3 >"$temp/out"
wait "$id"
exec 3<&-
wrong_use "127.0.0.1" replay "$folder"
run 77 replay --skip-missing "$folder"
finish
