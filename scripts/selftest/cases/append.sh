# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: appends to zones, by an NVMe namespace that is made of the disk
# covers: VIRTIO_BLK_F_ZONED
# rings: packed
# model: d0 block size=32M zones=8192 conventional=0 max_open=4 max_active=4
# debug: none
# timeout: 90
# memory: 1024
# What the device refuses on purpose, in the words of disk, target and host.
# allow: I/O error, dev (vda|nvme\S+), sector|Buffer I/O error on dev(ice)? (vda|nvme\S+)|nvme\S+: .*(Zone|error|I/O)|critical space allocation error

TARGET=/sys/kernel/config/nvmet

# Nothing else of this kernel makes appends without tools of a file system: the target of NVMe does, for whoever asks it to.
prepare() {
    [ "$RV_DRIVER" = c ] || modprobe "$BLK_MODULE" io_timeout=6
    load_modules
    same "name" "$(block d0)" vda
    need_module configfs
    need_module nvme-loop
    mount -t configfs none /sys/kernel/config
    [ -d $TARGET ] || skip "the kernel has no NVMe target"
    mkdir $TARGET/subsystems/zoned
    echo 1 >$TARGET/subsystems/zoned/attr_allow_any_host
    mkdir $TARGET/subsystems/zoned/namespaces/1
    echo -n /dev/vda >$TARGET/subsystems/zoned/namespaces/1/device_path
    echo 1 >$TARGET/subsystems/zoned/namespaces/1/enable
    mkdir $TARGET/ports/1
    echo loop >$TARGET/ports/1/addr_trtype
    ln -s $TARGET/subsystems/zoned $TARGET/ports/1/subsystems/zoned
    echo transport=loop,nqn=zoned >/dev/nvme-fabrics
    wait_for 20 test -b /dev/nvme0n1 || fail "no namespace: $(dmesg | grep nvme | tail -n 3)"
    reads /sys/block/nvme0n1/queue/zoned host-managed
}

# The device says 64 sectors.
limit() { reads /sys/block/vda/queue/zone_append_max_bytes 32768; }

served() { host model d0 ask served | cut -d' ' -f"$1"; }
# state ZONE: pointer from the zone's start, and condition.
state() { rvio zones /dev/vda | sed -n "$(($1 + 1))p" | awk '{ print $4 - $1, $6 }'; }
append() { rvio append /dev/nvme0n1 /dev/vda $(($1 * 8192)) "$2" "$3"; }

several() {
    writes=$(served 2)
    same "appends of one sector" "$(append 0 1 64)" ok
    same "zone 0" "$(state 0)" "256 2"
    same "appends of 64 sectors" "$(append 1 64 20)" ok
    same "zone 1" "$(state 1)" "5120 2"
    same "writes that the device has seen" "$(served 2)" "$writes"
}

# 7168 sectors of a zone can be written.
full() {
    same "appends until the zone is full" "$(append 2 64 28)" ok
    same "zone 2" "$(state 2)" "8192 14"
    case $(append 2 8 1) in
    ok) fail "a full zone was appended to" ;;
    status*) ;;
    *) fail "an append to a full zone: $(append 2 8 1)" ;;
    esac
    same "zone 2" "$(state 2)" "8192 14"
}

# One that was not answered may have been done: it is not done again, and fails.
lost() {
    [ "$RV_DRIVER" = rvirtio ] || skip "C waits for ever"
    before=$(dmesg | grep -c 'device needs a reset: queue 0: request was not answered in time' || true)
    host model d0 order lose append 1
    case $(append 3 8 1) in
    status*) ;;
    *) fail "a lost append did not fail" ;;
    esac
    same "resets" "$(dmesg | grep -c 'device needs a reset: queue 0: request was not answered in time')" $((before + 1))
    pointer=$(state 3 | cut -d' ' -f1)
    [ "$pointer" -le 32 ] || fail "the zone was written up to $pointer, by four appends of 8 sectors"
    same "appends after it" "$(append 3 8 8)" ok
}

no_complaints() { same "what the device complains about" "$(host model d0 ask complaints)" ""; }

away() {
    echo 1 >/sys/class/nvme/nvme0/delete_controller
    rm $TARGET/ports/1/subsystems/zoned
    rmdir $TARGET/ports/1 $TARGET/subsystems/zoned/namespaces/1 $TARGET/subsystems/zoned
    unload_modules
}

check "a namespace of the disk" prepare
check "the ring format" in_format
check "limit" limit
check "many appends" several
check "a zone gets full" full
check "an append is lost" lost
check "the device does not complain" no_complaints
check "modules unload" away
