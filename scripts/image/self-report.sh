#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs inside the guest: says what the machine stands on, tries its disks, its NIC and its balloon, and closes with "verdict: pass" or "verdict: fail".
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
    bus=virtio driver=virtio_blk transport=virtio-pci modules='virtio_blk virtio_net virtio_balloon'
else
    bus=rvirtio driver=rvirtio_blk transport=rvirtio_pci modules='rvirtio rvirtio_pci rvirtio_blk rvirtio_net rvirtio_balloon'
fi
transfer=$(sed -n 's/.*guest.transfer=\([0-9]*\).*/\1/p' /proc/cmdline)

# Names of feature bits, from the virtio specification 1.4: network (5.1.3), block (5.2.3) and balloon (5.5.3) devices, and
# those of ring and transport (6).
net_bit() {
    case $1 in
    0) echo CSUM ;; 1) echo GUEST_CSUM ;; 2) echo CTRL_GUEST_OFFLOADS ;; 3) echo MTU ;; 5) echo MAC ;; 7) echo GUEST_TSO4 ;;
    8) echo GUEST_TSO6 ;; 9) echo GUEST_ECN ;; 10) echo GUEST_UFO ;; 11) echo HOST_TSO4 ;; 12) echo HOST_TSO6 ;;
    13) echo HOST_ECN ;; 14) echo HOST_UFO ;; 15) echo MRG_RXBUF ;; 16) echo STATUS ;; 17) echo CTRL_VQ ;; 18) echo CTRL_RX ;;
    19) echo CTRL_VLAN ;; 21) echo GUEST_ANNOUNCE ;; 22) echo MQ ;; 23) echo CTRL_MAC_ADDR ;; 50) echo DEVICE_STATS ;;
    52) echo VQ_NOTF_COAL ;; 53) echo NOTF_COAL ;; 54) echo GUEST_USO4 ;; 55) echo GUEST_USO6 ;; 56) echo HOST_USO ;;
    57) echo HASH_REPORT ;; 59) echo GUEST_HDRLEN ;; 60) echo RSS ;; 61) echo RSC_EXT ;; 62) echo STANDBY ;; 63) echo SPEED_DUPLEX ;;
    *) return 1 ;;
    esac
}
balloon_bit() {
    case $1 in
    0) echo MUST_TELL_HOST ;; 1) echo STATS_VQ ;; 2) echo DEFLATE_ON_OOM ;; 3) echo FREE_PAGE_HINT ;; 4) echo PAGE_POISON ;;
    5) echo PAGE_REPORTING ;;
    *) return 1 ;;
    esac
}
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
        0x0001) names+=" $(net_bit "$bit" || common_bit "$bit")" ;;
        0x0002) names+=" $(block_bit "$bit" || common_bit "$bit")" ;;
        0x0005) names+=" $(balloon_bit "$bit" || common_bit "$bit")" ;;
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

# Who depends on whom; and who loaded what the initramfs had not.
dependencies() {
    local line module
    lsmod 2>/dev/null | grep -E 'virtio|failover' | tr -s ' ' | while read -r line; do fact lsmod "$line"; done
    if [ "$bus" = rvirtio ]; then
        for module in rvirtio_pci rvirtio_blk rvirtio_net rvirtio_balloon; do
            check "rvirtio is held by $module" test -e "/sys/module/rvirtio/holders/$module"
        done
    fi
    for module in $modules; do
        case $module in *_net | *_balloon) check "$module was not loaded by the initramfs" not_early "$module" ;; esac
    done
}
not_early() { dmesg | grep 'initramfs: modules:' | grep -qvw "$1"; }

