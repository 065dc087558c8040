#!/usr/bin/env bash
# oracle --query: queries on the core's parser and on a live RediSearch; and what becomes of a
# finding.
set -euo pipefail
program=$1
. "$(dirname "$0")/lib.sh"
cd "$RESPROBE_SOURCE_DIR"
export RESPROBE_WORK_DIR=$temp/work

wrong_use "excludes" oracle --start redis-server --query --unmodelled
wrong_use "excludes" oracle --start redis-server --query --profile redis-7.0

server=${RESPROBE_REDIS_SERVER:-} module=${RESPROBE_REDISEARCH:-}
if [[ -z $server || -z $module ]]; then
  ((failures == 0)) || exit 1
  echo "skipped: RESPROBE_REDIS_SERVER or RESPROBE_REDISEARCH is not set"
  exit 77
fi
export RESPROBE_REDISEARCH=
wrong_use "has no RediSearch: load it" oracle --query --start "$server"

# With the module in the command. The server ends at stop words; the run goes on.
run 1 oracle --query --start "$server --loadmodule $module" --seeds 300 --format json \
  --output "$temp/json"
has out "search 1.2.0 against the core's parser with the profile search-1.2"
has out "finding: server has ended: signal 11: "
has out " trees and "
has json '"verb": "oracle --query"'
has json '"replays": true'
folder=$(find "$temp/work/findings/query_parser" -maxdepth 1 -name 'oracle-search-1.2-server*' | head -n 1)
holds "$folder" case case.ops original redis-cli.txt report.json server.log
cp "$folder/case.ops" "$temp/ops"
has ops "ops query_parser"

# It ends after the first finding.
rm -rf "$temp/work"
run 1 oracle --query --start "$server --loadmodule $module" --seeds 300 --stop-on-failure --shrink 0
has out "1 finding"

# Where the module is found by its variable, the finding needs no path of this machine.
export RESPROBE_REDISEARCH=$module
rm -rf "$temp/work"
run 1 oracle --query --start "$server --loadmodule $module" --seeds 100
folder=$(find "$temp/work/findings/query_parser" -maxdepth 1 -name 'oracle-search-1.2-server*' | head -n 1)
cp "$folder/report.json" "$temp/report"
if grep -q '"start": "[^"]*loadmodule' "$temp/report"; then
  echo "the report names the module of this machine" >&2
  failures=$((failures + 1))
fi
run 1 replay "$folder"
has out "signature: server has ended"
run 0 minimize "$folder/original" --harness query_parser --start "$server" --output "$temp/small.ops"
has out "bytes"
run 1 replay "$temp/small.ops" --start "$server"
printf 'ops query_parser\nbytes "9hello (world|foo)"\n' >"$temp/sound.ops"
run 0 replay "$temp/sound.ops" --start "$server"
wrong_use "do not differ" minimize "$temp/sound.ops" --start "$server"

# --memory limits this server too; any takes more than 5 MB. Without the corpus, which is long.
mkdir -p "$temp/project/harnesses"
RESPROBE_SOURCE_DIR=$temp/project run 1 oracle --query --memory 5 --start "$server" --seeds 2
has out "finding: memory"
RESPROBE_SOURCE_DIR=$temp/project run 0 oracle --query --memory 500 --start "$server" --seeds 20

((failures == 0))
