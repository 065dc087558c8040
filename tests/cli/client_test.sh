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
wrong_use "can't open file" client --driver "$python no-such-driver.py"
# One that begins well, but does not keep the protocol.
begins() {
  printf '#!/bin/sh\necho '"'"'{"driver":1,"client":"x"}'"'"'\n%s\n' "$1" >"$temp/driver"
  chmod +x "$temp/driver"
}
begins 'read line; echo oops; cat'
wrong_use "answers no request: oops" client --driver "$temp/driver"
begins 'read line; echo an error >&2; exit 3'
wrong_use "exit code 3: an error" client --driver "$temp/driver"
begins 'exec yes {}'
wrong_use "answers no request: {}" client --driver "$temp/driver"

# The harness is told in the same way; libFuzzer must not take it for a failure of the client.
if [[ -e $(dirname "$program")/../harnesses/client_live ]]; then
  RESPROBE_CLIENT_DRIVER=no-such-driver run 2 fuzz client_live --corpus none --time 5s --jobs 1
  has err "cannot start the driver no-such-driver"
else
  echo "skipped: fuzz client_live, which is not built"
fi

run 0 client --driver "$driver none" --seeds 40
has out "planted none: 40 cases"
has out "0 findings"
has out "left out, since the driver cannot: async"
run 0 client --driver "$driver none" --seeds 5 --format json --output "$temp/json"
has json '"client": "planted none"'

# A driver whose fault can be mended.
echo resend >"$temp/fault"
printf '#!/bin/sh\nexec %s $(cat %s)\n' "$driver" "$temp/fault" >"$temp/mine"
chmod +x "$temp/mine"
run 1 client --driver "$temp/mine" --seeds 60 --stop-on-failure
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
# The same cases once the fault is mended.
echo none >"$temp/fault"
run 0 replay "$temp/frozen.ops"
run 0 replay "$finding"
run 0 findings check
has out "0 are gone, 1 not met"
echo resend >"$temp/fault"
run 1 findings check
has out "failing"

# Frozen for a client that is not there: skipped, not passed.
sed "s/\"driver\":\"[^\"]*\"/\"driver\":\"no-such-driver\"/" "$temp/frozen.ops" >"$temp/missing.ops"
run 2 replay "$temp/missing.ops"
run 77 replay --skip-missing "$temp/missing.ops"

# gone PID: true if there is no such process, or nothing but what its parent has not asked for yet.
gone() { ! grep -q '^State:[[:space:]]*[^ZX]' "/proc/$1/status" 2>/dev/null; }
# With a child of its own, which reads nothing and would stay.
cat >"$temp/with_child" <<SCRIPT
#!/bin/sh
sleep 600 &
echo \$! >>"$temp/children"
exec $driver \$1
SCRIPT
chmod +x "$temp/with_child"
none_is_left() {
  local child
  while read -r child; do until gone "$child"; do :; done; done <"$temp/children"
  rm "$temp/children"
}

# Ctrl-C keeps what was found; nothing is left behind.
"$program" client --driver "$temp/with_child none" --time 600s --format json --output "$temp/json" \
  >"$temp/out" 2>"$temp/err" &
id=$!
until [[ -s $temp/children ]]; do kill -0 "$id"; done
kill -INT "$id"
code=0
wait "$id" || code=$?
((code == 130)) || { echo "Ctrl-C: exit code $code" >&2; failures=$((failures + 1)); }
none_is_left

# kill -9 after a finding was kept: it is whole and replays; no process is left.
rm -rf "$findings" "$temp/pipe"
mkfifo "$temp/pipe"
"$program" client --driver "$temp/with_child twice" --time 600s >"$temp/pipe" 2>"$temp/err" &
id=$!
folder=""
while IFS= read -r line; do
  [[ -z $folder && $line == "  kept in:   "* ]] || continue
  folder=${line#"  kept in:   "}
  folder=${folder%,*}
  kill -KILL "$id"
done <"$temp/pipe"
wait "$id" 2>/dev/null || true
none_is_left
holds "$folder" original case report.json
run 1 replay "$folder"
has out "called_once"
none_is_left
exit $((failures > 0))
