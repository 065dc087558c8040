#!/usr/bin/env bash
# Runs clang-format (which must change nothing) and clang-tidy (which must report nothing) on the
# sources.
#   usage: scripts/lint.sh BUILD_DIR [--deep] [--changed [REVISION] | FILE…]     (./resprobe lint …)
# Without arguments: every source. --changed: those that differ from REVISION (default HEAD),
# including new ones. --deep: also clang's static analyzer and the slow checks; four times as long.
# Exit code: 0 clean, 1 something must be fixed, 2 wrong use.
set -euo pipefail

build=$1
shift
cd "$(dirname "$0")/.."
checks=()
if [[ ${1:-} == --deep ]]; then
  checks=(--checks='clang-analyzer-*,-clang-analyzer-optin.performance.Padding,bugprone-reserved-identifier,bugprone-standalone-empty,bugprone-stringview-nullptr,bugprone-undelegated-constructor,google-build-explicit-make-pair,performance-unnecessary-value-param')
  shift
fi
case ${1:-} in
  -h | --help)
    echo "usage: ./resprobe lint [--deep] [--changed [REVISION] | FILE…]"
    exit 0
    ;;
  --changed)
    git rev-parse -q --verify "${2:-HEAD}^{commit}" >/dev/null || {
      echo "resprobe: there is no revision '$2': name a commit or a branch" >&2
      exit 2
    }
    mapfile -t files < <({
      git diff --name-only --diff-filter=d "${2:-HEAD}"
      git ls-files --others --exclude-standard
    } | sort -u)
    ;;
  "") mapfile -t files < <(git ls-files --cached --others --exclude-standard) ;;
  -*)
    echo "resprobe: there is no option '$1': ./resprobe lint --help lists them" >&2
    exit 2
    ;;
  *)
    files=("$@")
    for file in "${files[@]}"; do
      [[ -f $file ]] || {
        echo "resprobe: $file: there is no such file" >&2
        exit 2
      }
    done
    ;;
esac
suffix=$(sed -n 's/^CMAKE_CXX_COMPILER:[A-Z]*=.*clang++//p' "$build/CMakeCache.txt")
mapfile -t sources < <(printf '%s\n' "${files[@]}" | grep -E '\.(cc|h)$')
if ((${#sources[@]} == 0)); then
  echo "resprobe: no source has changed"
  exit 0
fi

code=0
"clang-format$suffix" --dry-run -Werror "${sources[@]}" || code=1
# Headers are checked through the sources that include them (.clang-tidy's HeaderFilterRegex), and
# only sources that the build compiles can be checked, each once: variants of a harness share a
# source.
once=$(mktemp -d)
trap 'rm -rf "$once"' EXIT
awk '
  /^\{/ {entry = ""; file = ""}
  {entry = entry $0 "\n"}
  /^ *"file": / {file = $0}
  /^\}/ {if (!seen[file]++) {sub(/\},?\n$/, "}", entry); all = all (all == "" ? "" : ",\n") entry}}
  END {print "[\n" all "\n]"}' "$build/compile_commands.json" >"$once/compile_commands.json"
mapfile -t units < <(for file in "${sources[@]}"; do
  if grep -q -F "\"file\": \"$PWD/$file\"" "$once/compile_commands.json"; then echo "$file"; fi
done)
if ((${#units[@]})); then
  printf '%s\0' "${units[@]}" |
    xargs -0 -n 1 -P "$(nproc)" "clang-tidy$suffix" -p "$once" "${checks[@]}" --quiet --warnings-as-errors='*' \
      2> >(grep -v -E '^[0-9]+ warnings? (generated|treated)|^Suppressed|^Use -' >&2) || code=1
fi
((code == 0)) && echo "resprobe: ${#sources[@]} files formatted, ${#units[@]} of them checked: clean"
exit "$code"
