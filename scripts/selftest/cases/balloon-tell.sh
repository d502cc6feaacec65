# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: a host that has to be told before memory of the balloon is used: a device that a program of ours plays
# covers: VIRTIO_BALLOON_F_MUST_TELL_HOST
# rings: packed
# debug: none
# model: b balloon notification_data=on
# memory: 512
# timeout: 90
# Pages that cannot be had for the balloon are no trouble, and are said to be missing now and then.
# allow: Out of puff! Can't get

asked() { host model b "$@"; }
holds() { [ "$(asked ask size)" = "$1 $1" ]; }
# to PAGES: moves the balloon, and waits until the guest has followed.
to() {
    asked order want "$1" >/dev/null
    wait_for 60 holds "$1" || fail "the balloon does not come to $1 pages, but to (by what it holds, by what the driver says) $(asked ask size)"
}

agreed() {
    load_modules
    same "MUST_TELL_HOST" "$(feature b 0)" 1
    same "NOTIFICATION_DATA" "$(feature b 38)" 1
    in_format
}

# A host that takes its time: until it has acknowledged what leaves the balloon, all is in it.
held() {
    to 20000
    asked order hold >/dev/null
    before=$(asked ask notifications)
    asked order want 0 >/dev/null
    wait_for 20 told_since "$before" || fail "the host was not told that pages leave the balloon"
    sleep 1
    same "pages in the balloon, by the host and by the driver" "$(asked ask size)" "20000 20000"
    asked order release >/dev/null
    wait_for 60 holds 0 || fail "the balloon does not come to 0 pages, but to $(asked ask size)"
}
told_since() { [ "$(asked ask notifications)" -gt "$1" ]; }

# The host writes into pages until it acknowledges that they have left. Whoever needs memory now, and gets one of them, sees that.
needed() {
    most=$(($(meminfo MemAvailable) / 4 - 12000))
    to $most
    left=3
    while [ $left -gt 0 ]; do
        pages touch $((most / 256 - 8)) || fail "memory that came from the balloon does not hold what is written"
        left=$((left - 1))
    done
    note "a balloon of $most pages has, when memory was needed, $(asked ask size)"
    # It was more than there was beside the balloon.
    same "programs killed" "$(vmstat oom_kill)" 0
    to 0
    pages touch $((most / 256)) || fail "memory that came back does not hold what is written"
}

# A wish that cannot be had is not forgotten: the host does not say it again.
short() {
    to 0
    pages hold 200 3 >/run/held 2>&1 3>&- &
    holder=$!
    wait_for 60 grep -q filled /run/held
    puffed=$(dmesg | grep -c "Out of puff" || true)
    wish=$(($(meminfo MemAvailable) / 4 + 30000))
    asked order want $wish >/dev/null
    wait_for 30 puffs || fail "a balloon of $wish pages, with $(meminfo MemAvailable) KiB there: $(asked ask size)"
    # Attempts that get nothing at all.
    sleep 3
    note "of $wish pages there are $(asked ask size)"
    kill $holder
    wait $holder || true
    wait_for 40 holds $wish || fail "memory is there again, and the balloon does not come to $wish pages, but to $(asked ask size)"
    to 0
}
puffs() { [ "$(dmesg | grep -c "Out of puff" || true)" -gt "$puffed" ]; }

# The kernel moves pages of the balloon while its device is reset and forgets them: it is not told of pages that are given up then.
compacted() {
    to 20000
    : >/run/compacting
    (while [ -e /run/compacting ]; do echo 1 >/proc/sys/vm/compact_memory; done) >/dev/null 2>&1 3>&- &
    moved=$(vmstat balloon_migrate)
    for _ in 1 2 3 4; do
        before=$(recovered b)
        asked order needs-reset >/dev/null
        wait_for 20 once_more b "$before" || fail "it does not come back"
        wait_for 60 holds 20000 || fail "the balloon does not come to 20000 pages, but to $(asked ask size)"
    done
    rm /run/compacting
    wait $!
    note "pages moved meanwhile: $(($(vmstat balloon_migrate) - moved))"
    to 0
    pages touch 150 || fail "memory that came back does not hold what is written"
}

no_complaints() { same "what the device complains about" "$(asked ask complaints)" ""; }

check "what was agreed on" agreed
check "what leaves the balloon is the host's until it says so" held
check "memory that is needed at once" needed
check "a wish that waits for memory" short
check "resets while pages are moved" compacted
check "the device does not complain" no_complaints
