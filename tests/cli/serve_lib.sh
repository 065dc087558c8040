# shellcheck shell=bash
# Sourced by the tests of serve, after lib.sh. A server that still runs ends with the test.
# shellcheck disable=SC2154
id=
trap '[[ -z $id ]] || kill -9 "$id" 2>/dev/null || :; rm -rf "$temp"' EXIT

# start ARGUMENT…: starts the core; sets $id and $port (empty if it has ended).
start() {
  rm -f "$temp/pipe"
  mkfifo "$temp/pipe"
  "$program" serve --port 0 "$@" >"$temp/pipe" 2>"$temp/err" &
  id=$!
  exec 3<"$temp/pipe"
  local line=
  IFS= read -r line <&3 || :
  port=${line#*127.0.0.1:}
  port=${port%%;*}
}

# ended CODE: waits for the core to end, and checks its exit code. Leaves its output in $temp/out.
ended() {
  local code=0
  cat <&3 >"$temp/out"
  wait "$id" || code=$?
  exec 3<&-
  id=
  same "exit code" "$1" "$code"
}

# stop SIGNAL CODE: sends the signal to the core, which must end with this exit code.
stop() {
  kill "-$1" "$id"
  ended "$2"
}

# ask PORT TEXT: sends requests, one a line, and prints all replies. The server may end meanwhile.
ask() {
  exec 4<>"/dev/tcp/127.0.0.1/$1"
  printf '%s\nQUIT\n' "$2" | sed 's/$/\r/' >&4
  cat <&4 | tr -d '\r'
  exec 4>&-
}

# same NAME WANTED SEEN
same() {
  [[ $2 == "$3" ]] && return
  printf '%s: expected\n%s\nfound\n%s\n' "$1" "$2" "$3" >&2
  failures=$((failures + 1))
}
