#!/usr/bin/env bash
# Only source is committed: no file of a build folder, no object, archive or program, and no
# absolute path of the machine that built it. A build folder added by `git add` contains all three.
# usage: tracked_files.sh ROOT
set -euo pipefail
root=$1
if ! git -C "$root" rev-parse --git-dir >/dev/null 2>&1; then
  echo "no git repository at $root: what is tracked cannot be asked"
  exit 77
fi
cd "$root"
faults=0
report() {
  echo "$1"
  faults=$((faults + 1))
}

while IFS= read -r -d '' file; do
  case "$file" in
    build/* | build-*/* | *CMakeCache.txt | *CMakeFiles/* | *.ninja | *.ninja_deps | *.ninja_log)
      report "$file: belongs to a build folder" ;;
  esac
  if [[ -f "$file" ]]; then
    LC_ALL=C IFS= read -r -N 8 magic <"$file" || true
    case "$magic" in
      $'\x7fELF'* | '!<arch>'*) report "$file: is a program, an object or an archive" ;;
    esac
  fi
done < <(git ls-files -z)

# The absolute path of this checkout, if it is long enough to be distinctive.
here=$(pwd -P)
if ((${#here} > 4)); then
  while IFS= read -r file; do
    report "$file: names this machine's folder $here"
  done < <(git grep -lIF -- "$here" || true)
fi

if ((faults > 0)); then
  echo "$faults tracked files do not belong into the repository: git rm --cached them, and see .gitignore"
  exit 1
fi
