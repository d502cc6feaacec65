# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
#
# The guest's part of the suite. The host says case by case what comes: `host next` makes the device another one and gives
# NAME STRIKES FORMAT OUTCOME, or `end`. Each case is a check of that name; what went wrong is said as VERDICT: REASON.

# A bound of 10 s for what has to end; a debug kernel, and a machine with other things to do, take longer.
PATIENCE=$RV_PATIENCE

wrong() { fail "FAIL: $*"; }
wedged() {
    for _task in /proc/[0-9]*; do
        ! grep -q '^State:.D' "$_task/status" 2>/dev/null ||
            note "stuck: $(cat "$_task/comm"): $(sed 's/.*] //; s/+.*//' "$_task/stack" | head -n 10 | tr '\n' ' ')"
    done
    fail "WEDGED: $*"
}
silent() { fail "SILENT: $*"; }

now() { read -r _up _ </proc/uptime; echo "${_up%.*}"; }

# await SECONDS COMMAND...: as wait_for, by the clock.
await() {
    _end=$(($(now) + $1))
    shift
    until "$@"; do
        [ "$(now)" -le "$_end" ] || return 1
        sleep 0.05
    done
}

# bounded SECONDS WHAT COMMAND...: runs COMMAND in the background, and does not wait for ever.
bounded() {
    _seconds=$1 _what=$2
    shift 2
    rm -f /run/ended
    (set +e; ("$@") >/run/bounded.log 2>&1; echo $? >/run/ended) &
    await "$_seconds" test -s /run/ended || wedged "$_what does not end within $_seconds s"
    _ended=$(cat /run/ended)
}

# As bind and unbind of the library, which would end the check.
take() { echo "$1" >"$PCI/drivers/$2/bind"; }
leave() { echo "$1" >"$PCI/devices/$1/driver/unbind"; }

