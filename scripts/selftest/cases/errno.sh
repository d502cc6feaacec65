# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: the same calls and fio jobs give the same errno and the same data, whichever driver
# disk: plain 64M unmap
# disk: b4k 64M unmap logical_block_size=4096 physical_block_size=4096
# disk: ro 64M ro
# disk: none 64M discard=off write-zeroes=off
# disk: io 64M unmap fault=read:EIO:2048,write:EIO:4096,write:ENOSPC:8192
# disk: flush 64M fault=flush:EIO:any
# disk: give 64M unmap fault=discard:EIO:any,zero:EIO:any
# rings: packed
# named: packed
# needs: fio
# debug: none
# timeout: 120
# What the host refuses on purpose.
# allow: I/O error, dev vd[aefg], sector
# allow: Buffer I/O error on dev(ice)? vd[aefg]
# allow: lost (async|sync) page write

# Disk, call, offset, length, what it gives. Written down from C's driver on Linux 7.3.4.
calls() {
    cat <<'END'
plain read 0 512 ok
plain read 512 65536 ok
plain read 67108352 1024 short 512
plain read 67108864 512 short 0
plain read 1099511627776 512 short 0
plain read 100 512 EINVAL
plain read 0 100 EINVAL
plain write 0 4194304 ok
plain write 67108352 1024 short 512
plain write 67108864 512 ENOSPC
plain write 100 512 EINVAL
plain fsync 0 0 ok
plain discard 0 1048576 ok
plain discard 512 512 ok
plain discard 0 67108864 ok
plain discard 67108864 512 EINVAL
plain discard 0 67109376 EINVAL
plain discard 0 0 EINVAL
plain discard 100 512 EINVAL
plain zero 0 1048576 ok
plain zero 67108864 512 EINVAL
plain zero 512 100 EINVAL
plain erase 0 512 EOPNOTSUPP
plain punch 0 1048576 ok
plain punch 512 512 ok
plain zero-range 1048576 1048576 ok
plain zero-range 67108864 512 EINVAL
b4k read 512 4096 EINVAL
b4k read 4096 4096 ok
b4k write 4096 512 EINVAL
b4k write 4096 8192 ok
b4k discard 4096 4096 ok
b4k discard 512 512 EINVAL
b4k zero 512 512 EINVAL
b4k zero 4096 4096 ok
b4k punch 4096 4096 ok
ro read 0 4096 ok
ro write 0 4096 EPERM
ro discard 0 4096 EPERM
ro zero 0 4096 EPERM
ro punch 0 4096 EPERM
ro fsync 0 0 ok
none discard 0 4096 EOPNOTSUPP
none erase 0 4096 EOPNOTSUPP
none punch 0 4096 EOPNOTSUPP
none zero-range 0 4096 ok
none zero 0 4096 ok
io read 1048576 512 EIO
io read 1044480 65536 EIO
io read 1048064 512 ok
io write 1048576 512 ok
io write 2097152 512 EIO
io write 2096640 512 ok
io write 4194304 4096 EIO
io discard 0 1048576 ok
io zero 0 1048576 ok
flush write 0 4096 ok
flush fsync 0 0 EIO
flush read 0 4096 ok
give write 0 4096 ok
give discard 0 4096 EIO
give zero 0 4096 EIO
give punch 0 4096 EIO
give read 0 4096 ok
give fsync 0 0 ok
END
}

same_calls() {
    for name in plain b4k ro none io flush give; do disk $name >/run/at-$name; done
    calls | while read -r name verb offset length wanted; do
        got=$(rvio try "$verb" "$(cat "/run/at-$name")" "$offset" "$length")
        [ "$got" = "$wanted" ] || echo "$name $verb $offset $length: $got, not $wanted"
    done >/run/differ
    cat /run/differ
    [ ! -s /run/differ ] || fail "$(wc -l <"/run/differ") calls give something else; the first: $(head -n 1 /run/differ)"
    note "$(calls | wc -l) calls"
}

# job DISK WANTED OPTION...: that a fio job ends with that error, which it says in its own words.
job() {
    name=$1 wanted=$2
    shift 2
    fio --output=/run/fio.log --name=job --filename="$(cat "/run/at-$name")" --direct=1 --thread --randrepeat=1 --iodepth=8 \
        --ioengine=libaio "$@" 2>/run/fio.err
    same "error of fio on $name with $*" "$(sed -n 's/.*err= *\([0-9]*\).*/\1/p' /run/fio.log | head -n 1)" "$wanted"
}

same_jobs() {
    set +e
    job plain 0 --rw=randrw --bsrange=512-64k --size=4M --verify=crc32c --verify_fatal=1
    job plain 0 --rw=trimwrite --bs=64k --size=4M
    job plain 0 --rw=randtrim --bs=4k --size=1M
    job b4k 0 --rw=randrw --bsrange=4k-64k --size=4M --verify=crc32c --verify_fatal=1
    job b4k 22 --rw=randread --bs=512 --size=1M
    job io 5 --rw=read --bs=64k --size=4M
    job io 5 --rw=write --bs=4k --offset=2M --size=64k
    job io 5 --rw=write --bs=4k --offset=4M --size=64k
    job flush 5 --rw=write --bs=4k --size=64k --fsync=1
    job give 5 --rw=trim --bs=4k --size=64k
    job ro 1 --rw=write --bs=4k --size=64k
    job none 95 --rw=trim --bs=4k --size=64k
}

# One after the other, so that what is on the disk in the end is one thing only.
same_data() {
    for name in plain b4k; do
        device=$(cat "/run/at-$name")
        rvio fill "$device" 0 67108864 21
        rvio odd "$device" 22 60 "$(($(cat "/sys/block/${device#/dev/}/queue/dma_alignment") + 1))" || fail "$name: data differ"
        same "zeroing" "$(rvio try zero "$device" 20971520 1052672)" ok
        same "punching" "$(rvio try punch "$device" 25165824 1052672)" ok
        same "discard" "$(rvio try discard "$device" 29360128 1052672)" ok
    done
    same "sha256 of plain" "$(sha256sum <"$(cat /run/at-plain)" | cut -c1-16)" 8caab537cc6211ba
    same "sha256 of b4k" "$(sha256sum <"$(cat /run/at-b4k)" | cut -c1-16)" a6cce8a9789d0899
}

load_modules
check "the ring format" in_format
check "calls" same_calls
check "fio jobs" same_jobs
check "data" same_data
