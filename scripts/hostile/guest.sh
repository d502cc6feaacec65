# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
#
# The guest's part of the suite. The host says case by case what comes: `host next` makes the device another one and gives
# NAME STRIKES FORMAT OUTCOME, or `end`. Each case is a check of that name; what went wrong is said as VERDICT: REASON.

# A bound of 10 s for what has to end; a debug kernel, and a machine with other things to do, take longer.
PATIENCE=$RV_PATIENCE

wrong() { fail "FAIL: $*"; }
wedged() { fail "WEDGED: $*"; }
silent() { fail "SILENT: $*"; }

address() { cat /run/address; }

# bounded SECONDS WHAT COMMAND...: runs COMMAND in the background, and does not wait for ever.
bounded() {
    _seconds=$1 _what=$2
    shift 2
    rm -f /run/ended
    ("$@" >/run/bounded.log 2>&1; echo $? >/run/ended) &
    wait_for "$_seconds" test -s /run/ended || wedged "$_what does not end within $_seconds s"
    _ended=$(cat /run/ended)
}

has_disk() { [ -n "$(_block_of d0)" ]; }

let_in() {
    bounded "$PATIENCE" "binding" bind "$(address)" "$(cat /run/driver)"
    [ "$_ended" = 0 ] || return 1
    # The driver of the disk is asked in the same call, so there is nothing to wait for but devtmpfs.
    wait_for 1 has_disk
}

let_go() {
    [ -e "$PCI/devices/$(address)/driver" ] || return 0
    bounded "$PATIENCE" "unbinding" unbind "$(address)"
    [ "$_ended" = 0 ] || wrong "unbinding gives status $_ended: $(cat /run/bounded.log)"
    ! has_disk || wrong "the disk is still there after unbinding"
}

said() { dmesg | sed -n "/suite: begin $1\$/,\$p" | grep -E "$BUS|virtio" | grep -qE "$2"; }

