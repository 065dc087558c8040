#!/usr/bin/env bash
# Measures the coverage of the seed corpora: replays them through the harnesses of preset
# `coverage`.
#   usage: scripts/coverage.sh BUILD_DIR [HARNESS…]     (./resprobe coverage [HARNESS…])
# Prints llvm-cov's summary and writes the annotated source to BUILD_DIR/report/index.html.
set -euo pipefail

source_dir=$(cd "$(dirname "$0")/.." && pwd)
die() {
  printf 'resprobe: %s\n' "$*" >&2
  exit 2
}

[[ $# -ge 1 ]] || die "usage: scripts/coverage.sh BUILD_DIR [HARNESS…]"
build=$1
shift
case ${1:-} in
  -h | --help)
    echo "usage: ./resprobe coverage [HARNESS…]"
    echo "Replays the seed corpus of each harness (default: all) and reports the lines covered."
    exit 0
    ;;
esac

declare -A corpus_of
while read -r name corpus; do corpus_of[$name]=$corpus; done <"$build/harnesses/harnesses.txt"
if (($#)); then harnesses=("$@"); else mapfile -t harnesses < <(printf '%s\n' "${!corpus_of[@]}" | sort); fi
for name in "${harnesses[@]}"; do
  [[ -n ${corpus_of[$name]:-} ]] || die "there is no harness '$name': ./resprobe list names them"
done

# The LLVM that built the harnesses.
cxx=$(sed -n 's/^CMAKE_CXX_COMPILER:[A-Z]*=//p' "$build/CMakeCache.txt")
suffix=${cxx##*clang++}
profdata=llvm-profdata$suffix cov=llvm-cov$suffix

rm -rf "$build/profiles" "$build/report"
mkdir -p "$build/profiles" "$build/report"
objects=()
for name in "${harnesses[@]}"; do
  corpus=$source_dir/corpus/${corpus_of[$name]}
  [[ -d $corpus ]] || die "$name has no seed corpus: $corpus is not there"
  find "$corpus" -type f -print0 |
    LLVM_PROFILE_FILE=$build/profiles/$name-%p.profraw \
      xargs -0 -r "$build/harnesses/$name" >"$build/profiles/$name.log" 2>&1 || {
    tail -n 20 "$build/profiles/$name.log" >&2
    die "$name failed on its seed corpus: ./resprobe replay says more"
  }
  objects+=(-object "$build/harnesses/$name")
done
shopt -s nullglob
profiles=("$build"/profiles/*.profraw)
((${#profiles[@]})) || die "the seed corpora are empty: nothing was replayed"
"$profdata" merge -sparse "${profiles[@]}" -o "$build/profiles/all.profdata"
rm -f "${profiles[@]}"

# Measure the project's own sources, not its third-party headers.
common=(-instr-profile="$build/profiles/all.profdata" "${objects[@]:1}"
  -ignore-filename-regex="^/usr/|^$(sed 's/[^A-Za-z0-9/]/\\&/g' <<<"${build%/*}")/")
"$cov" show -format=html -show-line-counts-or-regions -output-dir="$build/report" "${common[@]}"
"$cov" report -show-region-summary=false -show-branch-summary=true "${common[@]}" |
  tee "$build/report/summary.txt"
echo "source with counts: $build/report/index.html"
