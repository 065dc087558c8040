#!/usr/bin/env bash
# SIGKILL right after the first failure of every verb that looks for failures: its folder is complete
# and replays, and the next run says what is left to do.
#   usage: kill9_test.sh PROGRAM FRAGILE FAULTY_SERVER CANARIES
set -euo pipefail
program=$1 fragile=$2 faulty=$3 canaries=$4
. "$(dirname "$0")/lib.sh"
mkdir -p "$temp/repository/harnesses" "$temp/repository/corpus/fragile" "$temp/tmp"
export RESPROBE_SOURCE_DIR=$temp/repository RESPROBE_WORK_DIR=$temp/work TMPDIR=$temp/tmp
findings=$temp/work/findings
real_harnesses=$(dirname "$(dirname "$program")")/harnesses

fail() {
  echo "$*" >&2
  failures=$((failures + 1))
}

# killed ARGUMENT…: runs the program, and kills it when it says that it has kept a failure. Sets
# folder to that of the failure. Leaves its output in $temp/out.
killed() {
  local id code=0 line
  rm -rf "$temp/pipe" "$findings"
  mkfifo "$temp/pipe"
  "$program" "$@" >"$temp/pipe" 2>"$temp/err" &
  id=$!
  : >"$temp/out"
  folder=""
  while IFS= read -r line; do
    [[ -n $folder || $line != "  kept in:   "* ]] || kill -KILL "$id" 2>/dev/null || true
    printf '%s\n' "$line" >>"$temp/out"
    if [[ -z $folder && $line == "  kept in:   "* ]]; then
      folder=${line#"  kept in:   "}
      folder=${folder%,*}
    fi
  done <"$temp/pipe"
  wait "$id" 2>/dev/null || code=$?
  ((code == 137)) || fail "resprobe $*: exit code $code instead of 137"
  [[ -n $folder ]] || fail "resprobe $*: no failure was kept before it was killed"
}

# mute ARGUMENT…: the same for a program that cannot be held by what it starts: the pipe of its output is
# full, so it waits there when it would say what it has kept.
mute() {
  local id code=0
  rm -rf "$temp/pipe" "$findings"
  mkfifo "$temp/pipe"
  exec 7<>"$temp/pipe"
  dd if=/dev/zero of="$temp/pipe" bs=4096 oflag=nonblock 2>/dev/null || true
  "$program" "$@" >"$temp/pipe" 2>"$temp/err" 7>&- &
  id=$!
  until [[ -n $(find "$findings" -name report.json 2>/dev/null) ]]; do
    kill -0 "$id" 2>/dev/null || break
  done
  kill -KILL "$id" 2>/dev/null || true
  wait "$id" 2>/dev/null || code=$?
  exec 7>&-
  ((code == 137)) || fail "resprobe $*: exit code $code instead of 137"
  folder=$(find "$findings" -name report.json -printf '%h\n' -quit)
}

# nothing_is_lost VERB…: after killed VERB… or mute VERB…
nothing_is_lost() {
  holds "$folder" original case report.json
  cp "$folder/original" "$temp/original"
  run 1 replay "$folder"
  [[ -z $(find "$findings" -name '.new-*' -o -name '*.tmp') ]] || fail "$1: half a finding is left"
  # It may have become small in the moment before the signal, but not without a word.
  cp "$folder/report.json" "$temp/report"
  has report '"interrupted": true'
  run 0 findings
  has out "$folder"
  # The next run begins with it, and makes it small if it meets it again.
  run 1 "$@"
  has out "1 finding of runs that were killed or interrupted: ./resprobe minimize FOLDER makes it small"
  has out ": $folder"
  if [[ -d $folder ]]; then run 0 minimize "$folder"; fi # else it was made small, and renamed
  ! grep -q -r '"interrupted": true' "$findings" || fail "$1: $folder is still to be made small"
  [[ -z $(find "$TMPDIR" -mindepth 1) ]] || fail "$1: temporary folders are left: $(find "$TMPDIR")"
}

# fuzz, killed by its first call of the shrinker.
printf 'v and more' >"$temp/repository/corpus/fragile/seed"
mkdir "$temp/kills"
cp "$fragile/faulty/harnesses.txt" "$temp/kills"
cat >"$temp/kills/fragile" <<SCRIPT
#!/usr/bin/env bash
[[ \$1/\${2:-} != --resprobe/shrink ]] || kill -KILL \$PPID
exec "$fragile/faulty/fragile" "\$@"
SCRIPT
chmod +x "$temp/kills/fragile"
RESPROBE_HARNESS_DIR=$temp/kills killed fuzz fragile --time 600s --jobs 1 --seed 1
[[ -n $(find "$TMPDIR" -mindepth 1) ]] || fail "this test sees no temporary folders"
RESPROBE_HARNESS_DIR=$fragile/faulty nothing_is_lost fuzz fragile --time 1s --jobs 1 --seed 1

# io, where the harness that stands for io_live says nothing of TCP.
for variant in kills faulty; do
  mkdir -p "$temp/io/$variant"
  : >"$temp/io/$variant/harnesses.txt"
  echo "io_live io_chaos" >"$temp/io/$variant/live.txt"
done
cp "$temp/kills/fragile" "$temp/io/kills/io_live"
ln -s "$fragile/faulty/fragile" "$temp/io/faulty/io_live"
RESPROBE_HARNESS_DIR=$temp/io/kills killed io --seeds 1 --seed 118 --peer tcp
RESPROBE_HARNESS_DIR=$temp/io/faulty nothing_is_lost io --seeds 1 --seed 118 --peer tcp

# freeze: half a test is never left, nor what it worked on.
printf 'v and more' >"$temp/case"
code=0
RESPROBE_HARNESS_DIR=$temp/kills "$program" freeze "$temp/case" --harness fragile \
  >"$temp/out" 2>"$temp/err" || code=$?
((code == 137)) || fail "freeze: exit code $code instead of 137"
[[ -z $(find "$temp/repository/tests" -type f 2>/dev/null) ]] || fail "freeze: something is left"
export RESPROBE_HARNESS_DIR=$fragile/faulty
run 0 freeze "$temp/case" --harness fragile
[[ -n $(find "$temp/repository/tests" -name '*.ops') ]] || fail "freeze: no test"
[[ -z $(find "$TMPDIR" -mindepth 1) ]] || fail "freeze: temporary folders are left"

if [[ -e $canaries/durability ]]; then
  export RESPROBE_HARNESS_DIR=$canaries
  printf '%s\n' 'ops durability' 'config policy=always' 'call client=0 SET a 1' >"$temp/durability.ops"
  crash=(crash-points "$temp/durability.ops" --plant no-fsync)
  mute "${crash[@]}"
  nothing_is_lost "${crash[@]}"
else
  echo "skipped: crash-points, $canaries holds no durability"
fi

if [[ ! -e $real_harnesses/command_handler ]]; then
  echo "skipped: what runs cases of command_handler, $real_harnesses holds none"
  finish
  exit
fi
export RESPROBE_HARNESS_DIR=$real_harnesses
# A server that does not start while `held` is there and something is filed: what makes a failure
# small begins with a new server, or ends with one.
cat >"$temp/server" <<SCRIPT
#!/usr/bin/env bash
if [[ -e $temp/held && -n \$(find "$findings" -name report.json -print -quit 2>/dev/null) ]]; then
  if [[ ! -s $temp/held ]]; then
    echo blocked >"$temp/blocked" &
    exec sleep 600
  fi
  : >"$temp/held" # the first one is let through
fi
exec \$(<"$temp/command") "\$@"
SCRIPT
chmod +x "$temp/server"
mkfifo "$temp/blocked"
serves() { echo "$*" >"$temp/command"; }
again() {
  : >"$temp/held"
  killed "$@"
  rm "$temp/held"
  nothing_is_lost "$@"
}
serves "$faulty --fault append=twice"
again oracle --start "$temp/server" --hang 1 --groups string --requests 300 --stop-on-failure

# conformance runs the oracle, which ends with it.
again conformance --start "$temp/server" --hang 1 --requests 3000 --output "$temp/table.md"
[[ -s $temp/table.md ]] || fail "conformance: no table"

# minimize, after it has made the case small and before it has written it.
: >"$temp/held"
killed oracle --start "$temp/server" --hang 1 --groups string --requests 300 --stop-on-failure
echo pass >"$temp/held"
"$program" minimize "$folder" >"$temp/out" 2>"$temp/err" &
id=$!
read -r _ <"$temp/blocked"
kill -KILL "$id"
code=0
wait "$id" 2>/dev/null || code=$?
((code == 137)) || fail "minimize: exit code $code instead of 137"
rm "$temp/held"
nothing_is_lost oracle --start "$temp/server" --hang 1 --groups string --requests 300 --stop-on-failure

serves "$faulty --fault x.twice=twice"
again oracle --unmodelled --memory 0 --start "$temp/server" --hang 1 --seeds 1
toy=$(realpath "$(dirname "$0")/../live/restore/toy_restore_server.py")
if command -v python3 >/dev/null; then
  need_python
  # A large case is filed as what it shows, the small one by its cause: minimize goes from one to the
  # other.
  serves "$python $(realpath "$(dirname "$0")/../live/oracle/toy_server.py")"
  mkdir -p "$temp/repository/corpus/command_handler"
  {
    echo "ops command_handler"
    printf 'call client=0 %s\n' "RPUSH k a" "RPUSH k b" "SET x "{1..12}
  } >"$temp/repository/corpus/command_handler/long.ops"
  : >"$temp/held"
  killed oracle --start "$temp/server {port} rpush-front" --only-errors-code --seeds 1
  rm -r "$temp/held" "$temp/repository/corpus/command_handler"
  run 0 minimize "$folder"
  has out "signature: rpush: leaves other data"
  serves "$python $toy"
  again oracle --restore --memory 0 --start "$temp/server {socket} crash" --hang 1 --seeds 40 \
    --stop-on-failure
else
  echo "skipped: oracle --restore, no python3 here"
fi

server=${RESPROBE_VALKEY_SERVER:-${RESPROBE_REDIS_SERVER:-}}
if [[ -z $server ]]; then
  echo "skipped: what needs a server, RESPROBE_REDIS_SERVER is not set"
  finish
  exit
fi
if [[ -n ${RESPROBE_REDISEARCH:-} && -n ${RESPROBE_REDIS_SERVER:-} ]]; then
  mkdir -p "$temp/repository/corpus/query_parser"
  printf 'ops query_parser\nbytes "10-a"\n' >"$temp/repository/corpus/query_parser/case.ops"
  serves "$RESPROBE_REDIS_SERVER"
  again oracle --query --start "$temp/server" --seeds 1
else
  echo "skipped: oracle --query, RESPROBE_REDISEARCH is not set"
fi

crash=(crash --start "$server" --policy always --faults power --plant no-fsync --seeds 2 --shrink 20)
mute "${crash[@]}"
nothing_is_lost "${crash[@]}"
chaos=(chaos --faults crash_mid_write --policy always --plant no-fsync --seeds 4 --shrink 20
  --start "$server")
mute "${chaos[@]}"
nothing_is_lost "${chaos[@]}"

# record: what it says that it has written is there.
mkdir "$temp/recorded"
rm -f "$temp/out" "$temp/err" # or what the run before it has written could be taken for its output
"$program" record --listen 0 --output "$temp/recorded" --start "$server" >"$temp/out" 2>"$temp/err" &
id=$!
until grep -q -s "Ctrl-C ends it" "$temp/out" "$temp/err"; do kill -0 "$id"; done
port=$(sed -n -E 's/.* on 127\.0\.0\.1:([0-9]+).*/\1/p' "$temp/out" "$temp/err" | head -n 1)
exec 7<>"/dev/tcp/127.0.0.1/$port"
printf 'SET k v\r\nGET k\r\nQUIT\r\n' >&7
cat <&7 >"$temp/replies"
exec 7>&-
# A connection of which it has recorded nothing yet.
exec 7<>"/dev/tcp/127.0.0.1/$port"
printf 'PING\r\n' >&7
read -r _ <&7
kill -KILL "$id"
wait "$id" 2>/dev/null || true
exec 7>&-
[[ -n $(find "$temp/recorded" -type f) ]] || fail "record: nothing is left"
[[ -z $(find "$temp/recorded" -type f -empty) ]] || fail "record: an empty file is left"
for kind in "$temp/recorded"/*/; do
  run 0 replay --quiet --harness "$(basename "$kind")" "$kind"
done

mkdir -p "$temp/repository/corpus/invalidation"
cat >"$temp/repository/corpus/invalidation/case.ops" <<'OPS'
ops invalidation
config clients=1
read client=1 key=2
select client=0 db=1
read client=0 key=0
barrier
OPS
again model-check --start "$server --databases 1" --seeds 1
again invalidate --start "$server" --seed 1 --iterations 3000 --kill 20 --plant keep-on-loss \
  --stop-on-failure
again kill --start "$server" --seed 1 --iterations 500 --plant keep-on-loss --kill-mode client \
  --stop-on-failure
finish
