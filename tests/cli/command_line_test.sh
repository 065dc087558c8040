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
./resprobe --help | sed -n -E 's/^  ([a-z-]+)( [[A-Z][^ ]*)* +([^ [A-Z].*)$/\1 \3/p' | sort >"$temp/listed"
diff "$temp/listed" "$temp/verbs" >&2 || fail "./resprobe --help and the program's list differ"
# And it knows what each of them needs: the labels of its `case`.
sed -n -E '/^  case \$verb in/,/^  esac/s/^    ([a-z| -]+)\)$/\1/p' resprobe | tr '|' '\n' | tr -d ' ' |
  sort >"$temp/known"
while read -r verb _; do
  grep -q -x -e "$verb" "$temp/known" || fail "./resprobe does not know what $verb needs"
done <"$temp/verbs"

# Its arguments are those of the program's own description.
run 0 man
arguments_of() { sed -n -E "s/^\\.SS $1 (.*)\$/\\1/p" "$temp/out" | sed 's/\\\[u2026\]/…/g; s/\\-/-/g'; }
[[ $(arguments_of build) == "PRESET [TARGET…]" ]] || fail "build: $(arguments_of build)"
./resprobe --help | grep -q -F "  build PRESET [TARGET…] " || fail "./resprobe --help: build"

# The list that ./resprobe reads before a build is the program's.
run 0 --usage-list
cmp "$temp/out" scripts/command-line.txt ||
  fail "scripts/command-line.txt is old: build/fuzz/bin/resprobe --usage-list >scripts/command-line.txt"

# So is the help that it prints before a build.
run 0 --help-list
cmp "$temp/out" scripts/help.txt ||
  fail "scripts/help.txt is old: build/fuzz/bin/resprobe --help-list >scripts/help.txt"

# The files that its examples name are there.
while read -r file; do
  [[ -e $file ]] || fail "the help names $file, which is not there"
done < <(grep -oE "\b(corpus/[a-z_]+|drivers)/[a-z0-9_]+\.[a-z]+" scripts/help.txt | sort -u)

# It refuses wrong command lines in the program's words, and no right ones.
mkdir "$temp/clone"
cp -r resprobe scripts harnesses "$temp/clone"
echo "exit 3" >"$temp/clone/scripts/private-packages.sh" # the first step of a build
refused=0
while IFS= read -r line; do
  eval "words=($line)"
  run 2 --check-only "${words[@]}"
  code=0
  "$temp/clone/resprobe" "${words[@]}" >"$temp/script" 2>&1 </dev/null || code=$?
  # Only the program knows which name is meant.
  sed -i 's/; did you mean [^ ]*?$//' "$temp/err"
  if ((code != 2)) || ! cmp -s "$temp/err" "$temp/script"; then
    fail "./resprobe $line: exit code $code: $(<"$temp/script"), and not $(<"$temp/err")"
  fi
  refused=$((refused + 1))
done <<'LINES'
oracle
oracle --wrong
oracle --wrong=1 --start redis-server
oracle -x --start redis-server
oracle --start redis-server stray
oracle --start
oracle --start ''
oracle --start redis-server --seeds many
oracle --start redis-server --seeds 0
oracle --start redis-server --seeds=99999999999999999999
oracle --start redis-server --time 5x
oracle --start redis-server --time 1h30
oracle --start redis-server --hang 3 --hang 4
oracle --start redis-server --profile redis-1.0
oracle --start redis-server --dangerous
oracle --start redis-server --unmodelled --requests 3
oracle --start redis-server --server 127.0.0.1:1
oracle --server localhost
oracle --server-arg x
record --listen 0 --start redis-server
record --listen 65536 --start redis-server --output x
proxy --listen 0 --unix a --toxiproxy
chaos-peer --listen 0 --seed 18446744073709551616
chaos-peer --lisen 7001 --seed 7
serve 7001
oracle --start redis-server --dangerous --unmodeled
fuzz --engine honggfuzz
fuzz --seed=two
bench --seconds 0
kill --start redis-server --delay -1
invalidate --model-check --seeds x --start redis-server
corpus
corpus mend
corpus merge
findings lst
completion fish
man --output
LINES
((refused == 37)) || fail "$refused wrong lines instead of 37"
[[ ! -e $temp/clone/build ]] ||
  fail "a refused command line has built something"
accepted=0
while read -r verb; do
  # shellcheck disable=SC2086
  run 0 $verb --help
  # shellcheck disable=SC2086
  "$temp/clone/resprobe" $verb --help | cmp - "$temp/out" || fail "the script prints other help for $verb"
  # shellcheck disable=SC2086
  "$temp/clone/resprobe" help $verb | cmp - "$temp/out" || fail "help $verb"
  while IFS= read -r line; do
    eval "words=(${line%% | *})"
    (
      source_dir=$PWD program=$temp/none
      die() {
        echo "$*" >&2
        exit 2
      }
      . scripts/command-line.sh
      check_command_line "${words[@]:1}"
    ) || fail "the list refuses: $line"
    accepted=$((accepted + 1))
  done < <(awk '/^Examples:/ {on = 1; next} !on {next} /^  \.\/resprobe/ {if (line) print line; line = $0; next}
      /^    [^ ]/ {line = line " " $0; next} {if (line) print line; line = ""}' "$temp/out")
done < <(sed -n 's/^verb //p' scripts/command-line.txt)
for time in 30s 5m 1h 45 1.5 .5m 1h30m 250ms; do
  (
    source_dir=$PWD program=$temp/none
    die() { exit 2; }
    . scripts/command-line.sh
    check_command_line fuzz --time "$time"
  ) || fail "the list refuses --time $time"
done
[[ ! -e $temp/clone/build ]] || fail "help has built something"
((accepted > 40)) || fail "only $accepted examples"

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
