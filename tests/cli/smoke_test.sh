#!/usr/bin/env bash
# smoke: all is well; a step that fails is named with the command that shows it.
# usage: smoke_test.sh PROGRAM HARNESSES FRAGILE
set -euo pipefail
program=$1
harnesses=$2
fragile=$3
. "$(dirname "$0")/lib.sh"
export RESPROBE_WORK_DIR=$temp/work

RESPROBE_HARNESS_DIR=$harnesses run 0 smoke --format json --output "$temp/json"
has out "ok       harness resp_parser"
has out "ok       lives of the core, both profiles"
has out "ok       crash at every call to the disk"
has out ", 0 failed, "
grep -q '"name": "harness query_parser"' "$temp/json" || { echo "no report" >&2; failures=1; }

# Without servers, and with the harnesses of another project.
mkdir "$temp/bin"
RESPROBE_HARNESS_DIR=$fragile/faulty PATH=$temp/bin run 1 smoke
has out "ok       harness fragile"
has out "FAIL     lives of the core, both profiles"
has out "there is no harness 'command_handler'"
has out "./resprobe simulate --seeds 2 --seed 1 --ops 300"
has out "skipped  redis-server"
finish
