# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: what the drivers cost, see Documentation/benchmarks.md
# transport: c
# memory: 1024
# cmdline: nokaslr mitigations=off cryptomgr.notests=1
# disk: split 1G num-queues=1 ioeventfd=off
# disk: packed 1G num-queues=1 ioeventfd=off packed=on
# disk: out 64M
# nic: a ioeventfd=off
# nic: b ioeventfd=off
# nic: e ioeventfd=off
# balloon: balloon ioeventfd=off

# What is measured stands in /rv/jobs, a job in a line: NUMBER KIND ARGUMENT... The sides stand in $SIDES. To the host:
#   RESULT SIDE NUMBER COUNT NANOSECONDS      of each job, whose phase is 64 * SIDE + NUMBER
. /rv/bench.conf

EVERYONE="split packed a b e balloon"
HOST_MAC=52:54:00:aa:aa:aa

everything_loaded() {
    modprobe -a virtio_blk virtio_net virtio_balloon
    modprobe -a rvirtio_pci rvirtio_blk rvirtio_net rvirtio_balloon
    block out >/dev/null
}

# The host learns where each function is, by way of a disk, and the plugin by way of the host.
symbols() {
    grep -E ' ([tTwW] |. init_task)' /proc/kallsyms | gzip -1 >/run/symbols
    { printf '%16d' "$(wc -c </run/symbols)"; cat /run/symbols; } >/run/out
    dd if=/run/out of="$(disk out)" bs=1M conv=fsync
    unbind "$(pci out)"
    host symbols
    load mark 65535
}

# move NAME DRIVER: as driverctl does.
move() {
    address=$(pci "$1")
    echo "$2" >"$PCI/devices/$address/driver_override"
    [ ! -e "$PCI/devices/$address/driver" ] || unbind "$address"
    echo "$address" >"$PCI/drivers_probe"
    same "driver of $1" "$(driver_of "$1")" "$2"
}

spaces() {
    for name in $(nics); do
        space "$name"
        at "$name" sh -c 'for scope in all default; do echo 1 >/proc/sys/net/ipv6/conf/$scope/disable_ipv6; done'
    done
}

# inside NIC ADDRESS PEER MAC
inside() {
    ip link set "$(netdev "$1")" netns "$1" name eth0
    ip -n "$1" addr add "$2/24" dev eth0
    ip -n "$1" link set eth0 up
    ip -n "$1" neigh replace "$3" lladdr "$4" dev eth0 nud permanent
}
mac() { cat "/sys/class/net/$(netdev "$1")/address"; }

settle() {
    mac_a=$(mac a) mac_b=$(mac b)
    inside a 10.0.0.1 10.0.0.2 "$mac_b"
    inside b 10.0.0.2 10.0.0.1 "$mac_a"
    inside e 10.0.1.1 10.0.1.2 $HOST_MAC
    for name in split packed; do
        queue=/sys/block/$(block "$name")/queue
        echo none >"$queue/scheduler"
        echo 2 >"$queue/nomerges"
    done
    sleep 2
}

# ended NUMBER COUNT NANOSECONDS
ended() { echo "RESULT $SIDE $1 $2 $3" >&3; }

phase() { echo $((64 * SIDE + $1)); }

# pages NUMBER MIB: the balloon goes there in a phase; 0 is no phase.
pages() {
    load mark "$([ "$1" = 0 ] || phase "$1")"
    balloon_to "$2"
    load mark 0
}

# job NUMBER KIND ARGUMENT...
job() {
    number=$1 kind=$2
    shift 2
    case $kind in
    blk)
        file=$(disk "$1")
        shift
        result=$(load blk "$file" "$@" "$(phase "$number")")
        ;;
    udp-* | tcp-*) result=$(load "$kind" a b "$@" "$(phase "$number")") ;;
    echo-*) result=$(load "$kind" e "$@" "$(phase "$number")") ;;
    balloon)
        # There and back once before, so that the page allocator is warm.
        case $1 in
        up)
            balloon_to $((1024 - $2))
            balloon_to 1024
            pages "$number" $((1024 - $2))
            ;;
        down) pages "$number" 1024 ;;
        esac
        result="$(($2 * 256)) 0"
        ;;
    probe) return ;;
    esac
    [ -n "$result" ] || fail "nothing came of $kind"
    # shellcheck disable=SC2086  # words
    ended "$number" $result
}

# probed NAME DRIVER: in a phase, if it is a job.
probed() {
    number=$(sed -n "s/^\([0-9]*\) probe $1\$/\1/p" /rv/jobs)
    if [ -n "$number" ]; then
        [ ! -e "$PCI/devices/$(pci "$1")/driver" ] || unbind "$(pci "$1")"
        # What unbinding leaves to be done later is done.
        sleep 1
        host trace on
        load mark "$(phase "$number")"
        move "$1" "$2"
        load mark 0
        host trace off
        ended "$number" 1 0
    else
        move "$1" "$2"
    fi
}

side() {
    for name in $EVERYONE; do probed "$name" "$1"; done
    settle
}

check "C's drivers and ours are loaded" everything_loaded
check "the host knows where functions are" symbols
check "network namespaces" spaces
SIDE=0
for RV_DRIVER in $SIDES; do
    SIDE=$((SIDE + 1))
    . /rv/lib.sh
    check "$RV_DRIVER: devices bound" side "${PCI_MODULE:-virtio-pci}"
    while read -r words; do
        # shellcheck disable=SC2086  # words
        check "$RV_DRIVER: $words" job $words </dev/null
    done </rv/jobs
done
