#!/usr/bin/env bash
# cloud on this machine, unit, merge: the units together do what one run does; a merge gives the same
# again; what is damaged or half-written is named and left out; a worker that is killed, and Ctrl-C,
# lose nothing; manifests for kubernetes.
# usage: merge_test.sh PROGRAM HARNESSES
set -euo pipefail
program=$1
harnesses=$2
. "$(dirname "$0")/lib.sh"
need_python
export RESPROBE_WORK_DIR=$temp/work RESPROBE_HARNESS_DIR=$harnesses

# ask FILE EXPRESSION: prints a value of a report, `r`.
ask() { $python -c "import json,sys; r=json.load(open(sys.argv[1])); print($2)" "$1"; }
# is FILE EXPRESSION VALUE
is() {
  local value
  value=$(ask "$1" "$2")
  [[ $value == "$3" ]] && return
  echo "$2 of $1 is '$value' instead of '$3'" >&2
  failures=$((failures + 1))
}
same() { diff -r "$1" "$2" >&2 || failures=$((failures + 1)); }

# --- The parts of a campaign are what one run is.
lives=(--ops 100 --parts crash_recovery --plant no-fsync)
run 1 simulate --seeds 7 "${lives[@]}" --format json --output "$temp/one.json"
run 1 cloud --seeds 7 --machines 2 --units 3 --options "${lives[*]}" --output "$temp/c"
has out "[3 of 3, "
has out "3 results of 3 units merged, 0 left out, "
merged=$temp/c/merged
for value in "part['lives']" "part['violations']" "part['operations']" "part['crashes']" "r['seeds']" \
  "r['seed']" "r['ops']" "sorted((f['signature'], f['repeats']) for f in r['findings'])" \
  "[(x['name'], x['status']) for x in r['results']]"; do
  value="(lambda r: (lambda part: $value)(r['parts']['crash_recovery']))(r['reports'][0] if 'reports' in r else r)"
  is "$merged/report.json" "$value" "$(ask "$temp/one.json" "$value")"
done
run 1 replay "$(dirname "$(find "$merged/work/findings" -name case | head -n 1)")"
folder=$(ask "$temp/c/results/0000/report.json" "r['findings'][0]['folder']")
[[ -e $folder/report.json ]] || { echo "the finding of a unit is not in $folder" >&2 && failures=1; }
for format in markdown junit sarif html json; do
  run 0 report show "$merged/report.json" --format $format
done
# The same again; also by parts, in another order, and of merges.
cp -r "$merged" "$temp/first"
run 1 merge "$temp/c" --output "$merged"
same "$temp/first" "$merged"
run 1 merge "$temp/c/results/0002" "$temp/c/results/0000" --output "$temp/a"
run 1 merge "$temp/a" "$temp/c/results/0001" --output "$temp/b"
is "$temp/b/report.json" "r['reports'][0]['parts']" "$(ask "$merged/report.json" "r['reports'][0]['parts']")"
is "$temp/b/report.json" "sorted(f['signature'] for f in r['reports'][0]['findings'])" \
  "$(ask "$merged/report.json" "sorted(f['signature'] for f in r['reports'][0]['findings'])")"
# Nothing is counted twice.
run 1 merge "$temp/c/results/0001" "$temp/b" "$temp/a" "$temp/b" --output "$temp/d"
has out "0001: left out: its units are counted in $temp/b"
has out "1 result of 3 units merged, 2 left out, "
is "$temp/d/report.json" "r['reports'][0]['seeds']" 7
run 1 merge "$temp/a" "$temp/c/results/0002" --output "$temp/d" --format junit
has out '<testsuite name="'
has err "1 result of 2 units merged, 1 left out, "

