#!/usr/bin/env bash
# Replays every seed, every regression and the fuzzers' corpora (work/corpus) in a build without an
# engine, under all of UBSan's checks and AddressSanitizer's fake stack; fuzzing omits the most
# expensive of them (cmake/Engine.cmake).
#   usage: scripts/recheck.sh BUILD_DIR [HARNESS…]     (./resprobe recheck …)
# Exit code: 0 success; 1 a case fails; 2 wrong use, or no case fails and a file is not a case.
set -euo pipefail

source_dir=$(cd "$(dirname "$0")/.." && pwd)
die() {
  printf 'resprobe: %s\n' "$*" >&2
  exit 2
}

build=$1 harnesses=()
shift
while (($#)); do
  case $1 in
    -h | --help)
      echo "usage: ./resprobe recheck [HARNESS…]"
      echo "Replays every seed, regression and case of work/corpus (default: of all harnesses) under all"
      echo "of UBSan's checks, some of which are left out while an engine fuzzes. What fails only here"
      echo "is replayed, shown and minimized with RESPROBE_HARNESS_DIR=build/standalone/harnesses."
      exit 0
      ;;
    -*) die "there is no option '$1': ./resprobe recheck --help lists them" ;;
    *) harnesses+=("$1") ;;
  esac
  shift
done
export RESPROBE_HARNESS_DIR=$build/standalone/harnesses
work=$(readlink -m -- "${RESPROBE_WORK_DIR:-$source_dir/work}")
[[ -d $work || ! -e $work ]] || die "$work: is not a folder: let RESPROBE_WORK_DIR name one"
declare -A corpus_of
while read -r name corpus; do corpus_of[$name]=$corpus; done <"$RESPROBE_HARNESS_DIR/harnesses.txt"
((${#corpus_of[@]})) || die "no harness was built: $RESPROBE_HARNESS_DIR/harnesses.txt names none"
for name in "${harnesses[@]}"; do
  [[ -n ${corpus_of[$name]:-} ]] ||
    die "there is no harness '$name': use one of $(printf '%s\n' "${!corpus_of[@]}" | sort | xargs)"
done
((${#harnesses[@]})) || harnesses=("${!corpus_of[@]}")
mapfile -t harnesses < <(printf '%s\n' "${harnesses[@]}" | sort -u)

# A malformed file of one harness must not hide the failures of the others.
code=0
for name in "${harnesses[@]}"; do
  folders=()
  for folder in "$source_dir/corpus/${corpus_of[$name]}" \
    "$source_dir/tests/regressions/${corpus_of[$name]}" "$work/corpus/$name"; do
    [[ ! -d $folder || -z $(find -L "$folder" -type f -print -quit) ]] || folders+=("$folder")
  done
  echo "$name"
  if ((!${#folders[@]})); then
    echo "no cases"
    continue
  fi
  status=0
  "$build/fuzz/bin/resprobe" replay --quiet --harness "$name" "${folders[@]}" || status=$?
  case $status in
    0) ;;
    1) code=1 ;;
    2) ((code == 1)) || code=2 ;;
    *) exit "$status" ;;
  esac
done
exit "$code"
