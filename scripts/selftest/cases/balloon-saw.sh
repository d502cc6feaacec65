# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: the balloon goes up and down; memory in use keeps its contents, the host gets memory and gives it back
# balloon: balloon
# memory: 1024
# legacy: named
# matrix: any
# timeout: 300

prepare() {
    load_modules
    wait_for 10 grep -q . "/sys/bus/$BUS/devices/$(virtio balloon)/driver/module/refcnt" || true
    same "device type" "$(cat "/sys/bus/$BUS/devices/$(virtio balloon)/device")" 0x0005
    note "host holds $(host rss) KiB, guest has $(free_now) KiB free"
    pages hold 96 7 >/run/held 2>&1 3>&- &
    echo $! >/run/holder
    wait_for 60 grep -q filled /run/held || fail "pages: $(cat /run/held)"
    host actual >/run/full
    # More than the balloon will have, so that the host holds it.
    pages touch 500 || fail "memory does not hold what is written"
    host rss >/run/rss
}

# What leaves the guest arrives at the host, and comes back.
inflate() {
    free=$(free_now) full=$(($(cat /run/full) / 1024))
    balloon_to $((full - $1))
    near "free memory" "$(free_now)" $((free - $1 * 1024)) 40960
    fallen=$(($(cat /run/rss) - $(host rss)))
    note "balloon of $1 MiB: guest has $(free_now) KiB free instead of $free, host holds $fallen KiB less"
    [ $fallen -gt $(($1 * 1024 * 8 / 10)) ] || fail "of $1 MiB in the balloon the host got $fallen KiB back"
    inflated=$(vmstat balloon_inflate)
    [ -z "$inflated" ] || note "vmstat: balloon_inflate $inflated, balloon_deflate $(vmstat balloon_deflate)"
}
deflate() {
    free=$(free_now) full=$(($(cat /run/full) / 1024)) total=$(meminfo MemTotal)
    balloon_to $full
    note "no balloon: guest has $(free_now) KiB free, $(meminfo MemTotal) KiB in all, before $free and $total"
    near "free memory" "$(free_now)" $((free + $1 * 1024)) 40960
    pages touch "$1" || fail "memory that came back does not hold what is written"
}

saw() {
    full=$(($(cat /run/full) / 1024)) left=$1
    while [ "$left" -gt 0 ]; do
        balloon_to $((full - 300 + left % 3 * 40))
        kill -0 "$(cat /run/holder)" || fail "memory in use has changed: $(cat /run/held)"
        balloon_to $((full - left % 4))
        left=$((left - 1))
    done
    balloon_to $full
}

# The host changes its mind before the guest is done.
hasty() {
    full=$(($(cat /run/full) / 1024)) left=$(rounds 20)
    while [ "$left" -gt 0 ]; do
        host balloon $((full - left % 2 * 350 - left)) >/dev/null
        usleep $((left % 5 * 30000))
        left=$((left - 1))
    done
    balloon_to $full
}

# The page cache and a program that takes and gives meanwhile.
churn() {
    (while [ ! -e /run/enough ]; do
        pages touch 100 >/run/churn.said 2>&1 || { cp /run/churn.said /run/churn.bad; break; }
        head -c 20000000 /dev/zero >/tmp/file; rm /tmp/file
    done; echo over >/run/churn.over) 3>&- &
    saw 3
    touch /run/enough
    wait_for 60 test -e /run/churn.over || fail "the program does not end"
    [ ! -e /run/churn.bad ] || fail "memory does not hold what is written: $(cat /run/churn.bad)"
}

contents() {
    kill "$(cat /run/holder)"
    wait_for 30 grep -qv filled /run/held || fail "the holder does not end"
    grep -q '^right' /run/held || fail "memory in use has changed: $(tail -n 1 /run/held)"
    note "96 MiB looked through: $(tail -n 1 /run/held)"
}

with_balloon() {
    balloon_to $(($(cat /run/full) / 1024 - 200))
    unload_modules
    no_traces
    note "free after unloading with a balloon of 200 MiB: $(free_now) KiB"
    load_modules
    balloon_to $(($(cat /run/full) / 1024))
}

check "a balloon, and memory in use" prepare
check "400 MiB" inflate 400
check "back" deflate 400
check "sawtooth" saw "$(rounds 5)"
check "a host that changes its mind" hasty
check "sawtooth while memory is taken and given" churn
check "memory in use has its contents" contents
check "modules unload with a full balloon, and the next load goes on" with_balloon
check "modules unload" unload_modules
check "nothing is left" no_traces
