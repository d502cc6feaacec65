# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: discard, zeroing, secure erase: what the host's image gives back, and what it keeps
# covers: VIRTIO_BLK_F_DISCARD VIRTIO_BLK_F_WRITE_ZEROES
# rings: packed
# disk: raw 64M unmap
# disk: qcow 64M format=qcow2 unmap logical_block_size=4096 physical_block_size=4096
# disk: none 64M discard=off write-zeroes=off
# disk: fail 64M unmap fault=discard:EIO:any,zero:EIO:any
# needs: ext4
# legacy: named
# debug: none
# matrix: any
# timeout: 120
# What the host refuses on purpose.
# allow: I/O error, dev vd.*(DISCARD|WRITE_ZEROES)

MIB=1048576

# at DISK: its device file, looked up once.
at() { cat "/run/at-$1"; }
# wants VERB DISK OFFSET LENGTH RESULT, in MiB
wants() { same "$1 of $4 MiB at $3 on $2" "$(rvio try "$1" "$(at "$2")" $(($3 * MIB)) $(($4 * MIB)))" "$5"; }
limit() { cat "/sys/block/$(basename "$(at "$1")")/queue/$2"; }
allocated() { host allocated "$1"; }
# zeros DISK OFFSET LENGTH: in MiB, that all is zero.
zeros() { rvio zeros "$(at "$1")" $(($2 * MIB)) $(($3 * MIB)) || fail "$1: not all is zero"; }
# intact DISK OFFSET LENGTH SEED: in MiB, that all is as written.
intact() { rvio check "$(at "$1")" $(($2 * MIB)) $(($3 * MIB)) "$4" || fail "$1: what lies beside has changed"; }
# frees DISK MIB COMMAND...: that the image gives so much back, give or take a little.
frees() {
    before=$(allocated "$1") much=$(($2 * 1024))
    name=$1
    shift 2
    "$@"
    freed=$((before - $(allocated "$name")))
    [ $((freed + 128)) -ge $much ] || fail "$name: the image gave back $freed KiB, not $much"
    [ $freed -le $((much + 128)) ] || fail "$name: the image gave back $freed KiB, not $much"
}

limits() {
    for name in raw qcow none fail; do disk $name >/run/at-$name; done
    for name in raw qcow; do
        for what in discard_max_bytes write_zeroes_max_bytes; do
            [ "$(limit $name $what)" -gt 0 ] || fail "$what of $name is 0"
        done
        same "discard_granularity of $name" "$(limit $name discard_granularity)" "$(limit $name physical_block_size)"
    done
    for what in discard_max_bytes discard_granularity write_zeroes_max_bytes write_zeroes_unmap_max_bytes; do
        same "$what of none" "$(limit none $what)" 0
    done
    [ "$RV_DRIVER" = c ] || same "write_zeroes_unmap_max_bytes" "$(limit raw write_zeroes_unmap_max_bytes)" "$(limit raw write_zeroes_max_bytes)"
}

discards() {
    rvio fill "$(at "$1")" 0 $((24 * MIB)) 5
    frees "$1" 8 wants discard "$1" 8 8 ok
    intact "$1" 0 8 5
    intact "$1" 16 8 5
    zeros "$1" 8 8
    # What is small, odd, and more than once.
    for offset in 0 4096 12288 28672 20480 12288; do
        same "a discard of 4 KiB" "$(rvio try discard "$(at "$1")" $((16 * MIB + offset)) 4096)" ok
    done
    intact "$1" 17 7 5
    intact "$1" 0 8 5
}

# Zeros that may lose their place on the medium, and zeros that shall keep it.
zeroes() {
    rvio fill "$(at "$1")" 0 $((24 * MIB)) 6
    frees "$1" 4 wants punch "$1" 4 4 ok
    frees "$1" 0 wants zero-range "$1" 12 4 ok
    frees "$1" 0 wants zero "$1" 20 2 ok
    for at in 4 12; do zeros "$1" $at 4; done
    zeros "$1" 20 2
    for at in 0 8 16; do intact "$1" $at 4 6; done
    intact "$1" 22 2 6
}

# The ends of the disk, and beyond them.
edges() {
    wants discard raw 63 1 ok
    wants zero raw 63 1 ok
    wants discard raw 63 2 EINVAL
    wants discard raw 0 64 ok
    wants zero raw 64 1 EINVAL
    wants erase raw 0 1 EOPNOTSUPP
    zeros raw 0 64
    same "a discard of half a block" "$(rvio try discard "$(at qcow)" 512 512)" EINVAL
    same "zeros of half a block" "$(rvio try zero "$(at qcow)" 512 512)" EINVAL
}

without() {
    rvio fill "$(at none)" 0 $((4 * MIB)) 7
    wants discard none 0 1 EOPNOTSUPP
    wants punch none 0 1 EOPNOTSUPP
    # The block layer writes them.
    wants zero none 1 1 ok
    zeros none 1 1
    intact none 0 1 7
    intact none 2 2 7
}

failing() {
    rvio fill "$(at fail)" 0 $((4 * MIB)) 8
    wants discard fail 0 1 EIO
    wants punch fail 0 1 EIO
    intact fail 0 4 8
    dmesg | grep -q "I/O error, dev $(basename "$(at fail)"), sector 0 op 0x3:(DISCARD)" || fail "dmesg does not name the failed discard"
    short_verify "$(at fail)" 3 20
}

# FALLOC_FL_WRITE_ZEROES, for devices that say that zeros need no place.
fast_zeroes() {
    rvio fill "$(at raw)" 0 $((4 * MIB)) 9
    if [ "$RV_DRIVER" = c ]; then
        wants write-zeroes raw 1 1 EOPNOTSUPP
    else
        wants write-zeroes raw 1 1 ok
        zeros raw 1 1
    fi
    intact raw 2 2 9
}

# Many small discards at once, beside I/O: they are put together or not, and nothing else is hit.
crowd() {
    hammer "$(at qcow)" 2 3>&- &
    hammering=$!
    rvio fill "$(at raw)" 0 $((16 * MIB)) 11
    rvio holes "$(at raw)" 0 256 65536 4096 11 || fail "a discard failed, or hit something else"
    wait $hammering || fail "I/O beside it failed"
}

trims() {
    need_module ext4
    mkfs.ext4 -q -F "$(at qcow)"
    mount -t ext4 "$(at qcow)" /mnt
    head -c $((8 * MIB)) /dev/urandom >/mnt/large
    tree_make /mnt/tree
    tree_sums /mnt/tree >/run/sums
    sync
    rm /mnt/large
    sync
    before=$(allocated qcow)
    fstrim /mnt
    freed=$((before - $(allocated qcow)))
    [ $freed -ge $((7 * 1024)) ] || fail "fstrim made the image give back $freed KiB of 8 MiB"
    drop_caches
    tree_sums /mnt/tree >/run/again
    umount /mnt
    cmp /run/sums /run/again || fail "files differ after fstrim"
    e2fsck -f -n "$(at qcow)"
}

load_modules
check "the ring format" in_format
check "limits" limits
for name in raw qcow; do
    check "discard, $name" discards $name
    check "zeroing, $name" zeroes $name
done
check "the ends" edges
check "a disk that can do neither" without
check "a host that refuses" failing
check "zeros without a place" fast_zeroes
check "many small discards beside I/O" crowd
check "fstrim of a file system" trims
check "modules unload" unload_modules
