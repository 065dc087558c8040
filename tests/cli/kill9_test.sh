#!/usr/bin/env bash
# SIGKILL right after the first failure of every verb that looks for failures: its folder is complete
# and replays, and the next run says what is left to do.
#   usage: kill9_test.sh PROGRAM FRAGILE FAULTY_SERVER
set -euo pipefail
program=$1 fragile=$2 faulty=$3
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

# nothing_is_lost VERB…: after killed VERB…
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

if [[ ! -e $real_harnesses/command_handler ]]; then
  echo "skipped: what runs cases of command_handler, $real_harnesses holds none"
  finish
  exit
fi
export RESPROBE_HARNESS_DIR=$real_harnesses
# What hangs, or is restarted for each candidate, is being made small for seconds.
again() {
  killed "$@"
  nothing_is_lost "$@"
}
again oracle --start "$faulty --fault append=silent" --hang 1 --groups string --requests 300 \
  --stop-on-failure
again oracle --unmodelled --memory 0 --start "$faulty --fault x.twice=twice" --hang 1 --seeds 1
toy=$(realpath "$(dirname "$0")/../live/restore/toy_restore_server.py")
if command -v python3 >/dev/null; then
  again oracle --restore --memory 0 --start "python3 $toy {socket} hang" --hang 1 --seeds 40 \
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
