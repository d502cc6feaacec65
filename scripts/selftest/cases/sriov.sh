# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: virtual functions: made by sriov_numvfs, bound, traffic between them, taken away
# debug: none
# covers: VIRTIO_F_SR_IOV
# nic: pf tap port
# nic: one tap vf=pf
# nic: two tap vf=pf
# timeout: 400

numvfs() { echo "$PCI/devices/$(pci pf)/sriov_numvfs"; }
# refused NUMBER: what the kernel says when so many are asked for.
refused() {
    ! echo "$1" | dd of="$(numvfs)" 2>/run/error || fail "$1 virtual functions can be had"
    sed -n 's/.*: //p' /run/error | tail -n 1
}

offered() {
    load_modules
    wait_for 20 _netdev_of pf || fail "the NIC did not appear"
    same "VIRTIO_F_SR_IOV" "$(feature pf 37)" 1
    reads "$PCI/devices/$(pci pf)/sriov_totalvfs" 2
    reads "$(numvfs)" 0
    case $(refused 3) in *"out of range"*) ;; *) fail "3 of 2: $(refused 3)" ;; esac
}

made() {
    echo 2 >"$(numvfs)" || fail "no virtual functions can be had"
    reads "$(numvfs)" 2
    net_up
    for name in one two; do
        same "driver of $name" "$(driver_of $name)" "$(driver_of pf)"
        same "VERSION_1 of $name" "$(feature $name 32)" 1
        same "VIRTIO_F_SR_IOV of $name" "$(feature $name 37)" 0
    done
    case $(refused 1) in *busy*) ;; *) fail "1 while there are 2: $(refused 1)" ;; esac
}

traffic() {
    pings one "$(address two)" 1 1472 8000
    stream one two tcp 1048576 3
    stream two one tcp 1048576 4
    reach pf "$(address one)"
}

gone() { [ ! -e "$PCI/devices/$(pci pf)/virtfn0" ]; }

# Under load; and they come back.
taken_away() {
    load_on one two
    sleep 1
    addresses="$(pci one) $(pci two)"
    echo 0 >"$(numvfs)"
    for address in $addresses; do [ ! -e "$PCI/devices/$address" ] || fail "$address is still there"; done
    for _pid in $(sort -rn /run/load); do kill "$_pid" 2>/dev/null || true; done
    carrier pf || fail "the physical function does not work any more"
    echo 2 >"$(numvfs)"
    for name in one two; do netdev $name >/dev/null; done
    for name in one two; do nic_in $name; done
    traffic
    echo 0 >"$(numvfs)"
}

# Only of a device that is in use, and that was asked for it; what is there can be taken away all the same.
not_without() {
    name=$(virtio pf)
    driver=$(readlink -f "/sys/bus/$BUS/devices/$name/driver")
    echo 1 >"$(numvfs)"
    wait_for 20 _netdev_of one || fail "the virtual function did not appear"
    echo "$name" >"$driver/unbind"
    [ "$RV_DRIVER" = c ] || { echo 0 >"$(numvfs)" && gone; } || fail "it cannot be taken away without a driver"
    case $(refused 1) in *busy*) ;; *) fail "without a driver: $(refused 1)" ;; esac
    if [ "$RV_DRIVER" = rvirtio ]; then
        echo +VIRTIO_F_SR_IOV >"$DEBUGFS/rvirtio/$name/filter"
        echo "$name" >"$driver/bind"
        case $(refused 1) in *"Invalid argument"*) ;; *) fail "with the feature filtered: $(refused 1)" ;; esac
        echo "$name" >"$driver/unbind"
        echo none >"$DEBUGFS/rvirtio/$name/filter"
    fi
    echo "$name" >"$driver/bind"
}

# They do not stay without who made them.
unbound() {
    echo 1 >"$(numvfs)"
    wait_for 20 _netdev_of one || fail "the virtual function did not appear"
    address=$(pci pf) driver=$(driver_of pf)
    unbind "$address"
    gone || fail "there is a virtual function without a physical one that is driven"
    bind "$address" "$driver"
    wait_for 20 _netdev_of pf || fail "the NIC did not come back"
}

check "the function offers two" offered
check "two are made, and bound" made
check "traffic between them" traffic
check "taken away under load, and made again" taken_away
check "not without a driver, nor without the feature" not_without
check "they go with the driver" unbound
check "modules unload" unload_modules
check "nothing is left" no_traces
