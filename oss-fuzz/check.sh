#!/usr/bin/env bash
# Checks whether OSS-Fuzz would accept this build: runs build.sh offline with the variables that
# OSS-Fuzz sets, for libFuzzer with ASan, libFuzzer with UBSan and AFL++ with ASan, and performs the
# checks of OSS-Fuzz's own build check (bad_build_check), and a few more.
#   usage: ./resprobe oss-fuzz-check [ENGINE/SANITIZER…] [--keep] [--out DIR]
#          e.g. libfuzzer/address; default: all three. --keep keeps the builds and prints their path.
#          --out checks an existing build, made for the one ENGINE/SANITIZER that is named.
# One line per check; then `N passed, N failed`. Exit code: 0 all passed, 1 not, 2 wrong use.
#
# As in OSS-Fuzz the C++ library is libc++, linked statically, if a private copy is available
# (scripts/private-packages.sh); otherwise it is the system's, and the output says so.
# HIREDIS_SOURCE names a source tree of hiredis to build along, as OSS-Fuzz does; without it the
# build uses the version of the other builds, which is not instrumented.
set -euo pipefail

root=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
clang=${RESPROBE_CLANG:-clang-19}
llvm=${clang##*clang}

# The thresholds are OSS-Fuzz's own.
readonly min_runs=4 min_edges=100 min_asan_calls=1000 min_ubsan_calls=168 max_other_ubsan_calls=200

passed=0 failed=0
ok() { passed=$((passed + 1)) && printf 'ok      %s\n' "$*"; }
bad() {
  failed=$((failed + 1))
  printf 'FAILED  %s\n' "$*"
}
# check "WHAT" COMMAND…: prints one line. The command may explain a failure on stdout.
check() {
  local what=$1 why
  shift
  if why=$("$@" 2>&1); then ok "$what${why:+: $why}"; else bad "$what: ${why:-no reason given}"; fi
}
die() {
  printf 'resprobe: %s\n' "$*" >&2
  exit 2
}

# Prints the end of a log in one line.
last_words() { tail -n "${2:-3}" "$1" | tr '\n' ' '; }

# --- the builds ---

# Sets what OSS-Fuzz's base image sets for ENGINE and SANITIZER.
build() {
  local engine=$1 sanitizer=$2 flags
  flags="-O1 -fno-omit-frame-pointer -gline-tables-only -Wno-unused-command-line-argument"
  flags+=" -DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION"
  case $sanitizer in
    address) flags+=" -fsanitize=address -fsanitize-address-use-after-scope" ;;
    undefined)
      local kinds=array-bounds,bool,builtin,enum,function,integer-divide-by-zero,null,object-size
      kinds+=,return,returns-nonnull-attribute,shift,signed-integer-overflow,unreachable,vla-bound,vptr
      flags+=" -fsanitize=$kinds,unsigned-integer-overflow -fno-sanitize-recover=$kinds"
      ;;
  esac
  case $engine in
    libfuzzer)
      flags+=" -fsanitize=fuzzer-no-link"
      # The system's libFuzzer is itself built with the system's C++ library.
      export LIB_FUZZING_ENGINE="-fsanitize=fuzzer ${libcxx_flags:+-l:libstdc++.so.6}"
      ;;
    afl)
      # afl-clang-fast of Debian's AFL++ is for clang 14; its run-time works with clang's own
      # callbacks.
      flags+=" -fsanitize-coverage=trace-pc-guard"
      cp "$afl_dir/libAFLDriver.a" "$temp/libFuzzingEngine.a"
      "llvm-ar$llvm" r "$temp/libFuzzingEngine.a" "$afl_dir/afl-compiler-rt.o"
      export LIB_FUZZING_ENGINE=$temp/libFuzzingEngine.a
      ;;
  esac
  export CC=$clang CXX=${clang/clang/clang++} CFLAGS=$flags CXXFLAGS="$flags $libcxx_flags"
  export SRC=$temp/src WORK=$temp/$engine-$sanitizer/work OUT=$temp/$engine-$sanitizer/out
  export SANITIZER=$sanitizer FUZZING_ENGINE=$engine ARCHITECTURE=x86_64
  mkdir -p "$SRC" "$WORK" "$OUT"
  (cd "$root" && bash -eu oss-fuzz/build.sh)
}

