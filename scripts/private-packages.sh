#!/usr/bin/env bash
# Fetches packages that the system lacks or has in too old a version, without changing the system:
# apt downloads them with a private state, and they are unpacked into build/packages/NAME.
#
#   usage: scripts/private-packages.sh PACKAGES_DIR [--retry] [--also NAME]
#          scripts/private-packages.sh --entry [APT_DIR]    prints the apt entry that it derives
#
# The apt entry is derived from the machine's own: same mirror, same keyring, other suites. A
# package that cannot be fetched is reported in one line and remembered for a day (--retry tries
# again at once); whatever depends on it is skipped, and reported as skipped. Exit code: 0 unless
# the folder cannot be written.
#
# Writes PACKAGES_DIR/servers.env: the real servers that tests and the program may start, as
# RESPROBE_REDIS_SERVER, RESPROBE_REDIS_CLI, RESPROBE_REDIS_BENCHMARK, RESPROBE_VALKEY_SERVER, and
# the module RESPROBE_REDISEARCH, for --loadmodule. A name is missing if its file is not available.
set -euo pipefail

# NAME | Debian suite | packages | a file that must exist afterwards (glob below NAME/)
# A name in brackets is fetched only if --also names it.
readonly SETS=(
  "hiredis-1.2|trixie|libhiredis-dev|usr/lib/*/libhiredis.a"
  "valkey-8.0|bookworm-backports|valkey-server valkey-tools|usr/bin/valkey-server"
  "redis-7.0|bookworm|redis-server redis-tools|usr/bin/redis-server"
  "redisearch-1.2|bookworm|redis-redisearch|usr/lib/redis/modules/redisearch.so"
  "hiredis-0.14|bookworm|libhiredis-dev|usr/lib/*/libhiredis.a"
  "slurm-22.05|bookworm|slurmctld slurmd slurm-client slurm-wlm-basic-plugins munge|usr/sbin/slurmctld-wlm"
  "[libcxx-19]|bookworm|libc++-19-dev libc++abi-19-dev|usr/lib/llvm-19/lib/libc++.a"
)

say() { printf 'resprobe: %s\n' "$*" >&2; }

# True if the system itself provides the set NAME, so that nothing need be fetched. (May print.)
system_has() {
  case $1 in
    redis-7.0) [[ $(/usr/bin/redis-server --version 2>/dev/null) == *v=7.0.* ]] ;;
    valkey-8.0) [[ $(/usr/bin/valkey-server --version 2>/dev/null) == *v=8.0.* ]] ;;
    redisearch-1.2) [[ $(dpkg-query -W -f '${Version}' redis-redisearch 2>/dev/null) == *1.2.* ]] ;;
    hiredis-1.2) [[ $(hiredis_version) == 1.2.* ]] ;;
    hiredis-0.14) [[ $(hiredis_version) == 0.14.* ]] ;;
    slurm-22.05) command -v slurmctld && command -v slurmd && command -v sbatch && command -v munged ;;
    *) return 1 ;;
  esac
}

hiredis_version() {
  awk '/^#define HIREDIS_(MAJOR|MINOR|PATCH) /{v = v (v == "" ? "" : ".") $3} END {print v}' \
    /usr/include/hiredis/hiredis.h 2>/dev/null || true
}

is_complete() { [[ -e $packages/$1/.complete ]]; }

# True if fetching failed less than a day ago.
is_given_up() {
  [[ $retry == no && -n $(find "$packages/$1.unavailable" -mmin -1440 2>/dev/null) ]]
}

# Prints "URI|keyring or nothing" of the machine's own entry for Debian's main archive, in either of
# apt's formats. (apt-get indextargets prints it too, but only after lists have been fetched.)
own_entry() {
  local files=() dir=${1:-/etc/apt}
  shopt -s nullglob
  files=("$dir"/sources.lis[t] "$dir"/sources.list.d/*.list "$dir"/sources.list.d/*.sources)
  shopt -u nullglob
  awk '
    function offer(types, uris, suites, components, signed_by, part, n, i, whole) {
      if (types !~ /(^| )deb( |$)/ || components !~ /(^| )main( |$)/) return
      n = split(suites, part, " ")
      for (i = 1; i <= n; i++) if (part[i] !~ /[-\/]/) whole = 1  # neither -updates nor -security
      split(uris, part, " ")
      if (!whole || part[1] !~ /[\/.]debian([\/.]|$)/) return
      print part[1] "|" (signed_by ~ /^\// ? signed_by : "")
      exit
    }
    function end_of_stanza() {
      if (tolower(field["enabled"]) !~ /^(no|false|0)$/)
        offer(field["types"], field["uris"], field["suites"], field["components"], field["signed-by"])
      split("", field)
    }
    FNR == 1 {end_of_stanza()}
    {sub(/\r$/, "")}
    FILENAME ~ /\.list$/ {
      sub(/#.*/, "")
      if ($1 != "deb") next
      signed_by = ""
      if (match($0, /\[[^]]*\]/)) {
        n = split(substr($0, RSTART + 1, RLENGTH - 2), option, " ")
        for (i = 1; i <= n; i++)
          if (option[i] ~ /^signed-by=/) signed_by = substr(option[i], 11)
        $0 = substr($0, 1, RSTART - 1) substr($0, RSTART + RLENGTH)
      }
      components = ""
      for (i = 4; i <= NF; i++) components = components " " $i
      offer("deb", $2, $3, components, signed_by)
      next
    }
    /^#/ {next}
    /^[[:space:]]*$/ {end_of_stanza(); next}
    /^[[:space:]]/ {sub(/^[[:space:]]+/, ""); field[name] = field[name] " " $0; next}
    {
      name = tolower(substr($0, 1, index($0, ":") - 1))
      sub(/^[^:]*:[[:space:]]*/, "")
      field[name] = $0
    }
    END {end_of_stanza()}' "${files[@]}" </dev/null | head -n 1
}

