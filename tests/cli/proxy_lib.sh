# shellcheck shell=bash
# Sourced by the tests of proxy and chaos-peer, after lib.sh. Whatever they start ends with them.
started=()
trap 'stop_all; rm -rf "$temp"' EXIT

stop_all() {
  local pid
  for pid in "${started[@]}"; do
    kill -INT "$pid" 2>/dev/null && wait "$pid" || true
  done
  started=()
}

# start NAME ARGUMENT…: runs the program in the background; waits until it reports where it listens.
# Its output goes to $temp/NAME, its pid to $pid.
start() {
  local name=$1
  shift
  rm -f "$temp/$name" "$temp/$name.err"
  "$program" "$@" >"$temp/$name" 2>"$temp/$name.err" &
  pid=$!
  started+=("$pid")
  until grep -q -s "Ctrl-C ends it" "$temp/$name" "$temp/$name.err"; do
    kill -0 "$pid" 2>/dev/null || {
      cat "$temp/$name" "$temp/$name.err" >&2
      exit 1
    }
  done
}

# port_of NAME: the first port that it has reported.
port_of() { sed -n -E 's/.* on (127\.0\.0\.1|0\.0\.0\.0):([0-9]+).*/\2/p' "$temp/$1" "$temp/$1.err" | head -n 1; }
api_of() { sed -n -E 's/.*API on http:\/\/127\.0\.0\.1:([0-9]+).*/\1/p' "$temp/$1"; }

# http METHOD PATH [BODY]: sends a request to $api, with the user agent $agent if that is set;
# stores the status in $status, the content in $temp/body.
http() {
  local method=$1 path=$2 body=${3-}
  exec 7<>"/dev/tcp/127.0.0.1/$api"
  {
    printf '%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n' "$method" "$path"
    [[ -z ${agent-} ]] || printf 'User-Agent: %s\r\n' "$agent"
    [[ $# -lt 3 ]] || printf 'Content-Type: application/json\r\nContent-Length: %d\r\n' "${#body}"
    printf '\r\n%s' "$body"
  } >&7
  tr -d '\r' <&7 >"$temp/response"
  exec 7>&-
  status=$(sed -n -E '1s/^HTTP\/1\.1 ([0-9]+).*/\1/p' "$temp/response")
  sed '1,/^$/d' "$temp/response" >"$temp/body"
}

# gives STATUS TEXT METHOD PATH [BODY]: checks the status, and that the content contains the text.
gives() {
  local wanted=$1 text=$2
  shift 2
  http "$@"
  if [[ $status != "$wanted" ]]; then
    echo "$*: $status instead of $wanted" >&2
    cat "$temp/body" >&2
    failures=$((failures + 1))
  fi
  has body "$text"
}

# fired TOXIC: how often it had an effect, by the proxy's own count.
fired() {
  http GET /proxies/redis/counts
  sed -n -E "s/.*\"$1\":([0-9]+).*/\1/p" "$temp/body"
}

# ask PORT TEXT: sends bytes over one connection and prints the answer until the connection ends.
ask() {
  exec 8<>"/dev/tcp/127.0.0.1/$1" || return 1
  printf '%b' "$2" >&8
  cat <&8
  exec 8>&-
}

# refused TEXT ARGUMENT…: wrong_use of a proxy for $server; stops a proxy that starts nevertheless.
refused() {
  local text=$1 code=0 pid
  shift
  : >"$temp/out" # or what the run before it has written could be taken for its output
  "$program" proxy --listen 0 --server "127.0.0.1:$server" "$@" >"$temp/out" 2>"$temp/err" &
  pid=$!
  until grep -q "Ctrl-C ends it" "$temp/out" || ! kill -0 "$pid" 2>/dev/null; do :; done
  kill -INT "$pid" 2>/dev/null || true
  wait "$pid" || code=$?
  has err "$text"
  if ((code != 2)) || (($(wc -l <"$temp/err") != 1)) || [[ -s $temp/out ]]; then
    echo "proxy $*: code $code; is to be 2, with one line on stderr:" >&2
    cat "$temp/out" "$temp/err" >&2
    failures=$((failures + 1))
  fi
}
