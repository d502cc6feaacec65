# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: errors of the host's image reach user space, and nothing else does
# disk: rd 64M fault=read:EIO:2048
# disk: wr 64M fault=write:EIO:4096
# disk: full 64M fault=write:ENOSPC:any
# disk: flush 64M fault=flush:EIO:any
# disk: good 64M
# rings: packed
# named: packed
# needs: ext4
# legacy: named
# timeout: 60
# The errors below are what this case provokes.
# allow: I/O error, dev vd[abcd], sector
# allow: Buffer I/O error on dev(ice)? vd[abcd]
# allow: lost (async|sync) page write|lost sync page write
# allow: EXT4-fs.*\(device vd[abcd]\)|EXT4-fs \(vd[abcd]\)
# allow: JBD2: .*vd[abcd]|JBD2: I/O error|Aborting journal

# What the C driver gives for each of these, seen on Linux 7.3.4: EIO throughout.
wants() { same "$1 of $2 bytes at $3 on $5" "$(rvio try "$1" "$(disk "$5")" "$3" "$2")" "$4"; }

read_error() {
    wants read 512 1048576 EIO rd
    wants read 4096 1048576 EIO rd
    wants read 1048576 $((1048576 - 65536)) EIO rd
    # Again, and the neighbours.
    wants read 512 1048576 EIO rd
    wants read 512 $((1048576 - 512)) ok rd
    wants read 512 $((1048576 + 512)) ok rd
    wants write 512 1048576 ok rd
}

write_error() {
    wants write 512 2097152 EIO wr
    wants write 65536 2097152 EIO wr
    wants write 512 $((2097152 - 512)) ok wr
    wants write 512 $((2097152 + 512)) ok wr
    wants read 512 2097152 ok wr
}

no_space() {
    wants write 4096 0 EIO full
    wants read 4096 0 ok full
    wants write 4096 8192 EIO full
}

flush_error() {
    wants write 4096 0 ok flush
    wants fsync 0 0 EIO flush
    wants read 4096 0 ok flush
}

# Through the page cache: the error comes with fsync.
buffered() {
    ! dd if=/dev/zero of="$(disk wr)" bs=4096 seek=512 count=1 conv=fsync || fail "dd with fsync reports no error"
    ! dd if="$(disk rd)" of=/dev/null bs=4096 skip=256 count=1 || fail "dd reports no error"
}

# Many in flight, one of them bad: the others are not touched.
in_a_crowd() {
    hammer "$(disk rd)" 3 3>&- &
    left=20
    while [ "$left" -gt 0 ]; do
        wants read 512 1048576 EIO rd
        wants read 65536 8388608 ok rd
        left=$((left - 1))
    done
    wait_for 40 sh -c "! kill -0 $! 2>/dev/null" || fail "I/O does not go on after errors"
}

file_system() {
    need_module ext4
    mkfs.ext4 -q -F "$(disk good)"
    mount -t ext4 "$(disk good)" /mnt
    tree_make /mnt/tree
    umount /mnt
    e2fsck -f -n "$(disk good)"
    if mkfs.ext4 -q -F "$(disk full)"; then fail "mkfs on a full image reports success"; fi
}

counted() { # the kernel says it once per request, with the disk's name
    dmesg | grep -q 'I/O error, dev vda, sector 2048 op 0x0:(READ)' || fail "dmesg does not name the bad sector of vda"
    dmesg | grep -q 'I/O error, dev vdb, sector 4096 op 0x1:(WRITE)' || fail "dmesg does not name the bad sector of vdb"
    ! dmesg | grep -q 'I/O error, dev vde' || fail "dmesg names the good disk"
}

load_modules
check "the ring format" in_format
check "reading a bad sector is EIO" read_error
check "writing a bad sector is EIO" write_error
check "a full image is EIO" no_space
check "a failing flush is EIO" flush_error
check "buffered I/O reports it too" buffered
check "one bad request among many" in_a_crowd
check "a good disk beside them" file_system
check "dmesg names disk and sector" counted
check "the bad disk still works elsewhere" short_verify "$(disk good)" 5 30
check "modules unload" unload_modules
