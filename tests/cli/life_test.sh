#!/usr/bin/env bash
# One life of a failure, whichever verb finds it: it is filed, replayed, made small, shown, frozen,
# and checked before and after its fault is fixed.
#   usage: life_test.sh PROGRAM FRAGILE FAULTY_SERVER
set -euo pipefail
program=$1 fragile=$2 faulty=$3
. "$(dirname "$0")/lib.sh"
# A repository of its own, for the tests that are frozen.
mkdir -p "$temp/repository/harnesses" "$temp/repository/corpus"
export RESPROBE_SOURCE_DIR=$temp/repository RESPROBE_WORK_DIR=$temp/work
findings=$temp/work/findings
real_harnesses=$(dirname "$(dirname "$program")")/harnesses

fail() {
  echo "$*" >&2
  failures=$((failures + 1))
}

# A server whose faults can be fixed while its start command stays the same.
cat >"$temp/server" <<SCRIPT
#!/bin/sh
exec $faulty "\$@" \$(cat '$temp/faults')
SCRIPT
chmod +x "$temp/server"
faults() {
  : >"$temp/faults"
  for fault in "$@"; do printf -- '--fault %s ' "$fault" >>"$temp/faults"; done
}

# life VERB FOLDER TEXT MEND…: all that can be done with a finding of that verb; TEXT is part of its
# signature.
life() {
  local verb=$1 folder=$2 text=$3 frozen=$temp/frozen.ops report
  shift 3
  [[ -d $folder ]] || { fail "nothing was filed ($text)"; return 0; }
  holds "$folder" case case.ops original report.json
  run 1 replay "$folder"
  has out "$text"
  cp "$folder/original" "$folder/case"
  sed -i 's/"minimized": true/"minimized": false/' "$folder/report.json"
  run 0 minimize "$folder"
  has out "signature: "
  has out "$text"
  cp "$folder/report.json" "$temp/report"
  has report '"minimized": true'
  run 0 show "$folder"
  has out "$text"
  has out "# run by: $verb, harness "
  rm -f "$frozen"
  run 0 freeze "$folder" -o "$frozen"
  has out "$text"
  run 1 replay "$frozen"
  has out "$text"
  run 0 findings
  has out "$text"
  has out "1 finding"
  has out ", $verb"
  run 1 findings check
  has out "failing"
  has out "1 still fail, 0 are gone"
  run 0 findings list --format json
  has out '"state": "failing"'
  "$@"
  run 0 replay "$folder"
  run 0 replay "$frozen"
  run 0 findings check
  # What the scheduler of the system decides may only not have been met.
  if [[ $verb == invalidate || $verb == kill ]]; then
    has out "0 still fail, 0 are gone, 1 not met"
    run 0 findings rm "$folder"
  else
    has out "0 still fail, 1 are gone"
    run 0 findings rm --gone
  fi
  has out "1 finding removed"
  [[ ! -e $folder ]] || fail "$folder is still there"
}
# missing_server: the frozen case, once its server is gone.
missing_server() {
  mv "$temp/server" "$temp/hidden"
  wrong_use "cannot start '$temp/server'" replay "$temp/frozen.ops"
  run 77 replay --skip-missing "$temp/frozen.ops"
  has out "skipped: "
  mv "$temp/hidden" "$temp/server"
}

run 0 findings
has out "0 findings"
wrong_use "holds no finding" findings check "$temp/none"

# fuzz
printf 'v and more' >"$temp/repository/seed"
mkdir -p "$temp/repository/corpus/fragile"
mv "$temp/repository/seed" "$temp/repository/corpus/fragile/seed"
mend_harness() { export RESPROBE_HARNESS_DIR=$fragile/mended; }
RESPROBE_HARNESS_DIR=$fragile/faulty run 1 fuzz fragile --time 1s --jobs 1 --seed 1
find "$findings/fragile" -mindepth 1 -maxdepth 1 ! -name 'violation-*' -exec rm -r {} +
export RESPROBE_HARNESS_DIR=$fragile/faulty
life fuzz "$findings/fragile/violation-no_v" "violation:no_v" mend_harness

# io: the harness that stands for io_live says nothing of TCP.
for variant in faulty mended; do
  mkdir -p "$temp/io/$variant"
  : >"$temp/io/$variant/harnesses.txt"
  echo "io_live io_chaos" >"$temp/io/$variant/live.txt"
  ln -s "$fragile/$variant/fragile" "$temp/io/$variant/io_live"