# What has the virtio PCI devices, as lspci -k says.
pci_devices() {
    local line
    lspci -k -d 1af4: | grep -E '^[0-9a-f]|in use' | paste -sd' ' | sed 's/ \([0-9a-f][0-9a-f]:[0-9a-f]\)/\n\1/g; s/\t/ /g' |
        while read -r line; do fact pci "$line"; done
    if [ "$bus" = rvirtio ]; then
        same "devices of the built-in C transport" "$(find /sys/bus/pci/drivers/virtio-pci -name '0000:*' 2>/dev/null | grep -c .)" 0
    fi
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

# --- NIC: an address by DHCP, and a transfer each way with its checksum ---
first_nic() { for nic in /sys/class/net/*; do [ ! -e "$nic/device" ] || { echo "${nic##*/}"; return 0; }; done; return 1; }
has_address() { ip -4 -o addr show dev "$1" scope global | grep -q dynamic; }
# give: sends random bytes; the host answers with their checksum. take: the host sends, and says the checksum last.
give() {
    exec 5<>/dev/tcp/10.0.2.100/7001 || return 1
    head -c "$transfer" /dev/urandom | tee >(cat >&5) | sha256sum >/run/rvirtio.given
    timeout 60 head -n 1 <&5 >/run/rvirtio.taken
    exec 5>&-
    cmp /run/rvirtio.given /run/rvirtio.taken
}
take() {
    exec 5<>/dev/tcp/10.0.2.100/7002 || return 1
    timeout 120 head -c "$transfer" <&5 | sha256sum >/run/rvirtio.taken
    timeout 60 head -n 1 <&5 >/run/rvirtio.given
    exec 5>&-
    cmp /run/rvirtio.given /run/rvirtio.taken
}
nic() {
    local nic tries
    nic=$(first_nic) || { bad "no NIC with a device"; return; }
    fact nic "$nic, MAC $(cat "/sys/class/net/$nic/address"), MTU $(cat "/sys/class/net/$nic/mtu")"
    ethtool -i "$nic" | head -n 1 | { read -r _ line; fact nic "$nic, ethtool: driver $line"; }
    same "NIC's driver" "$(ethtool -i "$nic" | sed -n 's/^driver: //p')" "${driver%_blk}_net"
    for ((tries = 0; tries < 60; tries++)); do
        if has_address "$nic"; then break; fi
        sleep 1
    done
    ip -4 -o addr show dev "$nic" | tr -s ' ' | while read -r _ _ _ line _; do fact nic "$nic, address $line"; done
    check "the address came by DHCP" has_address "$nic"
    check "$((transfer >> 20)) MiB to the host, sha256 as the host says" give
    check "$((transfer >> 20)) MiB from the host, sha256 as the host says" take
    ip -s link show dev "$nic" | grep -A 3 'RX:' | tr -s ' ' | while read -r line; do fact nic "$nic: $line"; done
    ethtool -S "$nic" 2>/dev/null | grep -E 'kicks|drops|timeouts' | tr -s ' ' | paste -sd' ' | while read -r line; do fact nic "$nic: $line"; done
}

# --- Balloon: the host moves it, at words that it finds in this report (scripts/image/machine.py) ---
take_size=300
free_mib() { awk '/^MemFree:/ { print int($2 / 1024) }' /proc/meminfo; }
# use_memory MIB: fills it with copies of 16 MiB, and finds them as they were.
use_memory() {
    local status=0 block=/dev/shm/rvirtio number count=$(($1 / 16 - 1))
    head -c 16M /dev/urandom >$block || status=1
    for ((number = 0; number < count; number++)); do cp $block $block.$number || status=1; done
    for ((number = 0; number < count; number++)); do cmp $block $block.$number || status=1; done
    rm -f $block $block.*
    return $status
}
# free_reaches MIB lower|higher, within 100 s
free_reaches() {
    local tries
    for ((tries = 0; tries < 200; tries++)); do
        case $2 in
        lower) [ "$(free_mib)" -gt "$1" ] || return 0 ;;
        higher) [ "$(free_mib)" -lt "$1" ] || return 0 ;;
        esac
        sleep 0.5
    done
    return 1
}
balloon() {
    local device before use
    for device in "/sys/bus/$bus/devices"/*; do
        [ "$(cat "$device/device" 2>/dev/null)" != 0x0005 ] || break
        device=
    done
    [ -n "$device" ] || { bad "no balloon"; return; }
    same "balloon's driver" "$(link_name "$device/driver")" "${driver%_blk}_balloon"
    forget
    # Nearly all of it: what the guest never used the host does not hold, and cannot get back.
    mount -o remount,size=100% /dev/shm
    use=$(($(free_mib) - 120))
    check "$use MiB used, checked, freed" use_memory "$use"
    before=$(free_mib)
    fact balloon "$before MiB are free; the guest asks the host to take $take_size MiB"
    check "free memory falls" free_reaches $((before - take_size * 8 / 10)) lower
    fact balloon "$(free_mib) MiB are free; the guest asks for it back"
    check "free memory comes back" free_reaches $((before - take_size * 2 / 10)) higher
    check "$use MiB used, checked, freed once more" use_memory "$use"
    fact balloon "$(free_mib) MiB are free; the guest has used it again"
    sleep 3
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

# Nothing in systemd waits for udev to load what it loads.
check "udev has dealt with all devices" udevadm settle --timeout=120
machine
dependencies
pci_devices
devices
disks
files
nic
balloon
interrupts
system
warnings
if [ "$failures" -eq 0 ]; then echo 'verdict: pass'; else echo "verdict: fail ($failures)"; fi
