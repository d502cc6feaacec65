# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: a device that stops answering is given up, a slow one is not
# driver: rvirtio
# disk: mute 64M
# disk: slow 64M
# disk: good 64M
# legacy: named
# timeout: 120
# What this case provokes.
# allow: I/O error, dev vda, sector|Buffer I/O error on dev(ice)? vda
# allow: rvirtio_blk virtio[0-9]+: (device is broken: queue [01]: request was not answered in time|queue [01]: the device answers no request)

prepare() {
    modprobe rvirtio_pci
    modprobe rvirtio_blk io_timeout=2
    disk mute >/run/mute
    driver_of mute >/run/driver
    same "a first read" "$(rvio try read "$(disk mute)" 0 4096)" ok
}

said() { dmesg | grep -q "$(virtio mute): device is broken: queue [01]: request was not answered in time"; }

# start_read OFFSET: a read that may take long; what becomes of it stands in /run/became.
start_read() {
    rm -f /run/became
    (rvio try read "$(cat /run/mute)" "$1" 65536 >/run/became.new 2>&1; mv /run/became.new /run/became) &
}
done_with() { [ -e /run/became ]; }

# The first request after the silence may still be let through.
make_mute() {
    host silence mute
    rvio try read "$(cat /run/mute)" 0 65536 >/run/first &
    sleep 1
}

given_up() {
    make_mute
    start_read 1048576
    wait_for 60 done_with || fail "the read neither failed nor came back"
    # QEMU answers what it held back while it is reset; other devices do not.
    case $(cat /run/became) in ok | EIO) ;; *) fail "the read is '$(cat /run/became)'" ;; esac
    wait_for 30 said || fail "no line in the log says why"
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

# One request a second, eight at a time: each is late, and the device is not given up.
slow_one() {
    host throttle slow 1
    slow=$(disk slow)
    for worker in 0 1 2 3 4 5 6 7; do
        (rvio try read "$slow" $((worker * 1048576)) 4096 >"/run/slow.$worker"
         rvio try read "$slow" $((worker * 1048576 + 4096)) 4096 >>"/run/slow.$worker") &
    done
    wait_for 90 all_slow_done || fail "the slow reads did not end: $(cat /run/slow.* | tr '\n' ' ')"
    same "what the slow reads gave" "$(sort -u /run/slow.*)" ok
    host throttle slow 0
}
all_slow_done() { [ "$(cat /run/slow.* | wc -l)" -eq 16 ]; }

unbind_with_requests() {
    make_mute
    start_read 2097152
    sleep 0.5
    unbind "$(pci mute)"
    wait_for 10 done_with || fail "the read did not end with its disk"
    host throttle mute 0
}

gone() { unload_modules && no_traces; }

check "modules with a timeout of 2 s" prepare
check "a request that is never answered fails" given_up
check "other disks work" others_work
check "bound anew it works" bound_again
check "a slow device is borne with" slow_one
check "unbind with unanswered requests" unbind_with_requests
check "modules unload" gone
