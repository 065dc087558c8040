#!/usr/bin/env bash
# oracle on a server that is no redis: tests/live/oracle/toy_server.py.
# usage: any_server_test.sh PROGRAM found FAULT…
#        any_server_test.sh PROGRAM survey | unfit | manners | streams | causes | findings
set -euo pipefail
program=$1
part=$2
shift 2
. "$(dirname "$0")/lib.sh"
need_python
# Without the corpus: the generated cases are enough.
mkdir -p "$temp/project/harnesses"
cp "$(dirname "$0")/../live/oracle/toy_server.py" "$temp"
export RESPROBE_SOURCE_DIR=$temp/project RESPROBE_WORK_DIR=$temp/work
toy="$python $temp/toy_server.py {port}"
# corpus LINE…: the run begins with these cases, of one request or more with " / " between them, which
# leave little to be made small.
corpus() {
  local line number=0
  rm -rf "$temp/project/corpus"
  mkdir -p "$temp/project/corpus/command_handler"
  for line in "$@"; do
    number=$((number + 1))
    printf 'ops command_handler\ncall client=0 %s\n' "${line// \/ /$'\n'call client=0 }" \
      >"$temp/project/corpus/command_handler/$number.ops"
  done
}

# check TEXT COMMAND…: COMMAND must succeed.
check() {
  local text=$1
  shift
  if ! "$@"; then
    echo "$text" >&2
    failures=$((failures + 1))
  fi
}

# hasnt FILE TEXT
hasnt() {
  check "'$2' is in $1: $(<"$temp/$1")" test -z "$(grep -F -e "$2" "$temp/$1")"
}

if [[ $part == found ]]; then
  # A planted fault is the one finding, and small.
  for fault in "$@"; do
    rm -rf "$RESPROBE_WORK_DIR"
    run 1 oracle --start "$toy $fault" --only-errors-code --seeds 20000 --stop-on-failure \
      --format json --output "$temp/json"
    check "$fault is not found, or with others: $(<"$temp/out")" \
      grep -q "^1 difference$" "$temp/out"
    ops=$(sed -n 's/.*"ops_after": \([0-9]*\).*/\1/p' "$temp/json" | head -n 1)
    check "$fault: $ops requests instead of 4 at most" test "${ops:-9}" -le 4
    folder=$(echo "$RESPROBE_WORK_DIR"/findings/command_handler/oracle-*)
    # The folder knows its server, and the fault shows in a new process of it.
    run 1 replay "$folder"
    run 0 show "$folder"
    has out "toy_server.py"
  done
  exit "$failures"
fi

if [[ $part == manners ]]; then
  # A server that closes the connection after an error goes on, and is compared.
  for manner in closes closes-instead; do
    rm -rf "$RESPROBE_WORK_DIR"
    code=0
    [[ $manner == closes ]] || code=1
    run $code oracle --start "$toy +$manner" --only-errors-code --seeds 40
    has out "it has 32 of "
    has out "it closes the connection after an error"
    rm -rf "$RESPROBE_WORK_DIR"
    run 1 oracle --start "$toy append-length +$manner" --only-errors-code --seeds 60
    has out "append: value of integer, met"
  done
  has out "connection closed where the core has an error, met"
  has out "2 differences"

  # So does one that closes it after some errors only: what closes it is one finding, and not the end
  # of its cases.
  for manner in closes-wrongtype:'connection closed after an error, met' \
    closes-arity:'connection closed where the core has an error, met'; do
    rm -rf "$RESPROBE_WORK_DIR"
    run 1 oracle --start "$toy append-length +${manner%%:*}" --only-errors-code --seeds 60
    has out "append: value of integer, met"
    has out "${manner#*:}"
    has out "2 differences"
  done

  exit "$failures"
fi