# Sets up the private apt state for the named suites, once per run.
open_apt() {
  local entry uri keyring suite
  [[ ${apt_is_open:-no} == no ]] || return 0
  # shellcheck disable=SC1091
  [[ $(. /etc/os-release && echo "${ID:-}") == debian ]] || { reason="this is not Debian"; return 1; }
  entry=$(own_entry)
  [[ -n $entry ]] || { reason="apt has no entry for Debian's main archive"; return 1; }
  uri=${entry%%|*} keyring=${entry#*|}
  [[ -r $keyring ]] || keyring=
  apt_dir=$packages/.apt
  rm -rf "$apt_dir"
  mkdir -p "$apt_dir"/{etc/sources.list.d,etc/parts,etc/preferences.d,state/lists/partial,cache/archives/partial}
  for suite in "$@"; do
    echo "deb ${keyring:+[signed-by=$keyring] }$uri $suite main"
  done >"$apt_dir/etc/sources.list"
  {
    # Keep how this machine reaches its mirror (proxies, timeouts), but not hooks and extra indexes.
    apt-config dump Acquire | grep -v -i -E '^Acquire::(IndexTargets|Changelogs|Languages)'
    echo 'Acquire::Languages "none";'
    echo 'Acquire::GzipIndexes "true";'
    echo "Dir::State \"$apt_dir/state\";"
    echo "Dir::State::status \"/var/lib/dpkg/status\";"
    echo "Dir::Cache \"$apt_dir/cache\";"
    echo "Dir::Etc::main \"/dev/null\";"
    echo "Dir::Etc::parts \"$apt_dir/etc/parts\";"
    echo "Dir::Etc::sourcelist \"$apt_dir/etc/sources.list\";"
    echo "Dir::Etc::sourceparts \"$apt_dir/etc/sources.list.d\";"
    echo "Dir::Etc::preferences \"/dev/null\";"
    echo "Dir::Etc::preferencesparts \"$apt_dir/etc/preferences.d\";"
    echo 'APT::Sandbox::User "root";'
    echo 'Debug::NoLocking "true";'
  } >"$apt_dir/apt.conf"
  export APT_CONFIG=$apt_dir/apt.conf
  say "reading the package lists of Debian's $* (privately, for build/packages)"
  # Exit code 0 even if one suite failed: the download fails if something is missing.
  apt-get -q -q update >"$packages/apt.log" 2>&1 || true
  apt_is_open=yes
}

# Unpacks PACKAGE of SUITE into DIR, then the libraries that it needs and the system lacks.
unpack() {
  local package=$1 suite=$2 dir=$3 deb name
  [[ " $unpacked " != *" $package "* ]] || return 0
  rm -f "$apt_dir"/debs/*.deb
  mkdir -p "$apt_dir/debs"
  (cd "$apt_dir/debs" && apt-get -q -q download "$package/$suite" >>"$packages/apt.log" 2>&1) ||
    { reason="apt cannot download $package from $suite"; return 1; }
  deb=$(echo "$apt_dir"/debs/*.deb)
  dpkg-deb -x "$deb" "$dir" || { reason="$package does not unpack"; return 1; }
  unpacked+=" $package"
  printf '%s %s\n' "$package" "$(dpkg-deb -f "$deb" Version)" >>"$dir/.complete"
  [[ $package != *-dev ]] || return 0  # linked statically: headers and .a are all
  for name in $(dpkg-deb -f "$deb" Depends | tr ',' '\n' | sed 's/|.*//; s/(.*//; s/:any//'); do
    [[ $name == lib* ]] || continue
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) != installed ]] || continue
    unpack "$name" "$suite" "$dir" || unpack "$name" "${suite%-backports}" "$dir" || return 1
  done
}

