# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: a read-only disk
# covers: VIRTIO_BLK_F_RO
# debug: none
# disk: ro 64M ro table=mbr
# disk: rw 64M
# model: turns block size=64M
# legacy: named
# timeout: 60

flag() {
    reads "/sys/block/$(block ro)/ro" 1
    reads "/sys/block/$(block rw)/ro" 0
    same "blockdev --getro" "$(blockdev --getro "$(disk ro)")" 1
    # VIRTIO_BLK_F_RO
    same "feature bit 5" "$(cut -c6 "/sys/bus/$BUS/devices/$(virtio ro)/features")" 1
}

reading() {
    same "read" "$(rvio try read "$(disk ro)" 0 65536)" ok
    same "the table's end" "$(dd if="$(disk ro)" bs=1 skip=510 count=2 2>/dev/null | xxd -p)" 55aa
    wait_for 10 test -b "$(disk ro)1" || fail "the partition did not appear"
    reads "/sys/block/$(block ro)/$(block ro)1/ro" 1
}

writing() {
    before=$(head -c 1048576 "$(disk ro)" | sha256sum)
    same "a write" "$(rvio try write "$(disk ro)" 0 4096)" EPERM
    # A driver without discard says so first.
    if [ "$(cat "/sys/block/$(block ro)/queue/discard_max_bytes")" -gt 0 ]; then wanted=EPERM; else wanted=EOPNOTSUPP; fi
    same "a discard" "$(rvio try discard "$(disk ro)" 0 4096)" $wanted
    ! dd if=/dev/zero of="$(disk ro)" bs=4096 count=1 conv=fsync || fail "dd reports success"
    drop_caches
    same "the data" "$(head -c 1048576 "$(disk ro)" | sha256sum)" "$before"
}

# Not even a user who lifts the flag gets a write through to the host.
lifted() {
    if blockdev --setrw "$(disk ro)" 2>/run/setrw; then
        rvio try write "$(disk ro)" 1048576 4096 >/run/try || true
        note "after blockdev --setrw, a write gives $(cat /run/try)"
    else
        note "blockdev --setrw is refused"
    fi
    same "a read afterwards" "$(rvio try read "$(disk ro)" 1048576 4096)" ok
    same "the host's image" "$(host peek ro 1048576 8)" 0000000000000000
}

# turns VALUE: the device offers the feature from its next reset on, or does not any more.
turns() {
    host model turns order read_only "$1"
    host model turns order needs-reset
    wait_for 20 grep -q "^$2\$" "/sys/block/$(block turns)/ro" || fail "ro is $(cat "/sys/block/$(block turns)/ro"), not $2"
}

# It was agreed that it can be written to. What it offers after a reset is looked at all the same.
after_a_reset() {
    [ "$RV_DRIVER" = rvirtio ] || skip "C does not reset it"
    short_verify "$(disk turns)" 4 20
    turns on 1
    same "a write" "$(rvio try write "$(disk turns)" 0 4096)" EPERM
    same "a read" "$(rvio try read "$(disk turns)" 0 4096)" ok
    turns off 0
    short_verify "$(disk turns)" 5 20
    same "lines about that" "$(dmesg | grep -cE "\[$(block turns)\] is (read-only|writable) now")" 2
    same "what the device complains about" "$(host model turns ask complaints)" ""
}

load_modules
check "the flag" flag
check "reading" reading
check "writing is refused" writing
check "lifting the flag changes nothing on the host" lifted
check "the other disk is writable" short_verify "$(disk rw)" 3 20
[ "$RV_LEGACY" = 1 ] || check "read-only after a reset, and writable after another" after_a_reset
