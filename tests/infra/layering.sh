#!/usr/bin/env bash
# Fails if a file includes a header of a room that its own room must not depend on, or if one of the
# deterministic rooms uses anything that could make two runs of one tape differ, or if a rule about a
# command asks for its name instead of a trait of the command table.
#   usage: layering.sh SOURCE_DIR
# One line per fault: FILE:LINE: description.
set -euo pipefail

# FOLDER: the rooms whose headers its files may include (its own first).
readonly rooms='
src/core: core
src/engine: engine core
src/history: history engine core
src/sim: sim core
src/worlds: worlds history engine sim core
src/driver: driver engine sim core
src/sandbox: sandbox sim core
src/live: live history sandbox worlds engine sim core
src/cachelab: cachelab live history sandbox worlds engine sim core
src/mutants: mutants driver
src/runner: runner driver engine core
src/report: report runner driver engine core
src/findings: findings report runner driver engine core
src/cli: cli mutants findings report runner cachelab live history sandbox worlds driver engine sim core
harnesses: worlds driver engine sim core
harnesses/live: live worlds driver engine sim core
'
# The names of all rooms.
readonly names=" $(sed -n 's/^src\/\([a-z]*\):.*/\1/p' <<<"$rooms" | tr '\n' ' ')"
readonly deterministic='src/core src/engine src/history src/sim src/worlds'