if [[ $part == unfit ]]; then
  # What the oracle relies upon and does not work is one finding, named, and the next way is taken.
  unfit=(oracle --only-errors-code --seeds 60 --format json --output "$temp/json" --start)
  while IFS='|' read -r manner said found; do
    rm -rf "$RESPROBE_WORK_DIR"
    run 1 "${unfit[@]}" "$toy +$manner"
    has out "$said"
    has out "$found, met"
    has json "\"${said%%:*}\": \"${said#*: }\""
    check "not one finding: $(<"$temp/out")" grep -q "^1 difference$" "$temp/out"
    run 1 replay "$(echo "$RESPROBE_WORK_DIR"/findings/command_handler/oracle-*)"
  done <<'LINES'
get-twice|get: it replies twice|get: a reply too many
strlen-silent|strlen: it gives no reply|strlen: no reply
fake-flushall|flushall: it is accepted and deletes nothing|flushall: leaves other data
flushall-hashes|flushall: it leaves a hash|flushall: it leaves a hash
flushall-times|flushall: it leaves a time to live|flushall: it leaves a time to live
fake-del|del: it is accepted and deletes nothing|del: leaves other data
fake-select|select: it is accepted and selects nothing|select: it is accepted and selects nothing
LINES
  # A command that ends the server when the survey asks for it is a finding too.
  rm -rf "$RESPROBE_WORK_DIR"
  run 1 oracle --start "$toy +dies" --only-errors-code --commands get,set --seeds 3
  has out "get: server has ended: exit code 3: compared once, and used no more"
  has out "1 difference"
  run 1 replay "$(echo "$RESPROBE_WORK_DIR"/findings/command_handler/oracle-*)"
  # A database that is not there is absent.
  run 0 oracle --start "$toy +one-database" --only-errors-code --seeds 60
  has out "select of another database"
  has out "0 differences"
  # A server may say in HELLO what it is, and may have it for RESP2 alone.
  corpus "HELLO 2 / GET k" "HELLO 3 / GET k"
  run 0 oracle --start "$toy +greets" --only-errors-code --commands hello,get --requests 2
  has out "hello 3"
  has out "0 differences"
  has out "may choose freely: hello"
  rm -r "$temp/project/corpus"
  # Also where the texts of errors differ: its case does not become that of a text.
  rm -rf "$RESPROBE_WORK_DIR"
  run 1 oracle --start "$toy +flushall-hashes" --commands hget --seeds 1
  has out "flushall: it leaves a hash, met"
  # What befalls all commands is one finding.
  for manner in pushes:'a push that no client has asked for, met' \
    errors-twice:'a reply too many after an error, met' \
    closes-always:'connection closed after each reply, met'; do
    rm -rf "$RESPROBE_WORK_DIR"
    run 1 "${unfit[@]}" "$toy +${manner%%:*}"
    has out "${manner#*:}"
    check "not one finding: $(<"$temp/out")" grep -q "^1 difference$" "$temp/out"
  done
  # Other faults are found behind it.
  rm -rf "$RESPROBE_WORK_DIR"
  run 1 "${unfit[@]}" "$toy append-length +closes-always"
  has out "append: value of integer, met"
  # A server that is slow to accept has replies.
  run 0 oracle --start "$toy +slow-connection" --only-errors-code --commands get,set --requests 1
  has out "0 differences"
  # One that sends the replies to a long pipeline together does not hang, although that takes longer
  # than --hang.
  rm -rf "$temp/project/corpus"
  mkdir -p "$temp/project/corpus/command_handler"
  { echo "ops command_handler"; yes "call client=0 GET k" | head -n 150 || true; } \
    >"$temp/project/corpus/command_handler/long.ops"
  run 0 oracle --start "$toy +gathers" --only-errors-code --hang 1 --commands get --seeds 1
  has out "0 differences"
  rm -r "$temp/project/corpus"
  # One that writes without a pause neither fills the disk nor stops the run.
  run 0 oracle --start "$toy +floods" --only-errors-code --commands get,set --seeds 20
  # For a slow one there may be no time to ask about everything; what matters most is asked first.
  run 0 oracle --start "$toy +sluggish" --only-errors-code --time 1s --format json \
    --output "$temp/json"
  has out "there was no time to ask about, so not compared: "
  has out "0 differences"
  hasnt out " 0 requests compared"
  has json '"unfit"'
  exit "$failures"
