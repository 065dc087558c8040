#!/usr/bin/env bash
# Every pattern of cmake/uncovered.txt matches a function of a harness: a function that has been renamed
# would be instrumented again, and nothing else would say so.
#   usage: uncovered_test.sh NM LIST BINARY…
set -euo pipefail

nm=$1 list=$2
shift 2
symbols=$(mktemp)
trap 'rm -f "$symbols"' EXIT
"$nm" --defined-only --format=just-symbols "$@" | grep '^[_A-Za-z]' | sort -u >"$symbols"
[[ -s $symbols ]] || {
  echo "no symbols in $*"
  exit 1
}

faults=0 patterns=0
while IFS= read -r pattern; do
  patterns=$((patterns + 1))
  regex=$(sed -E 's/[].[^$\\]/\\&/g; s/\*/.*/g' <<<"$pattern")
  if ! grep -q -x -e "$regex" "$symbols"; then
    echo "$list: 'fun:$pattern' matches no function of $# harnesses: name it as it is now, or remove the line"
    faults=$((faults + 1))
  fi
done < <(sed -n 's/^fun://p' "$list")
echo "$patterns patterns, $faults without a function"
((faults == 0 && patterns > 0))
