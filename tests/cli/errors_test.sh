#!/usr/bin/env bash
# Wrong use: one clear line, exit code 2. Help: exit code 0.
set -euo pipefail
program=$1
. "$(dirname "$0")/lib.sh"
cd "$RESPROBE_SOURCE_DIR"
export RESPROBE_WORK_DIR=$temp/work

run 0 --help
has out "replay"
for verb in list fuzz replay show minimize freeze record proxy chaos-peer corpus "corpus check" "corpus merge" bench; do
  # shellcheck disable=SC2086
  run 0 $verb --help
  has out "--help"
done
run 0 list
has out "query_parser"
run 0 list --format json
has out "\"harnesses\""

wrong_use "name a verb: see ./resprobe --help"
wrong_use "there is no verb 'nonsense': see ./resprobe --help" nonsense
wrong_use "name a verb: see ./resprobe corpus --help" corpus
wrong_use "there is no verb 'corpus nonsense': see ./resprobe corpus --help" corpus nonsense
wrong_use "--format" list --format xml
wrong_use "see ./resprobe fuzz --help" fuzz --nonsense
wrong_use "there is no harness 'nonsense'" fuzz nonsense --time 1s
wrong_use "--time 5x" fuzz query_parser --time 5x
wrong_use "--time 0" fuzz query_parser --time 0
wrong_use "--engine" fuzz query_parser --engine honggfuzz
wrong_use "--format json" fuzz query_parser --output "$temp/report.json"
wrong_use "there is no folder" fuzz query_parser --format json --output "$temp/none/report.json"
wrong_use "is a folder: name a file" fuzz query_parser --format json --output "$temp"
wrong_use "cannot be written" list --format json --output /proc/report.json
wrong_use "cannot be written" bench --format json --output /proc/report.json
wrong_use "--jobs: '0' is not a whole number from 1 to 1024" fuzz query_parser --jobs 0
wrong_use "--jobs: '-1' is not" fuzz query_parser --jobs -1
wrong_use "--seed: '-1' is not" fuzz query_parser --seed -1
wrong_use "--rss: '0' is not a whole number from 1 to" fuzz query_parser --rss 0
wrong_use "--timeout: '0' is not" fuzz query_parser --timeout 0
# An unknown option is named first: it may be the misspelled one that is required.
wrong_use "there is no option '--lisen': see ./resprobe chaos-peer --help" chaos-peer --lisen 1 --seed 7
wrong_use "there is no option '--prt': see ./resprobe serve --help; did you mean --port?" \
  serve --prt 6379
wrong_use "there is no verb 'replya': see ./resprobe --help; did you mean replay?" replya
for watched in --query --restore --check-tools --unmodelled; do
  for option in --only-errors-code --verbose "--junit x" "--fail-on new" "--accept x" \
    "--write-accept x" "--commands get" "--without get"; do
    # shellcheck disable=SC2086
    wrong_use "excludes" oracle --start x $watched $option
  done
done
for watched in --query --restore --check-tools; do
  for option in --resp2 "--protocol 2" "--groups list" "--ops 3"; do
    # shellcheck disable=SC2086
    wrong_use "excludes" oracle --start x $watched $option
  done
done
run 0 --version
has out "resprobe "
wrong_use "there is no option '--unmodeled'" oracle --start redis-server --dangerous --unmodeled
wrong_use "'6379' is one argument too many" serve 6379
wrong_use "--port is required" serve

# A finding with a damaged report.
mkdir -p "$temp/work/findings/query_parser/damaged"
printf 1a >"$temp/work/findings/query_parser/damaged/case"
printf '{"runner": "pro' >"$temp/work/findings/query_parser/damaged/report.json"
for verb in replay show freeze minimize "findings check"; do
  for path in damaged damaged/case; do
    [[ $verb != findings* || $path == damaged ]] || continue
    # shellcheck disable=SC2086
    run 2 $verb "$temp/work/findings/query_parser/$path"
    has err "query_parser/damaged/report.json: is damaged: it is not JSON: delete it, and name"
    (($(wc -l <"$temp/err") == 1)) || failures=$((failures + 1))
  done
done
rm -r "$temp/work/findings"

