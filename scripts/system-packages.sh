# shellcheck shell=bash
# Checks which packages the system needs, and installs them. Sourced by ./resprobe, which sets
# source_dir and build_dir.
# shellcheck disable=SC2154
#
#   ensure_system_packages "NEED…"   returns if everything is installed, else installs it or reports
#                                    what is missing and exits with 2. A NEED is build, afl, oss-fuzz
#                                    or lint.
#
# Each row: NEED | probe | Debian package | purpose. A probe is
#   cmd:NAME         the command exists
#   cmd:NAME>=V      … in that version or a newer one
#   header:FILE      the C++ compiler finds the header
#   runtime:NAME     clang has that run-time library
#   wish:NAME        an optional command, installed along with the rest if apt has it
#   wish:header:FILE an optional header, likewise
system_rows() {
  local v=${clang_version:-19}
  cat <<TEXT
build|cmd:cmake>=3.25|cmake|configures the build
build|cmd:ninja|ninja-build|builds
build|cmd:$clang|clang-$v|compiler with libFuzzer (clang 16 or newer)
build|runtime:fuzzer|libclang-rt-$v-dev|libFuzzer and the sanitizers
build|cmd:$(llvm_tool llvm-symbolizer)|llvm-$v|readable stacks, coverage reports
build|header:vector|g++|the C++ standard library
build|header:gtest/gtest.h|libgtest-dev|tests
build|header:gmock/gmock.h|libgmock-dev|tests
build|header:benchmark/benchmark.h|libbenchmark-dev|benchmarks
build|header:CLI/CLI.hpp|libcli11-dev|command line
build|header:absl/strings/str_format.h|libabsl-dev|text, times and lists
build|header:nlohmann/json.hpp|nlohmann-json3-dev|reports
build|header:httplib.h|libcpp-httplib-dev|HTTP for proxy and workers
build|header:yaml-cpp/yaml.h|libyaml-cpp-dev|scenarios of clusters
build|header:hiredis/hiredis.h|libhiredis-dev|a client library under test
build|wish:header:event2/event.h|libevent-dev|an event loop of hiredis's adapters
build|wish:header:uv.h|libuv1-dev|another one
build|wish:ccache|ccache|faster rebuilds
build|wish:ld.lld-$v|lld-$v|faster links
afl|cmd:afl-fuzz|afl++|the second fuzzing engine
oss-fuzz|cmd:zip|zip|packs seed corpora
oss-fuzz|cmd:unzip|unzip|looks into them
lint|cmd:clang-format-$v|clang-format-$v|format
lint|cmd:clang-tidy-$v|clang-tidy-$v|static checks
TEXT
}

# Sets clang, clangxx and clang_version: $RESPROBE_CLANG if set, else clang-19, else another version
# that is new enough.
choose_clang() {
  local name
  for name in ${RESPROBE_CLANG:+"$RESPROBE_CLANG"} clang-{19,20,21,22,18,17,16} clang; do
    if command -v "$name" >/dev/null; then
      clang=$name
      clang_version=${name##*clang}
      clang_version=${clang_version#-}
      [[ -n $clang_version ]] || clang_version=$("$name" -dumpversion | cut -d. -f1)
      ((clang_version >= 16)) || continue
      clangxx=${clang/clang/clang++}
      return
    fi
  done
  clang=clang-19 clangxx=clang++-19 clang_version=19
}

# The installed name of a tool of the chosen LLVM.
llvm_tool() {
  if [[ $clang == clang ]]; then echo "$1"; else echo "$1-$clang_version"; fi
}

# True if the probe succeeds. A wish: fails only where apt could install it.
probe() {
  local kind=${1%%:*} what=${1#*:}
  case $kind in
    cmd)
      command -v "${what%%>=*}" >/dev/null || return 1
      [[ $what != *">="* ]] || version_at_least "${what#*>=}" "${what%%>=*}"
      ;;
    wish)
      if [[ $what == header:* ]]; then has_header "${what#header:}"; else command -v "$what" >/dev/null; fi
      ;;
    header) has_header "$what" ;;
    runtime)
      command -v "$clang" >/dev/null || return 1
      local file
      for file in "libclang_rt.$what-$(uname -m).a" "libclang_rt.$what.a"; do
        [[ ! -e $("$clang" --print-file-name="$file") ]] || return 0
      done
      return 1
      ;;
  esac
}