fi

if [[ $part == streams ]]; then
  corpus "SET k v / STRLEN k"
  wrong_use "replies twice to PING" oracle --start "$toy +twice"
  for manner in strlen-twice:'a reply too many' strlen-endless:'a reply without end' \
    strlen-replies:'simple string where the core has integer' strlen-large:'a reply without end' \
    strlen-alone:'bulk string where the core has integer'; do
    rm -rf "$RESPROBE_WORK_DIR"
    run 1 oracle --start "$toy +${manner%%:*}" --only-errors-code --hang 60 --commands set,strlen \
      --shrink 4 --seeds 1 --stop-on-failure
    has out "strlen: ${manner#*:}, met"
  done

  # Ctrl-C and SIGTERM end a run in the middle of a reply that does not end.
  for signal in INT:130 TERM:143; do
    rm -f "$temp/endless"
    mkfifo "$temp/endless"
    "$program" oracle --start "$toy +strlen-endless =$temp/endless" --only-errors-code --hang 3600 \
      --commands set,strlen --seeds 1 >"$temp/out" 2>"$temp/err" &
    id=$!
    read -r _ <"$temp/endless" # once it is being sent
    kill -"${signal%:*}" "$id"
    code=0
    wait "$id" || code=$?
    check "SIG${signal%:*}: exit code $code" test "$code" == "${signal#*:}"
  done

  run 0 oracle --start "$toy +slow" --only-errors-code --requests 1 --commands get,set
  has err "asking the server what it has"
  # What does not recur is said, and does not count.
  rm -rf "$RESPROBE_WORK_DIR"
  run 0 oracle --start "$toy get-once" --only-errors-code --commands get,set --seeds 200
  has out "did not recur, and does not count: "
  has out "0 differences"
  check "what did not recur was filed" test -z "$(ls "$RESPROBE_WORK_DIR/findings/command_handler")"
  exit "$failures"
fi

