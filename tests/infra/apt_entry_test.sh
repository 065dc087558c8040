#!/usr/bin/env bash
# The apt entry for private packages is derived from the machine's own, in either format.
#   usage: apt_entry_test.sh PATH_OF_private-packages.sh
set -euo pipefail

script=$1
apt=$(mktemp -d)
trap 'rm -rf "$apt"' EXIT
failures=0

# expect ENTRY FILE CONTENT [FILE CONTENT]…
expect() {
  local expected=$1 seen
  shift
  rm -rf "${apt:?}"/*
  mkdir "$apt/sources.list.d"
  while (($#)); do
    printf '%b' "$2" >"$apt/$1"
    shift 2
  done
  seen=$("$script" --entry "$apt")
  if [[ $seen != "$expected" ]]; then
    echo "FAILED: expected '$expected', saw '$seen' from:"
    cat "$apt"/sources.lis[t] "$apt"/sources.list.d/* 2>/dev/null || true
    failures=$((failures + 1))
  fi
}

expect 'http://m/debian|/k.gpg' sources.list \
  '# x\ndeb-src http://s/debian bookworm main\ndeb [arch=amd64 signed-by=/k.gpg] http://m/debian bookworm main contrib\n'
# Neither security nor updates is the main archive.
expect 'http://m/debian|' sources.list \
  'deb http://s/debian-security bookworm-security main\ndeb http://u/debian bookworm-updates main\ndeb  http://m/debian  stable contrib main # x\n'
# Archives of other vendors look similar.
expect 'mirror+file:/m/debian.list|/k.gpg' \
  sources.list.d/a.list 'deb [signed-by=/h] https://apt.vendor/ bookworm main\ndeb https://vendor/linux/debian bookworm stable\n' \
  sources.list.d/b.sources 'Types: deb deb-src\nURIs: mirror+file:/m/debian.list\nSuites: bookworm bookworm-updates\nComponents: main\nSigned-By: /k.gpg\n'
# A disabled stanza, a comment, a continued line, an embedded key.
expect 'http://yes/debian/|' sources.list.d/a.sources \
  'Enabled: no\nTypes: deb\nURIs: http://no/debian\nSuites: bookworm\nComponents: main\n\nTypes: deb\n# x\nURIs:\n http://yes/debian/\nSuites: bookworm\nComponents: main\nSigned-By:\n -----BEGIN\n .\n x\n'
expect '' sources.list ''
expect '' sources.list.d/a.list 'deb http://s/debian-security bookworm-security main\n'

((failures == 0)) && echo "the entry is found in both formats"
