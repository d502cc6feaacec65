# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: a guest that runs out of memory takes it from the balloon (DEFLATE_ON_OOM), and nobody is killed
# covers: VIRTIO_BALLOON_F_DEFLATE_ON_OOM
# balloon: balloon deflate-on-oom=on
# memory: 768
# legacy: named
# matrix: any
# timeout: 300
# Pages that cannot be had for the balloon are no trouble, and are said to be missing now and then.
# allow: Out of puff! Can't get

prepare() {
    load_modules
    same "feature DEFLATE_ON_OOM" "$(feature balloon 2)" 1
    host actual >/run/full
    balloon_to $(($(cat /run/full) / 1024 - 350))
    note "with a balloon of 350 MiB the guest has $(meminfo MemAvailable) KiB"
}

# More than is left, less than the balloon and that together.
beyond() {
    have=$(meminfo MemAvailable)
    pages touch $((have / 1024 + 150)) >/run/said 2>&1 || fail "a program that asked for 150 MiB more than there was left ended with $? $(cat /run/said)"
    now=$(host actual)
    note "the balloon: $(($(cat /run/full) - now)) KiB now; $(vmstat oom_kill) killed"
    same "programs killed" "$(vmstat oom_kill)" 0
}

# The host insists. Neither driver goes back to the size that was asked for before it hears of it again.
again() { balloon_to $(($(cat /run/full) / 1024 - 350)); }

three_times() {
    for _ in 1 2 3; do
        beyond
        again
    done
}

whole() {
    balloon_to $(($(cat /run/full) / 1024))
    pages touch 300 || fail "memory does not hold what is written"
}

check "a balloon of 350 MiB" prepare
check "a program takes 150 MiB more than is left" beyond
check "the host asks for it once more" again
check "three times more" three_times
check "all the memory again" whole
check "modules unload" unload_modules
check "nothing is left" no_traces
