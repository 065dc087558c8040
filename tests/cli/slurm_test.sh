#!/usr/bin/env bash
# cloud --engine slurm, on a real slurm: a controller and three nodes on this machine, on the loopback
# interface alone. A node is killed in the middle of a unit: the unit is done again elsewhere, and
# nothing is lost. Ctrl-C cancels the jobs, and what is there is merged.
# usage: slurm_test.sh PROGRAM HARNESSES
set -euo pipefail
program=$1
harnesses=$2
. "$(dirname "$0")/lib.sh"

# Programs of this build's private packages, or of the system (where slurmd is an alternative).
slurm=$RESPROBE_BUILD_DIR/packages/slurm-22.05
PATH=$slurm/bin:$PATH:/usr/sbin
if [[ -x $slurm/bin/slurmd-wlm ]]; then
  slurmctld=slurmctld-wlm slurmd=slurmd-wlm stepd=$slurm/bin/slurmstepd-wlm
  plugins=$(echo "$slurm"/usr/lib/*/slurm-wlm)
else
  need slurmctld slurmd sbatch
  slurmctld=slurmctld slurmd=slurmd stepd=$(command -v slurmstepd || echo /usr/sbin/slurmstepd)
  plugins=$(echo /usr/lib/*/slurm-wlm)
fi
need munged mungekey unshare
need_python
# A node is a tree of processes that ends as a whole, as a machine does.
node=(unshare --pid --fork --kill-child=KILL --mount-proc)
if [[ $(id -u) != 0 ]] || ! "${node[@]}" true 2>/dev/null; then
  echo "only root can start several slurmd here, each with processes of its own"
  exit 77
fi

daemons=()
stop_all() {
  kill -KILL "${daemons[@]}" 2>/dev/null || true
  wait "${daemons[@]}" 2>/dev/null || true
  rm -rf "$temp"
}
trap stop_all EXIT

# until_true COMMAND…: asks ten times a second.
exec {never}<> <(:)
until_true() {
  until "$@" >/dev/null 2>&1; do read -r -t 0.1 -u "$never" _ || true; done
}

# --- The cluster.
mkdir -p "$temp/munge" "$temp/state"
chmod 700 "$temp" "$temp/munge"
mungekey --create --keyfile="$temp/munge/key"
read -r control port1 port2 port3 < <($python -c '
import socket
taken = [socket.socket() for _ in range(4)]
for one in taken: one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in taken))')
export SLURM_CONF=$temp/slurm.conf
cat >"$SLURM_CONF" <<CONF
ClusterName=resprobe
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=$control
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$temp/munge/socket,cred_expire=5
CredType=cred/munge
PluginDir=$plugins
StateSaveLocation=$temp/state
SlurmdSpoolDir=$temp/spool-%n
SlurmctldPidFile=$temp/slurmctld.pid
SlurmdPidFile=$temp/%n.pid
SlurmctldLogFile=$temp/slurmctld.log
SlurmdLogFile=$temp/%n.log
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=1,batch_sched_delay=1,sched_min_interval=1
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/none
SlurmdTimeout=2
MessageTimeout=2
TCPTimeout=1
KillWait=10
SlurmdParameters=config_overrides
NodeName=n1 NodeHostname=localhost NodeAddr=127.0.0.1 Port=$port1 CPUs=1
NodeName=n2 NodeHostname=localhost NodeAddr=127.0.0.1 Port=$port2 CPUs=1
NodeName=n3 NodeHostname=localhost NodeAddr=127.0.0.1 Port=$port3 CPUs=1
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
CONF
munged --foreground --force --key-file="$temp/munge/key" --socket="$temp/munge/socket" \
  --pid-file="$temp/munge/pid" --log-file="$temp/munge/log" --seed-file="$temp/munge/seed" \
  >"$temp/munged.out" 2>&1 &
daemons+=($!)
until_true munge --socket="$temp/munge/socket" --no-input
"$slurmctld" -D >"$temp/slurmctld.out" 2>&1 &
daemons+=($!)
declare -A node_process
for name in n1 n2 n3; do
  "${node[@]}" "$slurmd" -D -N $name -d "$stepd" >"$temp/$name.out" 2>&1 &
  daemons+=($!)
  node_process[$name]=$!
done
all_idle() { [[ $(sinfo --noheader --Node --format %t | grep -c '^idle$') == "$1" ]]; }
until_true all_idle 3

# --- The harness: the first stream that a node begins says so, and hangs.
mkdir "$temp/harnesses"
echo "command_handler command_handler" >"$temp/harnesses/harnesses.txt"
cat >"$temp/harnesses/command_handler" <<SCRIPT
#!/bin/sh
if [ "\$2" = stream ] && mkdir "$temp/held" 2>/dev/null; then
  echo "\$SLURMD_NODENAME" >"$temp/begun"
  exec tail -f /dev/null
fi
exec "$harnesses/command_handler" "\$@"
SCRIPT
chmod +x "$temp/harnesses/command_handler"
mkfifo "$temp/begun"
export RESPROBE_HARNESS_DIR=$temp/harnesses RESPROBE_WORK_DIR=$temp/work
campaign=(cloud --engine slurm --machines 3 --options "--ops 50 --parts concurrent_operations")

run 2 "${campaign[@]}" --seeds 1 --output "$temp/none" --sbatch=--partition=none
has err "resprobe: sbatch: error: invalid partition specified: none"

# --- A node is lost in the middle of a unit.
"$program" "${campaign[@]}" --seeds 5 --units 5 --output "$temp/lost" >"$temp/out" 2>"$temp/err" &
cloud=$!
read -r lost <"$temp/begun"
kill -KILL "${node_process[$lost]}"
wait "${node_process[$lost]}" 2>/dev/null || true
code=0
wait $cloud || code=$?
if [[ $code != 0 || -s $temp/err ]]; then
  echo "cloud: exit code $code instead of 0" >&2
  cat "$temp/out" "$temp/err" "$temp"/lost/slurm/*.log >&2
  failures=$((failures + 1))
fi
has out "[5 of 5, "
has out ": passed, 0 findings, "
has out ", after an attempt that did not end"
has out "5 results of 5 units merged, 1 left out, 0 findings"
cp "$temp/lost/merged/report.json" "$temp/report"
has report '"seeds": 5'
has report "a later attempt at the unit has a result"

# What is there is not done again.
run 0 "${campaign[@]}" --seeds 5 --units 5 --output "$temp/lost"
has out "for 0 units"
[[ $(grep -c " merged, " "$temp/out") == 1 ]] || { echo "more than one merge is said" >&2 && failures=1; }
cmp "$temp/report" "$temp/lost/merged/report.json" || failures=$((failures + 1))

# --- Ctrl-C.
rmdir "$temp/held"
"$program" "${campaign[@]}" --seeds 3 --units 3 --output "$temp/ended" >"$temp/out" 2>"$temp/err" &
cloud=$!
read -r lost <"$temp/begun"
kill -INT $cloud
code=0
wait $cloud || code=$?
((code == 130)) || {
  echo "cloud: exit code $code after Ctrl-C" >&2
  cat "$temp/out" "$temp/err" "$temp"/ended/slurm/*.log >&2
  failures=$((failures + 1))
}
has out "is cancelled; what is there is merged"
has out " merged, "
[[ -e $temp/ended/merged/report.json ]] || { echo "nothing was merged" >&2 && failures=1; }
finish
