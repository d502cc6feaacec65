# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: I/O of odd sizes, places and memory
# rings: packed-in-order
# disk: d0 64M
# disk: d4k 64M logical_block_size=4096 physical_block_size=4096
# disk: uneven 33M+512
# disk: discard 64M
# legacy: named
# matrix: any
# timeout: 90

# Memory alignments that the queue allows, from the finest on.
alignments() {
    device=$(disk "$1")
    finest=$(($(cat "/sys/block/${device#/dev/}/queue/dma_alignment") + 1))
    note "$1: the finest memory alignment is $finest"
    for align in "$finest" 512 1024 2048; do
        [ "$align" -ge "$finest" ] || continue
        rvio odd "$device" "$align" "$2" "$align" || fail "alignment $align: data differ"
        rvio vector "$device" "$align" "$align" || fail "alignment $align: 256 segments differ"
    done
}

sizes() {
    device=$(disk d0)
    for length in 512 1024 1536 3584 4608 65024 65536 130560 524288 1048576 2097152 4194816; do
        same "write of $length bytes at sector 7" "$(rvio try write "$device" 3584 $length)" ok
        same "read of $length bytes at sector 13" "$(rvio try read "$device" 6656 $length)" ok
    done
    rvio fill "$device" 512 33554432 44
    rvio check "$device" 512 33554432 44 || fail "32 MiB from sector 1 differ"
}

# ends DISK BYTES BLOCK
ends() {
    device=$(disk "$1")
    same "the last block" "$(rvio try write "$device" $(($2 - $3)) "$3")" ok
    same "the last block again" "$(rvio try read "$device" $(($2 - $3)) "$3")" ok
    same "reading across the end" "$(rvio try read "$device" $(($2 - $3)) $(($3 * 2)))" "short $3"
    same "writing across the end" "$(rvio try write "$device" $(($2 - $3)) $(($3 * 2)))" "short $3"
    same "reading at the end" "$(rvio try read "$device" "$2" "$3")" "short 0"
    same "writing at the end" "$(rvio try write "$device" "$2" "$3")" ENOSPC
    same "reading far beyond" "$(rvio try read "$device" 1099511627776 "$3")" "short 0"
    same "writing far beyond" "$(rvio try write "$device" 1099511627776 "$3")" ENOSPC
}

whole() {
    size=$(blockdev --getsize64 "$(disk uneven)")
    same "size" "$size" $((33 * 1048576 + 512))
    rvio fill "$(disk uneven)" 0 "$size" 9
    rvio check "$(disk uneven)" 0 "$size" 9 || fail "data differ"
    same "bytes through the page cache" "$(dd if="$(disk uneven)" bs=1M 2>/dev/null | wc -c)" "$size"
}

misaligned() {
    same "a read at byte 100" "$(rvio try read "$(disk d0)" 100 512)" EINVAL
    same "a read of 100 bytes" "$(rvio try read "$(disk d0)" 0 100)" EINVAL
    same "512 bytes where blocks have 4096" "$(rvio try read "$(disk d4k)" 4096 512)" EINVAL
}

# Either the disk can do it, and then it reads back as zeros, or it says that it cannot.
zeros_and_discard() {
    device=$(disk discard)
    rvio fill "$device" 0 4194304 3
    same "zeroing" "$(rvio try zero "$device" 1048576 524288)" ok
    same "bytes that are not zero" "$(dd if="$device" bs=64k skip=16 count=8 2>/dev/null | tr -d '\0' | wc -c)" 0
    rvio check "$device" 0 1048576 3 || fail "zeroing touched what lies before"
    limit=$(cat "/sys/block/${device#/dev/}/queue/discard_max_bytes")
    note "discard_max_bytes $limit, write_zeroes_max_bytes $(cat "/sys/block/${device#/dev/}/queue/write_zeroes_max_bytes")"
    got=$(rvio try discard "$device" 2097152 1048576)
    if [ "$limit" -gt 0 ]; then same "discard" "$got" ok; else same "discard" "$got" EOPNOTSUPP; fi
    rvio check "$device" 3145728 1048576 3 || fail "discard touched what lies behind"
}

load_modules
check "the ring format" in_format
check "random vectored I/O, every memory alignment" alignments d0 120
check "the same with blocks of 4096 bytes" alignments d4k 60
check "lengths from 512 bytes to 4 MiB" sizes
check "the end of the disk" ends d0 67108864 512
check "the end of a disk with blocks of 4096 bytes" ends d4k 67108864 4096
check "a disk of an odd number of sectors" whole
check "its end" ends uneven $((33 * 1048576 + 512)) 512
check "what is not aligned is refused" misaligned
check "zeroing and discard" zeros_and_discard
