# shellcheck shell=bash
# Configuring, building, and running the tests. Sourced by ./resprobe, which sets source_dir and
# build_dir; needs system-packages.sh, which sets clang and clangxx.
# shellcheck disable=SC2154

readonly presets=(fuzz afl standalone release coverage tsan checked)

is_preset() { [[ " ${presets[*]} " == *" $1 "* ]]; }

# Only one ./resprobe at a time installs and builds; running happens in parallel.
lock() {
  command -v flock >/dev/null || return 0
  [[ -w $build_dir ]] || die "cannot write $build_dir: make it writable"
  exec 9>"$build_dir/.lock"
  if ! flock -n 9; then
    say "waiting for another ./resprobe that builds here"
    flock 9
  fi
}

# True if another ./resprobe installs or builds here.
is_locked() {
  command -v flock >/dev/null && [[ -e $build_dir/.lock ]] && ! flock -n "$build_dir/.lock" true
}

unlock() { exec 9>&- || true; }

# build_preset PRESET TARGET…: configures if necessary, then builds; without targets it only
# configures.
build_preset() {
  local preset=$1 dir=$build_dir/$1
  shift
  configure "$preset"
  (($#)) || return 0
  (run_ninja "$preset" "$dir" "$@") || die "the build of preset $preset failed: see above"
}

# CMake detects changes of its own files. Changes that it cannot detect cause a fresh start: another
# compiler, another location, other third-party software.
configure() {
  local preset=$1 dir=$build_dir/$1 key log
  key="$source_dir|$clang|${CMAKE_PREFIX_PATH:-}|$(cd "$build_dir/packages" && echo */.complete)"
  if [[ -e $dir/build.ninja && -e $dir/.configured && $(<"$dir/.configured") == "$key" ]]; then
    return
  fi
  say "configuring build/$preset"
  mkdir -p "$dir"
  log=$dir/configure.log
  if ! cmake --fresh --preset "$preset" -S "$source_dir" -D CMAKE_C_COMPILER="$clang" \
    -D CMAKE_CXX_COMPILER="$clangxx" >"$log" 2>&1; then
    cat "$log" >&2
    die "cmake failed: see above and $log"
  fi
  sed -n -E 's/^-- (hiredis[^:]*for [^:]*): .*/resprobe: \1/p; s/^-- (hiredis.*skipped)$/resprobe: \1/p' \
    "$log" >&2
  printf '%s\n' "$key" >"$dir/.configured"
}

# Prints nothing if nothing is to be done. A terminal gets a status line that is overwritten, other
# outputs a line per tenth. Compiler messages are shown in either case.
run_ninja() {
  local preset=$1 dir=$2 tty=0
  shift 2
  cd "$dir" || return 1
  if [[ -t 2 ]]; then
    tty=1
    export CLICOLOR_FORCE=1 # or ninja strips the compiler's colors, now that it writes to a pipe
  fi
  NINJA_STATUS='[%f/%t] ' ninja "$@" 2>&1 |
    awk -v preset="$preset" -v tty="$tty" '
      function clear() {if (shown) printf "\r\033[K"; shown = 0}
      # ninja repeats the whole command of a failed step; the message of the compiler is enough.
      is_command {is_command = 0; next}
      /^(\033\[[0-9;]*m)*FAILED: / {is_command = 1}
      /^ninja: no work to do/ {next}
      match($0, /^\[[0-9]+\/[0-9]+\] /) {
        split(substr($0, 2, RLENGTH - 3), n, "/")
        if (/ Re-(checking|running) /) next
        tenth = int(10 * n[1] / n[2])
        if (tty) {
          printf "\r\033[Kresprobe: building %s [%d/%d]", preset, n[1], n[2]
          shown = 1
        } else if (tenth > last && n[2] > 3) {
          printf "resprobe: building %s [%d/%d]\n", preset, n[1], n[2]
        }
        last = tenth
        fflush()
        next
      }
      {clear(); print; fflush()}
      END {clear()}' >&2
}

# Environment of the program and of tests: locations, available real servers (those that only this
# build has come after the system's in PATH), and how a sanitizer symbolizes a stack.
export_environment() {
  local name value symbolizer
  export RESPROBE_SOURCE_DIR=$source_dir RESPROBE_BUILD_DIR=$build_dir
  while IFS='=' read -r name value; do
    export "$name=$value"
    PATH=$PATH:$(dirname -- "$value")
  done <"$build_dir/packages/servers.env"
  if [[ -z ${ASAN_SYMBOLIZER_PATH:-} ]] && symbolizer=$(command -v "$(llvm_tool llvm-symbolizer)"); then
    export ASAN_SYMBOLIZER_PATH=$symbolizer
  fi
}

run_tests() {
  local code=0 progress=()
  cd "$source_dir" || die "cannot enter $source_dir"
  [[ ! -t 1 ]] || progress=(--progress)
  ctest --preset fuzz -j "$(nproc)" "${progress[@]}" "$@" || code=$?
  # ctest's exit code 8 means "some tests failed".
  case $code in
    0) exit 0 ;;
    130) exit 130 ;;
    *) exit 1 ;;
  esac
}
