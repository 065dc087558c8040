#!/usr/bin/env bash
# Tests what ./resprobe does without a build: help, wrong use, a system without apt, a system with
# missing packages. Runs a copy in a temporary folder, so that nothing here is changed.
#   usage: run_script_test.sh SOURCE_DIR
set -euo pipefail

temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
copy="$temp/a copy"
mkdir -p "$copy"
cp -r "$1/resprobe" "$1/scripts" "$1/harnesses" "$1/CMakeLists.txt" "$1/CMakePresets.json" "$copy"

failures=0
fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

# run EXPECTED_CODE ARGUMENT…: runs ./resprobe; stores its output in $out and $err.
run() {
  local expected=$1 code=0
  shift
  "$script" "$@" >"$temp/out" 2>"$temp/err" </dev/null || code=$?
  out=$(<"$temp/out") err=$(<"$temp/err")
  ((code == expected)) || fail "'$*' exited with $code, not $expected: $out $err"
}

one_line_error() { [[ -z $out && -n $err && $err != *$'\n'* ]] || fail "not one line of error: $out|$err"; }
untouched() { [[ ! -e $copy/build ]] || fail "a build folder was made"; }

script=$copy/resprobe
cd /

# Help requires nothing, and names every verb of the program.
run 0 --help
[[ -z $err ]] || fail "help wrote an error: $err"
while read -r verb; do
  grep -q -E "^  $verb " <<<"$out" || fail "help does not name the verb $verb"
done < <(awk '/^main\(\)/ {on = 1} on' "$script" | grep -o -E '^    [a-z |-]+\)$' | tr -d ' )' |
  tr '|' '\n' | grep -v -E '^(help|-.*)?$')
plain=$out
run 0
[[ $out == "$plain" ]] || fail "no arguments is not help"
untouched

# Wrong use: one line that says what to do, no installation.
for words in "''" "'' --help" "frobnicate --help"; do
  eval "run 2 $words"
  one_line_error
  [[ $err == *"there is no verb "*"./resprobe --help lists them" ]] || fail "$words: $err"
done
run 2 frobnicate --fast
one_line_error
[[ $err == *frobnicate*--help* ]] || fail "the error does not name the verb and the help: $err"
run 2 build nonesuch
one_line_error
[[ $err == *nonesuch*coverage* ]] || fail "the error does not name the presets: $err"
run 2 build
one_line_error
run 2 packages --nonesuch
one_line_error
# In an image, where everything is built.
export RESPROBE_BUILT=1
for verb in test bench recheck lint "build fuzz" oss-fuzz-check; do
  # shellcheck disable=SC2086
  run 2 $verb
  one_line_error
  [[ $err == *"use a clone"* ]] || fail "$verb: $err"
done
unset RESPROBE_BUILT
untouched
# An invalid harness, number or case is refused before anything is built.
run 2 fuzz nonesuch
one_line_error
[[ $err == *nonesuch*command_handler* ]] || fail "the error does not name the harnesses: $err"
run 2 fuzz query_parser --time 5x
one_line_error
[[ $err == *"--time 5x: give a time such as 30s"* ]] || fail "the time is not refused: $err"
run 2 fuzz --seed=two
one_line_error
run 2 oracle --seeds many
one_line_error
# So is what the list of options (scripts/command-line.txt) does not have; cli.command_line says more.
run 2 oracle --wrong
one_line_error
[[ $err == "resprobe: there is no option '--wrong': see ./resprobe oracle --help" ]] || fail "$err"
run 2 oracle
one_line_error
[[ $err == *"name a server with --start"* ]] || fail "no server is not refused: $err"
run 2 corpus mend
one_line_error
for verb in replay show minimize freeze; do
  run 2 "$verb" no/such/case.ops
  one_line_error
  [[ $err == *"no/such/case.ops: there is no such file"* ]] || fail "$verb does not name the file: $err"
done
# So is a file that cannot be a case, and a folder without a finding.
for verb in replay show minimize freeze; do
  run 2 "$verb" /etc/passwd
  one_line_error
  [[ $err == "resprobe: /etc/passwd: its path does not name the harness: add --harness NAME ("*"resp_parser"* ]] ||
    fail "$verb of no case: $err"
done
mkdir -p "$temp/folder/resp_parser"
run 2 replay "$temp/folder"
one_line_error
[[ $err == *"$temp/folder: holds no case" ]] || fail "replay of an empty folder: $err"
for words in "check nope" "list $temp" "rm --gone nope"; do
  # shellcheck disable=SC2086
  run 2 findings $words
  one_line_error
  [[ $err == *": holds no finding of work/findings: ./resprobe findings lists them" ]] ||
    fail "findings $words: $err"
done
run 2 findings show nope
[[ $err == *"nope: there is no such file or folder: name an existing case" ]] || fail "findings show: $err"
run 2 recheck command_oracle
one_line_error
run 2 stability nonesuch
one_line_error
run 2 coverage nonesuch
one_line_error
run 2 bench query_parser nonesuch --rounds 1
one_line_error
[[ $err == *nonesuch*"use one of command_handler, "*resp_parser* ]] || fail "the error does not name the harnesses: $err"
untouched

run 0 help --help
[[ $out == "$plain" ]] || fail "the help of help is not help"

# The help of a verb that is a script requires no build.
for verb in coverage stability lint build packages test; do
  run 0 "$verb" --help
  [[ $out == "usage: ./resprobe $verb"* && -z $err ]] || fail "the help of $verb: $out|$err"
