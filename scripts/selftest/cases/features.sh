# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: devices that offer less, more, or something else
# covers: VIRTIO_F_RING_PACKED VIRTIO_F_IN_ORDER
# debug: none
# disk: noevent 64M event_idx=off
# disk: noindirect 64M indirect_desc=off
# disk: neither 64M event_idx=off indirect_desc=off
# disk: modern 64M disable-legacy=on
# disk: transitional 64M disable-legacy=off
# disk: packed 64M packed=on
# disk: inorder 64M in_order=on
# disk: both 64M packed=on in_order=on
# disk: b4096 64M logical_block_size=4096 physical_block_size=4096
# disk: queues4 64M num-queues=4
# disk: pageper 64M page-per-vq=on
# disk: nodiscard 64M discard=off write-zeroes=off
# disk: noreset 64M queue_reset=off
# timeout: 120

bit() { cut -c$(($2 + 1)) "/sys/bus/$BUS/devices/$(virtio "$1")/features"; }

not_accepted() { same "feature bit $2 of $1" "$(bit "$1" "$2")" 0; }

formats() {
    same "format of modern" "$(ring modern)" split
    same "format of packed" "$(ring packed)" packed
    same "format of inorder" "$(ring inorder)" in-order
    same "format of both" "$(ring both)" packed-in-order
}

verify() {
    device=$(disk "$1")
    short_verify "$device" 17 60
    rvio vector "$device" 4 512 || fail "256 segments: data differ"
}

ids() {
    reads "$PCI/devices/$(pci modern)/device" 0x1042
    reads "$PCI/devices/$(pci transitional)/device" 0x1001
    same "VERSION_1 on the transitional device" "$(bit transitional 32)" 1
}

blocks_of_4096() {
    device=$(disk b4096)
    same "a 512-byte write" "$(rvio try write "$device" 512 512)" EINVAL
    same "a 4096-byte write" "$(rvio try write "$device" 4096 4096)" ok
    same "the end" "$(rvio try read "$device" $((64 * 1048576 - 4096)) 4096)" ok
}

load_modules
for name in noevent noindirect neither modern transitional packed inorder both b4096 queues4 pageper nodiscard noreset; do
    check "$name" verify $name
done
check "EVENT_IDX is not accepted when it is not offered" not_accepted noevent 29
check "INDIRECT_DESC is not accepted when it is not offered" not_accepted noindirect 28
check "RING_RESET is not accepted when it is not offered" not_accepted noreset 40
check "RING_PACKED and IN_ORDER are accepted" formats
check "PCI ids of modern and transitional" ids
check "logical blocks of 4096 bytes" blocks_of_4096