done
mend_io() { export RESPROBE_HARNESS_DIR=$temp/io/mended; }
export RESPROBE_HARNESS_DIR=$temp/io/faulty
run 1 io --seeds 1 --seed 118 --peer tcp
has out "finding: violation:no_v"
cp "$findings/io_live/violation-no_v/report.json" "$temp/report"
has report '"peer": "tcp"'
life io "$findings/io_live/violation-no_v" "violation:no_v" mend_io

# oracle, and what watches a server
export RESPROBE_HARNESS_DIR=$real_harnesses
if [[ ! -e $real_harnesses/command_handler ]]; then
  echo "skipped: what runs cases of command_handler, $real_harnesses holds none"
  finish
  exit
fi
mend_server() { faults x.sound=sound; }
faults append=twice
run 1 oracle --start "$temp/server" --hang 1 --groups string --requests 300
folder=$(find "$findings/command_handler" -name 'oracle-*' | head -n 1)
find "$findings/command_handler" -mindepth 1 -maxdepth 1 -name 'oracle-*' ! -path "$folder" -exec rm -r {} +
life oracle "$folder" "append" mend_server
missing_server

faults x.twice=twice
run 1 oracle --unmodelled --memory 0 --start "$temp/server" --hang 1 --seeds 1
life "oracle --unmodelled" "$(find "$findings/command_handler" -name 'unmodelled-*' | head -n 1)" \
  "a reply too many: x.twice" mend_server
missing_server

# The model check: a server that has one database only.
server=${RESPROBE_VALKEY_SERVER:-${RESPROBE_REDIS_SERVER:-}}
if [[ -n $server ]]; then
  cat >"$temp/server" <<SCRIPT
#!/bin/sh
exec $server "\$@" \$(cat '$temp/faults')
SCRIPT
  echo "--databases 1" >"$temp/faults"
  # One that differs for certain; and none but it.
  mkdir -p "$temp/repository/corpus/invalidation"
  cat >"$temp/repository/corpus/invalidation/case.ops" <<'OPS'
ops invalidation
config clients=1
read client=1 key=2
select client=0 db=1
read client=0 key=0
barrier
OPS
  run 1 invalidate --model-check --start "$temp/server" --seeds 1
  find "$findings/invalidation" -mindepth 1 -maxdepth 1 ! -name '*another-reply' -exec rm -r {} +
  mend_databases() { : >"$temp/faults"; }
  life model-check "$(find "$findings/invalidation" -name 'model-*' | head -n 1)" "another reply" mend_databases
  missing_server
fi

# invalidate and kill: the fault is in the workers, so it is fixed where the case names it.
if [[ -n $server ]]; then
  : >"$temp/faults"
  mend_workers() {
    run 0 show "$folder"
    has out "plant "
    grep -q '"plant": "' "$folder/report.json" || fail "$folder names no planted fault"
    grep -q '^# Run: .*"plant":"' "$temp/frozen.ops" || fail "the frozen case names no planted fault"
    sed -i -E 's/"plant": ?"[a-z-]+"/"plant": ""/' "$folder/report.json" "$temp/frozen.ops"
  }
  # Faults that show in every run of a case, whatever the timing.
  run 1 invalidate --start "$temp/server" --seed 1 --iterations 200 --plant half-put --stop-on-failure
  folder=$(find "$findings/shared_cache" -mindepth 1 -maxdepth 1 -name 'invalidate-*')
  holds "$folder" timeline.txt
  life invalidate "$folder" "no_torn_entry" mend_workers
  missing_server
  run 1 kill --start "$temp/server" --seed 1 --iterations 500 --plant keep-on-loss --kill-mode client \
    --stop-on-failure
  life kill "$(find "$findings/shared_cache" -mindepth 1 -maxdepth 1 -name 'kill-*')" \
    "no_stale_after_barrier after kill-client" mend_workers
  missing_server
fi

# What an earlier version filed has no runner and no server.
mkdir -p "$findings/command_handler/oracle-old"
printf 'ops command_handler\ncall client=0 PING\n' >"$findings/command_handler/oracle-old/case.ops"
cp "$findings/command_handler/oracle-old/case.ops" "$findings/command_handler/oracle-old/case"
echo '{"harness": "command_handler", "signature": "ping: x", "core": "", "command": "ping",
  "server": "redis 7.0.15", "profile": "redis-7.0"}' >"$findings/command_handler/oracle-old/report.json"
wrong_use "an earlier version wrote it" replay "$findings/command_handler/oracle-old"
run 2 findings check
has out "cannot run"
run 0 findings rm "$findings/command_handler/oracle-old"
finish
