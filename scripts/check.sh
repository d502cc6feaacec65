#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check.sh: every check there is. The last line is "N passed, N failed" (and skipped ones where there are any); the exit
# status is 0 only when something ran and nothing failed. A stage that cannot run counts as a failed test.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$TOP/scripts/tally.sh"

OUT=$TOP/build/check
mkdir -p "$OUT"
begun=$SECONDS

# run NAME LIMIT COMMAND...: runs COMMAND for LIMIT seconds at most, its output here and in a log; sets `status`.
run() {
    local name=$1 limit=$2 start=$SECONDS log=$OUT/$1.log
    shift 2
    status=0
    say "==> check $name (log: $log)"
    timeout -k 10 "$limit" "$@" </dev/null 2>&1 | tee "$log" || status=$?
    [ "$status" -ne 124 ] || say "    $name ran into its limit of $limit s"
    say "    check $name: exit status $status after $((SECONDS - start)) s"
}

# stage NAME LIMIT COMMAND...: COMMAND counts its tests itself and writes them to --summary FILE.
stage() {
    local summary=$OUT/$1.json
    rm -f "$summary"
    run "$@" --summary "$summary"
    add_summary "$summary" "$status"
}

# single NAME LIMIT COMMAND...: COMMAND is one test.
single() {
    run "$@"
    if [ "$status" -eq 0 ]; then PASSED=$((PASSED + 1)); else FAILED=$((FAILED + 1)); fi
}

selftest() { stage "selftest-$1" 3600 "$TOP/scripts/in-root" --net -- "$TOP/scripts/selftest/run.py" --kernel "$1"; }

stage lint 1200 "$TOP/scripts/lint.sh"
stage host 3600 "$TOP/scripts/hosttests.sh"
single guest 1200 "$TOP/scripts/run.sh"
for kernel in stock debug; do
    single "modules-$kernel" 3600 "$TOP/scripts/modules.sh" "$kernel"
    selftest "$kernel"
done

say "    in all: $((SECONDS - begun)) s; logs: $OUT"
totals
[ "$FAILED" -eq 0 ] && [ "$PASSED" -gt 0 ]
