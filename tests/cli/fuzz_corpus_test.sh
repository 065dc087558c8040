#!/usr/bin/env bash
# fuzz --corpus: begins with nothing, or with a folder, and keeps nothing of what is learnt.
#   usage: fuzz_corpus_test.sh PROGRAM FRAGILE
set -euo pipefail
program=$1
. "$(dirname "$0")/lib.sh"
mkdir -p "$temp/repository/harnesses" "$temp/repository/corpus/fragile" "$temp/own"
export RESPROBE_SOURCE_DIR=$temp/repository RESPROBE_WORK_DIR=$temp/work
# A stand-in that says which folders it is given, and what is in them, and learns something, as an
# engine does: in the first one. Then it runs the harness.
mkdir "$temp/harnesses"
printf '%s\n' 'fragile fragile' 'second second' >"$temp/harnesses/harnesses.txt"
cat >"$temp/harnesses/fragile" <<SCRIPT
#!/usr/bin/env bash
if [[ \$1 != --resprobe ]]; then
  first=yes
  for word in "\$@"; do
    [[ \$word != -* ]] || continue
    echo "folder \$(ls "\$word" | tr '\n' ' ')" >>"$temp/given"
    [[ -z \$first ]] || echo learnt >"\$word/learnt"
    first=""
  done
fi
exec "$2/mended/fragile" "\$@"
SCRIPT
chmod +x "$temp/harnesses/fragile"
export RESPROBE_HARNESS_DIR=$temp/harnesses
echo seed >"$temp/repository/corpus/fragile/of_the_repository"
echo own >"$temp/own/of_mine"
learnt() { find "$temp/work/corpus" -type f 2>/dev/null; }

# fuzzes TEXT OPTION…: the text is what the first engine is given.
fuzzes() {
  local text=$1
  shift
  rm -f "$temp/given"
  run 0 fuzz fragile --time 1s --jobs 1 --seed 1 "$@"
  if [[ $(tr '\n' ' ' <"$temp/given") != "$text"* ]]; then
    echo "fuzz $*: the engine is given $(<"$temp/given")" >&2
    failures=$((failures + 1))
  fi
}
fuzzes 'folder ' --corpus none
! grep -q of_ "$temp/given" || failures=$((failures + 1))
fuzzes 'folder  folder of_mine ' --corpus "$temp/own"
[[ -z $(learnt) ]] || { echo "what was learnt is kept: $(learnt)" >&2; failures=$((failures + 1)); }
[[ $(ls "$temp/own") == of_mine ]] || { echo "the folder was changed" >&2; failures=$((failures + 1)); }
fuzzes 'folder  folder of_the_repository '
[[ -n $(learnt) ]] || { echo "nothing is learnt without --corpus: this test sees nothing" >&2; failures=$((failures + 1)); }
wrong_use "--corpus: there is no folder $temp/none" fuzz fragile --corpus "$temp/none"
wrong_use "--corpus: the folder is of one harness" fuzz --corpus "$temp/own"
finish