# Of two findings that are one, that is kept which fails again: not the earlier one, whose case is sound.
mkdir "$temp/two"
cp -r "$temp/c/results/0000" "$temp/c/results/0001" "$temp/two"
rm -r "$temp"/two/*/work/findings/lives/*
finding=$(find "$temp/c/results/0000/work/findings/lives" -mindepth 1 -maxdepth 1 | head -n 1)
for unit in 0000 0001; do cp -r "$finding" "$temp/two/$unit/work/findings/lives/one"; done
printf 'ops lives\n0 10 20  SET k v -> "+OK\\r\\n"\n' | tee "$temp/two/0000/work/findings/lives/one/case" \
  >"$temp/two/0000/work/findings/lives/one/case.ops"
sed -i 's/"first_seen": "20/"first_seen": "19/' "$temp/two/0000/work/findings/lives/one/report.json"
$python - "$temp"/two/* <<'PYTHON'
import hashlib, json, os, sys
for folder in sys.argv[1:]:  # lists the files as they are now
    head = json.load(open(folder + '/result.json'))
    files = [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names]
    head['files'] = {os.path.relpath(file, folder): hashlib.sha1(open(file, 'rb').read()).hexdigest()
                     for file in files if not file.endswith(('result.json', '.lock'))}
    json.dump(head, open(folder + '/result.json', 'w'))
PYTHON
run 1 merge "$temp/two" --output "$temp/kept"
has out ", met $((2 * $(ask "$finding/report.json" "r['met']"))) times: "
kept=$(find "$temp/kept/work/findings/lives" -mindepth 1 -maxdepth 1)
cmp "$kept/case" "$temp/two/0001/work/findings/lives/one/case" || failures=$((failures + 1))
is "$kept/report.json" "(r['first_seen'][:2], r['replays'])" "('19', True)"
run 1 merge "$temp/two" --output "$temp/kept" --no-replay
cmp "$kept/case" "$temp/two/0000/work/findings/lives/one/case" || failures=$((failures + 1))

# --- Units that are damaged, half-written, missing, or of another program.
hurt() { rm -rf "$temp/h" && cp -r "$temp/c" "$temp/h" && rm -rf "$temp/h/merged"; }
# left_out WHY: the merge says so, in its text and in its report, and does not pass.
left_out() {
  run 1 merge "$temp/h" --output "$temp/h/merged"
  has out "$1"
  is "$temp/h/merged/report.json" "r['summary']['unknown'] > 0" True
  is "$temp/h/merged/report.json" "r['reports'][0]['seeds'] < 7" True
  is "$temp/h/merged/report.json" "any('units have none: 0001' in (x['error'] or '') for x in r['results'])" True
}
hurt && printf x >>"$(find "$temp/h/results/0001" -name report.json | tail -n 1)"
left_out "results/0001: left out: damaged: "
hurt && rm "$temp/h/results/0001/report.json"
left_out "results/0001: left out: damaged: report.json is missing"
hurt && rm "$temp/h/results/0001/result.json"
left_out "results/0001: left out: half-written: it has no result.json"
hurt && head -c 100 "$temp/c/results/0001/result.json" >"$temp/h/results/0001/result.json"
left_out "results/0001: left out: damaged: its result.json is none"
hurt && sed -i 's/"schema_version": 1/"schema_version": 7/' "$temp/h/results/0001/result.json"
left_out "results/0001: left out: of another version: its schema is 7"
# It is done again, and takes up what an earlier attempt has found, which this one does not.
hurt && mv "$temp/h/results/0001" "$temp/h/results/.0001.other.7"
rm "$temp/h/results/.0001.other.7/result.json"
finding=$(find "$temp/h/results/.0001.other.7/work/findings" -mindepth 2 -maxdepth 2 | head -n 1)
sed -i 's/"signature": "[^"]*"/"signature": "violation:only_there"/' "$finding/report.json"
mkdir -p "$temp/h/results/.0001.other.7/work/corpus/resp_parser"
printf 'PING\r\n' >"$temp/input"
cp "$temp/input" "$temp/h/results/.0001.other.7/work/corpus/resp_parser/$(sha1sum <"$temp/input" | cut -c1-40)"
printf half >"$temp/h/results/.0001.other.7/work/corpus/resp_parser/0000000000000000000000000000000000000000"
run 1 cloud --seeds 7 --machines 2 --units 3 --options "${lives[*]}" --output "$temp/h"
has out "2 of 3 units were done before"
has out "after an attempt that did not end"
has out "violation:only_there, met "
has out "corpus resp_parser: 1 inputs, 1 different -> 1, by coverage"
has out "3 results of 3 units merged, 1 left out, "
is "$temp/h/merged/report.json" "r['reports'][0]['seeds']" 7
is "$temp/h/merged/report.json" "r['summary']['unknown']" 0

# --- A worker that dies is done again; a unit that cannot run is named.
mkdir "$temp/fake"
echo "command_handler command_handler" >"$temp/fake/harnesses.txt"
cat >"$temp/fake/command_handler" <<SCRIPT
#!/bin/sh
if [ "\$2" = stream ] && mkdir "$temp/died" 2>/dev/null; then
  kill -KILL \$PPID
fi
exec "$harnesses/command_handler" "\$@"
SCRIPT
chmod +x "$temp/fake/command_handler"
streams=(cloud --seeds 2 --units 2 --machines 1 --options "--ops 20 --parts concurrent_operations")
RESPROBE_HARNESS_DIR=$temp/fake run 0 "${streams[@]}" --output "$temp/e"
has out "[0 of 2, "
has out "ended by signal 9, "
has out "[2 of 2, "
run 2 cloud --seeds 9 --machines 2 --options "--start $temp/no-such-server" --output "$temp/f"
has err "no unit can run here: "
has err "no-such-server"
run 1 merge "$temp/f" --output "$temp/g"

# --- Ctrl-C: the unit that runs keeps what it has, and the same command goes on.
rm -rf "$temp/died"
cat >"$temp/fake/command_handler" <<SCRIPT
#!/bin/sh
if [ "\$2" = stream ] && mkdir "$temp/died" 2>/dev/null; then
  kill -INT \$(cat "$temp/cloud")
  exec tail -f /dev/null
fi
exec "$harnesses/command_handler" "\$@"
SCRIPT
mkfifo "$temp/cloud"
code=0
RESPROBE_HARNESS_DIR=$temp/fake "$program" "${streams[@]}" --output "$temp/i" >"$temp/out" 2>&1 &
echo $! >"$temp/cloud"
wait $! || code=$?
((code == 130)) || { echo "exit code $code after Ctrl-C" >&2 && failures=1; }
has out "interrupted, "
has out "1 result of 1 unit merged, 0 left out, "
has out "goes on"
run 0 "${streams[@]}" --output "$temp/i"
has out "2 results of 2 units merged, 0 left out, 0 findings"
wrong_use "holds a campaign with other options" "${streams[@]}" --seed 9 --output "$temp/i"

# --- Fuzzing: a corpus in shares, merged by coverage.
mkdir "$temp/inputs"
for i in 11 12 13 14 15 16 17 18; do printf '*1\r\n$2\r\n%d\r\n' $i >"$temp/inputs/$i"; done
run 0 cloud --verb fuzz --harness resp_parser --seeds 2 --machines 2 --time 0.3s \
  --corpus "$temp/inputs" --output "$temp/z"
for i in 11 12 13 14 15 16 17 18; do
  name=$(sha1sum <"$temp/inputs/$i" | cut -c1-40)
  [[ $(find "$temp/z/results" -name "$name" | wc -l) == 1 ]] || {
    echo "input $i was not given to one unit" >&2
    failures=$((failures + 1))
  }
done
is "$temp/z/merged/report.json" "r['corpora']['resp_parser']['by']" coverage
is "$temp/z/merged/report.json" "r['corpora']['resp_parser']['kept'] < r['corpora']['resp_parser']['different']" True
RESPROBE_HARNESS_DIR=$temp/fake run 0 merge "$temp/z" --output "$temp/y"
has out "by content: this build has no such harness"

# --- Wrong use.
wrong_use "--verb stress: cannot run in units of work: use fuzz, oracle, " cloud --seeds 1 --machines 1 --verb stress
wrong_use "--ops: 'x' is not a whole number" cloud --seeds 1 --machines 1 --options "--ops x"
wrong_use "--options: --seeds is the campaign's" cloud --seeds 1 --machines 1 --options "--seeds 5"
wrong_use "all machines would use that server at once: give --start" cloud --seeds 1 --machines 1 \
  --options "--server 127.0.0.1:6379"
wrong_use "--units 9: there are 3 seeds" cloud --seeds 3 --machines 1 --units 9
wrong_use "--print is for --engine kubernetes" cloud --seeds 3 --machines 1 --print
wrong_use "there is no folder" cloud --seeds 3 --machines 1 --verb fuzz --harness resp_parser --corpus "$temp/none"
wrong_use "is no campaign, and not empty" cloud --seeds 3 --machines 1 --output "$temp/inputs"
wrong_use "holds something else than a result" merge "$temp/c" --output "$temp/inputs"
wrong_use "holds no result" merge "$temp/inputs"
wrong_use "is no folder" merge "$temp/none"
hurt && rm -r "$temp"/h/results/000[02] && rm "$temp/h/results/0001/log.txt"
wrong_use "no result can be merged: 1 left out, such as " merge "$temp/h"
wrong_use "--number 3: the campaign has 3 units, from 0" unit "$temp/c" --number 3
wrong_use "there is no such campaign" unit "$temp/none" --number 0
wrong_use "is no campaign: name the campaign.json" unit "$temp/input" --number 0
wrong_use "give lower-case letters" cloud --engine kubernetes --seeds 1 --machines 1 --print --name A_b
wrong_use "give a quantity such as" cloud --engine kubernetes --seeds 1 --machines 1 --print --memory lots
wrong_use "writes manifests: give --output DIR, or --print" cloud --engine kubernetes --seeds 1 --machines 1
PATH=$temp run 2 cloud --engine slurm --seeds 1 --machines 1 --output "$temp/x"
has err "there is no sbatch here"
[[ ! -e $temp/x ]] || { echo "a campaign was begun without slurm" >&2 && failures=1; }
finish