# All that a user can read of a disk.
read_attributes() {
    for _file in "/sys/block/$1"/serial "/sys/block/$1"/cache_type "/sys/block/$1"/size "/sys/block/$1"/queue/*; do
        [ ! -f "$_file" ] || cat "$_file" >/dev/null 2>&1 || true
    done
}

PIECE=131072

# Readers of what was written before, and a writer that reads its own back, at once.
worker() {
    rm -f "/run/became.$1"
    (rvio "$2" "/dev/$3" "$4" $PIECE "$5" >"/run/log.$1" 2>&1; echo $? >"/run/became.$1") &
}
workers_done() { [ -s /run/became.1 ] && [ -s /run/became.2 ] && [ -s /run/became.3 ] && [ -s /run/became.4 ]; }

prepare_data() {
    rvio fill "/dev/$1" 0 $((4 * PIECE)) 3 || wrong "writing fails while the device is honest"
}

# attack BLOCK SECONDS: sets ATTACK to what became of the workers: ok, failed or differs.
attack() {
    worker 1 check "$1" 0 3
    worker 2 check "$1" $PIECE 3
    worker 3 check "$1" $((2 * PIECE)) 3
    worker 4 fill "$1" $((8 * PIECE)) 4
    wait_for "$2" workers_done || wedged "requests do not end within $2 s"
    ATTACK=ok
    for _worker in 1 2 3 4; do
        case $(cat /run/became.$_worker) in
        0) ;;
        1) silent "a read gives other data than was written: $(cat /run/log.$_worker)" ;;
        *) ATTACK=failed ;;
        esac
    done
    if [ "$(cat /run/became.4)" = 0 ] && [ "$ATTACK" = ok ]; then
        rvio check "/dev/$1" $((8 * PIECE)) $PIECE 4 >/run/log.5 2>&1 || {
            [ $? != 1 ] || silent "what was written reads back as something else: $(cat /run/log.5)"
            ATTACK=failed
        }
    fi
}

verify() {
    for _place in 0 1; do
        rvio fill "/dev/$1" $((_place * 1048576)) $PIECE $_place || wrong "writing fails"
        rvio check "/dev/$1" $((_place * 1048576)) $PIECE $_place || silent "data differ"
    done
}

# What a driver of C's does with it is its own affair, as long as it does no harm.
lenient() { [ "$RV_DRIVER" = c ]; }

at_probe() {
    if let_in; then
        case $2 in
        Works) block=$(block d0); verify "$block"; read_attributes "$block" ;;
        Safe) block=$(block d0); bounded 60 "a read" rvio try read "/dev/$block" 0 4096; read_attributes "$block" ;;
        *) lenient || wrong "the driver takes the device" ;;
        esac
    else
        [ "$2" != Works ] || lenient || wrong "the driver does not take the device: $(dmesg | tail -n 1)"
    fi
}

at_io() {
    let_in || wrong "the driver does not take the device while it is honest"
    block=$(block d0)
    prepare_data "$block"
    host model d0 strike >/dev/null
    attack "$block" $((PATIENCE * 4))
    read_attributes "$block"
    after=$(rvio try read "/dev/$block" 0 4096)
    note "requests: $ATTACK, afterwards: $after"
    lenient || case $2 in
    Works) same "FAIL: what became of the requests" "$ATTACK" ok; same "FAIL: a read afterwards" "$after" ok ;;
    Broken) same "FAIL: what became of the requests" "$ATTACK" failed; same "FAIL: a read afterwards" "$after" EIO ;;
    Fails) same "FAIL: what became of the requests" "$ATTACK" failed; same "FAIL: a read afterwards" "$after" ok ;;
    esac
}

at_removal() {
    let_in || wrong "the driver does not take the device while it is honest"
    block=$(block d0)
    prepare_data "$block"
    # Dirty pages, which unbinding writes back, and a reader.
    dd if=/dev/zero of="/dev/$block" bs=64k count=4 conv=notrunc 2>/dev/null
    host model d0 strike >/dev/null
    rm -f /run/became.1
    worker 1 check "$block" $((2 * PIECE)) 3
}

one() {
    case $2 in
    Probe) at_probe "$1" "$4" ;;
    Io) at_io "$1" "$4" ;;
    Removal) at_removal "$1" "$4" ;;
    esac
    let_go
    [ "$2" != Removal ] || wait_for "$PATIENCE" test -s /run/became.1 || wedged "a request does not end with its disk"
    told=$(host model d0 ask told)
    complaints=$(host model d0 ask complaints)
    # An honest device works as ever.
    host model d0 be good >/dev/null
    let_in || wrong "the driver does not take an honest device afterwards: $(dmesg | tail -n 1)"
    verify "$(block d0)"
    let_go
    lenient && return
    says=$(cat /run/says)
    [ -z "$says" ] || said "$1" "$says" || wrong "no line in the log says: $says"
    [ "$told" != 0 ] || wrong "the lie was never told, so this proves nothing"
    [ -z "$complaints" ] || wrong "the device complains: $complaints"
}

begin() {
    if [ "$RV_DRIVER" = rvirtio ]; then
        modprobe rvirtio reset_ms=500 queue_reset_ms=500
        modprobe rvirtio_pci
        modprobe rvirtio_blk io_timeout=1
    else
        load_modules
    fi
    pci d0 >/run/address
    block d0 >/dev/null
    driver_of d0 >/run/driver
    let_go
}

begin_all() { check "modules load, and a good device works" begin; }

begin_all || exit 0
while :; do
    answer=$(host next) || break
    # shellcheck disable=SC2086  # NAME STRIKES FORMAT OUTCOME SAYS
    set -f -- $answer
    set +f
    [ "$1" != end ] || break
    name=$1 strikes=$2 format=$3 outcome=$4
    shift 4
    echo "$*" >/run/says
    echo "suite: begin $name.$format" >/dev/kmsg
    check "$name.$format" one "$name.$format" "$strikes" "$format" "$outcome"
    echo "suite: end $name.$format" >/dev/kmsg
done
