#!/usr/bin/env bash
# A harness finds no fault in its subject: all seeds of the corpora, then some thousand runs from
# them.
#   usage: sound_test.sh BINARY [CORPUS…]
set -euo pipefail
binary=$1
shift

temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
mkdir "$temp/corpus"
"$binary" -runs=5000 -seed=1 -artifact_prefix="$temp/" "$temp/corpus" "$@" >"$temp/log" 2>&1 ||
  { tail -n 40 "$temp/log" >&2; exit 1; }
tail -n 1 "$temp/log"