# has_disk: whether there is one; sets `block`. No process is started, since a case takes hundreds of such steps.
has_disk() {
    for _block in "$PCI/devices/$ADDRESS"/virtio*/block/vd*; do
        [ -b "/dev/${_block##*/}" ] && block=${_block##*/} && return 0
    done
    return 1
}

# let_in: binds the driver. The driver of the disk is asked in the same call, so the disk is there then, or never.
let_in() {
    bounded "$PATIENCE" "binding" take "$ADDRESS" "$DRIVER"
    [ "$_ended" = 0 ] && has_disk
}

let_go() {
    [ -e "$PCI/devices/$ADDRESS/driver" ] || return 0
    bounded "$PATIENCE" "unbinding" leave "$ADDRESS"
    [ "$_ended" = 0 ] || wrong "unbinding gives status $_ended: $(cat /run/bounded.log)"
    ! has_disk || wrong "the disk is still there after unbinding"
}

# All that a user can read of a disk.
read_attributes() { cat "/sys/block/$1"/serial "/sys/block/$1"/cache_type "/sys/block/$1"/size "/sys/block/$1"/queue/* >/dev/null 2>&1 || true; }

PIECE=131072

# Readers of what was written before, and a writer that reads its own back, at once.
worker() {
    rm -f "/run/became.$1"
    (set +e; rvio "$2" "/dev/$3" "$4" $PIECE "$5" >"/run/log.$1" 2>&1; echo $? >"/run/became.$1") &
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
    await "$2" workers_done || wedged "requests do not end within $2 s"
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
    rvio fill "/dev/$1" 1048576 $PIECE 7 || wrong "writing fails"
    rvio check "/dev/$1" 1048576 $PIECE 7 || silent "data differ"
}

# What a driver of C's does with it is its own affair, as long as it does no harm.
lenient() { [ "$RV_DRIVER" = c ]; }

at_probe() {
    if let_in; then
        case $2 in
        Works) verify "$block"; read_attributes "$block" ;;
        Safe) bounded 60 "a read" rvio try read "/dev/$block" 0 4096; read_attributes "$block" ;;
        *) lenient || wrong "the driver takes the device" ;;
        esac
    else
        [ "$2" != Works ] || lenient || wrong "the driver does not take the device: $(dmesg | tail -n 2 | tr '\n' ' ')"
    fi
}

at_io() {
    let_in || wrong "the driver does not take the device while it is honest"
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
    prepare_data "$block"
    # Dirty pages, which unbinding writes back, and a reader.
    dd if=/dev/zero of="/dev/$block" bs=64k count=4 conv=notrunc 2>/dev/null
    host model d0 strike >/dev/null
    rm -f /run/became.1
    worker 1 check "$block" $((2 * PIECE)) 3
}

# What comes behind this is powering off, with requests that may not have ended.
at_power_off() {
    let_in || wrong "the driver does not take the device while it is honest"
    prepare_data "$block"
    host model d0 strike >/dev/null
    worker 1 check "$block" 0 3
    worker 2 check "$block" $PIECE 3
    # Until the device has had the occasion.
    await 5 was_told || true
}
was_told() { [ "$(host model d0 ask told)" != 0 ]; }

one() {
    case $2 in
    PowerOff) at_power_off; return ;;
    Probe) at_probe "$1" "$4" ;;
    Io) at_io "$1" "$4" ;;
    Removal) at_removal "$1" "$4" ;;
    esac
    let_go
    [ "$2" != Removal ] || await "$PATIENCE" test -s /run/became.1 || wedged "a request does not end with its disk"
    told=$(host model d0 ask told)
    complaints=$(host model d0 ask complaints)
    # An honest device works as ever.
    host model d0 be good >/dev/null
    let_in || wrong "the driver does not take an honest device afterwards: $(dmesg | tail -n 2 | tr '\n' ' ')"
    verify "$block"
    let_go
    lenient && return
    [ "$told" != 0 ] || wrong "the lie was never told, so this proves nothing"
    [ -z "$complaints" ] || wrong "the device complains: $complaints"
}

# A life of a device that may do anything: bound, used, unbound, in time.
life() {
    if let_in; then
        rm -f /run/became.1
        (set +e; rvio fill "/dev/$block" 0 $PIECE 5 && rvio check "/dev/$block" 0 $PIECE 5; echo $? >/run/became.1) >/run/log.1 2>&1 &
        await $((PATIENCE * 4)) test -s /run/became.1 || wedged "requests do not end"
        [ "$(cat /run/became.1)" != 1 ] || silent "$(cat /run/log.1)"
        cat "/sys/block/$block/serial" "/sys/block/$block/cache_type" >/dev/null 2>&1 || true
    fi
    let_go
}

begin() {
    if [ "$RV_DRIVER" = rvirtio ]; then
        modprobe rvirtio reset_ms=500 queue_reset_ms=500
        modprobe rvirtio_pci
        modprobe rvirtio_blk io_timeout=4
    else
        load_modules
    fi
    block d0 >/dev/null
    echo "ADDRESS=$(pci d0) DRIVER=$(driver_of d0)" >/run/place
    . /run/place
    let_go
}

# After a case that went wrong: the next one has to find the device unbound.
clean_up() {
    host model d0 be good >/dev/null
    (let_go) >/dev/null 2>&1
}

begin_all() { check "modules load, and a good device works" begin; }

begin_all || exit 0
. /run/place
while :; do
    answer=$(host next) || break
    # NAME STRIKES FORMAT OUTCOME, or life SEED
    # shellcheck disable=SC2086
    set -f -- $answer
    set +f
    [ "$1" != end ] || break
    if [ "$1" = life ]; then
        echo "suite: begin $2" >/dev/kmsg
        check "$2" life
        echo "suite: end $2" >/dev/kmsg
        continue
    fi
    name=$1.$3 strikes=$2 format=$3 outcome=$4
    echo "suite: begin $name" >/dev/kmsg
    check "$name" one "$name" "$strikes" "$format" "$outcome" || clean_up
    echo "suite: end $name" >/dev/kmsg
done