wrong_use "name cases" replay
wrong_use "--harness" replay --seed 7
wrong_use "whole number" replay --harness query_parser --seed seven
wrong_use "CASE" show
wrong_use "there is no such file" show "$temp/missing"
wrong_use "there is no such file" minimize "$temp/missing"
wrong_use "there is no harness" corpus merge nonsense
wrong_use "is not a folder" corpus merge query_parser "$temp/missing"
wrong_use "--timeout: '0' is not" replay "$temp/missing" --timeout 0
wrong_use "--rss: '-5' is not" minimize "$temp/missing" --rss -5
wrong_use "there is no harness 'nonsense'" bench nonsense
wrong_use "--seconds: '0' is not" bench --seconds 0
wrong_use "--rounds: '0' is not" bench --rounds 0

printf 'latency\n\033[31mred\377\n' >"$temp/script"
wrong_use "script:2: there is no toxic '\x1b[31mred\xff': use one of latency" \
  chaos-peer --listen 0 --script "$temp/script"
wrong_use "use one of latency" proxy --listen 0 --server 127.0.0.1:1 --toxics latencies
if grep -q -e eintr -e alloc_failure "$temp/err"; then
  echo "proxy offers toxics that it refuses" >&2
  exit 1
fi
wrong_use "'latency=99999999999999999999': the number is too large" \
  proxy --listen 0 --server 127.0.0.1:1 --toxics "latency latency=99999999999999999999"
wrong_use "--server" record --listen 0 --output "$temp/cases"
wrong_use "--listen: 'x' is not" record --listen x --server 127.0.0.1:1 --output "$temp/cases"
wrong_use "--max-case: '-1' is not" record --listen 0 --server 127.0.0.1:1 --output "$temp/cases" \
  --max-case -1
wrong_use "'localhost' is not HOST:PORT" record --listen 0 --server localhost --output "$temp/cases"
wrong_use "is a device" replay /dev/zero --harness resp_parser
wrong_use "--start: the quote \" is not closed" oracle --start 'redis-server "x'
wrong_use "--start: the quote ' is not closed" kill --start "redis-server --requirepass 'a b"
wrong_use "names no group" oracle --start redis-server --groups ""
wrong_use "start a server there" record --listen 0 --server 127.0.0.1:1 --output "$temp/cases"
wrong_use "--unix: cannot connect to $temp/none" record --listen 0 --unix "$temp/none" --output "$temp/cases"
wrong_use "--start /no/such: cannot start" record --listen 0 --start /no/such --output "$temp/cases"
wrong_use "--server: cannot connect to 127.0.0.1:1: Connection refused: start a server there" \
  oracle --server 127.0.0.1:1
[[ ! -e $temp/cases ]] || { echo "a recording that did not begin left a folder" >&2; exit 1; }

# Links are followed, special files are written in place, and a full disk is reported.
ln -s "$temp/target" "$temp/link"
run 0 list --format json --output "$temp/link"
[[ -L $temp/link && -s $temp/target ]] || { echo "the link was replaced" >&2; exit 1; }
mkfifo "$temp/pipe"
cat "$temp/pipe" >"$temp/piped" &
run 0 list --format json --output "$temp/pipe"
wait $!
cmp "$temp/piped" "$temp/target" && [[ -p $temp/pipe ]] || { echo "the pipe was replaced" >&2; exit 1; }
code=0
"$program" list >/dev/full 2>"$temp/err" || code=$?
((code == 2)) || { echo "a full disk: exit code $code" >&2; exit 1; }
has err "standard output cannot be written"

# A case at the path that `record --output DIR` uses.
mkdir -p "$temp/recorded/query_parser"
printf 1a >"$temp/recorded/query_parser/query-1"
run 0 replay "$temp/recorded/query_parser/query-1"

# Harnesses that are configured but not built yet.
mkdir "$temp/unbuilt"
export RESPROBE_HARNESS_DIR=$temp/unbuilt
wrong_use "harnesses.txt: is missing" list
printf 'query_parser query_parser\ninvalidation invalidation\n' >"$temp/unbuilt/harnesses.txt"
run 0 list
has out "query_parser: not built yet: run ./resprobe build fuzz"
run 0 list --format json
has out '"built": false'
wrong_use "query_parser: not built yet" fuzz query_parser --time 1s
wrong_use "holds no harness: build them" fuzz --time 1s
wrong_use "query_parser: not built yet" replay corpus/query_parser
wrong_use "query_parser: not built yet" corpus check query_parser
wrong_use "query_parser: not built yet" bench query_parser
printf 'ops invalidation\n' >"$temp/case.ops"
wrong_use "invalidation: not built yet" show "$temp/case.ops"
finish
