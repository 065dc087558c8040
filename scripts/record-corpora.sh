#!/usr/bin/env bash
# Records seed corpora from real traffic between real servers and clients, with `resprobe record`
# between them.
#
#   usage: scripts/record-corpora.sh [BUILD_DIR]       default: build/fuzz
#
# Requires BUILD_DIR/bin/resprobe and BUILD_DIR/harnesses (./resprobe build fuzz), and redis-server,
# redis-cli, redis-benchmark, valkey-server: those that build/packages/servers.env names, otherwise
# those in PATH. Records, as far as the programs exist:
#   scripts/sessions/*.txt   one command per line for redis-cli; an empty line ends the connection;
#                            all of them in RESP2 and in RESP3
#   raw_sessions, below      what redis-cli cannot send: inline requests, pipelines, pushes for
#                            CLIENT TRACKING, subscriptions, requests that violate the protocol
#   redis-benchmark          a few requests of each test, with and without pipelines
#
# Then, for each harness, adds the cases with new coverage (libFuzzer's merge) to corpus/HARNESS,
# named reply-HASH, request-HASH or session-HASH; they replace such files of an earlier recording,
# and seeds with other names stay. Types that no real server sends are in the seeds made-NAME, which
# scripts/made-seeds.sh writes.
set -euo pipefail

source_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build_dir=$(realpath "${1:-$source_dir/build/fuzz}")
# Size limit of a case in bytes: small seeds make fast corpora.
readonly max_case=512
# Maximum number of recorded seeds of a harness over raw bytes; the largest are dropped first.
readonly max_seeds=140
readonly harnesses=(resp_parser resp_differential)

say() { printf 'record-corpora: %s\n' "$*" >&2; }
die() {
  say "$*"
  exit 2
}

if [[ -r $source_dir/build/packages/servers.env ]]; then
  # shellcheck disable=SC1091
  . "$source_dir/build/packages/servers.env"
fi
cli=${RESPROBE_REDIS_CLI:-$(command -v redis-cli || true)}
benchmark=${RESPROBE_REDIS_BENCHMARK:-$(command -v redis-benchmark || true)}
servers=("${RESPROBE_REDIS_SERVER:-$(command -v redis-server || true)}"
  "${RESPROBE_VALKEY_SERVER:-$(command -v valkey-server || true)}")
[[ -x $build_dir/bin/resprobe ]] || die "no $build_dir/bin/resprobe: build it with ./resprobe build fuzz"
[[ -n $cli && -n $benchmark ]] || die "redis-cli and redis-benchmark are needed (Debian: redis-tools)"
[[ -n ${servers[0]}${servers[1]} ]] || die "redis-server or valkey-server is needed"

