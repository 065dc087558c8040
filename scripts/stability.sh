#!/usr/bin/env bash
# Measures how deterministic AFL++ finds the harnesses: runs each for a short time from its seed
# corpus, with its own mutator, and prints AFL++'s stability (the share of edges that an input
# always takes).
#   usage: scripts/stability.sh BUILD_DIR [HARNESS…] [--time SECONDS] [--explain]
#          (./resprobe stability …)
# --explain then lists the edges that vary in the inputs that AFL++ kept. Exit code: 0 all at 99% or
# more, 1 one is below or crashed, 2 wrong use.
set -euo pipefail

readonly least=99
source_dir=$(cd "$(dirname "$0")/.." && pwd)
die() {
  printf 'resprobe: %s\n' "$*" >&2
  exit 2
}

build=$1 seconds=10 explain=no harnesses=()
shift
while (($#)); do
  case $1 in
    -h | --help)
      echo "usage: ./resprobe stability [HARNESS…] [--time SECONDS] [--explain]"
      echo "Runs each harness (default: all) under AFL++ for 10 seconds; fails below $least% stability."
      echo "--explain names the edges that one input takes in some runs and not in others."
      exit 0
      ;;
    --explain) explain=yes ;;
    --time)
      seconds=${2:-}
      seconds=${seconds%s}
      [[ $seconds =~ ^[1-9][0-9]*$ ]] || die "--time takes a number of seconds, e.g. --time 10"
      shift
      ;;
    -*) die "there is no option '$1': ./resprobe stability --help lists them" ;;
    *) harnesses+=("$1") ;;
  esac
  shift
done
declare -A corpus_of
while read -r name corpus; do corpus_of[$name]=$corpus; done <"$build/harnesses/harnesses.txt"
((${#corpus_of[@]})) || die "no harness was built: $build/harnesses/harnesses.txt names none"
for name in "${harnesses[@]}"; do
  [[ -n ${corpus_of[$name]:-} ]] || die "there is no harness '$name': ./resprobe list names them"
done
if ((${#harnesses[@]} == 0)); then
  mapfile -t harnesses < <(printf '%s\n' "${!corpus_of[@]}" | sort)
fi

temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
export AFL_NO_UI=1 AFL_SKIP_CPUFREQ=1 AFL_TRY_AFFINITY=1 AFL_FORKSRV_INIT_TMOUT=30000
export AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1
symbolizer=${ASAN_SYMBOLIZER_PATH:-}
unset ASAN_OPTIONS UBSAN_OPTIONS ASAN_SYMBOLIZER_PATH # afl-fuzz sets what it needs

# Prints a value of afl-fuzz's fuzzer_stats.
stat_of() { sed -n -E "s/^$2 *: ([^ ]+).*/\1/p" "$temp/$1/default/fuzzer_stats"; }

code=0
printf '%-32s %10s %12s %8s %8s\n' harness stability executions/s edges corpus
for name in "${harnesses[@]}"; do
  log=$temp/$name.log
  if ! AFL_CUSTOM_MUTATOR_LIBRARY=$build/harnesses/${name}_mutator.so \
    afl-fuzz -V "$seconds" -s 1 -G 4096 -m none -i "$source_dir/corpus/${corpus_of[$name]}" -o "$temp/$name" \
    -- "$build/harnesses/$name" >"$log" 2>&1; then
    tail -n 15 "$log" >&2
    echo "resprobe: afl-fuzz did not run $name: see above" >&2
    code=1
    continue
  fi
  stability=$(stat_of "$name" stability)
  printf '%-32s %10s %12s %8s %8s\n' "$name" "$stability" "$(stat_of "$name" execs_per_sec)" \
    "$(stat_of "$name" edges_found)" "$(stat_of "$name" corpus_count)"
  if [[ $explain == yes ]]; then
    ninja -C "$build" "${name}_unstable" >"$log" 2>&1 || {
      cat "$log" >&2
      die "${name}_unstable does not build: see above"
    }
    ASAN_SYMBOLIZER_PATH=$symbolizer "$build/harnesses/${name}_unstable" "$temp/$name/default/queue"
  fi
  if ((10#${stability%%.*} < least)); then
    echo "resprobe: $name is below $least%: a run depends on something other than its tape" >&2
    code=1
  fi
  if [[ $(stat_of "$name" saved_crashes) != 0 ]]; then
    echo "resprobe: AFL++ found a crash in $name: ./resprobe fuzz $name --engine afl keeps it" >&2
    code=1
  fi
done
exit "$code"
