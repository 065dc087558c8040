#!/usr/bin/env bash
# --watch: a page with the report of a run while it goes on.
# usage: watch_test.sh PROGRAM
set -euo pipefail
program=$1
. "$(dirname "$0")/lib.sh"
need_python
cp "$(dirname "$0")/../live/oracle/toy_server.py" "$temp"
export RESPROBE_WORK_DIR=$temp/work
toy="$python $temp/toy_server.py {port} append-length"

# watches NAME PATH…: starts a run of the verb with the page, looks at it, ends the run.
watches() {
  local name=$1 id url line code=0
  shift
  mkfifo "$temp/$name"
  "$program" "$@" --watch 0 >"$temp/$name" 2>"$temp/err" &
  id=$!
  exec 3<"$temp/$name"
  while read -r line <&3; do
    [[ $line != "watch it at "* ]] || break
  done
  url=${line#watch it at }
  cat <&3 >"$temp/out" &
  $python "$(dirname "$0")/watch_check.py" "$name" "$url" || failures=$((failures + 1))
  if [[ $name == fuzz ]]; then
    run 2 fuzz resp_parser --watch "$(echo "${url##*:}" | tr -d /)"
    has err "--watch: cannot listen on port"
  fi
  kill -INT "$id"
  wait "$id" || code=$?
  ((code == 130)) || { echo "$name: exit code $code" >&2; failures=$((failures + 1)); }
  exec 3<&-
  if $python -c "import urllib.request as u; u.urlopen('$url')" 2>/dev/null; then
    echo "$name: the page is still there" >&2
    failures=$((failures + 1))
  fi
}

watches oracle oracle --start "$toy" --only-errors-code --commands append,get,set --requests 100000000
watches fuzz fuzz resp_parser --time 1h --jobs 1 --seed 1
if [[ -n ${RESPROBE_REDIS_SERVER:-} ]]; then
  watches soak soak --start "$RESPROBE_REDIS_SERVER" --connections 2 --keys 10 --interval-ops 100 \
    --intervals 100000
fi
finish
