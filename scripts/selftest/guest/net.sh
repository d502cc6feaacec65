# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
#
# What cases with NICs are written with. Each NIC gets a network namespace of its own name, where it is eth0: so two NICs of
# one guest talk over the devices, not through the kernel. The first NIC of the case is 10.0.0.1 and fd00::1, and so on.

# busybox has smaller ones of these.
ip() { /usr/bin/ip "$@"; }
ping() { /usr/bin/ping "$@"; }
ethtool() { /usr/bin/ethtool "$@"; }

# A transfer of full size, one for the odd device, and the bound of each: 256 MiB on the stock kernel.
# shellcheck disable=SC2034  # for the cases
case $RV_KERNEL in
debug) BULK=16777216 SOME=1048576 XFER_LIMIT=240 ;;
*) BULK=268435456 SOME=16777216 XFER_LIMIT=100 ;;
esac

nics() { for _nic in $RV_NICS; do echo "${_nic%@*}"; done; }

# number NIC: its place in the case's header, from 1. address NIC [6]
number() { nics | grep -nx "$1" | cut -d: -f1; }
address() {
    case $1 in
    host) _number=100 ;;
    *) _number=$(number "$1") ;;
    esac
    if [ "${2:-4}" = 6 ]; then echo "fd00::$_number"; else echo "10.0.0.$_number"; fi
}

_netdev_of() {
    # Ours belongs to the PCI function, C's to the virtio device.
    for _dev in "$PCI/devices/$(pci "$1")"/net/* "$PCI/devices/$(pci "$1")"/virtio*/net/*; do
        [ -e "$_dev" ] && echo "${_dev##*/}" && return 0
    done
    return 1
}
# netdev NIC: the kernel's name of it, as long as no namespace has it; waits for it.
netdev() { wait_for 20 _netdev_of "$1" || fail "the NIC $1 did not appear"; }

# space NIC: makes its namespace, with a process that keeps it and a /sys that shows what is in it: `ip netns exec` would
# make both anew for each command, which takes long with KASAN.
space() {
    ip netns add "$1"
    nsenter --net="/run/netns/$1" unshare -m sh -c 'mount -t sysfs sysfs /sys; echo $$ >"/run/keeper.$1"; exec sleep 100000' sh "$1" 3>&- &
    wait_for 10 test -s "/run/keeper.$1" || fail "no namespace for $1"
}
# enter NIC: the words before a command that is to run in its namespace. at NIC COMMAND...: runs it there.
enter() {
    read -r _keeper <"/run/keeper.$1"
    echo "nsenter -t $_keeper -n -m"
}
at() {
    _where=$(enter "$1")
    shift
    # busybox, that enters, would take its own.
    case $1 in
    ip | ping) _where="$_where /usr/bin/$1" && shift ;;
    esac
    # shellcheck disable=SC2086  # words
    $_where "$@"
}
# counter NIC NAME: such as rx_packets.
counter() { at "$1" cat "/sys/class/net/eth0/statistics/$2"; }

# nic_in NIC: into its namespace, with its addresses, up.
nic_in() {
    ip link set "$(netdev "$1")" netns "$1" name eth0
    ip -n "$1" addr add "$(address "$1")/24" dev eth0
    ip -n "$1" addr add "$(address "$1" 6)/64" dev eth0 nodad
    ip -n "$1" link set eth0 up
}

# net_up: modules, namespaces, addresses; every NIC reaches the first one.
net_up() {
    load_modules
    for _name in $(nics); do
        # Names from sysfs are those of the host's namespace, so all are looked up before.
        netdev "$_name" >/dev/null
        space "$_name"
        at "$_name" sh -c 'echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad'
        ip -n "$_name" link set lo up
    done
    for _name in $(nics); do nic_in "$_name"; done
}

# carrier NIC: whether it has one.
carrier() { [ "$(at "$1" cat /sys/class/net/eth0/carrier)" = 1 ]; }
no_carrier() { ! carrier "$1"; }

