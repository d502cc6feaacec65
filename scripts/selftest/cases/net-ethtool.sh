# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: names, sysfs, ethtool, counters, interrupts, aliases
# covers: VIRTIO_NET_F_SPEED_DUPLEX
# nic: a
# nic: b rx_queue_size=512 tx_queue_size=256 speed=10000 duplex=full
# timeout: 300

identity() {
    load_modules
    for name in a b; do
        dev=$(netdev $name)
        # Our interface belongs to the PCI function, C's to the virtio device.
        case $RV_DRIVER in
        rvirtio) parent=rvirtio_pci ;;
        *) parent=$NET_MODULE ;;
        esac
        same "module of the parent of $name" "$(basename "$(readlink -f "/sys/class/net/$dev/device/driver/module")")" "$parent"
        reads "/sys/class/net/$dev/type" 1
        same "MAC of $name" "$(cat "/sys/class/net/$dev/address")" "52:54:00:12:34:$(pci $name | cut -c9-10)"
        reads "/sys/class/net/$dev/addr_assign_type" 0
        reads "/sys/class/net/$dev/mtu" 1500
        reads "/sys/bus/$BUS/devices/$(virtio $name)/device" 0x0001
        of=$(readlink -f "/sys/bus/$BUS/devices/$(virtio $name)")
        [ "$RV_DRIVER" != rvirtio ] || of=${of%/*}
        same "the device of $name" "$(readlink -f "/sys/class/net/$dev/device")" "$of"
        note "$name is $dev"
    done
}

aliases() {
    /usr/sbin/modinfo -F alias "$NET_MODULE" | grep -q "^$BUS:d00000001v" || fail "no alias for $BUS:d00000001v*: $(/usr/sbin/modinfo -F alias "$NET_MODULE")"
    same "what the device's modalias loads" "$(/usr/sbin/modprobe -R "$(cat "/sys/bus/$BUS/devices/$(virtio a)/modalias")" | head -n 1)" "$NET_MODULE"
}

driver_info() {
    net_up
    at a ethtool -i eth0 >/run/info
    same "driver" "$(sed -n 's/^driver: //p' /run/info)" "$NET_MODULE"
    same "version" "$(sed -n 's/^version: //p' /run/info)" 1.0.0
    same "bus-info" "$(sed -n 's/^bus-info: //p' /run/info)" "$(pci a)"
    for what in -a -c -g -l -k -S -P -T; do
        at a ethtool $what eth0 >/run/said 2>&1 && echo "$what ok" >>/run/list || echo "$what: $(tail -n 1 /run/said)" >>/run/list
    done
    note "ethtool: $(tr '\n' ';' </run/list)"
    at b ethtool eth0 >/run/said
    same "speed of b" "$(sed -n 's/.*Speed: //p' /run/said)" 10000Mb/s
    same "duplex of b" "$(sed -n 's/.*Duplex: //p' /run/said)" Full
    same "link of b" "$(sed -n 's/.*Link detected: //p' /run/said)" yes
    same "receive ring of b" "$(at b ethtool -g eth0 | sed -n 's/^RX:[ \t]*//p' | tail -n 1)" 512
    same "send ring of b" "$(at b ethtool -g eth0 | sed -n 's/^TX:[ \t]*//p' | tail -n 1)" 256
    at a ethtool -s eth0 speed 1000 duplex half
    same "speed of a as set" "$(at a ethtool eth0 | sed -n 's/.*Speed: //p')" 1000Mb/s
}

# What the two ends counted agrees, and with what was sent.
counters() {
    reach a "$(address b)"
    for name in a b; do
        for what in rx_packets tx_packets rx_bytes tx_bytes rx_errors tx_errors rx_dropped tx_dropped; do counter $name $what >/run/$name.$what; done
    done
    at a ping -q -c 200 -i 0.01 -s 1000 "$(address b)" | grep -q ' 0% packet loss' || fail "pings were lost"
    for name in a b; do
        for direction in rx tx; do
            packets=$(($(counter $name ${direction}_packets) - $(cat /run/$name.${direction}_packets)))
            bytes=$(($(counter $name ${direction}_bytes) - $(cat /run/$name.${direction}_bytes)))
            # Neighbour and multicast listener messages come on top.
            [ $packets -ge 200 ] && [ $packets -le 220 ] || fail "$name counts $packets packets ($direction) for 200"
            [ $bytes -ge $((200 * 1042)) ] && [ $bytes -le $((200 * 1042 + 20 * 200)) ] || fail "$name counts $bytes bytes ($direction) for $((200 * 1042))"
            same "$name ${direction}_errors" "$(counter $name ${direction}_errors)" "$(cat /run/$name.${direction}_errors)"
            same "$name ${direction}_dropped" "$(counter $name ${direction}_dropped)" "$(cat /run/$name.${direction}_dropped)"
        done
    done
}

statistics() {
    at a ethtool -S eth0 >/run/stats
    for what in rx0_drops rx0_kicks tx0_kicks tx0_tx_timeouts; do
        grep -q "^ *$what: [0-9]" /run/stats || fail "ethtool -S has no $what: $(tr -s ' \n' ' ' </run/stats)"
    done
    same "tx0_tx_timeouts" "$(stat a tx0_tx_timeouts)" 0
    same "rx0_drops" "$(stat a rx0_drops)" 0
    [ "$(stat a tx0_kicks)" -gt 0 ] || fail "no kick was counted"
    [ "$(stat a rx0_kicks)" -gt 0 ] || fail "no kick of the receive queue was counted"
    [ "$(interrupts a input.0)" -gt 0 ] || fail "input.0 never fired"
}

check "identity" identity
check "aliases" aliases
check "what ethtool says" driver_info
check "counters" counters
check "the queues' own counters" statistics
check "modules unload" unload_modules
check "nothing is left" no_traces
