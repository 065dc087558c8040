#!/usr/bin/env bash
# oracle --check-tools: on tools with planted faults, which are shell scripts beside a server.
#   usage: check_tools_test.sh PROGRAM
set -euo pipefail
program=$1
. "$(dirname "$0")/lib.sh"
need_python
cd "$RESPROBE_SOURCE_DIR"
export RESPROBE_WORK_DIR=$temp/work

# A server toy-server in $temp/bin, whose tools do what they are told. Its values are those of the
# toy of --restore.
mkdir "$temp/bin"
cat >"$temp/bin/toy-server" <<SCRIPT
#!/usr/bin/env bash
if [[ \${1:-} == --version ]]; then
  echo "Redis server v=7.0.99 sha=0"
  exit
fi
exec $python "$PWD/tests/live/restore/toy_restore_server.py" "\$1"
SCRIPT
cat >"$temp/bin/toy-check-rdb" <<'SCRIPT'
#!/usr/bin/env bash
exit 0
SCRIPT
cat >"$temp/bin/toy-check-aof" <<'SCRIPT'
#!/usr/bin/env bash
[[ ${1:-} == --fix ]] && exit 1
exit 0
SCRIPT
chmod +x "$temp"/bin/*
server="$temp/bin/toy-server {socket}"

wrong_use "excludes" oracle --start "$server" --check-tools --restore
wrong_use "name their server with --start" oracle --server 127.0.0.1:1 --flush --check-tools
wrong_use "name such a server" oracle --start "$python x {socket}" --check-tools

run 0 oracle --start "$server" --check-tools --memory 0 --seeds 20
has out "the tools of redis 7.0.99, seed 1"
has out "0 findings"

shrink=20
# found SIGNATURE OPTION…: the tools as they are now have this one fault.
found() {
  rm -rf "$RESPROBE_WORK_DIR"
  run 1 oracle --start "$server" --check-tools --memory 0 --hang 1 --seeds 12 --shrink "$shrink" "${@:2}"
  has out "finding: $1"
  folder=$(find "$RESPROBE_WORK_DIR" -mindepth 3 -maxdepth 3 | head -n 1)
  holds "$folder" case case.ops original report.json
  run 1 replay "$folder"
}

cat >"$temp/bin/toy-check-rdb" <<'SCRIPT'
#!/usr/bin/env bash
grep -q REDIS "$1" && kill -SEGV $$
exit 0
SCRIPT
found "toy-check-rdb: signal 11"
cp "$folder/case.ops" "$temp/ops"
has ops 'rdb REDIS'
run 0 show "$folder"
has out "ops check_tools"

cat >"$temp/bin/toy-check-rdb" <<'SCRIPT'
#!/usr/bin/env bash
echo "toy-check-rdb: toy.c:7: Read: Assertion \`whole' failed."
exit 1
SCRIPT
found "toy-check-rdb: toy.c:7: Read: Assertion \`whole' failed."
cat >"$temp/bin/toy-check-rdb" <<'SCRIPT'
#!/usr/bin/env bash
exit 0
SCRIPT

# A repair that empties the file; one that adds to it; one that does not help.
repair() {
  printf '#!/usr/bin/env bash\nif [[ $1 != --fix ]]; then exit %s; fi\n%s\n' "$1" "$2" \
    >"$temp/bin/toy-check-aof"
}
repair 1 ': >"$2"'
found "toy-check-aof --fix: loses whole commands"
repair 1 'echo more >>"$2"'
found "toy-check-aof --fix: what is left is no beginning of the file"
repair 1 'exit 0'
found "toy-check-aof --fix: the repaired file is not sound"
repair 1 'sleep 3600'
shrink=1
found "toy-check-aof --fix: hangs" --stop-on-failure

finish
