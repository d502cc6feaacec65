# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox disable=SC2034,SC2154  # what one of the files sets, another reads
#
# Devices that live one life after the other, made of numbers: the program `lives` binds, uses and unbinds them, all at once. What
# they are waited for is short, or there is time for little else.

PATIENCE=$RV_PATIENCE
IO_TIMEOUT=$((1 + PATIENCE / 20))

begin() {
    if [ "$RV_DRIVER" = rvirtio ]; then
        modprobe rvirtio reset_ms=$((PATIENCE * 10)) queue_reset_ms=$((PATIENCE * 10)) control_ms=$((PATIENCE * 15)) \
            balloon_ms=$((PATIENCE * 20)) balloon_oom_ms=$((PATIENCE * 10))
        modprobe rvirtio_pci
        kind_load
    else
        load_modules
    fi
    driver_of d0 >/run/driver
    for _address in $(addresses); do
        [ ! -e "$PCI/devices/$_address/driver" ] || echo "$_address" >"$PCI/devices/$_address/driver/unbind"
    done
}

addresses() {
    for _device in $RV_DISKS $RV_NICS $RV_BALLOONS; do
        echo "${_device#*@}"
    done
}

# see KIND FIRST COUNT SECONDS
see() {
    # shellcheck disable=SC2046
    lives "$1" "$(cat /run/driver)" "$2" "$3" "$4" "$PATIENCE" $(addresses) >&3
}

# Not `check ... || ...`: what is tested does not end at its first failing command.
check "modules load, and good devices work" begin
[ $? = 0 ] || exit 0
# What honest lives need for the first time is no leak.
see "$KIND" 1 0 600
leaks_mark
while :; do
    # FIRST COUNT SECONDS, or `end`
    answer=$(host next) || break
    if [ "$answer" = end ]; then
        check "nothing is left behind" leaks_none 8192
        break
    fi
    # shellcheck disable=SC2086
    check "lives" see "$KIND" $answer
    [ $? = 0 ] || break
done
