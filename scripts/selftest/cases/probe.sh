# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: a disk appears, and sysfs says what the host configured
# covers: VIRTIO_BLK_F_SEG_MAX VIRTIO_BLK_F_BLK_SIZE VIRTIO_BLK_F_TOPOLOGY VIRTIO_F_VERSION_1 VIRTIO_F_INDIRECT_DESC VIRTIO_F_EVENT_IDX
# disk: plain 256M serial=ABC-0123456789-wxyz
# disk: fine 64M logical_block_size=512 physical_block_size=4096 min_io_size=8192 opt_io_size=65536
# disk: big 8G logical_block_size=4096 physical_block_size=4096
# disk: gone 300G
# legacy: named
# timeout: 60

modules_load() {
    load_modules
    grep -q "^$BLK_MODULE " /proc/modules || fail "$BLK_MODULE is not among the modules"
    [ -d "/sys/bus/$BUS" ] || fail "there is no /sys/bus/$BUS"
}

named_in_order() {
    same "name of the first disk" "$(block plain)" vda
    same "name of the second disk" "$(block fine)" vdb
    same "name of the third disk" "$(block big)" vdc
    same "name of the fourth disk" "$(block gone)" vdd
    [ -b /dev/vda ] || fail "/dev/vda is no block device"
}

virtio_device() {
    device=/sys/bus/$BUS/devices/$(virtio plain)
    [ -d "$device" ] || fail "the bus $BUS does not list $(virtio plain)"
    reads "$device/device" 0x0002
    reads "$device/vendor" 0x1af4
    # Before version 1 there was no FEATURES_OK.
    status=0x0000000f
    [ "$RV_LEGACY" = 0 ] || status=0x00000007
    reads "$device/status" "$status"
    reads "$device/modalias" $BUS:d00000002v00001AF4
    grep -q '^MODALIAS='"$BUS"':d00000002v00001AF4$' "$device/uevent" || fail "uevent: $(cat "$device/uevent")"
    same "driver" "$(basename "$(readlink "$device/driver/module")")" "$BLK_MODULE"
    same "bus" "$(basename "$(readlink "$device/subsystem")")" "$BUS"
}

features_shown() {
    features=$(cat "/sys/bus/$BUS/devices/$(virtio plain)/features")
    note "negotiated: $features"
    case $features in *[!01]*) fail "features holds more than 0 and 1: $features" ;; esac
    [ ${#features} -ge 64 ] || fail "features has ${#features} digits"
    # SEG_MAX, BLK_SIZE, FLUSH, INDIRECT_DESC, EVENT_IDX
    for bit in 2 6 9 28 29; do
        same "feature bit $bit" "$(echo "$features" | cut -c$((bit + 1)))" 1
    done
    same "VERSION_1" "$(feature plain 32)" $((1 - RV_LEGACY))
    case $RV_LEGACY$(echo "$features" | cut -c33-) in
    1*1*) fail "a legacy device has no features above 31: $features" ;;
    esac
}

pci_driver() {
    name=$(driver_of plain)
    note "PCI driver $name"
    case $RV_DRIVER in
    rvirtio) same "PCI driver" "$name" rvirtio_pci ;;
    c) same "PCI driver" "$name" virtio-pci ;;
    esac
}

aliases_lead_here() {
    modprobe -R "$BUS:d00000002v00001AF4" | grep -qx "$BLK_MODULE" || fail "the virtio alias does not lead to $BLK_MODULE"
    if [ -n "$PCI_MODULE" ]; then
        for id in 1001 1042; do
            alias=pci:v00001AF4d0000${id}sv00001AF4sd00000002bc01sc00i00
            modprobe -R "$alias" | grep -qx "$PCI_MODULE" || fail "$alias does not lead to $PCI_MODULE"
        done
    fi
}

sizes_and_serials() {
    reads /sys/block/vda/size $((256 * 2048))
    reads /sys/block/vda/serial ABC-0123456789-wxyz
    reads /sys/block/vda/ro 0
    reads /sys/block/vdb/serial fine
    reads /sys/block/vdc/size $((8 * 1024 * 2048))
    reads /sys/block/vdd/size $((300 * 1024 * 2048))
    same "blockdev" "$(blockdev --getsize64 /dev/vdd)" $((300 * 1024 * 1048576))
}

limits() {
    queue=/sys/block/vdb/queue
    reads $queue/logical_block_size 512
    reads $queue/physical_block_size 4096
    reads $queue/minimum_io_size 8192
    reads $queue/optimal_io_size 65536
    reads /sys/block/vdc/queue/logical_block_size 4096
    reads /sys/block/vdc/queue/physical_block_size 4096
    reads /sys/block/vda/queue/logical_block_size 512
    # QEMU offers seg_max = queue-size - 2.
    reads /sys/block/vda/queue/max_segments 254
    reads /sys/block/vda/queue/write_cache "write back"
    reads /sys/block/vda/removable 0
    [ "$(cat /sys/block/vda/queue/max_sectors_kb)" -ge 128 ] || fail "max_sectors_kb is $(cat /sys/block/vda/queue/max_sectors_kb)"
}

interrupts_counted() {
    name=$(virtio plain)-req.0
    count() { awk -v name="$name" '$NF == name { for (i = 2; i <= 3; i++) sum += $i } END { print sum + 0 }' /proc/interrupts; }
    grep -q "$name\$" /proc/interrupts || fail "/proc/interrupts has no $name: $(grep virtio /proc/interrupts)"
    before=$(count)
    for cpu in 0 1; do
        taskset $((cpu + 1)) dd if=/dev/vda of=/dev/null bs=4096 count=20 iflag=direct
    done
    [ "$(count)" -gt "$before" ] || fail "$name did not count any interrupt during 40 reads"
}

reads_zeros_and_keeps_data() {
    for name in vda vdb vdc vdd; do
        same "first MiB of $name" "$(head -c 1048576 /dev/$name | tr -d '\0' | wc -c)" 0
        short_verify /dev/$name 7 40
    done
}

host_sees_the_data() {
    printf 'written by the guest' | dd of=/dev/vda bs=512 seek=5 conv=sync,fsync
    same "the image" "$(host peek plain 2560 20)" 7772697474656e20627920746865206775657374
}

check "modules load" modules_load
check "disks are named in the order of the bus" named_in_order
check "virtio device in sysfs" virtio_device
check "negotiated features" features_shown
check "PCI driver" pci_driver
check "aliases for autoload" aliases_lead_here
check "size, serial, read-only flag" sizes_and_serials
check "queue limits" limits
check "interrupts" interrupts_counted
check "data" reads_zeros_and_keeps_data
check "the host's image holds what was written" host_sees_the_data