# Asks the compiler, if there is one, since it knows its search path (and only whether the header is
# there: to read all of them takes ten seconds); else looks in the usual places.
has_header() {
  if command -v "$clangxx" >/dev/null; then
    printf '#if !__has_include(<%s>)\n#error\n#endif\n' "$1" | "$clangxx" -E -x c++ - >/dev/null 2>&1
  else
    compgen -G "/usr/include/$1" >/dev/null || compgen -G "/usr/include/c++/*/$1" >/dev/null ||
      compgen -G "/usr/local/include/$1" >/dev/null
  fi
}

version_at_least() {
  local wanted=$1 have
  have=$("$2" --version | grep -o -E '[0-9]+(\.[0-9]+)+' | head -n 1)
  [[ $(printf '%s\n%s\n' "$wanted" "$have" | sort -V | head -n 1) == "$wanted" ]]
}

# Sets missing to the rows of the needs whose probe fails, and wishes to the optional ones among
# them.
find_missing() {
  local needs=" $1 " need test package why
  missing=() wishes=()
  while IFS='|' read -r need test package why; do
    [[ $needs == *" $need "* ]] || continue
    if probe "$test"; then continue; fi
    if [[ $test == wish:* ]]; then wishes+=("$package|$why|$test"); else missing+=("$package|$why|$test"); fi
  done < <(system_rows)
}

# print_rows ROW…
print_rows() {
  local row package why test
  for row in "$@"; do
    IFS='|' read -r package why test <<<"$row"
    test=${test#*:}
    printf '  %-24s %-40s (Debian package: %s)\n' "$test" "$why" "$package"
  done
}

# remember LINE FILE: appends the line and keeps the last ten.
remember() {
  local kept=""
  if [[ -e $2 ]]; then kept=$(tail -n 9 "$2"); fi
  printf '%s\n' ${kept:+"$kept"} "$1" >"$2"
}

ensure_system_packages() {
  local needs=$1 stamp=$build_dir/.system-${1// /-} key
  choose_clang
  has_apt=no
  if command -v apt-get >/dev/null && command -v dpkg >/dev/null; then has_apt=yes; fi
  # Nothing is missing if list and PATH were seen complete before and the system's packages have not
  # changed since. The last few values are remembered, because PATH differs between shells and what
  # they start.
  if [[ /var/lib/dpkg/status -nt $stamp && $has_apt == yes ]]; then rm -f "$stamp"; fi
  key="$clang $PATH $(cksum <"$source_dir/scripts/system-packages.sh")"
  if [[ -e $stamp ]] && grep -q -x -F -e "$key" "$stamp"; then return; fi
  find_missing "$needs"
  if ((${#missing[@]})); then
    if [[ $has_apt == no ]]; then
      say "this system has no apt; please install, then run the command again:"
      print_rows "${missing[@]}" >&2
      exit 2
    fi
    install "${missing[@]}" "${wishes[@]}"
    choose_clang
    find_missing "$needs"
    if ((${#missing[@]})); then
      say "still missing after the installation:"
      print_rows "${missing[@]}" >&2
      exit 2
    fi
  fi
  key="$clang $PATH $(cksum <"$source_dir/scripts/system-packages.sh")"
  remember "$key" "$stamp"
}

# Installs the packages of the rows, or reports why it cannot and exits with 2.
install() {
  local packages=() row as_root=() log=$build_dir/apt.log
  for row in "$@"; do packages+=("${row%%|*}"); done
  if ((EUID != 0)); then
    if ! command -v sudo >/dev/null; then
      say "these packages are missing, and installing them takes root (there is no sudo):"
      print_rows "$@" >&2
      say "as root: apt-get install ${packages[*]}"
      exit 2
    fi
    as_root=(sudo)
  fi
  say "installing with ${as_root[*]:+sudo }apt what the build needs:"
  print_rows "$@" >&2
  # The lists may be missing (a fresh container) or stale (a package was replaced): then update
  # once.
  if ! apt_knows "${packages[@]}" || ! apt_install; then
    say "reading the package lists (apt-get update)"
    "${as_root[@]}" apt-get -q update >"$log" 2>&1 || {
      tail -n 5 "$log" >&2
      die "apt-get update failed (see above and $log): is the network there?"
    }
    apt_install || {
      tail -n 15 "$log" >&2
      die "apt-get install failed: see above and $log"
    }
  fi
}

# True if apt has a candidate for each of the packages.
apt_knows() {
  local known
  known=$(apt-cache policy "$@" 2>/dev/null | grep -c '^  Candidate: [^(]' || true)
  ((known == $#))
}

# Uses packages, as_root and log of install().
apt_install() {
  local command=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y
    -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 --no-install-recommends install "${packages[@]}")
  if [[ -t 2 ]]; then
    "${command[@]}" </dev/null 2>&1 | tee "$log" >&2
  else
    "${command[@]}" -q </dev/null >"$log" 2>&1
  fi
}
