#!/usr/bin/env bash
# A folder of findings whose disk is full: the failure is printed, one line names the reason, the
# exit code is 2, and no file is half written.
#   usage: full_disk_test.sh PROGRAM FRAGILE FAULTY_SERVER
set -euo pipefail
program=$1 fragile=$2 faulty=$3
# A small disk needs a mount, and that a namespace, where this user may mount.
if [[ -z ${RESPROBE_TEST_NAMESPACE:-} ]]; then
  if ! unshare -rm mount -t tmpfs -o size=64k none /mnt 2>/dev/null; then
    echo "skipped: this system permits no mount in a user namespace"
    exit 77
  fi
  RESPROBE_TEST_NAMESPACE=1 exec unshare -rm bash "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"
trap 'umount "$temp/work/findings"; rm -rf "$temp"' EXIT
mkdir -p "$temp/work/findings" "$temp/repository/corpus/fragile" "$temp/repository/harnesses"
export RESPROBE_SOURCE_DIR=$temp/repository RESPROBE_WORK_DIR=$temp/work
findings=$temp/work/findings
mount -t tmpfs -o size=64k none "$findings"

fail() {
  echo "$*" >&2
  failures=$((failures + 1))
}

# leave PAGES: an empty folder of findings with this many pages of 4 KiB free.
leave() {
  rm -rf "${findings:?}"/*
  dd if=/dev/zero of="$findings/.filler" bs=4096 count=$((16 - $1)) 2>/dev/null
}

# on_small_disks TEXT ARGUMENT…: runs the verb with 0, 1, 2 … pages free until its finding fits.
# TEXT is part of what it prints about the finding.
on_small_disks() {
  local text=$1 pages=0 code report
  shift
  for (( ; ; pages++)); do
    ((pages <= 14)) || { fail "resprobe $1: the finding never fits"; return 0; }
    leave $pages
    code=0
    "$program" "$@" >"$temp/out" 2>"$temp/err" || code=$?
    has out "$text"
    [[ -z $(find "$findings" -name '*.tmp') ]] || fail "resprobe $1, $pages pages: half a file is left"
    while IFS= read -r report; do
      holds "$(dirname "$report")" original case
      "$program" findings list "$(dirname "$report")" >/dev/null ||
        fail "resprobe $1, $pages pages: $report is half written"
    done < <(find "$findings" -name report.json)
    ((code == 2)) || break
    has err "No space left on device"
    (($(grep -c . "$temp/err") == 1)) || { fail "resprobe $1: not one line:"; cat "$temp/err" >&2; }
  done
  ((code == 1)) || fail "resprobe $1, $pages pages: exit code $code"
  ((pages > 0)) || fail "resprobe $1: the finding fits on a full disk"
  [[ -n $(find "$findings" -name report.json) ]] || fail "resprobe $1: nothing was filed"
}

on_small_disks "difference: " oracle --start "$faulty --fault append=twice" --hang 1 \
  --groups string --requests 300
if [[ -e $fragile/faulty/fragile ]]; then
  printf 'v and more' >"$temp/repository/corpus/fragile/seed"
  export RESPROBE_HARNESS_DIR=$fragile/faulty
  on_small_disks "finding: violation:no_v" fuzz fragile --time 1s --jobs 1 --seed 1
fi

# A folder for what is learnt that is full: libFuzzer does not notice, the program does.
real_harnesses=$(dirname "$(dirname "$program")")/harnesses
if [[ -x $real_harnesses/query_parser ]]; then
  rm -rf "${findings:?}"/* "$findings/.filler"
  export RESPROBE_HARNESS_DIR=$real_harnesses
  corpus=$temp/work/corpus
  mkdir -p "$corpus"
  mount -t tmpfs -o size=128k none "$corpus"
  trap 'umount "$temp/work/corpus" "$temp/work/findings"; rm -rf "$temp"' EXIT
  run 2 fuzz query_parser --time 600s --jobs 1 --seed 1
  has err "work/corpus: cannot be written: No space left on device"
  [[ -z $(find "$corpus" -type f -empty) ]] || fail "empty files are left"
  [[ -n $(find "$corpus/query_parser" -type f) ]] || fail "what could be written is gone"
  for file in "$corpus"/query_parser/*; do
    [[ $(sha1sum <"$file") == "${file##*/} "* ]] || fail "$file is not whole"
  done
  # What a run that was killed has left is deleted, and this is said.
  umount "$corpus"
  trap 'umount "$temp/work/findings"; rm -rf "$temp"' EXIT
  mkdir -p "$corpus/query_parser"
  : >"$corpus/query_parser/0123456789012345678901234567890123456789"
  run 0 fuzz query_parser --time 1s --jobs 1 --seed 1
  has out "work/corpus/query_parser: deleted 1 file that an earlier run did not write whole"
  [[ ! -e $corpus/query_parser/0123456789012345678901234567890123456789 ]] || fail "it is still there"
fi
finish
