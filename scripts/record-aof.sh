#!/usr/bin/env bash
# Records the append-only logs that real servers write, as test data in
# tests/core/persistence/recorded_logs/VERSION-SCENARIO: the server's directory, and in the files requests
# and replies what a server that has loaded it is asked, and answers. Also writes the seed
# corpus/aof/VERSION-SCENARIO.
#   usage: scripts/record-aof.sh SERVER CLI
# SERVER is a redis-server 7.0 or a valkey-server 8.0, CLI a redis-cli.
set -euo pipefail

server=$1 cli=$2
source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
version=$("$server" --version | sed -E 's/^([A-Za-z]+) server v=([0-9.]+).*/\L\1-\2/')
port=$((20000 + RANDOM % 10000))

mkdir -p "$source_dir/corpus/aof"
pid=
trap '[[ -z $pid ]] || kill -9 "$pid"' EXIT

ask() { "$cli" -p "$port" "$@"; }

# start DIR OPTION…
start() {
  local dir=$1
  shift
  "$server" --port "$port" --bind 127.0.0.1 --dir "$dir" --save "" --appendonly yes --appendfsync no \
    "$@" >/dev/null &
  pid=$!
  until [[ $(ask PING 2>/dev/null) == PONG ]]; do sleep 0.05; done
}

write_keys() {
  ask >/dev/null <<'END'
SET text hello
SET number 42
SET binary "\x00\r\n$3\xff"
SET later 1 EX 100000000
SET soon 1 PX 1
SETEX moved 100000000 x
PERSIST moved
GETEX text EX 200000000
INCRBYFLOAT number 0.5
RPUSH list a b c 12 "a longer element of the list"
LMOVE list other RIGHT LEFT
SADD members one two three
SADD numbers 3 1 2
SPOP numbers 3
SADD numbers 10 20 -30
ZADD scores 1 one 2.5 two -7 minus inf most
ZINCRBY scores 0.25 one
HSET hash field value number 1 empty ""
HINCRBYFLOAT hash number 0.25
SETRANGE range 5 xyz
SETBIT bits 7 1
GEOADD places 13.361389 38.115556 Palermo
MULTI
INCR counter
INCR counter
EXEC
MULTI
INCR counter
EXEC
SELECT 9
SET far away
RPUSH queue 1 2 3
BLPOP queue 1
COPY far text DB 0
MULTI
SET inside 1
SELECT 0
SET outside 1
EXEC
DEL other
RENAME outside renamed
END
}

requests() {
  cat <<'END'
DBSIZE
GET text
PEXPIRETIME moved
GET number
GET binary
EXISTS soon
LRANGE list 0 -1
SORT members ALPHA
SORT numbers
ZRANGE scores 0 -1 WITHSCORES
HMGET hash field number empty
GET range
GET bits
ZSCORE places Palermo
GET counter
GET renamed
GET last
SELECT 9
DBSIZE
GET far
LRANGE queue 0 -1
GET inside
QUIT
END
}

rewrite() {
  ask BGREWRITEAOF >/dev/null
  while ask INFO persistence | grep -q 'aof_rewrite_in_progress:1'; do sleep 0.05; done
}

# record SCENARIO OPTION…
record() {
  local scenario=$1 folder
  shift
  folder=$source_dir/tests/core/persistence/recorded_logs/$version-$scenario
  rm -rf "$folder"
  mkdir -p "$folder"
  start "$folder" "$@"
  write_keys
  if [[ $scenario == rewritten* ]]; then
    rewrite
    ask SET last 1 >/dev/null
  fi
  ask GET soon >/dev/null
  kill -9 "$pid"
  wait "$pid" 2>/dev/null || true
  # The replies of a server that has loaded what was written.
  cp -r "$folder" "$folder.copy"
  start "$folder.copy" "$@"
  requests >"$folder/requests"
  exec 3<>"/dev/tcp/127.0.0.1/$port"
  cat "$folder/requests" >&3
  cat <&3 >"$folder/replies"
  exec 3>&-
  kill -9 "$pid"
  wait "$pid" 2>/dev/null || true
  pid=
  rm -rf "$folder.copy"
  seed "$folder" >"$source_dir/corpus/aof/$version-$scenario"
}

# The log of a folder as a tape (src/worlds/aof/aof_tape.h).
seed() {
  local file options=0
  [[ $version == redis* ]] || options=1
  printf '%s=== manifest\n' "$options"
  cat "$1/appendonlydir/appendonly.aof.manifest"
  for file in "$1"/appendonlydir/*.base.* "$1"/appendonlydir/*.incr.*; do
    printf '\n=== %s\n' "${file##*/}"
    cat "$file"
  done
}

record plain
record rewritten
record rewritten-aof --aof-use-rdb-preamble no --aof-timestamp-enabled yes