work=$(mktemp -d)
started=()
finish() {
  local pid
  for pid in "${started[@]}"; do
    kill "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

# Starts a private server on a free port of loopback; sets server_port.
start_server() {
  local try pid
  for try in 1 2 3 4 5 6 7 8; do
    server_port=$((20000 + RANDOM % 20000))
    "$1" --port "$server_port" --bind 127.0.0.1 --save "" --appendonly no --dir "$work" \
      --enable-debug-command yes --daemonize no >"$work/server.log" 2>&1 &
    pid=$!
    while kill -0 "$pid" 2>/dev/null; do
      if [[ $("$cli" -p "$server_port" INFO server 2>/dev/null) == *process_id:$pid* ]]; then
        started+=("$pid")
        return
      fi
      sleep 0.05
    done
    say "no luck with port $server_port (try $try): $(tail -n 1 "$work/server.log")"
  done
  die "cannot start $1"
}

# Records what COMMAND… sends, as traffic of the kind KIND.
record() {
  local kind=$1
  shift
  # Every redis-cli begins by requesting all of COMMAND DOCS; one of those, below, is enough.
  start_recorder "$kind" "$([[ $kind != cli ]] || echo '--leave-out=COMMAND DOCS')"
  "$@"
  kill "$recorder"
  wait "$recorder" || true
  say "$kind: $(tail -n +2 "$work/recorder.log" | tr '\n' ' ')"
}

# start_recorder KIND [OPTION]: starts the recorder in front of the server; sets recorder and port.
start_recorder() {
  : >"$work/recorder.log"
  "$build_dir/bin/resprobe" record --listen 0 --server "127.0.0.1:$server_port" \
    --output "$work/cases/$1" --max-case "$max_case" ${2:+"$2"} >"$work/recorder.log" 2>&1 &
  recorder=$!
  started+=("$recorder")
  port=
  while [[ -z $port ]]; do
    kill -0 "$recorder" 2>/dev/null || die "the recorder has ended: $(cat "$work/recorder.log")"
    port=$(sed -n -E 's/^recording on [^ ]*:([0-9]+) .*/\1/p' "$work/recorder.log")
    [[ -n $port ]] || sleep 0.05
  done
}

# Runs each block of a session file on a separate connection.
cli_sessions() {
  local file line block
  for file in "$source_dir"/scripts/sessions/*.txt; do
    block=
    while IFS= read -r line || [[ -n $line ]]; do
      if [[ -n $line ]]; then
        block+=$line$'\n'
        continue
      fi
      "$cli" -p "$port" "$@" <<<"${block%$'\n'}" >/dev/null 2>&1 || true
      block=
    done <"$file"
    "$cli" -p "$port" "$@" <<<"${block%$'\n'}" >/dev/null 2>&1 || true
  done
}

# Sends the bytes that printf makes of the argument, then reads until the server closes the
# connection.
raw() {
  exec 3<>"/dev/tcp/127.0.0.1/$port"
  # shellcheck disable=SC2059
  printf "$1" >&3
  timeout 5 cat <&3 >/dev/null || true
  exec 3>&-
}

# One client listens ($1) while another acts ($2); the reply to the first one's final PING shows
# that it has received everything.
raw_pair() {
  local reply
  exec 4<>"/dev/tcp/127.0.0.1/$port"
  # shellcheck disable=SC2059
  printf "$1"'PING ready\r\n' >&4
  while IFS= read -r -t 5 reply <&4 && [[ $reply != *ready* ]]; do :; done
  raw "$2"'QUIT\r\n'
  printf 'PING\r\nQUIT\r\n' >&4
  timeout 5 cat <&4 >/dev/null || true
  exec 4>&-
}

raw_sessions() {
  # Inline requests, and many in one write.
  raw 'PING\r\nSET a "x y"\r\nGET a\r\nQUIT\r\n'
  raw 'PING\nECHO '"'single quotes'"'\n\r\nQUIT\n'
  raw '*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$0\r\n\r\n*1\r\n$4\r\nQUIT\r\n'
  raw 'HELLO 3\r\nDEL h l z\r\nHSET h a 1 b 2\r\nRPUSH l 1 2 3\r\nZADD z 1 a 2.5 b\r\nHGETALL h\r\nLRANGE l 0 -1\r\nZRANGE z 0 -1 WITHSCORES\r\nGET no\r\nQUIT\r\n'
  raw 'HELLO 3 SETNAME me\r\nHELLO 2\r\nHELLO 3\r\nQUIT\r\n'
  raw 'RESET\r\nHELLO 3\r\nRESET\r\nGET no\r\nQUIT\r\n'
  raw 'CLIENT REPLY SKIP\r\nPING\r\nPING\r\nCLIENT REPLY OFF\r\nPING\r\nCLIENT REPLY ON\r\nQUIT\r\n'
  raw 'MULTI\r\nSET a 1\r\nINCR a\r\nGET a\r\nEXEC\r\nMULTI\r\nNOPE\r\nEXEC\r\nQUIT\r\n'
  raw 'HELLO 3\r\nMULTI\r\nHSET h a 1\r\nHGETALL h\r\nEXEC\r\nQUIT\r\n'
  # Every type that a server can be made to send, in both protocols.
  local kind kinds=''
  for kind in string integer double null array set map attrib push verbatim true false bignum; do
    raw "HELLO 3\r\nDEBUG PROTOCOL $kind\r\nQUIT\r\n"
    kinds+="DEBUG PROTOCOL $kind\r\n"
  done
  raw "HELLO 3\r\n${kinds}QUIT\r\n"
  raw "${kinds}QUIT\r\n"
  raw 'COMMAND DOCS get set nothing\r\nCOMMAND INFO get nothing\r\nCOMMAND COUNT\r\nQUIT\r\n'
  # Requests that violate the protocol: the server answers once and closes.
  raw '*x\r\n'
  raw '*1\r\n+PING\r\n'
  raw '*1\r\n$x\r\n'
  raw '*1\r\n$-1\r\n'
  raw '*2147483648\r\n'
  raw '*1\r\n$536870913\r\n'
  raw 'PING\r\nSET a "b\r\n'
  raw '*0\r\n*-1\r\n\r\nPING\r\nQUIT\r\n'
  # Invalidations: in default mode, by prefix, to the client itself, for all keys at once; in RESP2
  # by redirection.
  raw_pair 'HELLO 3\r\nCLIENT TRACKING ON\r\nGET a\r\nMGET a b\r\n' 'SET a 2\r\nSET b 3\r\n'
  raw_pair 'HELLO 3\r\nCLIENT TRACKING ON\r\nGET a\r\n' 'FLUSHALL\r\n'
  raw_pair 'HELLO 3\r\nCLIENT TRACKING ON BCAST PREFIX a PREFIX b\r\n' 'MSET a 1 b 2 c 3\r\n'
  raw_pair 'HELLO 3\r\nCLIENT TRACKING ON OPTIN\r\nCLIENT CACHING YES\r\nGET a\r\nGET b\r\n' 'MSET a 1 b 2\r\n'
  raw 'HELLO 3\r\nCLIENT TRACKING ON\r\nGET a\r\nSET a 1\r\nCLIENT TRACKINGINFO\r\nCLIENT TRACKING OFF\r\nQUIT\r\n'
  raw 'HELLO 3\r\nCLIENT TRACKING ON NOLOOP\r\nGET a\r\nMULTI\r\nSET a 1\r\nGET a\r\nEXEC\r\nQUIT\r\n'
  # Messages.
  raw_pair 'SUBSCRIBE news other\r\n' 'PUBLISH news hello\r\nPUBLISH other ""\r\nPUBLISH none x\r\n'
  raw_pair 'PSUBSCRIBE n*\r\n' 'PUBLISH news hello\r\nPUBSUB CHANNELS\r\nPUBSUB NUMSUB news\r\n'
  raw_pair 'HELLO 3\r\nSUBSCRIBE news\r\nGET a\r\nPSUBSCRIBE n*\r\n' 'PUBLISH news hello\r\n'
  raw_pair 'HELLO 3\r\nSSUBSCRIBE shard\r\n' 'SPUBLISH shard hello\r\n'
  raw_pair 'MONITOR\r\n' 'SET a "b c"\r\nGET a\r\n'
  raw 'SUBSCRIBE a\r\nGET a\r\nUNSUBSCRIBE a\r\nUNSUBSCRIBE\r\nPUNSUBSCRIBE\r\nQUIT\r\n'
  raw 'HELLO 3\r\nSUBSCRIBE a\r\nUNSUBSCRIBE\r\nPUNSUBSCRIBE\r\nQUIT\r\n'
}

# Caching clients: each step "N:REQUESTS" is sent on connection N (3 to 8) and answered before the
# next. A connection is opened by its first step; "N:" closes it.
converse() {
  local step fd reply number=0
  local -A open=()
  for step; do
    fd=${step%%:*} step=${step#*:} number=$((number + 1))
    if [[ -z $step ]]; then
      printf 'QUIT\r\n' >&"$fd"
      timeout 5 cat <&"$fd" >/dev/null || true
      eval "exec $fd>&-"
      unset "open[$fd]"
      continue
    fi
    if [[ -z ${open[$fd]:-} ]]; then
      eval "exec $fd<>/dev/tcp/127.0.0.1/$port"
      open[$fd]=yes
      step="HELLO 3\r\nCLIENT TRACKING ON\r\n$step"
    fi
    # shellcheck disable=SC2059
    printf "$step\r\nPING step$number\r\n" >&"$fd"
    while IFS= read -r -t 5 reply <&"$fd" && [[ $reply != *step$number* ]]; do :; done
  done
  for fd in "${!open[@]}"; do
    printf 'QUIT\r\n' >&"$fd"
    timeout 5 cat <&"$fd" >/dev/null || true
    eval "exec $fd>&-"
  done
}

caches() {
  # Read, overwritten, read again; a missing key; a pipeline.
  converse '3:GET a' '4:SET a 1' '3:GET a' '4:GET a' '3:SET a 2' '4:GET a' '3:DEL a' '4:GET a'
  converse '3:GET none' '4:SET none 1' '3:GET none\r\nGET none\r\nSET none 2\r\nGET none'
  converse '3:SET a 1\r\nGET a\r\nSET a 2\r\nGET a' '4:SET a 3\r\nSET a 4\r\nDEL a' '3:GET a'
  # Several keys and clients.
  converse '3:MGET a b c d' '4:MGET a b' '5:MSET a 1 b 2 c 3 d 4' '3:MGET a b c d' '4:MGET a b c d' \
    '3:DEL a b' '5:GET a' '4:GET a'
  converse '3:GET a' '4:GET a' '5:GET a' '6:SET a x' '3:GET a' '4:GET a' '5:SET a y' '6:GET a' '3:GET a'
  # Everything at once.
  converse '3:MGET a b' '4:FLUSHALL' '3:MGET a b' '4:SET a 1' '3:GET a' '3:FLUSHDB' '4:GET a' '3:GET a'
  # Expiry: during the clients' reads, shortened, and in the past.
  converse '3:SET a 1 PX 20' '3:GET a' '4:GET a' '4:SET b 1' '4:PEXPIRE b 10' '3:GET b' \
    '4:DEBUG SLEEP 0.05' '3:GET a' '4:GET b' '3:PEXPIRE a -1' '4:SET c 1' '3:GET c' '4:PEXPIRE c -1' \
    '3:GET c' '4:SET d 1 EX 100' '3:GET d' '4:PEXPIRE d 1' '4:DEBUG SLEEP 0.01' '3:GET d'
  # A connection ends and another replaces it.
  converse '3:GET a' '4:SET a 1' '3:' '4:SET a 2' '3:GET a' '4:SET a 3' '3:GET a' '4:' '3:SET a 4' \
    '4:GET a' '3:GET a'
}

benchmarks() {
  local tests=ping_inline,ping_mbulk,set,get,incr,lpush,rpop,sadd,hset,spop,zadd,zpopmin,lrange_100,mset
  "$benchmark" -p "$port" -q -n 8 -c 2 -d 3 -t "$tests" >/dev/null 2>&1 || true
  "$benchmark" -p "$port" -q -n 32 -c 1 -P 16 -d 20 -t "$tests" >/dev/null 2>&1 || true
  "$benchmark" -p "$port" -q -n 16 -c 1 -P 4 -3 -t "$tests" >/dev/null 2>&1 || true
}

for server in "${servers[@]}"; do
  [[ -n $server ]] || continue
  say "recording $("$server" --version)"
  start_server "$server"
  record cli cli_sessions
  record cli cli_sessions -3
  record pipelines raw_sessions
  record pipelines benchmarks
  record caches caches
done

# Merges the recorded cases into the corpus of a harness: separately for replies to redis-cli,
# replies to pipelines, and requests, so that each kind is represented, it keeps the cases that
# cover a new edge. Hit counts are ignored: they make corpora several times as large, and mutation
# finds them in seconds.
merge() {
  local harness=$1 corpus=$source_dir/corpus/$1 kind from merged file name
  mkdir -p "$corpus"
  find "$corpus" -type f \( -name 'reply-*' -o -name 'request-*' \) -delete
  for kind in cli/reply pipelines/reply '*/request'; do
    from=$work/from merged=$work/merged
    rm -rf "$from" "$merged"
    mkdir "$from" "$merged"
    find "$work/cases" -path "$work/cases/${kind%/*}/$harness/${kind#*/}-*" \
      -exec cp -t "$from" {} +
    "$build_dir/harnesses/$harness" -merge=1 -use_counters=0 "$merged" "$from" \
      >"$work/merge.log" 2>&1 || die "$harness: $(tail -n 3 "$work/merge.log")"
    # The engine names files by a hash of its own: restore the names of the recording.
    for file in "$from"/*; do
      name=$(sha1sum "$file")
      [[ ! -e $merged/${name%% *} ]] || cp "$file" "$corpus/"
    done
  done
  find "$corpus" -type f \( -name 'reply-*' -o -name 'request-*' \) -printf '%s %p\n' | sort -n |
    tail -n "+$((max_seeds + 1))" | cut -d ' ' -f 2- | xargs -r -d '\n' rm --
  say "corpus/$harness: $(find "$corpus" -type f | wc -l) files," \
    "$(find "$corpus" -type f -printf '%s\n' | awk '{n += $1} END {print n + 0}') bytes"
}

# The same for whole sessions, which the harness converts from text to tapes.
merge_sessions() {
  local harness=$1 corpus=$source_dir/corpus/$1 from=$work/from merged=$work/merged file name
  rm -rf "$from" "$merged"
  mkdir -p "$from" "$merged" "$corpus"
  while read -r file; do
    name=$(basename "$file" .ops)
    "$build_dir/harnesses/$harness" --resprobe parse "$file" "$from/$name" >&2 ||
      die "$harness cannot read $file"
  done < <(find "$work/cases" -path "*/$harness/session-*.ops")
  "$build_dir/harnesses/$harness" -merge=1 -use_counters=0 "$merged" "$from" \
    >"$work/merge.log" 2>&1 || die "$harness: $(tail -n 3 "$work/merge.log")"
  find "$corpus" -type f -name 'session-*' -delete
  for file in "$from"/*; do
    name=$(sha1sum "$file")
    [[ ! -e $merged/${name%% *} ]] || cp "$file" "$corpus/"
  done
  say "corpus/$harness: $(find "$corpus" -type f | wc -l) files," \
    "$(find "$corpus" -type f -printf '%s\n' | awk '{n += $1} END {print n + 0}') bytes"
}

"$source_dir/scripts/made-seeds.sh"
for harness in "${harnesses[@]}"; do
  if [[ -x $build_dir/harnesses/$harness ]]; then
    merge "$harness"
  else
    say "$harness is not built: its corpus stays as it is"
  fi
done
for harness in command_handler invalidation; do
  if [[ -x $build_dir/harnesses/$harness ]]; then
    merge_sessions "$harness"
  else
    say "$harness is not built: its corpus stays as it is"
  fi
done

# Drop files of earlier recordings that have other names but the same coverage.
for harness in "${harnesses[@]}" command_handler invalidation; do
  [[ ! -x $build_dir/harnesses/$harness ]] ||
    RESPROBE_SOURCE_DIR=$source_dir RESPROBE_BUILD_DIR=$(dirname "$build_dir") \
    RESPROBE_HARNESS_DIR=$build_dir/harnesses RESPROBE_WORK_DIR=$work/none \
      "$build_dir/bin/resprobe" corpus merge "$harness" >&2
done
