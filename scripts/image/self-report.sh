#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs inside the guest: says what the machine stands on, tries its disks, and closes with "verdict: pass" or "verdict: fail".
# Lines begin with a topic, with "ok" or with "FAIL". Runs on our drivers (guest.drivers=rust on the kernel command line)
# and, to compare, on the C ones.

set -uo pipefail
export LC_ALL=C

failures=0
ok() { printf 'ok          %s\n' "$*"; }
bad() { printf 'FAIL        %s\n' "$*"; failures=$((failures + 1)); }
fact() { printf '%-11s %s\n' "$1" "$2"; }
# check WHAT COMMAND...
check() {
    local what=$1
    shift
    if "$@" >/dev/null 2>&1; then ok "$what"; else bad "$what"; fi
}
same() {
    if [ "$2" = "$3" ]; then ok "$1: $2"; else bad "$1: '$2', expected '$3'"; fi
}

if grep -qw guest.drivers=c /proc/cmdline; then
    bus=virtio driver=virtio_blk transport=virtio-pci modules='virtio_blk'
else
    bus=rvirtio driver=rvirtio_blk transport=rvirtio_pci modules='rvirtio rvirtio_pci rvirtio_blk'
fi

# Names of feature bits, from the virtio specification 1.4: the block device's (5.2.3), and those of ring and transport (6).
block_bit() {
    case $1 in
    1) echo SIZE_MAX ;; 2) echo SEG_MAX ;; 4) echo GEOMETRY ;; 5) echo RO ;; 6) echo BLK_SIZE ;; 9) echo FLUSH ;;
    10) echo TOPOLOGY ;; 11) echo CONFIG_WCE ;; 12) echo MQ ;; 13) echo DISCARD ;; 14) echo WRITE_ZEROES ;;
    15) echo LIFETIME ;; 16) echo SECURE_ERASE ;; 17) echo ZONED ;;
    *) return 1 ;;
    esac
}
common_bit() {
    case $1 in
    24) echo NOTIFY_ON_EMPTY ;; 27) echo ANY_LAYOUT ;; 28) echo INDIRECT_DESC ;; 29) echo EVENT_IDX ;; 32) echo VERSION_1 ;;
    33) echo ACCESS_PLATFORM ;; 34) echo RING_PACKED ;; 35) echo IN_ORDER ;; 36) echo ORDER_PLATFORM ;; 37) echo SR_IOV ;;
    38) echo NOTIFICATION_DATA ;; 39) echo NOTIF_CONFIG_DATA ;; 40) echo RING_RESET ;; 41) echo ADMIN_VQ ;;
    *) echo "bit$1" ;;
    esac
}
# feature_names DEVICE: the sysfs attribute is a string of 0 and 1, bit 0 first.
feature_names() {
    local bits type bit names=
    read -r bits <"$1/features"
    read -r type <"$1/device"
    for ((bit = 0; bit < ${#bits}; bit++)); do
        [ "${bits:bit:1}" = 1 ] || continue
        case $type in
        0x0002) names+=" $(block_bit "$bit" || common_bit "$bit")" ;;
        *) names+=" $(common_bit "$bit")" ;;
        esac
    done
    echo "${names# }"
}
link_name() { basename "$(readlink -f "$1")"; }

machine() {
    fact kernel "$(uname -r), $(. /etc/os-release && echo "$PRETTY_NAME"), $(nproc) CPUs"
    local module
    for module in $modules; do
        if [ -d "/sys/module/$module" ]; then
            fact module "$module, $(cat "/sys/module/$module/coresize") bytes, $(modinfo -n "$module")"
        else
            bad "module $module is not loaded"
        fi
    done
}

devices() {
    local device name bound found=0
    for device in "/sys/bus/$bus/devices"/*; do
        [ -e "$device" ] || break
        found=1
        name=${device##*/}
        bound=none
        [ ! -e "$device/driver" ] || bound=$(link_name "$device/driver")
        fact device "$name, $(cat "$device/vendor"):$(cat "$device/device"), driver $bound, PCI $(link_name "$device/..")," \
            | tr -d '\n'
        printf ' transport %s\n' "$(link_name "$device/../driver")"
        fact features "$name: $(feature_names "$device")"
        same "$name transport" "$(link_name "$device/../driver")" "$transport"
        [ "$bound" != none ] || bad "$name has no driver"
        check "$name negotiated VERSION_1" grep -qw VERSION_1 <<<"$(feature_names "$device")"
    done
    [ "$found" = 1 ] || bad "no device on /sys/bus/$bus"
}