# Combines libc++ and its ABI library into one archive, as in OSS-Fuzz's image. Sets libcxx_flags.
prepare_libcxx() {
  local dir=${RESPROBE_BUILD_DIR:-$root/build}/packages/libcxx$llvm/usr/lib/llvm$llvm
  libcxx_flags=""
  if [[ ! -e $dir/lib/libc++.a ]]; then
    echo "libc++ could not be had: the C++ library is the system's, not OSS-Fuzz's"
    return
  fi
  mkdir -p "$temp/libcxx"
  printf 'create %s\naddlib %s\naddlib %s\nsave\nend\n' "$temp/libcxx/libc++.a" \
    "$dir/lib/libc++.a" "$dir/lib/libc++abi.a" | "llvm-ar$llvm" -M
  libcxx_flags="-stdlib=libc++ -nostdinc++ -isystem $dir/include/c++/v1 -L$temp/libcxx"
  libcxx_flags+=" -static-libstdc++"
}

# --- the checks; each passes, or fails and says why ---

is_named_well() {
  [[ $1 =~ ^[A-Za-z0-9_-]+$ ]] || { echo "only letters, digits, _ and - are allowed"; return 1; }
}

is_fuzz_target() {
  grep -q LLVMFuzzerTestOneInput "$1" || { echo "no LLVMFuzzerTestOneInput in it"; return 1; }
  [[ $("llvm-readelf$llvm" -h "$1") == *"$2"* ]] || { echo "not built for $2"; return 1; }
}

# It runs from the moved $OUT, without input, and has enough coverage.
starts_under_libfuzzer() {
  local log=$temp/log edges
  (cd "$out" && "./$1" -seed=1337 -runs=$min_runs -artifact_prefix="$temp/" >"$log" 2>&1) ||
    { last_words "$log"; return 1; }
  grep -q "Done $min_runs runs" "$log" || { last_words "$log"; return 1; }
  ! grep -q "no interesting inputs were found" "$log" || { echo "not instrumented"; return 1; }
  edges=$(sed -n -E 's/^INFO: Loaded [0-9]+ modules? .*(counters|guards)\): ([0-9]+).*/\2/p' "$log")
  ((${edges:-0} >= min_edges)) || { echo "${edges:-0} edges, fewer than $min_edges"; return 1; }
  echo "$edges edges"
}

# The same with afl-fuzz, in persistent mode. (The stability is informational: OSS-Fuzz's flags
# count edges that the project's own AFL++ build leaves out; ./resprobe stability checks that one.)
starts_under_afl() {
  local log=$temp/log in=$temp/afl-in results=$temp/afl-out stats edges stability
  rm -rf "$in" "$results"
  mkdir "$in"
  echo hi >"$in/seed"
  (cd "$out" && AFL_NO_UI=1 AFL_SKIP_CPUFREQ=1 AFL_NO_AFFINITY=1 AFL_FORKSRV_INIT_TMOUT=30000 \
    AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_TRY_AFFINITY=1 \
    afl-fuzz -V 3 -m none -i "$in" -o "$results" -- "./$1" >"$log" 2>&1) || { last_words "$log" 6; return 1; }
  grep -q "All set and ready to roll" "$log" || { last_words "$log" 6; return 1; }
  stats=$results/default/fuzzer_stats
  grep -q '^target_mode.*persistent' "$stats" || { echo "not in persistent mode"; return 1; }
  edges=$(sed -n -E 's/^total_edges *: ([0-9]+).*/\1/p' "$stats")
  stability=$(sed -n -E 's/^stability *: //p' "$stats")
  ((edges >= min_edges)) || { echo "$edges edges, fewer than $min_edges"; return 1; }
  echo "$edges edges, stability $stability"
}

calls() { grep -c -E "call.*<$1" "$temp/calls" || true; }