# pings FROM ADDRESS SIZE...: each once, with its data checked by ping itself. One shell for all: entering a namespace is slow. One that
# is lost is sent once more, and noted: a machine that stands still for a while loses packets in its queueing discipline.
pings() {
    _from=$1 _to=$2
    shift 2
    rm -f /run/lost
    # shellcheck disable=SC2016
    at "$_from" sh -c 'to=$1; shift
    once() { /usr/bin/ping -n -q -c 1 -W 10 -s "$1" "$to" >/run/ping 2>&1; }
    for size in "$@"; do
        once "$size" || { echo "$size" >>/run/lost; once "$size"; } || { echo "$size: $(tail -n 3 /run/ping)"; exit 1; }
        if grep -iE "wrong|corrupt|DUP|truncated" /run/ping; then echo "$size"; exit 1; fi
    done' sh "$_to" "$@" >/run/pings || fail "ping from $_from to $_to, bytes: $(tr '\n' ' ' </run/pings)"
    [ -s /run/lost ] || return 0
    _lost="ping from $_from to $_to: lost once, and sent again, of bytes: $(tr '\n' ' ' </run/lost)"
    [ "$(wc -l </run/lost)" -le 1 ] || fail "$_lost"
    note "$_lost"
}
reaches() { at "$1" ping -q -c 1 -W 1 "$2" >/dev/null 2>&1; }
# reach FROM TO: within 20 s.
reach() { wait_for 10 reaches "$1" "$2" || fail "$1 does not reach $2"; }

# stream FROM TO tcp|udp BYTES SEED [OPTION...]: from NIC to NIC over the address $OVER (4 or 6) or $TO_ADDRESS, checked
# byte by byte by xfer; one of full size once more by the sha256 of what came, which takes longer than all the rest. With DEV, on that
# device. Loss over UDP is made good.
stream() {
    _from=$1 _to=$2 _proto=$3 _bytes=$4 _seed=$5
    shift 5
    _address=${TO_ADDRESS:-$(address "$_to" "${OVER:-4}")} _port=$((5000 + _seed))
    rm -f /run/received /run/sum
    if [ "$_bytes" = "$BULK" ]; then
        [ -e "/run/sum-$_bytes-$_seed" ] || xfer gen "$_bytes" "$_seed" | sha256sum >"/run/sum-$_bytes-$_seed"
        at "$_to" xfer "$_proto-recv" "$_address" $_port "$_bytes" "$_seed" out for=$XFER_LIMIT "$@" 2>/run/received 3>&- | sha256sum >/run/sum &
    else
        at "$_to" xfer "$_proto-recv" "$_address" $_port "$_bytes" "$_seed" for=$XFER_LIMIT "$@" 2>/run/received 3>&- &
    fi
    at "$_from" xfer "$_proto-send" "$_address" $_port "$_bytes" "$_seed" for=$XFER_LIMIT "$@" >/run/sent 2>&1 ||
        fail "sending $_bytes bytes over $_proto from $_from to $_to: $(cat /run/sent); the receiver: $(cat /run/received)"
    wait $! || true
    arrived "$_proto" "$_from" "$_to"
    [ ! -e /run/sum ] || cmp -s /run/sum "/run/sum-$_bytes-$_seed" ||
        fail "sha256 of what came over $_proto from $_from to $_to differs: $(cat /run/received)"
}

# arrived PROTO FROM TO: what the two ends say in /run/sent and /run/received fits together.
arrived() {
    grep -q received= /run/received || fail "$3 did not get everything from $2 over $1: $(cat /run/received)"
    [ "$1" = udp ] || return 0
    _sent=$(sed -n 's/^sent=\([0-9]*\).*/\1/p' /run/sent) _received=$(sed -n 's/.*received=\([0-9]*\).*/\1/p' /run/received)
    [ "$_received" -le "$_sent" ] || fail "$_sent datagrams were sent, $_received came"
    [ "$((_received * 2))" -ge "$_sent" ] || fail "of $_sent datagrams $_received came"
    [ "$_sent" = "$_received" ] || note "udp from $2 to $3: of $_sent datagrams $((_sent - _received)) were lost, and sent again"
}

