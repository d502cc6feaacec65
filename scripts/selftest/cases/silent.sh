# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: a device that stops answering is given up, a lost request ends, a slow device is borne with
# driver: rvirtio
# disk: mute 64M
# disk: deaf 64M num-queues=1 queue-size=16
# disk: slow 64M num-queues=1
# disk: good 64M
# needs: ext4
# rings: packed
# named: packed
# legacy: named
# matrix: any
# timeout: 200
# What this case provokes.
# allow: (I/O|timeout) error, dev vd[ab], sector|Buffer I/O error on dev(ice)? vda
# allow: EXT4-fs.*\(device vda\)|EXT4-fs \(vda\)|JBD2: .*vda|JBD2: I/O error|Aborting journal
# allow: lost (async|sync) page write|lost sync page write
# allow: rvirtio_blk virtio[0-9]+: device (is broken|needs a reset): queue [01]: request was not answered in time

prepare() {
    modprobe rvirtio_pci
    modprobe rvirtio_blk io_timeout=8
    disk mute >/run/mute
    driver_of mute >/run/driver
    same "a first read" "$(rvio try read "$(disk mute)" 0 4096)" ok
}

# said NAME WHAT: what the log has to say of a disk.
said() { dmesg | grep -q "$(virtio "$1"): device $2: queue [01]: request was not answered in time"; }

# start_read DEVICE OFFSET [NAME]: a read that may take long; what becomes of it stands in /run/became, or NAME.
start_read() {
    rm -f "/run/${3:-became}"
    (rvio try read "$1" "$2" 65536 >"/run/${3:-became}.new" 2>&1; mv "/run/${3:-became}.new" "/run/${3:-became}") 3>&- &
}
done_with() { [ -e /run/became ] && [ -e /run/first ]; }

# make_silent NAME [rd]: one request after it may still be let through, whichever of two that comes first.
make_silent() {
    host silence "$@"
    start_read "$(disk "$1")" 0 first
    sleep 1
}

# failed_with ERRNO: what became of the two. QEMU answers what it has held back when the device is reset, and a guest that
# sees that before the reset is over has its data; the suite of hostile devices has devices that never answer.
failed_with() {
    got=$(sort -u /run/first /run/became | tr '\n' ' ')
    case $got in
    "$1 " | "$1 ok ") ;;
    "ok ") note "QEMU has answered during the reset" ;;
    *) fail "the reads are '$got'" ;;
    esac
}

# The reset does not help, and QEMU gives nothing back after it.
given_up() {
    make_silent mute
    start_read "$(cat /run/mute)" 1048576
    wait_for 60 done_with || fail "a read neither failed nor came back"
    failed_with EIO
    said mute "needs a reset" || fail "no line in the log says that the device is reset"
    said mute "is broken" || fail "no line in the log says why"
    same "a read afterwards" "$(rvio try read "$(cat /run/mute)" 4096 4096)" EIO
}

others_work() { short_verify "$(disk good)" 7; }

bound_again() {
    host throttle mute 0
    unbind "$(pci mute)"
    bind "$(pci mute)" "$(cat /run/driver)"
    disk mute >/run/mute
    same "a read" "$(rvio try read "$(cat /run/mute)" 0 4096)" ok
    short_verify "$(cat /run/mute)" 9
}

# Reads are not answered, writes are, more than the ring has room for: the read is lost, and again after the reset.
lost_alone() {
    deaf=$(disk deaf)
    make_silent deaf rd
    start_read "$deaf" 1048576
    writes=0
    end=$(($(uptime_seconds) + 60))
    while ! done_with && [ "$(uptime_seconds)" -lt $end ]; do
        dd if=/dev/zero of="$deaf" bs=4k count=40 seek=$((4096 + writes % 8 * 40)) oflag=direct 2>/run/dd || fail "a write failed: $(cat /run/dd)"
        writes=$((writes + 1))
    done
    note "$writes times 40 writes"
    done_with || fail "a read neither failed nor came back"
    failed_with ETIMEDOUT
    said deaf "needs a reset" || fail "no line in the log says that the device is reset"
    ! said deaf "is broken" || fail "the device was given up"
    host throttle deaf 0
    short_verify "$deaf" 13
}

