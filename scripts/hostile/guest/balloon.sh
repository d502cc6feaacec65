# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox disable=SC2034,SC2154  # what one of the files sets, another reads
#
# Balloons in the suite; suite.sh says what is wanted of each function. The device writes over all that it is told is not used, so a
# process that looks at its memory finds out what was said wrongly.

KIND=balloon

kind_load() { modprobe rvirtio_balloon; }

kind_appeared() {
    for _virtio in "$PCI/devices/$ADDRESS"/virtio*; do
        [ -e "$_virtio/driver" ] && virtio=${_virtio##*/} && return 0
    done
    return 1
}

kind_settle() { :; }
kind_ask() {
    bounded "$PATIENCE" "asking about the balloon" sh -c 'cat /sys/kernel/debug/rvirtio/*/* /proc/meminfo'
    at_rest
    lenient || told_users
}

answers() { host model d0 ask statistics | cut -d' ' -f1; }

# What has to come of some cases besides their outcome.
told_users() {
    case $name in
    # The floor is 8 MiB, of what is available when pages are taken.
    wants-all*) [ "$(awk '/MemAvailable/ { print $2 }' /proc/meminfo)" -gt 4096 ] || wrong "the guest has no memory left: $(grep MemAvailable /proc/meminfo)" ;;
    # Ten answers in a second, by the guest's clock.
    stats-always*)
        _first=$(answers) _begun=$(uptime_seconds)
        sleep 2
        _more=$(($(answers) - _first)) _took=$(($(uptime_seconds) - _begun + 1))
        [ $_more -gt 0 ] || wrong "the host has no answer to its questions any more"
        [ $_more -le $((_took * 10 + 2)) ] || wrong "the host has $_more answers in $_took s"
        ;;
    esac
}

is_broken() { [ "$(cat "$DEBUGFS/rvirtio/$virtio/broken" 2>/dev/null || echo no)" != no ]; }
holds() { [ "$(host model d0 ask size)" = "$1 $1" ]; }
holds_or_broken() { holds "$1" || is_broken; }
# sized PAGES [SECONDS]: wants so many, and waits until they are there, or never will be.
sized() {
    host model d0 order want "$1" >/dev/null
    await "${2:-$PATIENCE}" holds_or_broken "$1" && holds "$1"
}

kind_verify() {
    sized 600 || wrong "the balloon does not come to 600 pages, but to (device, driver) $(host model d0 ask size)"
    sized 0 || wrong "the balloon does not come to 0 pages, but to (device, driver) $(host model d0 ask size)"
}

kind_try() {
    TRIED=worked
    host model d0 order question >/dev/null
    sized 300 $((PATIENCE / 4)) || true
    sized 0 1 || true
}

# A process looks at its memory as long as anything goes on.
kind_prepare() {
    rm -f /run/pages
    pages hold 16 7 >/run/pages 2>&1 3>&- &
    echo $! >/run/holder
    sized 1000 || wrong "the balloon does not come to 1000 pages while the device is honest"
    case $name in
    report* | spoils*)
        # Other cases have left memory in pieces.
        echo 3 >/proc/sys/vm/drop_caches
        [ ! -e /proc/sys/vm/compact_memory ] || echo 1 >/proc/sys/vm/compact_memory
        ;;
    esac
    reported=$(host model d0 ask reports)
}
look() {
    kill "$(cat /run/holder)" 2>/dev/null || true
    await "$PATIENCE" grep -qE 'right|page' /run/pages || wedged "a process with memory does not end"
    ! grep -q word /run/pages || silent "memory that is in use was given away: $(cat /run/pages)"
}

# What the kernel reports of itself comes 2 s after binding, and after memory became free in blocks as large as it reports. On a slow
# machine the first has come before the strike.
was_reported() { [ "$(host model d0 ask reports)" -gt "$reported" ] || is_broken; }
was_hinted() {
    # shellcheck disable=SC2046
    set -- $(host model d0 ask hints)
    { [ "$1" = 0 ] && [ "$2" != 0 ]; } || is_broken
}

kind_attack() {
    ATTACK=ok AFTER=failed _soon=$((PATIENCE / 2))
    # Where anything may come of it, nothing is worth waiting for; where all works, everything is.
    case $outcome in
    Safe) _soon=$((PATIENCE / 5)) ;;
    Works) _soon=$((PATIENCE * 2)) ;;
    esac
    host model d0 order question >/dev/null
    # What is hinted is not free, so it cannot be reported.
    case $name in
    report*) ;;
    *) host model d0 order hint 5 >/dev/null ;;
    esac
    sized 2500 $_soon && sized 200 $_soon || ATTACK=failed
    host model d0 order question >/dev/null
    case $name in
    *hint* | spoils*) await $_soon was_hinted || ATTACK=failed ;;
    esac
    host model d0 order hint-done >/dev/null
    case $name in
    report* | spoils*) await "$PATIENCE" was_reported || ATTACK=failed ;;
    esac
    # The host may be waited for in the background.
    [ "$outcome" != Broken ] || await $((PATIENCE / 5)) is_broken || true
    if ! is_broken && sized 500 $_soon; then AFTER=ok; fi
    ! is_broken || ATTACK=failed
    look
}

kind_leave() { host model d0 order want 3000 >/dev/null; }
kind_left() { :; }
kind_judge_left() { look; }