# It contains the expected sanitizer, and no other.
has_sanitizer() {
  local target=$1 sanitizer=$2 engine=$3 asan ubsan msan
  "llvm-objdump$llvm" -d --no-show-raw-insn "$target" | grep -E 'call.*<__(asan|ubsan|msan)' \
    >"$temp/calls" || true
  asan=$(calls __asan) ubsan=$(calls __ubsan) msan=$(calls __msan)
  case $sanitizer in
    address)
      ((asan >= min_asan_calls)) || { echo "$asan calls of ASan, fewer than $min_asan_calls"; return 1; }
      ((ubsan <= max_other_ubsan_calls)) || { echo "$ubsan calls of UBSan in an ASan build"; return 1; }
      ;;
    undefined)
      ((asan == 0)) || { echo "$asan calls of ASan in a UBSan build"; return 1; }
      [[ $engine != libfuzzer ]] || ((ubsan >= min_ubsan_calls)) ||
        { echo "$ubsan calls of UBSan, fewer than $min_ubsan_calls"; return 1; }
      ;;
  esac
  ((msan <= 3)) || { echo "$msan calls of MSan"; return 1; }
  echo "$asan calls of ASan, $ubsan of UBSan"
}

# It needs only libraries that OSS-Fuzz's runner has.
has_plain_libraries() {
  local allowed='libc|libm|libdl|libpthread|librt|libgcc_s|libresolv|ld-linux-[a-z0-9-]*|linux-vdso'
  local needed extra
  # The system's libFuzzer depends on it; OSS-Fuzz's does not.
  [[ -n $libcxx_flags && $2 != libfuzzer ]] || allowed+='|libstdc\+\+'
  needed=$("llvm-readelf$llvm" -d "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
  extra=$(grep -v -E "^($allowed)\.so" <<<"$needed" | tr '\n' ' ')
  [[ -z $extra ]] || { echo "needs $extra"; return 1; }
}

seed_corpus_runs() {
  local zip=$1_seed_corpus.zip seeds=$temp/seeds log=$temp/log count
  rm -rf "$seeds"
  unzip -q -d "$seeds" "$zip" 2>/dev/null || { echo "$(basename "$zip") is missing, empty or broken"; return 1; }
  count=$(find "$seeds" -type f | wc -l)
  ((count > 0)) || { echo "no seeds"; return 1; }
  (
    cd "$temp" # where a crash leaves its input
    case $2 in
      libfuzzer) "$1" -runs=0 -rss_limit_mb=2560 -timeout=25 "$seeds" ;;
      afl) find "$seeds" -type f -print0 | xargs -0 "$1" ;;
    esac
  ) >"$log" 2>&1 || { last_words "$log"; return 1; }
  echo "$count seeds"
}

# libFuzzer itself can read the dictionary.
dictionary_parses() {
  local log=$temp/log
  [[ -e $1.dict ]] || { echo "there is none"; return 1; }
  (cd "$temp" && "$1" -dict="$1.dict" -runs=0) >"$log" 2>&1 || { last_words "$log"; return 1; }
  grep -o -E 'Dictionary: [1-9][0-9]* entries' "$log" || { echo "it has no entries"; return 1; }
}

# It has only sections that ClusterFuzz knows, and libFuzzer flags that the target knows.
options_parse() {
  local line section="" flags
  [[ -e $1.options ]] || { echo "there are none"; return 1; }
  flags=$("$1" -help=1 2>&1 | sed -n -E 's/^ ([a-z_]+)[[:space:]].*/\1/p')
  while IFS= read -r line; do
    if [[ $line =~ ^\[(libfuzzer|asan|ubsan|msan|afl|honggfuzz|env)\]$ ]]; then
      section=${BASH_REMATCH[1]}
    elif [[ $line =~ ^([a-z_]+)\ ?=\ ?(.+)$ && -n $section ]]; then
      if [[ $section == libfuzzer ]] && ! grep -q -x "${BASH_REMATCH[1]}" <<<"$flags"; then
        echo "libFuzzer has no flag ${BASH_REMATCH[1]}"
        return 1
      fi
    elif [[ -n $line ]]; then
      echo "cannot be read: $line"
      return 1
    fi
  done <"$1.options"
}