# One request a second, eight at a time: each is late, and the device is not given up.
slow_one() {
    host throttle slow 1
    slow=$(disk slow)
    for worker in 0 1 2 3 4 5 6 7; do
        (rvio try read "$slow" $((worker * 1048576)) 4096 >"/run/slow.$worker"
         rvio try read "$slow" $((worker * 1048576 + 4096)) 4096 >>"/run/slow.$worker") 3>&- &
    done
    wait_for 90 all_slow_done || fail "the slow reads did not end: $(cat /run/slow.* | tr '\n' ' ')"
    same "what the slow reads gave" "$(sort -u /run/slow.*)" ok
    host throttle slow 0
    ! said slow "needs a reset" || fail "the device was reset"
}
all_slow_done() { [ "$(cat /run/slow.* | wc -l)" -eq 16 ]; }

# The driver leaves: it does not try a reset first.
unbind_with_requests() {
    make_silent mute
    start_read "$(cat /run/mute)" 2097152
    sleep 0.5
    unbind "$(pci mute)"
    wait_for 10 done_with || fail "a read did not end with its disk"
    host throttle mute 0
}

# soon DISK: its requests are late after two seconds.
soon() { echo 2000 >"/sys/block/$(block "$1")/queue/io_timeout"; }

# A file system is on the disk, with something to write back: unmounting comes to an end, and gives the disk up.
unmounted() {
    need_module ext4
    bind "$(pci mute)" "$(cat /run/driver)"
    device=$(disk mute)
    soon mute
    mkfs.ext4 -q -F "$device"
    mount -t ext4 "$device" /mnt
    tree_make /mnt/before
    sync
    tree_make /mnt/after
    host silence mute
    (umount /mnt || true; : >/run/unmounted) 3>&- &
    wait_for 60 test -e /run/unmounted || fail "umount does not end"
    ! grep -q ' /mnt ' /proc/mounts || fail "it is still mounted"
    ! healthy mute || fail "the device was not given up"
    [ -e "/sys/block/${device#/dev/}" ] || fail "the broken disk has gone by itself"
    same "a read" "$(rvio try read "$device" 0 4096)" EIO
}

# The modules leave while they have a disk that is broken; what was written before it was is there afterwards.
unloaded_broken() {
    unload_modules
    no_traces
    host throttle mute 0
    load_again
    mount -t ext4 "$(disk mute)" /mnt
    same "files from before" "$(find /mnt/before -type f | wc -l)" "$TREE_FILES"
    umount /mnt
    short_verify "$(disk good)" 17
}
load_again() {
    modprobe rvirtio_pci
    modprobe rvirtio_blk io_timeout=8
}

# The transport leaves while requests are under way of which the device answers none, and takes the disks with it. The disk's own
# module is in use until then.
unloaded_silent() {
    disk mute >/run/mute
    soon mute
    make_silent mute
    start_read "$(cat /run/mute)" 2097152
    sleep 0.5
    ! done_with || fail "both reads have been answered"
    ! rmmod rvirtio_blk || fail "a module has left under who reads"
    rmmod rvirtio_pci
    wait_for 10 done_with || fail "a read did not end with its disk"
    rmmod rvirtio_blk
    rmmod rvirtio
    no_traces
    host throttle mute 0
    load_again
    short_verify "$(disk mute)" 19
}

gone() { unload_modules && no_traces; }

check "modules with a timeout of 8 s" prepare
check "the ring format" in_format
check "a request that is never answered fails" given_up
check "other disks work" others_work
check "bound anew it works" bound_again
check "one request is lost, others are not" lost_alone
check "a slow device is borne with" slow_one
check "unbind with unanswered requests" unbind_with_requests
check "unmounting a disk that answers nothing" unmounted
check "modules unload while a disk is broken" unloaded_broken
check "modules unload while a disk answers nothing" unloaded_silent
check "modules unload" gone
