#!/usr/bin/env bash
# client: a driver with a planted fault is found, made small, filed, replayed, frozen; a sound one holds; wrong uses.
#   usage: client_test.sh PROGRAM
set -euo pipefail
program=$1
. "$(dirname "$0")/lib.sh"
need_python
export RESPROBE_WORK_DIR=$temp/work
driver="$python $(dirname "$0")/../live/client/planted_driver.py"
findings=$temp/work/findings/client_live

wrong_use "--driver" client --seeds 1
wrong_use "cannot start the driver no-such-driver: No such file or directory" client --driver no-such-driver
wrong_use "exit code 3: an error" client --driver "sh -c 'echo an error >&2; exit 3'"
wrong_use "client-drivers.md" client --driver "echo hello"

run 0 client --driver "$driver none" --seeds 40
has out "planted none: 40 cases"
has out "0 findings"
has out "left out, since the driver cannot: async"
run 0 client --driver "$driver none" --seeds 5 --format json --output "$temp/json"
has json '"client": "planted none"'

run 1 client --driver "$driver resend" --seeds 60 --stop-on-failure
has out "violation:sent_once"
finding=$findings/client-violation-sent_once
holds "$finding" case case.ops report.json trace.txt report.txt
run 1 replay "$finding"
has out "sent_once"
run 1 replay "$finding" --trace
has out "receives command"
run 0 show "$finding"
has out "retry=yes"
run 1 findings check
has out "failing"
run 0 freeze "$finding" -o "$temp/frozen.ops"
grep -q '^# Run: .*"driver":' "$temp/frozen.ops" || failures=$((failures + 1))
run 1 replay "$temp/frozen.ops"
# The same case on a client without the fault.
sed 's/planted_driver.py resend/planted_driver.py none/' "$temp/frozen.ops" >"$temp/sound.ops"
run 0 replay "$temp/sound.ops"

# Frozen for a client that is not there: skipped, not passed.
sed "s/\"driver\":\"[^\"]*\"/\"driver\":\"no-such-driver\"/" "$temp/frozen.ops" >"$temp/missing.ops"
run 2 replay "$temp/missing.ops"
run 77 replay --skip-missing "$temp/missing.ops"
exit $((failures > 0))
