#!/usr/bin/env bash
# Help, shell completion and the man page, as a shell, groff and mandoc take them.
set -euo pipefail
program=$1
. "$(dirname "$0")/lib.sh"
cd "$RESPROBE_SOURCE_DIR"

fail() {
  echo "$*" >&2
  failures=$((failures + 1))
}

# The script ./resprobe names every verb in its own list, with the same words.
run 0 --help
sed -n '/^Verbs:/,/^$/p' "$temp/out" | sed -n 's/^  //p' | sed -E 's/^([a-z-]+) +/\1 /' |
  grep -v '^ ' | sort >"$temp/verbs"
./resprobe --help | sed -n -E 's/^  ([a-z-]+)( [[A-Z][^ ]*)?  +([^ ].*)$/\1 \3/p' | sort >"$temp/listed"
diff "$temp/listed" "$temp/verbs" >&2 || fail "./resprobe --help and the program's list differ"

# completes WORD… CURRENT: what bash offers for the last word.
run 0 completion bash
completes() {
  bash -c '
    source "$1"; shift
    COMP_WORDS=(./resprobe "$@"); COMP_CWORD=$#
    _resprobe; printf "%s\n" "${COMPREPLY[@]}"' bash "$temp/out" "$@"
}
offers() {
  local wanted=$1
  shift
  completes "$@" >"$temp/offered"
  grep -q -x -F -e "$wanted" "$temp/offered" || fail "bash offers no '$wanted' after: $*"
}
offers fuzz fu
offers resp_parser fuzz resp
offers --time fuzz --ti
offers afl fuzz --engine a
offers afl fuzz --engine = a
offers bash completion ba
offers check corpus ch
offers --output corpus check --out
offers README.md show READ
offers corpus corpus merge resp_parser corp
offers --flush oracle --fl
[[ -z $(completes fuzz --jobs "") ]] || fail "bash offers something for a number"
[[ -z $(completes oracle --over) ]] || fail "bash offers a hidden option"

run 0 completion zsh
if command -v zsh >/dev/null; then
  zsh -n "$temp/out" || fail "zsh does not read its completion"
fi
wrong_use "there is no 'fish': use bash, zsh" completion fish

run 0 man --output "$temp/resprobe.1"
[[ ! -s $temp/out ]] || fail "man --output prints as well"
run 0 man
cmp "$temp/out" "$temp/resprobe.1" || fail "man prints another page than it writes"
if command -v groff >/dev/null; then
  groff -ww -z -man -Tutf8 "$temp/resprobe.1" 2>"$temp/err"
  [[ ! -s $temp/err ]] || fail "groff: $(cat "$temp/err")"
  # Without the bold type: escapes, or each character struck twice.
  groff -man -Tutf8 "$temp/resprobe.1" | sed $'s/\e\\[[0-9;]*m//g; s/.\b//g' >"$temp/page"
  has page "./resprobe fuzz resp_parser --time 10s"
fi
if command -v mandoc >/dev/null; then
  # The page has no date: it is of the program's version.
  mandoc -T lint -W warning "$temp/resprobe.1" | grep -v "missing date" >"$temp/err" || true
  [[ ! -s $temp/err ]] || fail "mandoc: $(cat "$temp/err")"
fi

wrong_use "'lint' is a verb of the script" lint
finish
