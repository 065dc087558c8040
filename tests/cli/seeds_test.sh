#!/usr/bin/env bash
# seeds: the bank of seeds that failed, and smoke's and stress's use from the command line.
# usage: seeds_test.sh PROGRAM
set -euo pipefail
program=$1
. "$(dirname "$0")/lib.sh"
export RESPROBE_WORK_DIR=$temp/work
bank=$temp/seeds.txt

# A bank that is named must be there.
wrong_use "there is no such bank" seeds list --file "$bank"
wrong_use "there is no such bank" seeds test --file "$bank"
small="--ops 60 --clients 3 --keys 7 --parts crash_recovery"
# A finding brings its seed and all its options.
run 1 simulate --seeds 9 $small --plant no-fsync --stop-on-failure
run 0 seeds add "$(echo "$RESPROBE_WORK_DIR"/findings/lives/*)" --file "$bank"
has out "simulate --ops 60 --clients 3 --keys 7 --parts crash_recovery --plant no-fsync --"
has out "violation:durable_linearizable"
run 0 seeds add --seed 8675309 --options "$small" --description "a life that once failed" --file "$bank"
run 0 seeds list --file "$bank"
has out "8675309 simulate --ops 60 --clients 3 --keys 7 --parts crash_recovery -- a life that once failed"
has out "2 seeds in"
wrong_use "already" seeds add --seed 8675309 --options "$small" --file "$bank"
# It fails as it did, and the other seed passes.
run 1 seeds test --file "$bank"
has out "FAIL       [seed="
has out "ok         [seed=8675309] simulate a life that once failed"
has out "2 seeds: 1 fail"
# A run that shows nothing is no failure.
printf '1 simulate --ops 1 --clients 1 --keys 1 --parts concurrent_operations --plant no-fsync -- little\n' >"$bank"
run 1 seeds test --file "$bank"
has out "vacuous    [seed=1] simulate little"
has out "1 seed: 0 fail, 1 vacuous"
# Every seed that the bank takes can be run.
run 0 seeds add --seed 18446744073709551615 --options "$small" --file "$bank"
# The form of other tools' banks is read; comments stay.
printf '# mine\n7 simulate SET and GET under load\n' >"$bank"
run 0 seeds list --file "$bank"
has out "7 simulate SET and GET under load"
run 0 seeds add --seed 8 --file "$bank"
run 0 seeds rm 7 --file "$bank"
grep -q "^# mine$" "$bank" || { echo "the comment is gone" >&2; failures=1; }
wrong_use "does not have it" seeds rm 7 --file "$bank"
wrong_use "there is no verb 'nothing'" seeds add --seed 1 --verb nothing --file "$bank"
wrong_use "cannot run one seed alone" seeds add --seed 1 --verb serve --file "$bank"
wrong_use "there is no option '--nope'" seeds add --seed 1 --options "--nope" --file "$bank"
printf 'seven simulate x\n' >"$bank"
wrong_use "seeds.txt:1: it does not begin with a seed" seeds list --file "$bank"
finish
