# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: what is free is not migrated; the kernel gets it back when it wants it, when the host is done, and at unbind
# covers: VIRTIO_BALLOON_F_FREE_PAGE_HINT
# rings: packed-in-order
# debug: none
# balloon: balloon free-page-hint=on
# timeout: 300

# Bytes in a second: as fast as it goes; so slow that hints come first; and so slow that a migration does not end.
FAST=4294967296
case $RV_KERNEL in
debug) RATE=8388608 ;;
*) RATE=16777216 ;;
esac
CRAWL=65536

prepare() {
    load_modules
    same "feature FREE_PAGE_HINT" "$(feature balloon 3)" 1
}

# 300 MiB of what is free have content, so that it would be moved.
dirty() {
    pages touch 300 || fail "memory does not hold what is written"
    drop
}

is_back() { [ $(($1 - $(free_now))) -le 20480 ]; }

# 300 MiB are free with content: without a driver they are moved, with it they are not.
migrated() {
    address=$(pci balloon) driver=$(driver_of balloon)
    dirty
    free=$(free_now)
    pages hold 40 7 >/run/held 2>&1 3>&- &
    holder=$!
    wait_for 60 grep -q filled /run/held
    unbind "$address"
    all=$(host migrate $FAST)
    bind "$address" "$driver"
    moved=$(host migrate $RATE)
    note "moved: $moved KiB, $all without a driver"
    [ "$all" -gt $((340 * 1024)) ] || fail "without a driver $all KiB were moved, and 340 MiB have content"
    [ "$moved" -lt $((all - 200 * 1024)) ] || fail "$moved KiB were moved, $all without a driver, and 300 MiB are free"
    [ "$moved" -gt $((40 * 1024)) ] || fail "$moved KiB were moved, and 40 MiB are in use"
    kill $holder
    wait $holder || fail "memory in use has changed: $(cat /run/held)"
    wait_for 60 is_back "$free" || fail "free memory is $(free_now) KiB, $free before"
}

set_aside() { [ "$(free_now)" -lt "$1" ]; }
# A round under way that does not end: most of the memory is set aside.
begin() {
    dirty
    free_now >/run/free
    host migrate begin $CRAWL >/dev/null
    wait_for 100 set_aside $(($(cat /run/free) / 3)) || fail "of $(cat /run/free) KiB of free memory $(free_now) are still free"
    note "free: $(cat /run/free) KiB before, $(free_now) while it is set aside"
}
finish() {
    host migrate cancel >/dev/null
    wait_for 60 is_back "$(cat /run/free)" || fail "free memory is $(free_now) KiB, $(cat /run/free) before"
}

wanted() {
    begin
    kills=$(vmstat oom_kill)
    pages touch 300 || fail "300 MiB are not to be had"
    same "tasks killed" "$(vmstat oom_kill)" "$kills"
    finish
}

unbound() {
    begin
    address=$(pci balloon) driver=$(driver_of balloon)
    unbind "$address"
    wait_for 60 is_back "$(cat /run/free)" || fail "free memory is $(free_now) KiB without a driver, $(cat /run/free) before"
    host migrate cancel >/dev/null
    bind "$address" "$driver"
}

check "the host may ask for hints" prepare
check "what is free is not moved" migrated
leaks_mark
check "the kernel gets back what it wants" wanted
check "unbound while a round is under way" unbound
check "it works again" migrated
check "nothing leaked" leaks_none 4096
check "modules unload" unload_modules
check "nothing is left" no_traces
