#!/usr/bin/env bash
# Checks whether third-party software that tests compare with is installed; if not, the test is
# skipped, never passed.
#   usage: third_party.sh NAME WANTED_VERSION PROGRAM_OR_VERSION
# The last is a server to ask for its version, or the version itself, or nothing. Exit code: 0
# installed, 77 not installed, 1 installed in another version.
set -euo pipefail

name=$1 wanted=$2 what=${3:-}
if [[ -z $what ]]; then
  echo "no $name $wanted here (./resprobe packages --retry asks for it again): what needs it is skipped"
  exit 77
fi
version=$what
if [[ $what == */* ]]; then
  version=$("$what" --version | sed -n -E 's/.* v=([0-9.]+).*/\1/p')
fi
echo "$name $version"
if [[ $version != "$wanted"* ]]; then
  echo "wanted $wanted; the profiles and tables of differences are for that version"
  exit 1
fi
