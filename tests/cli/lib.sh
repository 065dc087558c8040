# shellcheck shell=bash
# Sourced by the tests of the program.
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
failures=0

# As in ./resprobe: programs fetched for this build are found after the system's.
for tool in "${RESPROBE_REDIS_SERVER:-}" "${RESPROBE_VALKEY_SERVER:-}"; do
  [[ -z $tool ]] || PATH+=:$(dirname "$tool")
done

# need TOOL…: skips the test if one of them is missing.
need() {
  local tool
  for tool in "$@"; do
    command -v "$tool" >/dev/null || {
      echo "no $tool here"
      exit 77
    }
  done
}

# need_python: sets $python to the command of the interpreter itself, which starts in a tenth of the
# time of a wrapper (pyenv) and of the search for site packages; skips the test if there is none.
need_python() {
  need python3
  python="$(python3 -c 'import sys; print(sys.executable)') -I -S"
}

# run CODE ARGUMENT…: runs the program; checks its exit code. Leaves its output in $temp/out and
# $temp/err.
run() {
  local wanted=$1 code=0
  shift
  "$program" "$@" >"$temp/out" 2>"$temp/err" || code=$?
  if ((code != wanted)); then
    echo "resprobe $*: exit code $code instead of $wanted" >&2
    head -n 20 "$temp/out" "$temp/err" >&2
    failures=$((failures + 1))
  fi
}

# has FILE TEXT
has() {
  if ! grep -q -F -e "$2" "$temp/$1"; then
    echo "'$2' is not in $1:" >&2
    head -n 20 "$temp/$1" >&2
    failures=$((failures + 1))
  fi
}

# holds FOLDER FILE…: checks that the folder of a finding has these files and that none is empty.
holds() {
  local folder=$1 file
  shift
  for file in "$@"; do
    [[ -s $folder/$file ]] && continue
    echo "$file is not in the finding '$folder'" >&2
    failures=$((failures + 1))
  done
}

# wrong_use TEXT ARGUMENT…: checks for exit code 2 and one line on stderr that contains the text.
wrong_use() {
  local text=$1
  shift
  run 2 "$@"
  has err "$text"
  if (($(wc -l <"$temp/err") != 1)) || [[ -s $temp/out ]]; then
    echo "resprobe $*: is to print one line on stderr and nothing else:" >&2
    cat "$temp/out" "$temp/err" >&2
    failures=$((failures + 1))
  fi
}

finish() {
  ((failures == 0)) || exit 1
}
