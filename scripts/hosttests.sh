#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# hosttests.sh [--summary FILE]: the tests that need no kernel: `cargo test` in each package, then each fuzz target for a
# short while, and beside them long random walks.

. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$TOP/scripts/tally.sh"

summary=
[ "${1:-}" != --summary ] || summary=$2
OUT=$TOP/build/check
LIMIT=900
mkdir -p "$OUT"

"$TOP/scripts/tools.sh" >/dev/null

# cargo_test PACKAGE: counts from cargo's own closing lines, "test result: ok. 12 passed; 0 failed; 1 ignored; ...".
cargo_test() {
    local package=$1 log=$OUT/cargo-${1//\//-}.log status=0 passed failed ignored
    say "==> cargo test in $package (log: $log)"
    (cd "$TOP/$package" && in_root -- timeout "$LIMIT" cargo test --no-fail-fast) >"$log" 2>&1 </dev/null || status=$?
    read -r passed failed ignored < <(sed -n -E \
        's/^test result: .* ([0-9]+) passed; ([0-9]+) failed; ([0-9]+) ignored;.*/\1 \2 \3/p' "$log" |
        awk '{ p += $1; f += $2; i += $3 } END { print p + 0, f + 0, i + 0 }')
    if [ "$status" -ne 0 ] || [ "$((passed + failed))" -eq 0 ]; then
        [ "$failed" -gt 0 ] || failed=1
        tail -n 40 "$log"
    fi
    echo "# $package: $passed passed, $failed failed, $ignored ignored"
    PASSED=$((PASSED + passed)) FAILED=$((FAILED + failed)) SKIPPED=$((SKIPPED + ignored))
}

cd "$TOP"
need_git
while read -r manifest; do
    cargo_test "${manifest%/Cargo.toml}"
done < <(git ls-files --cached --others --exclude-standard -- 'rust/*/Cargo.toml' 'scripts/hosttests*/Cargo.toml' | sort)

# Driver and device at random in each format, with and without indirect tables and event index, so many steps each: against our
# model of a device, and against rust-vmm's. In the background, as a fuzz target has one thread and its time.
STEPS=10000000
walk() { (cd "$TOP/$1" && in_root -- env RVIRTIO_WALK_STEPS=$STEPS nice timeout "$LIMIT" cargo test --release --test "${@:2}" -- --nocapture); }
walks() {
    walk rust/vring model walks_of_every_format && walk scripts/hosttests virtio_queue
}
walked() {
    local combinations
    wait "$walking" || { tail -n 40 "$OUT/walks.log"; return 1; }
    combinations=$(grep -c ": $STEPS steps, " "$OUT/walks.log")
    [ "$combinations" -eq 16 ] || { echo "of 16 combinations $combinations were walked"; return 1; }
}
walks >"$OUT/walks.log" 2>&1 </dev/null &
walking=$!

# fuzz TARGET: 30 s of it, fewer where an input is a few bytes; building the target comes on top.
fuzz() {
    local seconds=30
    case $1 in
    blk_zones | net_header) seconds=15 ;;
    admin_command | balloon_host | blk_request | feature_filter | net_config | pci_legacy) seconds=5 ;;
    esac
    in_root -- timeout "$LIMIT" "$TOP/scripts/fuzz/run.sh" "$1" "$seconds"
}
for target in scripts/fuzz/fuzz_targets/*.rs; do
    [ -f "$target" ] || continue
    target=$(basename "$target" .rs)
    say "==> fuzz $target"
    result "fuzz $target" fuzz "$target"
done
say "==> walks of $STEPS steps (log: $OUT/walks.log)"
result "walks of $STEPS steps" walked

summarize "$summary"
totals
[ "$FAILED" -eq 0 ] && [ "$PASSED" -gt 0 ]
