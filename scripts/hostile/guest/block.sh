# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox disable=SC2034,SC2154  # what one of the files sets, another reads
#
# Disks in the suite; suite.sh says what is wanted of each function.

KIND=block

kind_load() { modprobe rvirtio_blk io_timeout="${IO_TIMEOUT:-4}"; }

# Sets `block`. No process is started, since a case takes hundreds of such steps.
kind_appeared() {
    for _block in "$PCI/devices/$ADDRESS"/virtio*/block/vd*; do
        [ -b "/dev/${_block##*/}" ] && block=${_block##*/} && return 0
    done
    return 1
}

kind_settle() { :; }

kind_ask() {
    cat "/sys/block/$block"/serial "/sys/block/$block"/cache_type "/sys/block/$block"/size "/sys/block/$block"/queue/* >/dev/null 2>&1 || true
    at_rest
    lenient || told_users
}

# shows WHAT WANTED: what a file of the disk says.
shows() { same "FAIL: what users see in $1" "$(cat "/sys/block/$block/$1")" "$2"; }
# gives VERB OFFSET LENGTH WANTED: what becomes of a call.
gives() { same "FAIL: what becomes of $1 at $2" "$(rvio try "$1" "/dev/$block" "$2" "$3")" "$4"; }

# What has to come of some cases besides their outcome.
told_users() {
    case $name in
    cache-mode-7.*)
        shows cache_type "write back"
        ! echo "write through" 2>/dev/null >"/sys/block/$block/cache_type" || wrong "a cache is off whose mode is 7"
        shows cache_type "write back"
        ;;
    cache-without-flush.*)
        shows cache_type "write through"
        ! echo "write back" 2>/dev/null >"/sys/block/$block/cache_type" || wrong "there is a cache that cannot be flushed"
        ;;
    serial-unending.*) shows serial xxxxxxxxxxxxxxxxxxxx ;;
    queues-65535.*) same "FAIL: the number of queues" "$(set -- "/sys/block/$block"/mq/*; echo $#)" 2 ;;
    # The block layer counts no more, and what the device does not have is an error.
    capacity-huge.*) shows size 18014398509481983; gives read $((128 << 20)) 4096 EIO ;;
    capacity-odd.*) [ "$(rvio try read "/dev/$block" $((64 << 20 - 4096)) 4096)" != ok ] || wrong "a block that is not whole can be read" ;;
    shrinks-under-io.*) gives read 1048576 4096 "short 0"; gives write 1048576 4096 ENOSPC ;;
    discard-segments-0.*) clears EOPNOTSUPP ;;
    discard-alignment-huge.*) clears ok ;;
    zones-grow.*) same "FAIL: what becomes of a reset of all zones" "$(all_zones)" ok ;;
    zones-shrink.*) same "FAIL: what becomes of a reset of all zones" "$(all_zones)" ok ;;
    vectors-refused.* | queue-vector-refused.*)
        ! grep "MSI.*$ADDRESS" /proc/interrupts || wrong "vectors are used that the device does not take"
        ;;
    answers-at-once.*) under_load ;;
    esac
}
all_zones() { rvio zone reset "/dev/$block" 0 "$(cat "/sys/block/$block/size")"; }

# clears WANTED: the three commands about ranges, the last with this end.
clears() {
    gives discard $((8 << 20)) 1048576 ok
    gives zero $((16 << 20)) 1048576 ok
    gives erase $((24 << 20)) 1048576 "$1"
    _erased=1048576
    [ "$1" = ok ] || _erased=0
    same "FAIL: what the device was told to clear" "$(host model d0 ask cleared)" "1048576 1048576 $_erased"
}

# under_load: requests from four threads without a pause, while on each CPU somebody else is to have a turn.
under_load() {
    rm -f /run/turns.*
    for _cpu in 0 1; do taskset -c $_cpu sh -c "while [ ! -e /run/hammered ]; do echo turn >>/run/turns.$_cpu; sleep 0.1; done" & done
    rm -f /run/hammered
    bounded $((PATIENCE * 2)) "a load of 3 s" hammer "/dev/$block" 3
    : >/run/hammered
    for _cpu in 0 1; do
        [ "$(grep -c turn /run/turns.$_cpu)" -gt 2 ] || wrong "under load nobody else has a turn on CPU $_cpu"
    done
}

PIECE=131072

kind_verify() {
    rvio fill "/dev/$block" 1048576 $PIECE 7 || wrong "writing fails"
    rvio check "/dev/$block" 1048576 $PIECE 7 || silent "data differ"
}

kind_try() {
    rm -f /run/became.1
    (set +e; rvio fill "/dev/$block" 0 $PIECE 5 && rvio check "/dev/$block" 0 $PIECE 5; echo $? >/run/became.1) >/run/log.1 2>&1 &
    await $((PATIENCE * 4)) test -s /run/became.1 || wedged "requests do not end"
    case $(cat /run/became.1) in
    0) TRIED=worked ;;
    1) silent "$(cat /run/log.1)" ;;
    *) TRIED=failed ;;
    esac
}

# Readers of what was written before, and a writer that reads its own back, at once.
worker() {
    rm -f "/run/became.$1"
    # Two on each CPU, so that each queue has some.
    (set +e; taskset $((1 + ($1 & 1))) rvio "$2" "/dev/$3" "$4" $PIECE "$5" >"/run/log.$1" 2>&1; echo $? >"/run/became.$1") &
}
workers_done() { [ -s /run/became.1 ] && [ -s /run/became.2 ] && [ -s /run/became.3 ] && [ -s /run/became.4 ]; }

kind_prepare() {
    rvio fill "/dev/$block" 0 $((4 * PIECE)) 3 || wrong "writing fails while the device is honest"
}

kind_attack() {
    worker 1 check "$block" 0 3
    worker 2 check "$block" $PIECE 3
    worker 3 check "$block" $((2 * PIECE)) 3
    worker 4 fill "$block" $((8 * PIECE)) 4
    await $((PATIENCE * 4)) workers_done || wedged "requests do not end within $((PATIENCE * 4)) s"
    ATTACK=ok AFTER=failed
    for _worker in 1 2 3 4; do
        case $(cat /run/became.$_worker) in
        0) ;;
        1) silent "a read gives other data than was written: $(cat /run/log.$_worker)" ;;
        *) ATTACK=failed ;;
        esac
    done
    # What was said to be written is there, whatever became of the others.
    if [ "$(cat /run/became.4)" = 0 ]; then
        rvio check "/dev/$block" $((8 * PIECE)) $PIECE 4 >/run/log.5 2>&1 || {
            [ $? != 1 ] || silent "what was written reads back as something else: $(cat /run/log.5)"
            ATTACK=failed
        }
    fi
    # What nobody has read meanwhile.
    if rvio check "/dev/$block" $((3 * PIECE)) $PIECE 3 >/run/log.6 2>&1; then
        AFTER=ok
    else
        [ $? != 1 ] || silent "what was there before reads back as something else: $(cat /run/log.6)"
    fi
}

kind_leave() {
    # Dirty pages, which unbinding writes back, and a reader. The disk may have no place any more.
    dd if=/dev/zero of="/dev/$block" bs=64k count=4 conv=notrunc 2>/dev/null || true
    worker 1 check "$block" $((2 * PIECE)) 3
}
kind_left() { [ -s /run/became.1 ]; }
kind_judge_left() { [ "$(cat /run/became.1)" != 1 ] || silent "a read gives other data than was written: $(cat /run/log.1)"; }
