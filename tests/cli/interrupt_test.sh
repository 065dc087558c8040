#!/usr/bin/env bash
# Ctrl-C, SIGTERM, SIGHUP: findings and results so far are kept; exit code 130, 143 or 129.
set -euo pipefail
program=$1
. "$(dirname "$0")/lib.sh"
cd "$RESPROBE_SOURCE_DIR"
export RESPROBE_WORK_DIR=$temp/work

# interrupted_by SIGNAL CODE PATTERN ARGUMENT…: starts the program and sends it the signal when a
# line of its output matches the pattern; checks its exit code. Leaves its output in $temp/out and $temp/err.
interrupted_by() {
  local signal=$1 wanted=$2 pattern=$3 code=0 line
  shift 3
  rm -f "$temp/pipe"
  mkfifo "$temp/pipe"
  "$program" "$@" >"$temp/pipe" 2>"$temp/err" &
  local id=$!
  : >"$temp/out"
  while IFS= read -r line; do
    printf '%s\n' "$line" >>"$temp/out"
    [[ $line != *$pattern* ]] || kill "-$signal" "$id"
  done <"$temp/pipe"
  wait "$id" || code=$?
  if ((code != wanted)); then
    echo "resprobe $*: exit code $code instead of $wanted" >&2
    head -n 20 "$temp/out" "$temp/err" >&2
    failures=$((failures + 1))
  fi
}

# The second harness is not started.
interrupted_by INT 130 "executions" fuzz query_parser invalidation --time 600s --jobs 1 \
  --format json --output "$temp/report.json"
has out "stopped: not run"
cp "$temp/report.json" "$temp/json"
has json '"interrupted": true'
interrupted_by TERM 143 "executions" fuzz query_parser --time 600s --jobs 1
interrupted_by HUP 129 "executions" fuzz query_parser --time 600s --jobs 1

# An engine that is still writing its failure is left to write it. The first process reports one, lets
# the program be interrupted, and writes the failure when the second process has been told to stop:
# the first would have been told before. The second has no trap: bash can miss a signal that arrives
# right before it waits.
mkdir "$temp/reporting"
printf 'query_parser query_parser\n' >"$temp/reporting/harnesses.txt"
cat >"$temp/reporting/query_parser" <<'SCRIPT'
#!/usr/bin/env bash
[[ $1 != --resprobe ]] || exit 1
here=${0%/*}
if [[ $2 == -seed=2 ]]; then
  trap 'exit 0' INT
  echo '== resprobe: violation of round_trip in query_parser at op 0 ==' >&2
  exec 3<"$here/runs"
  kill -INT "$PPID"
  read -r _ <&3
  printf x >"${1#-artifact_prefix=}crash-1"
else
  exec tee "$here/runs" <>"$here/never"
fi
SCRIPT
chmod +x "$temp/reporting/query_parser"
mkfifo "$temp/reporting/runs" "$temp/reporting/never"
RESPROBE_HARNESS_DIR=$temp/reporting run 130 fuzz query_parser --time 600s --jobs 2 --seed 1
has out "finding: violation:round_trip"
holds "$temp/work/findings/query_parser/violation-round_trip" original report.json

# A harness that has found a smaller case and continues searching until it is stopped.
mkdir "$temp/harnesses"
printf 'query_parser query_parser\n' >"$temp/harnesses/harnesses.txt"
cat >"$temp/harnesses/query_parser" <<'SCRIPT'
#!/usr/bin/env bash
if [[ $2 == shrink ]]; then
  [[ $3 == */nothing ]] || printf small >"$4"
  kill -INT "$PPID"
  read -r _ <>"${0%/*}/never"
fi
SCRIPT
chmod +x "$temp/harnesses/query_parser"
mkfifo "$temp/harnesses/never"
export RESPROBE_HARNESS_DIR=$temp/harnesses
printf 'a large case' >"$temp/case"
printf 'before' >"$temp/nothing.min"
cp "$temp/case" "$temp/nothing"
run 130 minimize --harness query_parser "$temp/case"
has out "the smallest so far is written"
[[ $(<"$temp/case.min") == small ]] || { echo "it is not" >&2; exit 1; }
run 130 minimize --harness query_parser "$temp/nothing"
has err "interrupted"
[[ $(<"$temp/nothing.min") == before ]] || { echo "an old result is lost" >&2; exit 1; }
finish
