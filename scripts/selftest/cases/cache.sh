# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: write cache: mode, flushes that reach the host, cache_type
# covers: VIRTIO_BLK_F_FLUSH VIRTIO_BLK_F_CONFIG_WCE
# debug: none
# disk: back 64M cache=writeback
# disk: thru 64M cache=writethrough
# disk: fixed 64M cache=writeback config-wce=off
# legacy: named
# timeout: 60

modes() {
    reads "/sys/block/$(block back)/queue/write_cache" "write back"
    reads "/sys/block/$(block thru)/queue/write_cache" "write through"
    reads "/sys/block/$(block fixed)/queue/write_cache" "write back"
}

attribute() {
    [ -e "/sys/block/$(block back)/cache_type" ] || fail "/sys/block/$(block back)/cache_type is missing"
    reads "/sys/block/$(block back)/cache_type" "write back"
    reads "/sys/block/$(block thru)/cache_type" "write through"
    reads "/sys/block/$(block fixed)/cache_type" "write back"
}

flushes() { host stats "$1" flush_operations; }

flush_reaches_the_host() {
    before=$(flushes back)
    for place in 1 2 3; do
        same "write" "$(rvio try write "$(disk back)" $((place * 4096)) 4096)" ok
        same "fsync" "$(rvio try fsync "$(disk back)" 0 0)" ok
    done
    after=$(flushes back)
    [ "$((after - before))" -ge 3 ] || fail "3 times fsync made $((after - before)) flushes"
    [ "$((after - before))" -le 6 ] || fail "3 times fsync made $((after - before)) flushes"
    before=$after
    same "write" "$(rvio try write "$(disk back)" 65536 65536)" ok
    same "flushes after a plain write" "$(flushes back)" "$before"
}

no_flush_when_through() {
    before=$(host stats thru wr_operations)
    same "write" "$(rvio try write "$(disk thru)" 0 4096)" ok
    same "fsync" "$(rvio try fsync "$(disk thru)" 0 0)" ok
    same "writes at the host" "$(host stats thru wr_operations)" $((before + 1))
}

# mode_of DISK 0|1: whether the device has its cache on. Of a modern one only is it known where that stands.
mode_of() { [ "$RV_LEGACY" = 1 ] || same "the cache of the device $1" "$(host config "$1" 32)" "$2"; }

# The administrator changes the mode on the running disk.
change() {
    attribute="/sys/block/$(block back)/cache_type"
    # CONFIG_WCE
    [ "$(cut -c12 "/sys/bus/$BUS/devices/$(virtio back)/features")" = 1 ] || skip "the driver does not accept CONFIG_WCE"
    mode_of back 1
    flush_reaches_the_host
    echo "write through" >"$attribute" || fail "CONFIG_WCE was accepted, but $attribute cannot be written"
    reads "$attribute" "write through"
    reads "/sys/block/$(block back)/queue/write_cache" "write through"
    mode_of back 0
    # What QEMU flushes of itself behind each write is none of the guest's.
    before=$(flushes back)
    same "fsync" "$(rvio try fsync "$(disk back)" 0 0)" ok
    same "flushes that fsync made" "$(flushes back)" "$before"
    echo "write back" >"$attribute"
    reads "$attribute" "write back"
    reads "/sys/block/$(block back)/queue/write_cache" "write back"
    mode_of back 1
    flush_reaches_the_host
    ! echo "nonsense" >"$attribute" || fail "nonsense is accepted"
    reads "$attribute" "write back"
}

not_changeable() {
    ! echo "write through" >"/sys/block/$(block fixed)/cache_type" || fail "the mode of a device without CONFIG_WCE was changed"
}

load_modules
check "write_cache is what the host says" modes
check "cache_type says the same" attribute
check "each fsync is a flush at the host" flush_reaches_the_host
check "write through" no_flush_when_through
check "cache_type can be changed" change
check "cache_type cannot be changed without CONFIG_WCE" not_changeable
check "flushes still arrive" flush_reaches_the_host
