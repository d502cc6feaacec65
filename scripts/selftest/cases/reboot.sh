# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: reboot with I/O in flight, and again; devices are left reset, and what they had not answered fails
# disk: d0 64M
# disk: d1 64M
# model: m0 block
# model: n0 net
# boots: 2
# end: reboot
# allow: I/O error, dev vd[bc]
# console: I/O error, dev vdc, sector 0 op 0x0:\(READ\)
# timeout: 30

write() {
    rvio fill "$(disk d0)" 0 16777216 81
    hammer "$(disk d1)" 30 3>&- &
    sleep 1
}

compare() {
    rvio check "$(disk d0)" 0 16777216 81 || fail "data differ after the reboot"
    short_verify "$(disk d1)" 82 30
    hammer "$(disk d1)" 30 3>&- &
}

# A read that the device will answer long after the machine has gone, and packets.
under_way() {
    ip link set "$(netdev n0)" up
    ip addr add 10.0.0.1/24 dev "$(netdev n0)"
    (/usr/bin/ping -f -w 30 10.0.0.100 >/dev/null 2>&1 3>&-) &
    host model m0 order slow read 100000 >/dev/null
    # No other program stands between its last word and the console.
    (exec rvio try read "$(disk m0)" 0 4096 >/dev/kmsg 3>&-) &
    wait_for 10 waits || fail "no request is under way"
}
waits() { awk '$9 > 0 { n++ } END { exit !n }' "/sys/block/$(block m0)/stat"; }

load_modules
if [ "$RV_BOOT" = 1 ]; then
    check "first boot: write" write
else
    check "second boot: the same data" compare
fi
check "a request that is not answered, and packets" under_way
