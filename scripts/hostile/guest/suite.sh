# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox disable=SC2034,SC2154  # what one of the files sets, another reads
#
# The guest's part of the suite. The host says case by case what comes: `host next` makes the device another one and gives
# NAME STRIKES FORMAT OUTCOME LINE, or `end`. Each case is a check of that name; what went wrong is said as VERDICT: REASON.
#
# What is done with the device is its kind's affair, in a file of its own before this one:
#
#   kind_load      loads the driver, impatient
#   kind_appeared  whether the driver has made of the device what users see
#   kind_settle    after binding: what users do first
#   kind_verify    an honest device does all it should, with the right data
#   kind_try       uses a device that may do anything, in bounded time; sets TRIED to worked or failed
#   kind_prepare   before the strike: what is to be there when it comes
#   kind_attack    uses the device meanwhile; sets ATTACK to ok or failed, and AFTER to what becomes of a use afterwards: ok or failed
#   kind_leave     uses it while the driver is about to leave, in the background; kind_left: that has ended; kind_judge_left: with
#                  the right data, or an error
#   kind_ask       reads all that a user can

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

# await SECONDS COMMAND...: as wait_for, by the clock.
await() {
    _end=$(($(uptime_seconds) + $1))
    shift
    until "$@"; do
        [ "$(uptime_seconds)" -le "$_end" ] || return 1
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

# let_in: binds the driver. The driver of the virtio device is asked in the same call, so what it makes is there then, or never.
let_in() {
    bounded "$PATIENCE" "binding" take "$ADDRESS" "$DRIVER"
    [ "$_ended" = 0 ] && kind_appeared && kind_settle
}

hundredths() {
    read -r _up _ </proc/uptime
    echo "${_up%.*}${_up#*.}"
}
let_go() {
    [ -e "$PCI/devices/$ADDRESS/driver" ] || return 0
    _begun=$(hundredths)
    bounded "$PATIENCE" "unbinding" leave "$ADDRESS"
    note "unbound in $(($(hundredths) - _begun)) hundredths"
    [ "$_ended" = 0 ] || wrong "unbinding gives status $_ended: $(cat /run/bounded.log)"
    ! kind_appeared || wrong "what the driver made is still there after unbinding"
}

# became WORD: for the host, what has become of a device: refused, worked, or failed, which is a disk's to say: of a NIC that loses a
# frame, and of a balloon that takes its time, no line is wanted.
became() { note "became: $1"; }

# What a driver of C's does with it is its own affair, as long as it does no harm.
lenient() { [ "$RV_DRIVER" = c ]; }

# dma_off: the device of which a reset was not confirmed can reach no memory: its bus mastering is off.
dma_off() {
    _command=$(od -An -tu1 -j 4 -N 1 "$PCI/devices/$ADDRESS/config")
    [ $((_command & 4)) = 0 ] || wrong "bus mastering is on: the command register is $_command"
}

# shown_broken LINE: debugfs says why the device is broken; where a ring was lied about, what was wrong there: that its queue was closed
# came later, and the first reason stands.
shown_broken() {
    for _folder in "$PCI/devices/$ADDRESS"/virtio*; do _folder=$DEBUGFS/rvirtio/${_folder##*/}; done
    read -r _why <"$_folder/broken"
    [ "$_why" != no ] || wrong "by debugfs the device is not broken"
    # What was not seen in the ring, since nothing was, is no error of it.
    case $1:$_why in
    R*'not answered in time'*) ;;
    R*) grep '^last_error: ' "$_folder"/queue* | grep -qv -e ': none$' -e ': queue is closed$' || wrong "no queue names an error: $_why" ;;
    esac
}

# What is given up touches no memory any more: it is reset, or its DMA is off. What the device has to complain of until here is kept.
at_rest() {
    lenient && return
    host model d0 ask complaints >/dev/null
    [ "$outcome" != Broken ] || same "FAIL: whether the device is at rest" "$(host model d0 ask at-rest)" yes
}

at_probe() {
    if let_in; then
        case $2 in
        Works) kind_verify; kind_ask ;;
        Safe) kind_try; became "$TRIED"; kind_ask ;;
        *) lenient || wrong "the driver takes the device" ;;
        esac
    else
        became refused
        [ "$2" != Works ] || lenient || wrong "the driver does not take the device: $(dmesg | tail -n 2 | tr '\n' ' ')"
        [ "$2" != Refused ] || lenient || without_driver || wrong "the driver has the device, and made nothing of it"
    fi
}
# Whether no driver has a virtio device of it. One that has, and of which nothing came, has not refused it.
without_driver() {
    for _virtio in "$PCI/devices/$ADDRESS"/virtio*; do
        [ ! -e "$_virtio/driver" ] || return 1
    done
}

