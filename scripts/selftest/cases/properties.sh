# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: what a disk says of itself: geometry, rotational, wear
# covers: VIRTIO_BLK_F_GEOMETRY
# disk: given 64M cyls=77 heads=5 secs=33
# disk: usual 64M
# legacy: named
# debug: none
# timeout: 60

# HDIO_GETGEO: cylinders, heads, sectors, start.
geometry() {
    same "geometry of given" "$(rvio geometry "$(disk given)")" "77 5 33 0"
    rvio geometry "$(disk usual)" >/run/geometry
    [ "$(cut -d' ' -f4 /run/geometry)" = 0 ] || fail "the disk starts at $(cat /run/geometry)"
    note "geometry of usual: $(cat /run/geometry)"
    for field in 1 2 3; do
        [ "$(cut -d' ' -f$field /run/geometry)" -gt 0 ] || fail "field $field of the geometry is 0: $(cat /run/geometry)"
    done
}

# Decided here, and for an administrator to decide.
rotational() {
    queue=/sys/block/$(block usual)/queue
    if [ "$RV_DRIVER" = c ]; then wanted=1; else wanted=0; fi
    reads "$queue/rotational" $wanted
    for wanted in 0 1 0; do
        echo $wanted >"$queue/rotational" || fail "rotational cannot be set to $wanted"
        reads "$queue/rotational" $wanted
    done
}

parameter() {
    [ "$RV_DRIVER" = rvirtio ] || skip "C has no such parameter"
    unload_modules
    modprobe rvirtio_pci
    modprobe rvirtio_blk rotational=1
    reads "/sys/block/$(block usual)/queue/rotational" 1
    short_verify "$(disk usual)" 3 20
}

# QEMU's devices know nothing of it.
wear() {
    for name in pre_eol_info life_time; do
        [ ! -e "/sys/block/$(block usual)/$name" ] || fail "$name is there"
    done
    [ -e "/sys/block/$(block usual)/serial" ] || fail "serial is not there"
    [ -e "/sys/block/$(block usual)/cache_type" ] || fail "cache_type is not there"
}

load_modules
check "geometry" geometry
check "rotational, and what writing it does" rotational
check "no files about wear" wear
check "rotational as a parameter" parameter
