# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: a VLAN is taken away while the NIC is being reset: a device that a program of ours plays
# driver: rvirtio
# debug: none
# model: n0 net
# allow: device asks for a reset
# timeout: 90

asked() { host model n0 "$@"; }
told() { asked ask told-of vlans | tr -d '{} '; }
status() { asked ask status; }

begin() {
    asked be resets-slowly >/dev/null
    need_module 8021q
    modprobe rvirtio reset_ms=60000
    net_up
    at n0 rvecho 10.0.0.100 4 60 1400 || fail "what is sent does not come back"
    for id in 7 9 11; do
        ip -n n0 link add link eth0 name v$id type vlan id $id
    done
    zero=$(told)
    same "VLANs that the device was told of" "${zero#0,}" 7,9,11
}

is_reset() { [ "$(status)" = 0 ]; }
works() { [ "$(status)" = 15 ]; }
taken_away() {
    before=$(told)
    asked strike >/dev/null
    wait_for 30 is_reset || fail "the device asked for a reset, and got none"
    ip -n n0 link del v9
    # Else it would prove nothing.
    same "status after a VLAN was taken away" "$(status)" 0
    wait_for 60 works || fail "the device was reset, and not begun anew: $(status)"
    wait_for 20 at n0 rvecho 10.0.0.100 4 60 1400 || fail "what is sent does not come back after the reset"
    after=$(told)
    same "VLANs that the device was told of, instead of $before" "${after#0,}" 7,11
}

back() {
    ip -n n0 link add link eth0 name v9 type vlan id 9
    after=$(told)
    same "VLANs that the device was told of" "${after#0,}" 7,9,11
    same "what the device complains about" "$(asked ask complaints)" ""
}

check "three VLANs" begin
check "one is taken away while the device is reset" taken_away
check "it comes back" back
