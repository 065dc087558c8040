#!/usr/bin/env bash
# A family of bugs of caching clients is found from an empty corpus, minimized, and still found
# after that.
#   usage: family_test.sh BINARY BUG RUNS [AT_MOST [SEED]]      AT_MOST ops, by default 14
# SEED, by default 1, is for a bug that other seeds find sooner; `bench --families` has the medians.
set -euo pipefail
binary=$1 runs=$3
export RESPROBE_BUG=$2

temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
fail() {
  echo "$*" >&2
  exit 1
}
fact() { sed -n -E "s/^$1 \"(.*)\"$/\1/p" "$2"; }

mkdir "$temp/corpus" "$temp/found"
export ASAN_OPTIONS=symbolize=0 UBSAN_OPTIONS=symbolize=0
if "$binary" -runs="$runs" -seed="${5:-1}" -artifact_prefix="$temp/found/" "$temp/corpus" >"$temp/log" 2>&1; then
  fail "not found in $runs executions"
fi
found=("$temp"/found/crash-*)
[[ -e ${found[0]} ]] || { tail -n 20 "$temp/log" >&2; fail "it left no crash behind"; }
grep "^== resprobe: violation of " "$temp/log"
if "$binary" --resprobe shrink "${found[0]}" "$temp/min" >"$temp/shrink"; then fail "does not shrink"; fi
if "$binary" --resprobe run --twice "$temp/min" >"$temp/run"; then fail "the minimized case passes"; fi
[[ $(fact hash "$temp/run") == "$(fact hash2 "$temp/run")" ]] || fail "two runs differ"
"$binary" --resprobe show "$temp/min"
size=$(fact ops-after "$temp/shrink")
((size <= ${4:-14})) || fail "minimized it still has $size ops"
