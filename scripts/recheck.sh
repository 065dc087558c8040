#!/usr/bin/env bash
# Replays every seed, every regression and what fuzzing has learnt (work/corpus) in a build without an
# engine, under all of UBSan's checks and AddressSanitizer's fake stack: while an engine fuzzes, those
# that cost most are left out (cmake/Engine.cmake).
#   usage: scripts/recheck.sh BUILD_DIR [HARNESS…]     (./resprobe recheck …)
# Exit code: 0 all well, 1 a case fails, 2 wrong use.
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
      echo "of UBSan's checks, some of which are left out while an engine fuzzes."
      exit 0
      ;;
    -*) die "there is no option '$1': ./resprobe recheck --help lists them" ;;
    *) harnesses+=("$1") ;;
  esac
  shift
done
export RESPROBE_HARNESS_DIR=$build/standalone/harnesses
work=${RESPROBE_WORK_DIR:-$source_dir/work}
declare -A corpus_of
while read -r name corpus; do corpus_of[$name]=$corpus; done <"$RESPROBE_HARNESS_DIR/harnesses.txt"
((${#corpus_of[@]})) || die "no harness was built: $RESPROBE_HARNESS_DIR/harnesses.txt names none"
for name in "${harnesses[@]}"; do
  [[ -n ${corpus_of[$name]:-} ]] || die "there is no harness '$name': ./resprobe list names them"
done
if ((${#harnesses[@]} == 0)); then
  mapfile -t harnesses < <(printf '%s\n' "${!corpus_of[@]}" | sort)
fi

code=0
for name in "${harnesses[@]}"; do
  folders=()
  for folder in "$source_dir/corpus/${corpus_of[$name]}" \
    "$source_dir/tests/regressions/${corpus_of[$name]}" "$work/corpus/$name"; do
    [[ -z $(find "$folder" -type f 2>/dev/null | head -n 1) ]] || folders+=("$folder")
  done
  printf '%s: ' "$name"
  "$build/fuzz/bin/resprobe" replay --quiet --harness "$name" "${folders[@]}" || {
    status=$?
    ((status == 1)) || exit "$status"
    code=1
  }
done
exit "$code"
