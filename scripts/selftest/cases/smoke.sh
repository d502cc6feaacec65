# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: disk, NIC, balloon and entropy at a point of the matrix: what was agreed upon, data, all of them bound anew
# matrix: 4
# disk: d0 64M
# disk: d1 64M port
# nic: a
# nic: b port
# balloon: balloon
# rng: rng
# timeout: 90
# allow: NETDEV WATCHDOG: CPU: \d+: transmit queue \d+ timed out

# shellcheck disable=SC2086  # words
set -- $RV_POINT
INDIRECT=$3 EVENT=$4 INTERFACE=$5 VECTORS=$6 DMA=$7
NAMES="d0 d1 a b balloon rng"

begin() {
    net_up
    for name in d0 d1; do block $name >/dev/null; done
    host actual >/run/full
}

# is SETTING WANTED: 1 where they are the same.
is() { if [ "$1" = "$2" ]; then echo 1; else echo 0; fi; }

agreed() {
    in_format
    for name in $NAMES; do
        same "INDIRECT_DESC of $name" "$(feature $name 28)" "$(is "$INDIRECT" indirect)"
        same "EVENT_IDX of $name" "$(feature $name 29)" "$(is "$EVENT" event-idx)"
        same "ACCESS_PLATFORM of $name" "$(feature $name 33)" $((1 - $(is "$DMA" direct)))
        case $INTERFACE-$(cat "$PCI/devices/$(pci $name)/device") in
        modern-0x104? | transitional-0x100? | legacy-0x100?) ;;
        *) fail "$name has the id $(cat "$PCI/devices/$(pci $name)/device"), and is to be $INTERFACE" ;;
        esac
    done
    for name in d0 d1 a b; do
        vectors=$(find "$PCI/devices/$(pci $name)/msi_irqs" -type f 2>/dev/null | wc -l)
        case $VECTORS-$vectors in
        each-[2-9] | shared-2 | intx-0) ;;
        *) fail "$name has $vectors vectors, and is to have: $VECTORS" ;;
        esac
    done
    [ "$DMA" != iommu ] || reads "$PCI/devices/$(pci d0)/iommu_group/type" DMA
}

disks_work() {
    for name in d0 d1; do
        short_verify "$(disk $name)" 81 60
        rvio vector "$(disk $name)" 82 512 || fail "256 segments of $name: data differ"
    done
}

nics_work() {
    reach a "$(address b)"
    stream a b tcp 4194304 83
    stream b a udp 1048576 84
    check_dma
}

balloon_moves() {
    full=$(($(cat /run/full) / 1024))
    for less in 60 10 40 0; do balloon_to $((full - less)); done
    pages touch 60 || fail "memory that came back does not hold what is written"
}

# Everything goes and comes back, with a disk in use and the balloon full.
anew() {
    balloon_to $(($(cat /run/full) / 1024 - 40))
    left=$(rounds 3)
    while [ "$left" -gt 0 ]; do
        hammer "$(disk d0)" 600 3>&- &
        for name in $NAMES; do
            address=$(pci $name)
            unbind "$address"
            bind "$address" "$PCI_MODULE"
            case $name in
            d0) kill $! ;;
            a | b) nic_in $name ;;
            esac
        done
        left=$((left - 1))
    done
    balloon_to $(($(cat /run/full) / 1024))
    agreed
}

check "drivers bind" begin
check "features, interface, vectors" agreed
check "disks" disks_work
check "NICs" nics_work
check "balloon" balloon_moves
check "entropy" rng_works
check "all are bound anew, $(rounds 3) times" anew
check "disks, once more" disks_work
check "NICs, once more" nics_work
check "modules unload" unload_modules
check "nothing is left" no_traces