at_io() {
    let_in || wrong "the driver does not take the device while it is honest"
    kind_prepare
    host model d0 strike >/dev/null
    kind_attack
    kind_ask
    note "meanwhile: $ATTACK, afterwards: $AFTER"
    [ "$ATTACK $AFTER" = "ok ok" ] || [ "$KIND" != block ] || became failed
    lenient || case $2 in
    Works) same "FAIL: what became of it" "$ATTACK $AFTER" "ok ok" ;;
    Broken)
        same "FAIL: what became of it" "$ATTACK $AFTER" "failed failed"
        shown_broken "$3"
        # Still bound.
        case $1 in *anew-never.*) dma_off ;; esac
        ;;
    Fails) same "FAIL: what became of it" "$ATTACK $AFTER" "failed ok" ;;
    Recovers) same "FAIL: what became of it afterwards" "$AFTER" ok ;;
    esac
}

at_removal() {
    let_in || wrong "the driver does not take the device while it is honest"
    kind_prepare
    host model d0 strike >/dev/null
    kind_leave
}

# What comes behind this is powering off, with requests that may not have ended. The host sees what becomes of it: what the console
# says to its end, and how the device was left.
at_power_off() {
    let_in || wrong "the driver does not take the device while it is honest"
    kind_prepare
    host model d0 strike >/dev/null
    kind_leave
    # Until the device has had the occasion.
    await 5 was_told || true
}
was_told() { [ "$(host model d0 ask told)" != 0 ]; }

one() {
    case $2 in
    PowerOff) at_power_off; return ;;
    Probe) at_probe "$1" "$4" ;;
    Io) at_io "$1" "$4" "$5" ;;
    Removal) at_removal "$1" "$4" ;;
    esac
    let_go
    lenient || case $1 in *no-reset-*) dma_off ;; esac
    if [ "$2" = Removal ]; then
        await "$PATIENCE" kind_left || wedged "what was under way does not end with the device"
        kind_judge_left
    fi
    told=$(host model d0 ask told)
    complaints=$(host model d0 ask complaints)
    # An honest device works as ever. The line that is wanted has been said by now.
    echo "suite: honest" >/dev/kmsg
    host model d0 be good >/dev/null
    let_in || wrong "the driver does not take an honest device afterwards: $(dmesg | tail -n 2 | tr '\n' ' ')"
    kind_verify
    let_go
    lenient && return
    [ -n "$told" ] || wrong "nobody knows whether the lie was told"
    [ "$told" != betrayed ] || wrong "the driver looks where it has no business"
    [ "$told" != 0 ] || wrong "the lie was never told, so this proves nothing"
    [ -z "$complaints" ] || wrong "the device complains: $complaints"
}

begin() {
    if [ "$RV_DRIVER" = rvirtio ]; then
        modprobe rvirtio reset_ms=500 queue_reset_ms=500 control_ms=$((PATIENCE * 50)) balloon_ms=$((PATIENCE * 70)) balloon_oom_ms=$((PATIENCE * 30))
        modprobe rvirtio_pci
        kind_load
    else
        load_modules
    fi
    echo "ADDRESS=$(pci d0) DRIVER=$(driver_of d0)" >/run/place
    . /run/place
    let_go
}

# After a case that went wrong: the next one has to find the device unbound.
clean_up() {
    host model d0 be good >/dev/null
    (let_go) >/dev/null 2>&1
}

# Not `check ... || ...`: what is tested does not end at its first failing command.
check "modules load, and a good device works" begin
[ $? = 0 ] || exit 0
. /run/place
leaks_mark
while :; do
    answer=$(host next) || break
    # NAME STRIKES FORMAT OUTCOME LINE, or `end`
    # shellcheck disable=SC2086
    set -f -- $answer
    set +f
    [ "$1" != end ] || break
    name=$1.$3 strikes=$2 format=$3 outcome=$4 line=$5
    # The last one: no device is bound, and all before it have gone. What a case leaves in memory is little.
    case $format in
    *+poweroff) check "nothing is left behind" leaks_none 8192 ;;
    esac
    echo "suite: begin $name" >/dev/kmsg
    check "$name" one "$name" "$strikes" "$format" "$outcome" "$line"
    _status=$?
    echo "suite: end $name" >/dev/kmsg
    [ $_status = 0 ] || clean_up
done