# --- the run ---

# Builds, and checks the result.
check_build() {
  local engine=$1 sanitizer=$2 log=$temp/$1-$2.log title=$1/$2
  echo "building for $title"
  if ! (build "$engine" "$sanitizer") >"$log" 2>&1; then
    bad "$title build.sh: $(last_words "$log" 20)"
    return
  fi
  ok "$title build.sh"
  # Check in another folder, with the build folder removed, so that nothing can depend on it.
  out=$temp/$engine-$sanitizer/moved
  mv "$temp/$engine-$sanitizer/out" "$out"
  [[ $keep == yes ]] || rm -rf "$temp/$engine-$sanitizer/work"
  check_out "$engine" "$sanitizer"
}

# Checks what is in $out.
check_out() {
  local engine=$1 sanitizer=$2 title=$1/$2 target name targets=()
  mapfile -t targets < <(find "$out" -maxdepth 1 -type f -perm -u+x | sort)
  if ((${#targets[@]} == 0)); then
    bad "$title no fuzz target in \$OUT"
    return
  fi
  for target in "${targets[@]}"; do
    name=$(basename "$target")
    check "$title $name name" is_named_well "$name"
    check "$title $name is a fuzz target" is_fuzz_target "$target" "X86-64"
    check "$title $name starts without input" "starts_under_$engine" "$name"
    check "$title $name sanitizer" has_sanitizer "$target" "$sanitizer" "$engine"
    check "$title $name libraries" has_plain_libraries "$target" "$engine"
    check "$title $name seed corpus" seed_corpus_runs "$target" "$engine"
    if [[ $engine == libfuzzer ]]; then  # the files are the same for every engine
      check "$title $name dictionary" dictionary_parses "$target"
      check "$title $name options" options_parse "$target"
    fi
  done
}

main() {
  local configurations=() configuration
  keep=no given=""
  while (($#)); do
    case $1 in
      -h | --help)
        sed -n '2,/^set -/{s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
        exit 0
        ;;
      --keep) keep=yes ;;
      --out)
        [[ -d ${2:-} ]] || die "oss-fuzz-check: --out takes a folder with fuzz targets"
        given=$(cd "$2" && pwd)
        shift
        ;;
      libfuzzer/address | libfuzzer/undefined | afl/address) configurations+=("$1") ;;
      *) die "oss-fuzz-check: there is no '$1': use libfuzzer/address, libfuzzer/undefined, afl/address, --keep, --out DIR" ;;
    esac
    shift
  done
  [[ ${#configurations[@]} != 0 || -n $given ]] ||
    configurations=(libfuzzer/address libfuzzer/undefined afl/address)
  temp=$(mktemp -d)
  if [[ $keep == yes ]]; then echo "builds and logs: $temp"; else trap 'rm -rf "$temp"' EXIT; fi
  afl_dir=/usr/lib/afl
  [[ -d $afl_dir ]] || afl_dir=/usr/local/lib/afl
  mkdir -p "$temp/src"
  # As in OSS-Fuzz's runner: its UBSan counts unsigned overflow as coverage, not as an error.
  export UBSAN_OPTIONS=silence_unsigned_overflow=1:print_stacktrace=1
  [[ -z ${HIREDIS_SOURCE:-} ]] || cp -r "$HIREDIS_SOURCE" "$temp/src/hiredis"
  prepare_libcxx
  if [[ -n $given ]]; then
    ((${#configurations[@]} == 1)) || die "oss-fuzz-check: --out takes one ENGINE/SANITIZER"
    out=$given
    check_out "${configurations[0]%/*}" "${configurations[0]#*/}"
    configurations=()
  fi
  for configuration in "${configurations[@]}"; do
    check_build "${configuration%/*}" "${configuration#*/}"
  done
  echo "$passed passed, $failed failed"
  ((failed == 0))
}

main "$@"
