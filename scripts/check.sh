#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# check.sh: lint, host tests, the Debian guest, selftests and devices that lie. The last line is "N passed, N failed" (and
# skipped ones where there are any); the exit status is 0 only when something ran and nothing failed. A stage that cannot run
# counts as a failed test.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$TOP/scripts/tally.sh"

OUT=$TOP/build/check
whole=()
[ -z "${WHOLE:-}" ] || whole=(--whole)
mkdir -p "$OUT"
rm -f "$OUT"/*.log "$OUT"/*.json
begun=$SECONDS

# Asked for now: later nobody may be there, and a stage cannot ask.
need_root
unasked
(while sleep 60; do stay_root; done) >/dev/null 2>&1 &
keeper=$!
trap 'kill "$keeper"' EXIT

# end_stage SIGNAL: to all of the stage that runs, which timeout has made a group; behind sudo it is root's.
end_stage() {
    kill -"$1" -- "-$stage" 2>/dev/null || true
    [ "$(id -u)" -eq 0 ] || sudo -n kill -"$1" -- "-$stage" 2>/dev/null || true
    wait "$stage" 2>/dev/null || true
}

# run NAME LIMIT COMMAND...: runs COMMAND for LIMIT seconds at most, its output here and in a log; sets `status`. Ctrl-C ends
# it, and this script.
run() {
    local name=$1 limit=$2 start=$SECONDS log=$OUT/$1.log out copier
    shift 2
    status=0
    say "==> check $name (log: $log)"
    exec {out}> >(exec tee -i "$log")
    copier=$!
    timeout -k 10 "$limit" "$@" </dev/null >&"$out" 2>&1 {out}>&- &
    stage=$!
    exec {out}>&-
    trap 'say "ended by a signal, in check $name"; end_stage TERM; exit 130' INT TERM HUP
    wait "$stage" || status=$?
    trap - INT TERM HUP
    case $status in
    124 | 137) say "    $name ran into its limit of $limit s"; end_stage KILL ;;
    esac
    wait "$copier" || true
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

# Minutes after which no further case of the sample on the debug kernel is begun.
MINUTES=76

# The runner ends by itself before this script would end it: a case that it does not come to is a failed one, with its name; of
# the sample on the debug kernel, which is as large as time allows, a skipped one.
selftest() {
    local limit=3300 more=("${whole[@]}")
    if [ "$1" = debug ]; then
        limit=10800
        if [ ${#whole[@]} -eq 0 ]; then
            local left=$((MINUTES * 60 - SECONDS + begun))
            more=(--budget $((left > 120 ? left : 120)))
        fi
    fi
    stage "selftest-$1" $((limit + 300)) \
        "$TOP/scripts/in-root" --net -- "$TOP/scripts/selftest/run.py" --kernel "$1" "${more[@]}" --limit "$limit"
}

# Devices that lie: all of the catalogue, then lives made of numbers, from the first on; `make fuzz` is for more.
hostile() {
    stage "hostile-$1" 1800 "$TOP/scripts/in-root" --net -- "$TOP/scripts/hostile/run.py" --kernel "$1" --limit 1500
    stage "fuzz-$1" 300 "$TOP/scripts/in-root" --net -- "$TOP/scripts/hostile/run.py" --kernel "$1" --fuzz 60
}

# What failed, each with the log that has it, where a reader looks first.
failures() {
    local log
    for log in "$OUT"/*.log; do
        grep -E '^(not ok|error:)' "$log" | sed "s|^|    ${log##*/}: |" || true
    done
}

# Outside of any stage, so that their steps are seen and no stage's limit holds for them.
for tool in tools.sh "kernel.sh stock"; do
    # shellcheck disable=SC2086  # words
    "$TOP"/scripts/$tool >/dev/null || { FAILED=1; totals; exit 1; }
done

stage lint 1200 "$TOP/scripts/lint.sh"
stage host 3600 "$TOP/scripts/hosttests.sh"
single guest 1200 "$TOP/scripts/run.sh"
for kernel in stock debug; do
    single "modules-$kernel" 3600 "$TOP/scripts/modules.sh" "$kernel"
    selftest "$kernel"
    [ "$kernel" = debug ] || hostile "$kernel"
done

[ "$FAILED" -eq 0 ] || { say "    failed:"; failures; }
say "    in all: $((SECONDS - begun)) s; logs: $OUT"
totals
[ "$FAILED" -eq 0 ] && [ "$PASSED" -gt 0 ]
