#!/usr/bin/env bash
# A planted fault is found from an empty corpus, replayed and minimized.
#   usage: canary_test.sh BINARY INVARIANT[|INVARIANT...] AT_MOST RUNS
set -euo pipefail
binary=$1 invariant=$2 at_most=$3 runs=$4

temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
fail() {
  echo "$*" >&2
  exit 1
}
fact() { sed -n -E "s/^$1 \"(.*)\"$/\1/p" "$2"; }

mkdir "$temp/corpus" "$temp/found"
export ASAN_OPTIONS=symbolize=0 UBSAN_OPTIONS=symbolize=0
if "$binary" -runs="$runs" -seed=1 -artifact_prefix="$temp/found/" "$temp/corpus" >"$temp/log" 2>&1; then
  tail -n 5 "$temp/log" >&2
  fail "not found in $runs executions"
fi
found=("$temp"/found/crash-*)
[[ -e ${found[0]} ]] || { tail -n 20 "$temp/log" >&2; fail "it left no crash behind"; }
grep "^== resprobe: violation of " "$temp/log" || true

if "$binary" --resprobe run "${found[0]}" >"$temp/run"; then fail "what was found does not replay"; fi
broken=$(fact invariant "$temp/run")
[[ $broken =~ ^($invariant)$ ]] || fail "breaks '$broken' instead of '$invariant'"

if "$binary" --resprobe shrink "${found[0]}" "$temp/min" >"$temp/shrink"; then fail "does not shrink"; fi
if "$binary" --resprobe run --twice "$temp/min" >"$temp/run"; then fail "the minimized case passes"; fi
[[ $(fact invariant "$temp/run") == "$broken" ]] ||
  fail "minimized, it breaks '$(fact invariant "$temp/run")' instead of '$broken'"
[[ $(fact hash "$temp/run") == "$(fact hash2 "$temp/run")" ]] || fail "two runs differ"

"$binary" --resprobe info >"$temp/info"
if [[ $(fact input "$temp/info") == ops ]]; then unit=ops; else unit=bytes; fi
size=$(fact "$unit-after" "$temp/shrink")
echo "$unit: $(fact "$unit-before" "$temp/shrink") -> $size"
"$binary" --resprobe show "$temp/min"
((size <= at_most)) || fail "minimized it still has $size $unit, more than $at_most"
