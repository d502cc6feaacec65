# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: reboot with I/O in flight, and again
# disk: d0 64M
# disk: d1 64M
# boots: 2
# end: reboot
# allow: I/O error, dev vdb
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

load_modules
if [ "$RV_BOOT" = 1 ]; then
    check "first boot: write" write
else
    check "second boot: the same data" compare
fi