if [[ $part == causes ]]; then
  # A fault is one finding, whatever shows it, and whatever comes before.
  for cause in lrange-reverse:'lrange: ' lrange-short:'lrange: number of elements, met' \
    bulk-length:'no RESP: ' rpop-keeps-empty:'rpop: leaves other data, met'; do
    rm -rf "$RESPROBE_WORK_DIR"
    run 1 oracle --start "$toy ${cause%%:*} -dbsize" --only-errors-code --seeds 700 \
      --write-accept "$temp/list"
    has out "${cause#*:}"
    check "${cause%%:*} is not one finding: $(<"$temp/out")" grep -q "^1 difference$" "$temp/out"
  done
  has list " ; "
  has out "the first after "
  # A fault of several commands is one finding with its variants.
  rm -rf "$RESPROBE_WORK_DIR"
  run 1 oracle --start "$toy add-off-by-one" --only-errors-code --commands incr,decr,incrby,get \
    --ops 10 --seeds 200 --junit "$temp/junit"
  check "not one finding: $(<"$temp/out")" grep -q "^1 difference$" "$temp/out"
  has out "a variant of "
  for name in incr decr incrby; do
    has junit "<testcase classname=\"oracle\" name=\"$name\"><failure"
  done
  check "not one folder" test "$(ls "$RESPROBE_WORK_DIR/findings/command_handler" | wc -l)" == 1
  # A write that leaves other data is the cause, whatever moves the data, and whatever was refused after
  # it; a queued request is sent later than its place in the case says.
  for case in "RENAME k l" "RPUSH k c"; do
    rm -rf "$RESPROBE_WORK_DIR"
    corpus "RPUSH k a / RPUSH k b" "RPUSH k a / RPUSH k b / $case"
    run 1 oracle --start "$toy rpush-front +renames" --only-errors-code --seeds 1
    has out "rpush: leaves other data, met"
    check "$case: not one finding: $(<"$temp/out")" grep -q "^1 difference$" "$temp/out"
  done
  rm -rf "$RESPROBE_WORK_DIR"
  printf '%s\n' "ops command_handler" "config clients=1" "queue client=1 PEXPIRE k" \
    "queue client=0 RPUSH k a" "queue client=0 RPUSH k b" \
    >"$temp/project/corpus/command_handler/1.ops"
  rm "$temp/project/corpus/command_handler/2.ops"
  run 1 oracle --start "$toy rpush-front +renames" --only-errors-code --seeds 1
  has out "rpush: leaves other data, met"
  check "PEXPIRE is blamed: $(<"$temp/out")" grep -q "^1 difference$" "$temp/out"
  rm -r "$temp/project/corpus"
  # A known difference hides no other on the same key.
  rm -rf "$RESPROBE_WORK_DIR"
  run 1 oracle --start "$toy append-twice" --only-errors-code --commands append --seeds 60 \
    --write-accept "$temp/list"
  # What a reader refuses with some option does not keep the core from taking over what is read.
  printf 'get: error ERR where the core has bulk string\tof an option\tnone\n' >>"$temp/list"
  run 1 oracle --start "$toy append-twice strlen-long" --only-errors-code \
    --commands append,strlen --seeds 60 --accept "$temp/list"
  has out "strlen: value of integer, met"
  has out "the core has taken over"
  hasnt out "not judged"
  # The expiry is compared by TTL if there is no PTTL.
  run 1 oracle --start "$toy set-keeps-ttl -pttl" --only-errors-code --seeds 700 --without ttl
  has out "leaves another expiry, met"
  # And it is compared to the second; whatever sets it, that is one finding.
  corpus "SET k v EX 100" "SET k v / PEXPIRE k 100000" "SET k v PX 100 NX"
  rm -rf "$RESPROBE_WORK_DIR"
  run 1 oracle --start "$toy ttl-late -pttl" --only-errors-code --commands set,pexpire --seeds 1
  has out "leaves another expiry, met"
  check "not one finding: $(<"$temp/out")" grep -q "^1 difference$" "$temp/out"
  has out "a variant of "
  # An op that only named what showed the fault is dropped.
  corpus "SET k v PX 100000 / SET k w / APPEND k x / TTL k"
  rm -rf "$RESPROBE_WORK_DIR"
  keeps=(oracle --start "$toy set-keeps-ttl -pttl" --only-errors-code --commands set,append,ttl
    --seeds 1)
  run 1 "${keeps[@]}" --write-accept "$temp/list"
  has out "set: leaves another expiry, met"
  has out "minimized: 4 -> 2 ops"
  # What a write leaves is met, and so not stale, also where the core takes it over in silence.
  run 0 "${keeps[@]}" --accept "$temp/list"
  hasnt out "stale: "
  rm -r "$temp/project/corpus"
  # Two kinds of null are told apart.
  run 1 oracle --start "$toy null-array" --only-errors-code --commands get --seeds 30
  has out "core:      null"
  has out "server:    null array"
  exit "$failures"
fi

