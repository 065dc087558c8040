#!/usr/bin/env bash
# The status of a build is shown while it runs: after each step, and not when some block of ninja's
# output is full.
#   usage: build_progress_test.sh SOURCE_DIR
set -euo pipefail
source_dir=$1
temp=$(mktemp -d)
trap 'rm -rf "$temp"' EXIT
mkdir "$temp/bin" "$temp/build"
mkfifo "$temp/go" "$temp/shown"
# Each step of this build ends when the test has seen the one before.
cat >"$temp/bin/ninja" <<SCRIPT
#!/usr/bin/env bash
exec 4<>"$temp/go"
for i in {1..4}; do
  echo "[\$i/20] step \$i"
  read -r -t 60 _ <&4 || exit 1
done
echo 'FAILED: some.o'
echo 'clang++ a long command'
echo 'some.cc:1: error: what the compiler says'
exit 1
SCRIPT
chmod +x "$temp/bin/ninja"
export PATH=$temp/bin:$PATH
# shellcheck source=scripts/build.sh
. "$source_dir/scripts/build.sh"

fail() {
  echo "$*" >&2
  exit 1
}

# wants TEXT: the next thing that is shown. (The limit only ends a test that has failed already.)
wants() {
  local line
  IFS= read -r -t 10 line <&3 || fail "nothing is shown, and the build waits: '$1' was to come"
  [[ $line == "$1"* ]] || fail "'$line' is shown instead of '$1'"
}

# Without a terminal: a line for each tenth.
(
  set +e
  run_ninja fuzz "$temp/build" all
  echo "exit $?" >&2
) 2>"$temp/shown" &
exec 3<"$temp/shown"
wants "resprobe: building fuzz [1/20] 0:"
echo >"$temp/go"
wants "resprobe: building fuzz [2/20] 0:"
echo >"$temp/go"
echo >"$temp/go"
wants "resprobe: building fuzz [4/20] 0:"
echo >"$temp/go"
wants "FAILED: some.o"
wants "some.cc:1: error: what the compiler says"
wants "exit 1"
wait
exec 3<&-

# On a terminal: one line, which is overwritten after each step.
live() {
  printf '[1/2] a\n[2/2] b\nwarning: c\n' | show_build fuzz yes
}
[[ $(live) == $'\r\e[Kresprobe: building fuzz [1/2] 0:0'*$'\r\e[Kresprobe: building fuzz [2/2] 0:0'?$'\r\e[K''warning: c' ]] ||
  fail "the status line is: $(live | cat -v)"
