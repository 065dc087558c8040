#!/usr/bin/env bash
# Tests that layering.sh can fail: plants one fault at a time in a small tree and expects
# layering.sh to report it.
#   usage: layering_finds_faults.sh PATH_OF_layering.sh
set -euo pipefail

layering=$1
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree"/src/{core/resp,engine,sim,worlds/resp,driver,live,cli} "$tree/harnesses/live"

failures=0
fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

# expect_fault FILE LINE…: writes these lines to FILE; layering.sh must report the first line, and
# no other.
expect_fault() {
  local file=$1 output
  shift
  printf '%s\n' "$@" >"$tree/$file"
  if output=$("$layering" "$tree"); then
    fail "$file passed with: $1"
  elif [[ $output != "$file:1: "* || $output != *$'\n1 faults' ]]; then
    fail "$file with '$1' was reported as: $output"
  fi
  rm "$tree/$file"
}

expect_clean() {
  local file=$1 output
  shift
  printf '%s\n' "$@" >"$tree/$file"
  output=$("$layering" "$tree") || fail "$file with '$1' was reported as: $output"
  rm "$tree/$file"
}

# Rooms.
expect_fault src/core/a.h '#include "engine/tape.h"'
expect_fault src/core/resp/a.cc '#include "reply.h"'
expect_fault src/core/a.cc '#include "worlds/a.h"'
expect_fault src/engine/a.h '#include "driver/driver.h"'
expect_fault src/engine/a.h '#include "worlds/a.h"'
expect_fault src/sim/a.h '#include "engine/op.h"'
expect_fault src/worlds/a.h '#include "live/net/socket.h"'
expect_fault src/live/a.cc '#  include "cli/verb.h"'
expect_fault src/driver/a.cc '#include "cli/main.h"'
expect_fault harnesses/a.cc '#include "live/net/socket.h"'
expect_clean harnesses/live/a.cc '#include "live/net/socket.h"'
expect_fault harnesses/live/a.cc '#include "cli/verb.h"'
expect_clean src/worlds/a.h '#include "engine/op.h"' '#include "sim/clock.h"' '#include "core/resp/reply.h"'
expect_clean src/cli/a.cc '#include "live/net/socket.h"' '#include "cli/verb.h"' '#include <thread>'

# abseil, which no room of a harness may use.
expect_fault src/live/a.cc '#include <absl/strings/str_format.h>'
expect_fault src/driver/a.cc '#include <absl/time/time.h>'
expect_fault src/core/a.cc '#include <absl/time/time.h>'
expect_fault harnesses/live/a.cc '#  include <absl/strings/str_cat.h>'
expect_clean src/cli/a.cc '#include <absl/strings/str_format.h>'

# Determinism.
expect_fault src/core/a.cc 'auto t = std::chrono::steady_clock::now();'
expect_fault src/engine/a.cc 'std::random_device entropy;'
expect_fault src/engine/a.cc 'int x = std::rand();'
expect_fault src/sim/a.cc 'std::thread worker;'
expect_fault src/worlds/a.cc 'const char* x = getenv("HOME");'
expect_fault src/core/resp/a.h 'std::unordered_map<int, int> counts;'
expect_fault src/core/a.h 'std::map<Client*, int> order;'
expect_fault src/core/a.h 'auto order = reinterpret_cast<uintptr_t>(client);'
expect_fault src/core/a.cc '  throw Error();'
expect_fault src/core/a.cc '#include <unordered_set>'
expect_fault src/core/a.cc '#include <sys/socket.h>'
expect_fault src/core/a.cc '#include <iostream>'
expect_fault src/worlds/a.cc '#include <absl/status/status.h>'
expect_fault src/worlds/b.h '#include <hiredis/hiredis.h>'
expect_clean src/worlds/resp/hiredis_reader.h '#include <hiredis/hiredis.h>'
expect_clean src/core/a.cc '// never std::thread' '/* no' 'getenv */ int x;' 'Say("std::rand() // \"");' '#include <map>'
expect_clean src/core/a.cc 'std::map<std::string, Client*> by_name;'
expect_clean src/driver/a.cc 'auto t = std::chrono::steady_clock::now();'

# Rules by a command's name.
expect_fault src/worlds/a.cc 'if (command->name() == "spop") return;'
expect_fault src/live/a.cc 'pops |= queued.full_name().starts_with("sort");'
expect_clean src/live/a.cc 'if (command->role == CommandRole::kExec) return;'
expect_clean src/core/a.cc 'if (command->name() == "help") return;'

((failures == 0)) && echo "every planted fault was found"