disks() {
    local disk
    lsblk -o NAME,SIZE,TYPE,RO,FSTYPE,SERIAL,MOUNTPOINTS | while read -r line; do fact lsblk "$line"; done
    same "root file system is on" "$(findmnt -no SOURCE /)" /dev/vda
    for disk in vda vdb; do
        [ -e "/sys/block/$disk" ] || { bad "no disk $disk"; continue; }
        same "$disk driver" "$(link_name "/sys/block/$disk/device/driver")" "$driver"
    done
    same "vda serial" "$(cat /sys/block/vda/serial)" RVIRTIO-ROOT
    same "vdb serial" "$(cat /sys/block/vdb/serial)" RVIRTIO-DATA
    check "the serial has its link in /dev/disk/by-id" test -b /dev/disk/by-id/virtio-RVIRTIO-DATA
}

# Files of sizes around every boundary, written, synced, dropped from memory and read back.
sizes=(0 1 511 512 513 4095 4096 4097 65536 1048577 16777216)
write_files() {
    local size
    mkdir -p "$1" || return 1
    for size in "${sizes[@]}"; do head -c "$size" /dev/urandom >"$1/$size" || return 1; done
    (cd "$1" && sha256sum "${sizes[@]}") >/run/rvirtio.sums
}
verify_files() { (cd "$1" && sha256sum --quiet -c /run/rvirtio.sums); }
forget() { sync && echo 3 >/proc/sys/vm/drop_caches; }

files() {
    local kind
    local -A force=([ext4]=-F [xfs]=-f)
    check "root: files written" write_files /var/tmp/rvirtio
    check "root: flushed and dropped from memory" forget
    check "root: files verified" verify_files /var/tmp/rvirtio
    for kind in ext4 xfs; do
        check "vdb $kind: made" "mkfs.$kind" -q "${force[$kind]}" /dev/vdb
        check "vdb $kind: mounted" mount -t "$kind" /dev/vdb /mnt
        check "vdb $kind: files written" write_files /mnt/files
        check "vdb $kind: unmounted" umount /mnt
        check "vdb $kind: flushed and dropped from memory" forget
        check "vdb $kind: mounted again" mount -t "$kind" /dev/vdb /mnt
        check "vdb $kind: files verified" verify_files /mnt/files
        check "vdb $kind: unmounted again" umount /mnt
    done
    check "vdb xfs: xfs_repair finds nothing" xfs_repair -n /dev/vdb
}

interrupts() {
    local line
    grep -E 'virtio' /proc/interrupts | sed -E 's/ +/ /g' | while read -r line; do fact interrupt "$line"; done
    check "a virtio interrupt fired" awk '/virtio/ { for (i = 2; i <= NF && $i ~ /^[0-9]+$/; i++) n += $i } END { exit n == 0 }' \
        /proc/interrupts
}

# A warning is any line at level warn or worse, but for what every boot prints: the taint of unsigned modules from outside
# the kernel's tree, and what an emulated PC's clocks, memory type registers and ACPI tables give rise to.
known='loading out-of-tree module taints kernel|module verification failed: signature and/or required key missing'
known+='|\] (tsc|clocksource|mtrr|hrtimer|sched_clock): |APIC calibration not consistent with PM-Timer|ACPI: IRQ [0-9]+ override to'
warnings() {
    local lines count
    lines=$(dmesg --level=emerg,alert,crit,err,warn | grep -vE "$known")
    count=$(grep -c . <<<"$lines")
    [ -z "$lines" ] || while read -r line; do fact dmesg "$line"; done <<<"$lines"
    same "dmesg warnings" "$count" 0
}

system() {
    local unit
    systemctl --failed --plain --no-legend | while read -r unit; do fact unit "$unit"; done
    same "failed units" "$(systemctl --failed --plain --no-legend | grep -c .)" 0
    same "systemd" "$(timeout 60 systemctl is-system-running --wait)" running
}

machine
devices
disks
files
interrupts
system
warnings
if [ "$failures" -eq 0 ]; then echo 'verdict: pass'; else echo "verdict: fail ($failures)"; fi