# from_host NIC PROTO BYTES SEED [OPTION...], to_host ...: the same with the host at the other end of the tap.
from_host() {
    _to=$1 _proto=$2 _bytes=$3 _seed=$4
    shift 4
    host start sender xfer "$_proto-send" "$(address "$_to" "${OVER:-4}")" $((5000 + _seed)) "$_bytes" "$_seed" "$@" >/dev/null
    at "$_to" xfer "$_proto-recv" "$(address "$_to" "${OVER:-4}")" $((5000 + _seed)) "$_bytes" "$_seed" for=$XFER_LIMIT "$@" 2>/run/received 3>&- || true
    host end sender >/run/sent
    arrived "$_proto" host "$_to"
}
to_host() {
    _from=$1 _proto=$2 _bytes=$3 _seed=$4
    shift 4
    host start receiver sh -c "\"xfer $_proto-recv $(address host "${OVER:-4}") $((5000 + _seed)) $_bytes $_seed $* 2>&1\"" >/dev/null
    at "$_from" xfer "$_proto-send" "$(address host "${OVER:-4}")" $((5000 + _seed)) "$_bytes" "$_seed" for=$XFER_LIMIT "$@" >/run/sent 2>&1 ||
        fail "sending to the host over $_proto: $(cat /run/sent)"
    host end receiver >/run/received
    arrived "$_proto" "$_from" host
}

# --- Load in the background -------------------------------------------------------------------------------------------

# load_on NIC NIC: datagrams of random sizes both ways, for as long as load_off lets them; whatever fails is tried again.
load_on() {
    : >/run/load
    for _to in "$1" "$2"; do _datagrams "$_to" >"/run/datagrams.$_to"; done
    for _pair in "$1 $2" "$2 $1"; do
        _from=${_pair% *} _to=${_pair#* }
        # shellcheck disable=SC2046  # words
        (exec $(enter "$_to") xfer sink 0.0.0.0 4000 9 for=900 >"/run/sink.$_to" 2>&1 3>&-) &
        echo $! >>/run/load
        # shellcheck disable=SC2046  # words
        (exec $(enter "$_from") xfer flood "$(address "$_to")" 4000 9 random size=4000 pace=20000 for=900 >"/run/flood.$_from" 2>&1 3>&-) &
        echo $! >>/run/load
    done
}
_ended() {
    for _pid in $(cat /run/load); do
        [ ! -e "/proc/$_pid" ] || grep -q '^State:.Z' "/proc/$_pid/status" || return 1
    done
}
# How many datagrams came to a namespace; whether any did since load_on.
_datagrams() { at "$1" awk '/^Udp: [0-9]/ { print $2 }' /proc/net/snmp; }
_came() { [ "$(_datagrams "$1")" -gt "$(cat "/run/datagrams.$1")" ]; }
# load_off NIC NIC: everything that came was right and came once; something came.
load_off() {
    for _to in "$1" "$2"; do wait_for 20 _came "$_to" || fail "nothing comes to $_to under load"; done
    for _pid in $(sort -rn /run/load); do kill "$_pid" 2>/dev/null || true; done
    wait_for 20 _ended || fail "the load does not end: $(for _pid in $(cat /run/load); do cat "/proc/$_pid/stack" 2>/dev/null; done)"
    for _to in "$1" "$2"; do
        grep -q 'good=[1-9][0-9]* again=0 strange=0' "/run/sink.$_to" || fail "$_to got under load: $(cat "/run/sink.$_to")"
        note "$_to under load: $(cat "/run/sink.$_to"), sent by it: $(cat "/run/flood.$_to")"
    done
}

# stat NIC NAME: of ethtool -S.
stat() { at "$1" ethtool -S eth0 | sed -n "s/^ *$2: //p"; }
