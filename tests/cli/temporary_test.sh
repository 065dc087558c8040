#!/usr/bin/env bash
# Temporary files: a folder for them that does not exist is named; what a killed run has left is
# deleted by the next one, but not what a run still uses.
set -euo pipefail
program=$1
. "$(dirname "$0")/lib.sh"
cd "$RESPROBE_SOURCE_DIR"
export RESPROBE_WORK_DIR=$temp/work

TMPDIR=$temp/none wrong_use "TMPDIR $temp/none: is no folder" \
  replay --harness query_parser --seed 1
TMPDIR=$temp/none wrong_use "TMPDIR is no folder" oracle --start redis-server
hasnt() { ! grep -q -F -e "$2" "$temp/$1" || { echo "'$2' is in $1" >&2; failures=$((failures + 1)); }; }
hasnt err "name redis-server"
TMPDIR=$temp/none wrong_use "TMPDIR $temp/none: is no folder" fuzz query_parser --time 1s
TMPDIR=$temp/none run 0 findings

mkdir "$temp/tmp" "$temp/harnesses"
export TMPDIR=$temp/tmp
printf 'query_parser query_parser\n' >"$temp/harnesses/harnesses.txt"
mkfifo "$temp/started" "$temp/never"
# Stays open, so that no reader sees the end of what the harness before it has written.
exec 3<>"$temp/started"
# Each run of this harness waits for ever.
cat >"$temp/harnesses/query_parser" <<SCRIPT
#!/usr/bin/env bash
echo "\$PPID" >"$temp/started"
read -r _ <>"$temp/never"
SCRIPT
chmod +x "$temp/harnesses/query_parser"
start() {
  RESPROBE_HARNESS_DIR=$temp/harnesses "$program" fuzz query_parser --time 600s --jobs 1 \
    >/dev/null 2>&1 &
  read -r _ <&3
}
# folders COUNT
folders() {
  local found
  found=$(find "$TMPDIR" -mindepth 1 -maxdepth 1 | wc -l)
  ((found == $1)) || { echo "$found temporary folders instead of $1: $2" >&2; failures=$((failures + 1)); }
}
start
killed=$!
start
lives=$!
folders 2 "two runs"
kill -KILL "$killed"
wait "$killed" 2>/dev/null || true
folders 2 "one was killed"
run 0 findings
folders 1 "a run deletes what the killed one has left, and nothing else"
kill -INT "$lives"
wait "$lives" || true
folders 0 "all have ended"
finish