if [[ $part == findings ]]; then
  # A verdict may be old: what is gone is run again before it is removed.
  echo append-length >"$temp/faults"
  printf 'exec '"$python"' %s "$1" $(cat %s)\n' "$temp/toy_server.py" "$temp/faults" >"$temp/start"
  run 1 oracle --start "sh $temp/start {port}" --only-errors-code --seeds 60
  : >"$temp/faults"
  run 0 findings check
  has out "1 are gone"
  echo append-length >"$temp/faults"
  run 0 findings rm --gone
  has out "kept: "
  has out "0 findings removed"
  : >"$temp/faults"
  run 0 findings check
  run 0 findings rm --gone
  has out "1 finding removed"
  # Findings of one server are none of another.
  findings=$RESPROBE_WORK_DIR/findings/command_handler
  cp "$temp/toy_server.py" "$temp/other.py"
  append=(oracle --only-errors-code --seeds 100 --fail-on new)
  run 1 "${append[@]}" --start "$toy append-length"
  run 1 "${append[@]}" --start "$python $temp/other.py {port} append-length"
  hasnt out "known from an earlier run"
  check "not two findings: $(ls "$findings")" test "$(ls "$findings" | wc -l)" == 2
  run 0 "${append[@]}" --start "$toy append-length" --junit "$temp/junit"
  has junit 'failures="0"'
  has junit 'known from an earlier run: append: value of integer'

  # Eight faults are eight findings, although some of them show in nearly each case; and only what was
  # generated counts as a case.
  rm -rf "$RESPROBE_WORK_DIR"
  run 1 oracle --only-errors-code --seeds 150 --start "$toy get-missing pttl-missing append-length \
    set-nx hset-count sadd-empty getrange-end rpop-keeps-empty"
  has out "rpop: leaves other data, met"
  has out "8 differences"
  has out "150 cases"
  check "a known difference of what is read is met again: $(<"$temp/out")" \
    test "$(grep -c "^difference met: getrange" "$temp/out")" == 1
  # That findings cannot be written is said although there are none.
  RESPROBE_WORK_DIR=/proc/none run 2 oracle --start "$toy" --only-errors-code --seeds 5
  has err "/proc/none"
  # What is wrong with the options is said before a server is started.
  for wrong in "--accept $temp/none" "--groups nope" "--commands nope"; do
    # shellcheck disable=SC2086
    run 2 oracle --start "false {port}" $wrong
    hasnt err "the server"
  done

  wrong_use "$temp/none/junit" oracle --start "$toy" --junit "$temp/none/junit"
  run 1 oracle --start "$toy append-length" --only-errors-code --seeds 60 --write-accept "$temp/list"
  run 0 oracle --start "$toy append-length" --only-errors-code --seeds 60 --accept "$temp/list"
  has out '"say why it is accepted" is no reason: append'
  run 2 oracle --start "false {port}"
  hasnt err "name redis-server"
  # What answers on the port is not the server.
  run 2 oracle --start "$python $(dirname "$0")/../live/oracle/taken_port.py {port}"
  has err "in use"
  exit "$failures"
fi

run 0 oracle --start "$toy" --only-errors-code --seeds 60 --format json --output "$temp/json"
has out "it has 32 of "
has out "set KEEPTTL"
has out "rpop with over 2 words"
has out "0 differences"
has json '"name": "zadd"'

# Error texts: one finding for a text, not one for each command; but a failed test for each.
run 1 oracle --start "$toy" --seeds 30 --commands get,strlen,llen,incr,decr --junit "$temp/junit"
for name in get strlen llen; do
  has junit "<testcase classname=\"oracle\" name=\"$name\"><failure"
done
has out 'error "ERR '"'?'"' has another number of arguments" where the core has "ERR wrong number of'
check "an error text is found for each command: $(<"$temp/out")" \
  test "$(grep -c '^  error.*another number of arguments' "$temp/out")" == 1

# A command whose subcommands are all absent is absent.
rm -rf "$RESPROBE_WORK_DIR"
wrong_use "no command is left to compare" oracle --start "$toy" --seeds 40 --commands client