# What the deterministic rooms must not use: extended regular expression, then the reason.
forbidden() {
  cat <<'TABLE'
system_clock|steady_clock|high_resolution_clock|clock_gettime|gettimeofday|std::time\(	the wall clock (use the virtual one)
random_device|mt19937|std::rand\b|\bsrand\(|getrandom|arc4random	entropy (use engine/rng.h or a seed from the tape)
std::(this_)?thread\b|std::jthread|std::async|std::mutex|std::atomic|pthread_	threads
\bgetenv\b	the environment
unordered_(map|set|multimap|multiset)|std::hash\b	hash order (use an ordered container or the core's own dictionary)
std::map<[^,<>]*\*|std::set<[^,<>]*\*|uintptr_t	the order of addresses
%p\b|static_cast<(const )?void ?\*>\(.*<<	addresses in output
\bgetpid\b|\bsocket\(|\bfork\(	the operating system
\bthrow\b|\btry \{|\bcatch \(	exceptions (errors are values)
\babsl::	a third-party library
TABLE
}

# Headers of the standard library that provide one of the above.
readonly unwanted_headers='thread|mutex|shared_mutex|future|atomic|random|iostream|fstream|filesystem|condition_variable|stop_token'

# hiredis is the subject of resp_differential. The code that includes it is header-only and compiled
# with that harness, which links the library; the room itself does not.
is_exempt() { [[ $1 == src/worlds/*/hiredis_*.h && $2 == hiredis/* ]]; }

# code_of FILE…: prints FILE:LINE:TEXT for each line, without comments and the contents of string
# literals.
code_of() {
  awk '
    FNR == 1 {inside = 0}
    {
      line = $0
      gsub(/\\\\/, "", line)
      gsub(/\\"/, "", line)
      if (line !~ /^[[:space:]]*#[[:space:]]*include/) gsub(/"[^"]*"/, "\"\"", line)
      sub(/\/\/.*$/, "", line)
      done = ""
      while (1) {
        if (inside) {
          at = index(line, "*/")
          if (!at) break
          line = substr(line, at + 2); inside = 0
        }
        at = index(line, "/*")
        if (!at) {done = done line; break}
        done = done substr(line, 1, at - 1) " "
        line = substr(line, at + 2); inside = 1
      }
      print FILENAME ":" FNR ":" done
    }' "$@"
}

faults=0
report() {
  printf '%s: %s\n' "$1" "$2"
  faults=$((faults + 1))
}

check_includes() {
  local folder=$1 allowed=" $2 " file number header room
  while IFS=: read -r file number header; do
    room=${header%%/*}
    if [[ $header != */* || $names != *" $room "* ]]; then
      report "$file:$number" "\"$header\" is not a header of a room (write it from src/: \"core/resp/reply.h\")"
    elif [[ $allowed != *" $room "* ]]; then
      report "$file:$number" "$folder must not include \"$header\": it may use only${allowed% }"
    fi
  done < <(find "$folder" -path "$folder/live" -prune -o \( -name '*.h' -o -name '*.cc' \) -print |
    sort | xargs -r grep -H -n -o -E \
    '^[[:space:]]*#[[:space:]]*include "[^"]+"' |
    sed -E 's/^([^:]+:[0-9]+):.*"([^"]+)"$/\1:\2/')
}

# OSS-Fuzz builds harnesses with libc++, and Debian's abseil is built with libstdc++: only rooms
# that no harness links may use it.
check_abseil() {
  local file number
  while IFS=: read -r file number _; do
    report "$file:$number" "includes abseil, which is for runner, report, findings and cli alone"
  done < <(find harnesses src -path src/runner -prune -o -path src/report -prune -o -path src/findings -prune -o -path src/cli -prune -o \
    \( -name '*.h' -o -name '*.cc' \) -print | sort |
    xargs -r grep -H -n -E '^[[:space:]]*#[[:space:]]*include [<"]absl/' | grep -v -E "^($1)/")
}

check_determinism() {
  local files code any pattern why file number text header
  mapfile -t files < <(find "$1" -name '*.h' -o -name '*.cc' | sort)
  ((${#files[@]})) || return 0
  code=$(code_of "${files[@]}")
  # Only few lines are looked at again, once for each pattern.
  any=$(grep -E "^[^:]+:[0-9]+:.*($(forbidden | cut -f 1 | paste -s -d '|'))" <<<"$code" || true)
  while [[ -n $any ]] && IFS=$'\t' read -r pattern why; do
    while IFS=: read -r file number text; do
      [[ -z $number ]] || report "$file:$number" "uses $why:$(echo " $text" | tr -s ' ')"
    done < <(grep -E "^[^:]+:[0-9]+:.*($pattern)" <<<"$any" || true)
  done < <(forbidden)
  while IFS=: read -r file number header; do
    [[ -z $number ]] || is_exempt "$file" "$header" ||
      report "$file:$number" "includes <$header>, which is not for a deterministic room"
  done < <(grep -E '^[^:]+:[0-9]+:[[:space:]]*#[[:space:]]*include <' <<<"$code" |
    sed -E 's/^([^:]+:[0-9]+):.*<([^>]+)>.*$/\1:\2/' | grep -E ":[0-9]+:($unwanted_headers|.*[./].*)\$" || true)
}

# A rule by a command's name, where a trait (src/core/table/spec.h) would say what is meant. The
# commands of foreign servers, which the table does not have, are live/robustness's own.
check_traits() {
  local place text
  while IFS=: read -r place number text; do
    report "$place:$number" "compares a command's name (add a trait to the command table):$(echo " $text" | tr -s ' ')"
  done < <(grep -r -n -E '(command|queued|asked)[a-z.>-]*(\.|->)(full_)?name\(\)( [!=]= "|\.(starts|ends)_with|\.find)' \
    --include='*.h' --include='*.cc' "$@" | sort)
}

cd "$1"
while IFS=: read -r folder allowed; do
  [[ -n $folder && -d $folder ]] || continue
  check_includes "$folder" "${allowed# }"
done <<<"$rooms"
check_abseil "$(tr ' ' '|' <<<"$deterministic")"
for folder in $deterministic; do
  [[ -d $folder ]] || continue
  check_determinism "$folder"
done
for folder in src/core/server src/worlds src/live; do
  [[ ! -d $folder ]] || check_traits "$folder"
done
echo "$faults faults"
((faults == 0))
