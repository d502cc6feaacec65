# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Counting tests. Every stage of `make check` takes --summary FILE and writes {"passed":N,"failed":N,"skipped":N} there.

PASSED=0 FAILED=0 SKIPPED=0

# result NAME COMMAND...: one test in KTAP's manner: passed when COMMAND succeeds. Its output follows only when it fails.
result() {
    local name=$1 log status=0
    shift
    log=$(mktemp)
    "$@" >"$log" 2>&1 </dev/null || status=$?
    if [ "$status" -eq 0 ]; then
        PASSED=$((PASSED + 1))
        echo "ok $((PASSED + FAILED)) $name"
    else
        FAILED=$((FAILED + 1))
        sed 's/^/# /' "$log"
        echo "not ok $((PASSED + FAILED)) $name"
    fi
    rm -f "$log"
}

# summarize [FILE]
summarize() {
    [ -z "${1:-}" ] || printf '{"passed":%d,"failed":%d,"skipped":%d}\n' "$PASSED" "$FAILED" "$SKIPPED" >"$1"
}

# add_summary FILE STATUS: adds a stage's counts. A stage that failed without saying which test, or that ran none, is itself
# a failed test.
add_summary() {
    local passed failed skipped
    passed=$(count "$1" passed) failed=$(count "$1" failed) skipped=$(count "$1" skipped)
    if { [ "$2" -ne 0 ] && [ "$failed" -eq 0 ]; } || [ $((passed + failed)) -eq 0 ]; then failed=$((failed + 1)); fi
    PASSED=$((PASSED + passed)) FAILED=$((FAILED + failed)) SKIPPED=$((SKIPPED + skipped))
}
count() {
    local n
    n=$(grep -oE "\"$2\": *[0-9]+" "$1" 2>/dev/null | grep -oE '[0-9]+$' || true)
    echo "${n:-0}"
}

totals() {
    if [ "$SKIPPED" -gt 0 ]; then
        echo "$PASSED passed, $FAILED failed, $SKIPPED skipped"
    else
        echo "$PASSED passed, $FAILED failed"
    fi
}
