#!/usr/bin/env bash
# Replays the seed corpus and the regressions of a harness, each case twice.
#   usage: corpus_test.sh PROGRAM HARNESS CORPUS
set -euo pipefail
program=$1 harness=$2 corpus=$3
cd "$RESPROBE_SOURCE_DIR"
folders=("corpus/$corpus")
[[ ! -d tests/regressions/$corpus ]] || folders+=("tests/regressions/$corpus")
# A folder with no case in it is wrong use.
"$program" replay --quiet --twice --harness "$harness" "${folders[@]}"
