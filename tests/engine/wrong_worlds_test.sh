#!/usr/bin/env bash
# wrong_worlds_test.sh COMPILER FLAG...: compiles each file of tests/engine/wrong_worlds/, which
# holds one mistake in a world or raw target. There must be exactly one error, the one in the comment
# that opens the file.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
folder=$root/tests/engine/wrong_worlds
compile=("$@" -fsyntax-only -fno-color-diagnostics -I "$root" -I "$root/src")
header=$(mktemp --suffix=.pch)
trap 'rm -f "$header"' EXIT
"$@" -I "$root" -I "$root/src" -x c++-header "$folder/sound.h" -o "$header"

failed=0
for file in "$folder"/*.cc; do
  # The lines of the comment, joined.
  wanted=$(sed -n '\,^//,!q; s,^// ,,p' "$file" | tr '\n' ' ')
  wanted=${wanted#error: } wanted=${wanted% }
  seen=$("${compile[@]}" -include-pch "$header" "$file" 2>&1 | sed -n 's/^.*[ :]error: //p') || true
  if [[ -z $wanted || $seen != "$wanted" ]]; then
    printf '%s\n  expected: %s\n  seen:     %s\n' "${file#"$root"/}" "$wanted" "$seen"
    failed=1
  fi
done
exit $failed