# Fills build/packages/NAME atomically.
fetch() {
  local name=$1 suite=$2 package temp=$packages/.new-$1 unpacked=""
  rm -rf "$temp"
  mkdir -p "$temp"
  for package in $3; do
    unpack "$package" "$suite" "$temp" || return 1
  done
  # shellcheck disable=SC2086,SC2206
  local found=("$temp"/$4)
  [[ -e ${found[0]} ]] || { reason="the package holds no ${4##*/}"; return 1; }
  make_wrappers "$temp" "$packages/$name"
  rm -rf "${packages:?}/$name"
  mv "$temp" "$packages/$name"
  rm -f "$packages/$name.unavailable"
  say "unpacked $(paste -s -d, "$packages/$name/.complete" | sed 's/,/, /g') into build/packages/$name"
}

# Writes DIR/bin/PROGRAM, which starts DIR/usr/bin/PROGRAM or DIR/usr/sbin/PROGRAM with the unpacked
# libraries; DIR will be moved to FINAL. (Nothing is installed: no script of a package runs, and no
# service is started.)
make_wrappers() {
  local dir=$1 final=$2 program libraries
  [[ -d $dir/usr/bin || -d $dir/usr/sbin ]] || return 0
  mkdir -p "$dir/bin"
  libraries=$(cd "$dir" && find . -name '*.so*' -printf "$final/%P\n" | xargs -r -n1 -d '\n' dirname |
    sort -u | paste -s -d:)
  for program in "$dir"/usr/bin/* "$dir"/usr/sbin/*; do
    [[ -x $program ]] || continue
    program=${program#"$dir"/}
    {
      echo '#!/bin/sh'
      [[ -z $libraries ]] || printf 'export LD_LIBRARY_PATH=%q\n' "$libraries"
      printf 'exec %q "$@"\n' "$final/$program"
    } >"$dir/bin/${program##*/}"
    chmod +x "$dir/bin/${program##*/}"
  done
}

# "NAME=value" of a program of SET, from the private folder, else from the system.
server_line() {
  local variable=$1 set=$2 program=$3
  if [[ -x $packages/$set/bin/$program ]]; then
    printf '%s=%s\n' "$variable" "$packages/$set/bin/$program"
  elif command -v "$program" >/dev/null; then
    printf '%s=%s\n' "$variable" "$(command -v "$program")"
  fi
}

# The same for the file FILE of SET.
file_line() {
  local variable=$1 set=$2 file=$3 found
  for found in "$packages/$set/$file" "/$file"; do
    [[ -e $found ]] || continue
    printf '%s=%s\n' "$variable" "$found"
    return
  done
}

write_servers_env() {
  local new=$packages/.servers.env.new
  {
    server_line RESPROBE_REDIS_SERVER redis-7.0 redis-server
    server_line RESPROBE_REDIS_CLI redis-7.0 redis-cli
    server_line RESPROBE_REDIS_BENCHMARK redis-7.0 redis-benchmark
    server_line RESPROBE_VALKEY_SERVER valkey-8.0 valkey-server
    file_line RESPROBE_REDISEARCH redisearch-1.2 usr/lib/redis/modules/redisearch.so
  } >"$new"
  if cmp -s "$new" "$packages/servers.env"; then
    rm -f "$new"
  else
    mv "$new" "$packages/servers.env"
  fi
}

main() {
  local row name suite list file also="" suites=() todo=()
  packages=$1 retry=no usable=yes reason=""
  shift
  while (($#)); do
    case $1 in
      --retry) retry=yes ;;
      --also) also=$2 && shift ;;
    esac
    shift
  done
  mkdir -p "$packages"
  packages=$(cd "$packages" && pwd)
  for row in "${SETS[@]}"; do
    [[ $row != \[* || $row == "[$also]"* ]] || continue
    row=${row/\[/} row=${row/\]/}
    IFS='|' read -r name suite list file <<<"$row"
    if is_complete "$name" || is_given_up "$name" || system_has "$name" >/dev/null; then continue; fi
    todo+=("$row")
    suites+=("$suite")
    [[ $suite != *-backports ]] || suites+=("${suite%-backports}")
  done
  if ((${#todo[@]})); then
    if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
      usable=no reason="this system has no apt"
    fi
    mapfile -t suites < <(printf '%s\n' "${suites[@]}" | sort -u)
    for row in "${todo[@]}"; do
      IFS='|' read -r name suite list file <<<"$row"
      if [[ $usable == yes ]] && open_apt "${suites[@]}" && fetch "$name" "$suite" "$list" "$file"; then
        continue
      fi
      [[ ${apt_is_open:-no} == yes ]] || usable=no
      say "no $name: $reason; what needs it is skipped"
      echo "$reason" >"$packages/$name.unavailable"
    done
    rm -rf "$packages/.apt" "$packages"/.new-*
  fi
  write_servers_env
}

if [[ ${1:-} == --entry ]]; then
  own_entry "${2:-}"
else
  main "$@"
fi