# What is accepted is no finding, ends no case, and may be stale.
run 1 oracle --start "$toy append-length" --only-errors-code --seeds 60 --write-accept "$temp/list"
has list "append: value of integer	say why it is accepted"
sed -i 's/say why it is accepted/by contract/' "$temp/list"
printf 'get: nonsense\tno reason\tnone\n' >>"$temp/list"
rm -rf "$RESPROBE_WORK_DIR"
run 0 oracle --start "$toy append-length" --only-errors-code --seeds 60 --accept "$temp/list" \
  --junit "$temp/junit"
has out "accepted: append: value of integer: by contract"
has junit '<system-out>accepted: append: value of integer: by contract'
has out "was not met: get: nonsense"
has out "0 differences"
check "an accepted difference was filed" test ! -e "$RESPROBE_WORK_DIR/findings"
# A write that differs leaves other data, which the core takes over, if it can be read; otherwise what
# is read of it is not judged.
rm -rf "$RESPROBE_WORK_DIR"
run 1 oracle --start "$toy incr-off-by-one" --only-errors-code --seeds 60 --write-accept "$temp/list"
rm -rf "$RESPROBE_WORK_DIR"
run 0 oracle --start "$toy incr-off-by-one" --only-errors-code --seeds 60 --accept "$temp/list"
has out "0 differences"
has out "the core has taken over"
run 0 oracle --start "$toy incr-off-by-one -type" --only-errors-code --seeds 60 --accept "$temp/list"
has out "0 differences"
has out "not judged, since a known difference"

printf 'one\ttwo\n' >"$temp/bad"
wrong_use "--accept $temp/bad: line 1: a difference has three parts" \
  oracle --start "$toy" --accept "$temp/bad"

# For CI.
# junit FILE: as the parsers of CI systems read it: the structure of the usual schema, and counts that
# agree.
junit() {
  python3 - "$temp/$1" <<'PYTHON' || failures=$((failures + 1))
import sys
import xml.etree.ElementTree as tree

def need(holds, what):
    if not holds:
        sys.exit("JUnit: " + what)

root = tree.parse(sys.argv[1]).getroot()
need(root.tag == "testsuites" and len(root) > 0, "no testsuites")
for suite in root:
    need(suite.tag == "testsuite" and suite.get("name"), "a suite without a name")
    float(suite.get("time"))
    names = set()
    found = {"failure": 0, "skipped": 0, "error": 0}
    for case in suite:
        need(case.tag == "testcase", "a suite holds " + case.tag)
        need(case.get("name") and case.get("classname"), "a test without a name")
        need(case.get("name") not in names, "two tests named " + case.get("name"))
        names.add(case.get("name"))
        need(len(case) <= 1, "a test with two results")
        for result in case:
            need(result.tag in found, "a test holds " + result.tag)
            need(result.get("message") is not None, "a result without a message")
            found[result.tag] += 1
    need(int(suite.get("tests")) == len(suite), "tests=")
    need(int(suite.get("failures")) == found["failure"], "failures=")
    need(int(suite.get("errors")) == found["error"], "errors=")
    need(int(suite.get("skipped")) == found["skipped"], "skipped=")
PYTHON
}
run 1 oracle --start "$toy append-length" --only-errors-code --seeds 60 --junit "$temp/junit" \
  --fail-on new
has junit '<testcase classname="oracle" name="append"><failure message="append: value of integer">'
has junit '<testcase classname="oracle" name="get"/>'
junit junit
has junit '<testcase classname="oracle" name="zadd"><skipped message="absent"/></testcase>'
run 0 oracle --start "$toy append-length" --only-errors-code --seeds 100 --fail-on new
has out "known from an earlier run"

# Cleaning up with less and less: what one case leaves is no difference in the next.
for without in "-flushall" "-flushall -del" "-flushall -dbsize -type -pttl"; do
  run 0 oracle --start "$toy $without" --only-errors-code --seeds 60
  has out "0 differences"
done

wrong_use "the core has no command 'gett'" oracle --start "$toy" --commands gett
wrong_use "no command is left to compare" oracle --start "$toy" --commands zadd
exit "$failures"
