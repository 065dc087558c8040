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
  (run_ninja "$preset" "$dir" "$@") || build_failed "the build of preset $preset failed: see above"
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
    build_failed "cmake failed: see above and $log"
  fi
  sed -n -E 's/^-- (hiredis[^:]*for [^:]*): .*/resprobe: \1/p; s/^-- (hiredis.*skipped)$/resprobe: \1/p' \
    "$log" >&2
  printf '%s\n' "$key" >"$dir/.configured"
}

# Prints nothing if nothing is to be done. A terminal gets a status line that is overwritten, other
# outputs a line for each tenth, and one at least every half a minute. Compiler messages are shown in
# either case.
run_ninja() {
  local preset=$1 dir=$2 live=no
  shift 2
  cd "$dir" || return 1
  if [[ -t 2 ]]; then
    [[ ${TERM:-dumb} == dumb ]] || live=yes
    export CLICOLOR_FORCE=1 # or ninja strips the compiler's colors, now that it writes to a pipe
  fi
  NINJA_STATUS='[%f/%t] ' ninja "$@" 2>&1 | show_build "$preset" "$live" >&2
}

# show_build PRESET LIVE: shows what ninja prints, which is on standard input. In bash, since Debian's
# awk (mawk) reads a pipe in blocks of 4 KiB: its status line would be minutes late.
show_build() {
  local preset=$1 live=$2 line rest="" code is_command=no shown=no started=$SECONDS said=-60 tenth=-1
  local steps="" wait=()
  local progress='^\[([0-9]+)/([0-9]+)\] ' failed=$'^(\033\\[[0-9;]*m)*FAILED: '
  # The time in the status line goes on during a step that takes long.
  [[ $live == no ]] || wait=(-t 1)
  while true; do
    code=0
    IFS= read -r "${wait[@]}" line || code=$?
    rest+=$line
    if ((code > 128)); then # a second without a whole line
      [[ $shown == no ]] || print_status
      continue
    fi
    ((code == 0)) || [[ -n $rest ]] || break
    line=$rest rest=""
    # ninja repeats the whole command of a failed step; the message of the compiler is enough.
    if [[ $is_command == yes ]]; then
      is_command=no
      continue
    fi
    if [[ $line =~ $failed ]]; then is_command=yes; fi
    if [[ $line == "ninja: no work to do"* ]]; then continue; fi
    if [[ $line =~ $progress ]]; then
      if [[ $line == *" Re-checking "* || $line == *" Re-running "* ]]; then continue; fi
      steps=${BASH_REMATCH[0]% }
      if [[ $live == yes ]]; then
        print_status
      elif ((BASH_REMATCH[2] > 3)) &&
        ((10 * BASH_REMATCH[1] / BASH_REMATCH[2] > tenth || SECONDS - said >= 30)); then
        print_status
        said=$SECONDS tenth=$((10 * BASH_REMATCH[1] / BASH_REMATCH[2]))
      fi
      continue
    fi
    clear_status
    printf '%s\n' "$line"
  done
  clear_status
}

# Both use the variables of show_build.
print_status() {
  local seconds=$((SECONDS - started)) before="" after=$'\n'
  if [[ $live == yes ]]; then
    before=$'\r\033[K' after="" shown=yes
  fi
  printf '%sresprobe: building %s %s %d:%02d%s' "$before" "$preset" "$steps" \
    $((seconds / 60)) $((seconds % 60)) "$after"
}
clear_status() {
  [[ $shown == no ]] || printf '\r\033[K'
  shown=no
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
  # Three quarters of the time of the longer tests are spent waiting: for servers, for what hangs.
  ctest --preset fuzz -j "$(($(nproc) * 4))" "${progress[@]}" "$@" || code=$?
  # ctest's exit code 8 means "some tests failed".
  case $code in
    0) exit 0 ;;
    130) exit 130 ;;
    *) exit 1 ;;
  esac
}
