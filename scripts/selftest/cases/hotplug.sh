# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: unplug and plug on a PCI Express port, pulled out, remove and rescan, under I/O
# disk: hot 64M port
# disk: late 64M port absent
# disk: still 64M
# legacy: named
# matrix: any
# drill: 25
# timeout: 300
# cmdline: log_buf_len=4M
# The file system of nobody is on these disks; requests that were in flight may be reported.
# allow: I/O error, dev vd[abc]
# allow: Buffer I/O error on dev(ice)? vd[abc]
# Linux 7.3.4 takes the two locks of pciehp in both orders; lockdep says so once. That it is this report is checked below.
# allow: WARNING: possible circular locking dependency detected
# allow: \*\*\* DEADLOCK \*\*\*
# allow: locks held by irq/\d+-pciehp

prepare() {
    [ "$RV_DRIVER" = c ] || modprobe "$BLK_MODULE" io_timeout=20
    load_modules
    wait_for 20 block_by_serial hot >/dev/null || fail "the disk on the port did not appear"
    block_by_serial hot >/run/hot
    rvio fill "/dev/$(cat /run/hot)" 0 16777216 51
    rvio fill "$(disk still)" 0 16777216 52
}

block_by_serial() {
    for dir in /sys/block/vd*; do
        [ "$(cat "$dir/serial" 2>/dev/null)" != "$1" ] || { basename "$dir"; return 0; }
    done
    return 1
}
no_serial() { ! block_by_serial "$1" >/dev/null; }

# unplug HOW
unplug() {
    hammer "/dev/$(cat /run/hot)" 20 3>&- &
    hammer=$!
    usleep 500000
    $1 hot
    wait_for 20 no_serial hot || fail "the disk is still there"
    kill $hammer
    wait_for 20 ended $hammer || fail "I/O to the unplugged disk hangs: $(cat /proc/$hammer/stack)"
}

# plugged HOW DISK
plugged() {
    $1 "$2"
    wait_for 40 block_by_serial "$2" || fail "the disk did not appear"
    block_by_serial "$2" >"/run/$2"
}

plug_again() {
    plugged plug hot
    # The hammer wrote zeros; what counts is that the disk works and is the same.
    short_verify "/dev/$(cat /run/hot)" 6 60
    reads "/sys/block/$(cat /run/hot)/size" $((64 * 2048))
}

plug_new() {
    plugged plug_at_once late
    short_verify "/dev/$(cat /run/late)" 8 60
}

in_and_out() {
    rvio fill "$(disk still)" 0 16777216 52
    left=$1
    while [ "$left" -gt 0 ]; do
        unplug pull_at_once
        plugged plug_at_once hot
        left=$((left - 1))
    done
    short_verify "/dev/$(cat /run/hot)" 7 60
    rvio check "$(disk still)" 0 16777216 52 || fail "the other disk has changed"
}

# gone_by_log NUMBER: that the log says so of one more than NUMBER.
gone_by_log() { [ "$RV_DRIVER" = c ] || same "devices that are gone, by the log" "$(said_gone)" $(($1 + 1)); }

pulled_out() {
    left=$1
    while [ "$left" -gt 0 ]; do
        gone=$(said_gone)
        rvio fill "$(disk still)" 0 16777216 52
        hammer "/dev/$(block_by_serial hot)" 20 3>&- &
        hammer=$!
        sleep 1
        tear hot
        noticed hot
        wait_for 20 no_serial hot || fail "the disk is still there"
        kill $hammer
        wait_for 20 ended $hammer || fail "I/O to the disk that was pulled out hangs: $(cat /proc/$hammer/stack)"
        gone_by_log "$gone"
        rvio check "$(disk still)" 0 16777216 52 || fail "the other disk has changed"
        plugged plug_at_once hot
        left=$((left - 1))
    done
    short_verify "/dev/$(cat /run/hot)" 10 60
}

# Where nobody says so the next request that is late finds it out.
not_noticed() {
    [ "$RV_DRIVER" = rvirtio ] || skip "C's requests wait for ever"
    device=/dev/$(block_by_serial late)
    gone=$(said_gone)
    tear late
    rvio try read "$device" 0 4096 >/run/became 3>&- &
    reader=$!
    wait_for 40 ended $reader || fail "the read hangs: $(cat /proc/$reader/stack)"
    ! grep -q ok /run/became || fail "a disk that is gone was read"
    gone_by_log "$gone"
    noticed late
    wait_for 20 no_serial late || fail "the disk is still there"
    plugged plug_at_once late
    short_verify "/dev/$(cat /run/late)" 11 60
}

remove_and_rescan() {
    address=$(pci still)
    left=$(rounds 5)
    while [ "$left" -gt 0 ]; do
        hammer "$(disk still)" 10 3>&- &
        hammer=$!
        usleep 200000
        echo 1 >"$PCI/devices/$address/remove"
        wait_for 10 no_serial still || fail "the disk is still there after remove"
        kill $hammer
        wait_for 20 ended $hammer || fail "I/O to the removed disk hangs: $(cat /proc/$hammer/stack)"
        echo 1 >"$PCI/rescan"
        wait_for 20 block_by_serial still || fail "the disk did not come back after rescan"
        left=$((left - 1))
    done
    short_verify "$(disk still)" 9 60
}

HALF=$((($(rounds 4) + 1) / 2))
check "prepare" prepare
check "unplug under I/O" unplug pull
check "plug again" plug_again
check "plug a disk that was not there at boot" plug_new
leaks_mark
check "pulled out, and nobody says so" not_noticed
check "pulled out under I/O, $RV_TIMES times" pulled_out "$RV_TIMES"
check "remove and rescan under I/O, $(rounds 5) times" remove_and_rescan
check "in and out under I/O, $HALF times" in_and_out $HALF
leaks_half $HALF
check "in and out under I/O, $HALF times more" in_and_out $HALF
check "nothing leaked" leaks_none 4096
check "lockdep reports nothing of ours" lockdep
check "modules unload" unload_modules
check "nothing is left" no_traces
