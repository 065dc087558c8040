#!/usr/bin/env bash
# scripts/recheck.sh: what it replays, and how it ends.
#   usage: recheck_test.sh PROGRAM FRAGILE
# FRAGILE/faulty holds a harness that fails depending on the first bytes of its input; here it
# stands for a build without an engine.
set -euo pipefail
recheck=$RESPROBE_SOURCE_DIR/scripts/recheck.sh
. "$(dirname "$0")/lib.sh"
mkdir -p "$temp/build/standalone" "$temp/build/fuzz" "$temp/elsewhere"
ln -s "$2/faulty" "$temp/build/standalone/harnesses"
ln -s "$(dirname "$1")" "$temp/build/fuzz/bin"
cat >"$temp/program" <<TEXT
#!/bin/sh
exec bash '$recheck' '$temp/build' "\$@"
TEXT
chmod +x "$temp/program"
program=$temp/program
export RESPROBE_WORK_DIR=$temp/work

# No corpus of fuzzing yet.
run 0
has out "no cases"

learnt=$temp/work/corpus/fragile
mkdir -p "$learnt"
echo 1 >"$learnt/well"
run 0 fragile
has out "1 case"

# A file that is not a case is named.
truncate -s 257M "$learnt/huge"
run 2
has err "huge"
has err "256 MiB"
rm "$learnt/huge" "$learnt/well"

# Links are followed. A harness runs once, however often it is named.
echo v1 >"$temp/elsewhere/bad"
ln -s "$temp/elsewhere" "$learnt/link"
run 1 fragile fragile
has out "violation:no_v"
(($(grep -c '^fragile$' "$temp/out") == 1)) || { echo "the same harness twice" >&2; failures=$((failures + 1)); }

wrong_use "there is no harness 'nobody': use one of fragile" nobody
wrong_use "there is no option '--all'" --all
RESPROBE_WORK_DIR=$temp/elsewhere/bad wrong_use "is not a folder: let RESPROBE_WORK_DIR name one"
finish
