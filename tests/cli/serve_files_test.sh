#!/usr/bin/env bash
# serve --dir: what is kept on a real disk, through SHUTDOWN, SIGTERM and kill -9; wrong uses and damaged
# files; the same directory used by a real server, and the other way round.
set -euo pipefail
program=$1
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/serve_lib.sh"

# --- Wrong uses.

wrong_use "--appendonly requires --dir" serve --port 0 --appendonly yes
wrong_use "--dir: cannot open the directory '$temp/none': No such file or directory" \
  serve --port 0 --dir "$temp/none"
wrong_use "--dir: files need a clock that moves" serve --port 0 --dir "$temp" --clock virtual
wrong_use "'5' is no list of save points" serve --port 0 --dir "$temp" --save 5
wrong_use "--appendfsync" serve --port 0 --dir "$temp" --appendfsync sometimes

# --- Snapshots: SHUTDOWN and SIGTERM save, kill -9 does not.

mkdir "$temp/rdb"
start --dir "$temp/rdb"
ask "$port" $'SET a 1\nRPUSH l x y z' >/dev/null
ask "$port" SHUTDOWN >/dev/null
ended 0
start --dir "$temp/rdb"
same "after SHUTDOWN" $'$1\n1\n:3\n+OK' "$(ask "$port" $'GET a\nLLEN l')"
ask "$port" 'SET a 2' >/dev/null
stop TERM 0
start --dir "$temp/rdb"
same "after SIGTERM" $'$1\n2\n+OK' "$(ask "$port" 'GET a')"
ask "$port" 'SET a 3' >/dev/null
stop KILL 137
start --dir "$temp/rdb" --save ''
same "after kill -9" $'$1\n2\n+OK' "$(ask "$port" 'GET a')"
ask "$port" $'SET a 4\nBGSAVE' >/dev/null
until ask "$port" 'INFO persistence' | grep -q -x rdb_bgsave_in_progress:0; do :; done
ask "$port" 'SET a 5' >/dev/null
stop TERM 0
start --dir "$temp/rdb"
same "without save points" $'$1\n4\n+OK' "$(ask "$port" 'GET a')"
stop TERM 0

# --- The append-only file: kill -9 loses nothing.

for policy in always everysec no; do
  mkdir "$temp/aof.$policy"
  log=(--dir "$temp/aof.$policy" --appendonly yes --appendfsync "$policy" --save '')
  start "${log[@]}"
  ask "$port" $'SET a 1\nMULTI\nINCR a\nHSET h f v\nEXEC\nSET gone 1 PX 1' >/dev/null
  stop KILL 137
  start "${log[@]}"
  same "$policy, after kill -9" $'$1\n2\n:1\n+OK' "$(ask "$port" $'GET a\nHLEN h')"
  ask "$port" BGREWRITEAOF >/dev/null
  until ask "$port" 'INFO persistence' | grep -q -x aof_rewrite_in_progress:0; do :; done
  ask "$port" 'INCR a' >/dev/null
  stop KILL 137
  start "${log[@]}"
  same "$policy, after a rewrite" $'$1\n3\n+OK' "$(ask "$port" 'GET a')"
  stop TERM 0
  [[ -s $temp/aof.$policy/appendonlydir/appendonly.aof.2.base.rdb ]] || {
    echo "$policy: there is no base of a rewrite" >&2
    failures=$((failures + 1))
  }
done

# --- Damaged files.

cp -r "$temp/rdb" "$temp/damaged"
printf x | dd of="$temp/damaged/dump.rdb" bs=1 seek=12 conv=notrunc 2>/dev/null
wrong_use "the files in '$temp/damaged' cannot be used: Wrong RDB checksum expected" \
  serve --port 0 --dir "$temp/damaged"
cp -r "$temp/aof.always" "$temp/damaged_log"
printf 'broken\r\n' >>"$temp/damaged_log/appendonlydir/appendonly.aof.2.incr.aof"
wrong_use "cannot be used: Bad file format reading the append only file" \
  serve --port 0 --dir "$temp/damaged_log" --appendonly yes
mkdir "$temp/locked"
start --dir "$temp/locked"
ask "$port" 'SET a 1' >/dev/null
rmdir "$temp/locked"
stop TERM 2
has err "the data could not be saved: "

# --- A real server on the same directory.

# real SERVER DIR ARGUMENT…: starts a real server; sets $id and $port.
real() {
  local server=$1 folder=$2
  shift 2
  port=0
  while ((port == 0)); do
    port=$((20000 + RANDOM % 10000))
    # The shell empties the log in the server's process: until then, it would be the last server's.
    : >"$temp/log"
    "$server" --port "$port" --bind 127.0.0.1 --dir "$folder" --enable-debug-command yes "$@" \
      >"$temp/log" 2>&1 &
    id=$!
    # A connection would not tell whether this server or that of another test listens on the port.
    until grep -q 'Ready to accept connections' "$temp/log"; do
      kill -0 "$id" 2>/dev/null || {
        port=0
        grep -q 'Address already in use' "$temp/log" && break
        cat "$temp/log" >&2
        exit 1
      }
    done
  done
}
writes='SET text hello
SET number 42
SET later 1 PXAT 4102444800000
RPUSH list a b c 12
SADD members one two three
SADD numbers 3 1 2
ZADD scores 1 one 2.5 two -7 minus inf most
HSET hash field value number 1
INCRBYFLOAT number 0.5
SPOP members
SELECT 9
MULTI
INCR counter
SETRANGE bits 3 x
EXEC
SELECT 0
DEBUG DIGEST'
for server in "${RESPROBE_REDIS_SERVER:-}" "${RESPROBE_VALKEY_SERVER:-}"; do
  [[ -n $server ]] || {
    echo "skipped: a real server, it is not set"
    continue
  }
  profile=redis-7.0
  [[ $server == *valkey* ]] && profile=valkey-8.0
  for appendonly in yes no; do
    folder=$temp/$profile.$appendonly
    mkdir "$folder"
    start --profile "$profile" --dir "$folder" --appendonly "$appendonly"
    ask "$port" "$writes" | tail -n 2 >"$temp/digest"
    stop TERM 0
    real "$server" "$folder" --appendonly "$appendonly"
    same "$profile loads the core's files, appendonly $appendonly" "$(cat "$temp/digest")" \
      "$(ask "$port" 'DEBUG DIGEST')"
    ask "$port" $'SADD members four\nAPPEND text !\nDEL number\nDEBUG DIGEST' | tail -n 2 \
      >"$temp/digest"
    ask "$port" SHUTDOWN >/dev/null
    wait "$id"
    id=
    start --profile "$profile" --dir "$folder" --appendonly "$appendonly"
    same "the core loads $profile's files, appendonly $appendonly" "$(cat "$temp/digest")" \
      "$(ask "$port" 'DEBUG DIGEST')"
    stop TERM 0
  done
done
finish
