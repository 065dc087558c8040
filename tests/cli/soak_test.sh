#!/usr/bin/env bash
# soak: a sound server passes; one that leaks fails, by what it leaks. The intervals are of
# operations, so that no time of a clock decides anything.
# usage: soak_test.sh PROGRAM
set -euo pipefail
program=$1
. "$(dirname "$0")/lib.sh"
need_python
cp "$(dirname "$0")/../live/history/racy_server.py" "$(dirname "$0")/../live/load/leaky_server.py" "$temp"
server="$python $temp/leaky_server.py $temp/racy_server.py {port}"
run=(soak -c 3 --keys 50 --interval-ops 130 --intervals 30 --checks memory,descriptors,threads,files)

run 0 "${run[@]}" --start "$server" --format json --output "$temp/json"
has out "ok       replies                        3,900 were what they must be"
has out "ok       memory: used_memory            the smallest leak that would have been seen: "
has out "ok       threads: threads"
has json '"title": "used_memory"'
# It could not have missed what the next one leaks: 200 bytes in a thirteenth of the operations.
leak() {
  run 1 "${run[@]}" --start "$server $1" --format json --output "$temp/json"
  has out "FAIL     $2"
  (($(grep -c '^FAIL' "$temp/out") == 1)) || { grep '^FAIL' "$temp/out" >&2; failures=$((failures + 1)); }
}
leak memory "memory: used_memory            grows by "
grep -q -E 'grows by 5[0-9]\.[0-9] KiB in the run, 1[56]\.[0-9] bytes an operation' "$temp/out" ||
  { grep grows "$temp/out" >&2; failures=$((failures + 1)); }
leak descriptors "descriptors: descriptors       grows from "
leak threads "threads: threads               grows from "
leak files "files: files                   grows from "
leak wrong "replies                        GET: not what this key has, "
# Too short to say anything.
wrong_use "22 intervals are too few to say anything, and 23 are needed" soak --start "$server" \
  --duration 220s --interval 10
wrong_use "there is no check 'sockets'" soak --start "$server" --checks sockets
# What was interrupted is unknown, and is written.
: >"$temp/out"
"$program" soak --start "$server" -c 2 --keys 20 --interval-ops 50 --intervals 1000000 \
  --format html --output "$temp/cut.html" >"$temp/out" 2>"$temp/err" &
soak=$!
until (($(wc -l <"$temp/out") > 4)); do kill -0 $soak || break; done
kill -INT $soak
code=0
wait $soak || code=$?
((code == 130)) || { echo "exit code $code after SIGINT" >&2; failures=1; }
has cut.html "it ran to its end"
has cut.html "<svg "
finish
