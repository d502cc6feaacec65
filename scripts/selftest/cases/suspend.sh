# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: sleep, at each level of pm_test, and for real: s2idle and S3, under I/O
# disk: d0 64M
# disk: p0 64M port packed=on in_order=on
# disk: intx 64M vectors=0
# nic: a tap queues=2
# nic: b tap port
# balloon: balloon
# rng: rng
# drill: 20
# timeout: 240
# cmdline: no_console_suspend
# end: reboot

WHICH="d0 p0 intx"

prepare() {
    net_up
    for name in $WHICH; do block $name >/dev/null; done
    keep d0
    nics_told
    all_work
    host actual >/run/full
    balloon_to $(($(cat /run/full) / 1024 - 60))
}

all_work() {
    nics_know
    for name in $WHICH; do short_verify "$(disk $name)" 62 20; done
    rng_works
}

# sleeps MODE TIMES COMMAND...: goes to sleep with I/O under way that is looked through afterwards, TIMES times.
sleeps() {
    _mode=$1 _sleeps=$2
    shift 2
    # Frozen with all other tasks while the machine sleeps, and to go on.
    # shellcheck disable=SC2086  # words
    io_on $WHICH
    load_on a b
    while [ "$_sleeps" -gt 0 ]; do
        "$@"
        echo "$_mode" >/sys/power/state || fail "no sleep: $(dmesg | grep -E 'PM:|PM ' | tail -n 3)"
        _sleeps=$((_sleeps - 1))
    done
    io_off
    load_off a b
    ! dmesg | grep -E 'PM: .*(failed to (suspend|resume)|returns -)' || fail "a device failed"
    kept d0
    wait_for 60 balloon_is $(($(cat /run/full) / 1024 - 60)) || fail "the balloon does not come back: $(host actual) KiB"
    all_work
}

nothing() { :; }

pm_test() {
    grep -qw "$1" /sys/power/pm_test || skip "the kernel has no such test: $(cat /sys/power/pm_test)"
    echo 1 >/sys/module/suspend/parameters/pm_test_delay
    echo "$1" >/sys/power/pm_test
    sleeps mem "$2" nothing
    echo none >/sys/power/pm_test
}

# Something on the control port wakes: long after the machine has gone to sleep, since before it would be no use.
bell() {
    [ -z "$_bell" ] || bell_rung
    bell_ordered
}
s2idle() {
    grep -q s2idle /sys/power/mem_sleep || skip "no s2idle: $(cat /sys/power/mem_sleep)"
    echo enabled >/sys/class/tty/ttyS1/power/wakeup
    sleeps freeze "$RV_TIMES" bell
}

button() { host wake >/dev/null; }
s3() {
    grep -q deep /sys/power/mem_sleep || skip "no S3: $(cat /sys/power/mem_sleep)"
    if [ "$RV_KERNEL" = debug ]; then
        # With acpi=noirq nobody tells the chipset again where its interrupt lines go.
        unbind "$(pci intx)"
        WHICH="d0 p0"
        held >/run/leaks.marked
    fi
    echo deep >/sys/power/mem_sleep
    sleeps mem "$(rounds 3)" button
}

check "prepare" prepare
leaks_mark
# Each does what those before it do, and more: the last one is what is done again.
levels="freezer devices platform processors core"
[ "$RV_PART" = 1 ] || levels="devices core"
for level in $levels; do
    times=$RV_TIMES
    [ $level != core ] || times=$(rounds 3)
    check "pm_test $level, $times times" pm_test $level "$times"
done
check "s2idle" s2idle
check "S3" s3
check "nothing leaked" leaks_none 4096
check "modules unload" unload_modules
check "nothing is left" no_traces