done
untouched

# So does the help of a verb of the program.
for verb in fuzz oracle list serve "corpus check"; do
  # shellcheck disable=SC2086
  run 0 $verb --help
  [[ $out == "usage: ./resprobe $verb"*"--help prints this." && -z $err ]] || fail "the help of $verb: $out|$err"
done
run 0 findings --help
[[ $out == "usage: ./resprobe findings"*"VERB --help says more about a verb." ]] || fail "the help of findings: $out"
untouched

# Through a symbolic link, from another folder.
ln -s "$copy/resprobe" "$temp/link"
script=$temp/link
run 2 frobnicate
one_line_error
script=$copy/resprobe

# A PATH with only what every system has.
mkdir "$temp/bin"
for tool in bash env cat cut grep sed awk sort head tail find mkdir rm mv cp ln uname cksum readlink \
  dirname basename nproc tr paste id cmp touch flock; do
  ln -s "$(command -v "$tool")" "$temp/bin/$tool"
done

# No apt: only the list of what is missing.
PATH=$temp/bin run 2 list
[[ -z $out ]] || fail "wrote to stdout: $out"
for word in cmake ninja-build clang-19 libclang-rt-19-dev; do
  [[ $err == *"(Debian package: $word)"* ]] || fail "the list without apt does not name $word: $err"
done
[[ $err != *ccache* ]] || fail "ccache is a wish, not a need: $err"
[[ -z $(find "$copy/build" -type f ! -name .lock) ]] || fail "files were made: $(find "$copy/build")"

# With an apt that installs nothing: it is asked for everything at once, updates its lists only
# because it knows no package, and the failure is reported.
for tool in apt-get apt-cache dpkg sudo; do
  cat >"$temp/bin/$tool" <<TOOL
#!/bin/bash
[[ \${0##*/} == sudo ]] && exec "\$@"
echo "\${0##*/} \$*" >>"$temp/calls"
[[ \${0##*/} == apt-cache && -e "$temp/known" ]] && for name in "\${@:2}"; do echo "  Candidate: 1.0"; done
exit 0
TOOL
  chmod +x "$temp/bin/$tool"
done
PATH=$temp/bin run 2 list
[[ $err == *"still missing"*cmake* ]] || fail "does not say that cmake is still missing: $err"
calls=$(<"$temp/calls")
[[ $calls == *"apt-get -q update"* ]] || fail "the lists were not read: $calls"
install=$(grep -E 'apt-get .* install ' <<<"$calls")
[[ $install != *$'\n'* && $install == *" cmake "* && $install == *" ccache"* ]] ||
  fail "not one installation of all: $install"
rm "$temp/calls"
touch "$temp/known"
PATH=$temp/bin run 2 list
! grep -q update "$temp/calls" || fail "apt's lists were read although it knows the packages"

# While another ./resprobe builds here, what only reads uses what was built last.
mkdir -p "$copy/build/fuzz/bin" "$copy/build/packages" "$copy/src/cli"
for name in resprobe resprobe-harness; do
  printf '#!/bin/bash\necho "program: ${0##*/} $*"\n' >"$copy/build/fuzz/bin/$name"
  chmod +x "$copy/build/fuzz/bin/$name"
done
: >"$copy/build/packages/servers.env"
printf 'ops query_parser\n' >"$temp/case.ops"
exec 8>"$copy/build/.lock"
flock 8
# (a run that waits for the lock would wait for ever)
printf '#!/bin/bash\nexec timeout -s KILL 60 "%s" "$@" 8>&-\n' "$copy/resprobe" >"$temp/limited"
chmod +x "$temp/limited"
script=$temp/limited
for words in "list" "show $temp/case.ops" "findings" "fuzz --help" "oracle --start x --help" "man"; do
  # shellcheck disable=SC2086
  run 0 $words
  [[ $out == *"program: "* ]] || fail "'$words' does not reach the program: $out"
  [[ $err == "" || $err == *"another ./resprobe builds here"* ]] || fail "'$words' says: $err"
done
# Verbs that only run harnesses do not wait for the other program.
run 0 list
[[ $out == *"program: resprobe-harness list" ]] || fail "list is not run by resprobe-harness: $out"
run 0 findings
[[ $out == *"program: resprobe findings" ]] || fail "findings is not run by resprobe: $out"
run 0 --help
exec 8>&-

# A failed build is neither wrong use nor a finding: it has an exit code of its own.
script=$copy/resprobe
printf '#!/bin/bash\n' >"$copy/scripts/private-packages.sh"
cat >"$copy/scripts/system-packages.sh" <<'STUB'
ensure_system_packages() { clang=clang clangxx=clang++; }
STUB
run 3 build fuzz
[[ $err == *"CMake Error"*"resprobe: cmake failed: see above and "* ]] || fail "cmake does not fail: $err"
mkdir "$temp/fake"
cat >"$temp/fake/cmake" <<TOOL
#!/bin/bash
printf 'rule fail\n  command = false\nbuild all: fail\n' >"$copy/build/fuzz/build.ninja"
TOOL
chmod +x "$temp/fake/cmake"
PATH=$temp/fake:$PATH run 3 build fuzz
[[ $err == *"resprobe: the build of preset fuzz failed: see above" ]] || fail "the build does not fail: $err"

((failures == 0)) && echo "./resprobe does as it says"
