# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
#
# What cases are written with. Descriptor 3 is the control port. Lines to the host:
#   BEGIN name | DIAG text | WHY text | OK name | FAIL name | SKIP name | HOST request | AWAY | DONE
# WHY and DIAG belong to the verdict that follows. Only HOST is answered, with OK result or ERR reason. After AWAY the machine may end,
# and the check goes on in the next boot.

case $RV_DRIVER in
rvirtio) BUS=rvirtio PCI_MODULE=rvirtio_pci BLK_MODULE=rvirtio_blk NET_MODULE=rvirtio_net BALLOON_MODULE=rvirtio_balloon RNG_MODULE=rvirtio_rng ;;
c) BUS=virtio PCI_MODULE='' BLK_MODULE=virtio_blk NET_MODULE=virtio_net BALLOON_MODULE=virtio_balloon RNG_MODULE=virtio_rng ;;
esac
# The leaf modules for what the case has.
LEAF_MODULES="${RV_DISKS:+$BLK_MODULE} ${RV_NICS:+$NET_MODULE} ${RV_BALLOONS:+$BALLOON_MODULE} ${RV_RNGS:+$RNG_MODULE}"
DEBUGFS=/sys/kernel/debug
PCI=/sys/bus/pci

# --- Checks -----------------------------------------------------------------------------------------------------------

# check NAME COMMAND...: runs COMMAND in a subshell that ends at the first failing command. Its output is shown when it fails.
check() {
    _name=$1
    shift
    echo "BEGIN $_name" >&3
    echo "selftest: $_name" >/dev/kmsg
    rm -f /run/why
    (set -ex; "$@") >/run/check.log 2>&1
    _status=$?
    case $_status in
    0) echo "OK $_name" >&3; return 0 ;;
    77) [ ! -s /run/why ] || sed 's/^/WHY /' /run/why >&3; echo "SKIP $_name" >&3; return 0 ;;
    esac
    if [ -s /run/why ]; then
        head -n 1 /run/why | sed 's/^/WHY /' >&3
    else
        echo "WHY a command failed with status $_status; the last lines below say which" >&3
    fi
    grep -v -e '^+* *set -ex' -e '> /run/why' /run/check.log | tail -n 14 | cut -c1-300 | sed 's/^/DIAG /' >&3
    echo "FAIL $_name" >&3
    return 1
}

# Ends the check that runs, and says why.
fail() { echo "$*" >>/run/why; exit 1; }
skip() { echo "$*" >>/run/why; exit 77; }
# A line for the reader of the log, whatever the verdict.
note() { echo "DIAG $*" >&3; }

# same WHAT GOT WANTED
same() { [ "$2" = "$3" ] || fail "$1 is '$2', not '$3'"; }

# reads FILE WANTED: the file's one line.
reads() { same "$1" "$(cat "$1")" "$2"; }

# rounds NUMBER: how often to do what a case does NUMBER times: as many with every --times, a fourth (and three at least) where
# only a sample is run.
rounds() {
    _rounds=$(($1 * RV_TIMES / RV_PART))
    [ $_rounds -ge 3 ] || _rounds=3
    echo $_rounds
}

# wait_for SECONDS COMMAND...: until COMMAND succeeds.
wait_for() {
    _left=$(($1 * 5))
    shift
    while [ "$_left" -gt 0 ]; do
        if "$@"; then return 0; fi
        sleep 0.2
        _left=$((_left - 1))
    done
    return 1
}

# uptime_seconds: how long the machine runs, for loops that do something until a time is over.
uptime_seconds() {
    read -r _up _ </proc/uptime
    echo "${_up%%.*}"
}

# answered: sets `_answer` to the next line that the host sends. Empty ones are bells.
answered() {
    _answer=
    # shellcheck disable=SC3045  # busybox has read -t
    while [ -z "$_answer" ]; do IFS= read -r -t 90 _answer <&3 || return 1; done
}

# host REQUEST...: asks the host and prints its answer. The verbs are in scripts/selftest/host.py.
host() {
    echo "HOST $*" >&3
    answered || fail "the host does not answer: $*"
    case $_answer in
    OK*) _answer=${_answer#OK}; echo "${_answer# }" ;;
    *) fail "the host refused '$*': ${_answer#ERR }" ;;
    esac
}

# --- Modules ----------------------------------------------------------------------------------------------------------

# busybox has smaller ones of these, and its shell would take them first.
modprobe() { /usr/sbin/modprobe "$@"; }
rmmod() { /usr/sbin/rmmod "$@"; }

load_modules() {
    for _module in $PCI_MODULE $LEAF_MODULES; do
        modprobe "$_module" || fail "modprobe $_module failed"
    done
    [ "$RV_DRIVER" = rvirtio ] || return 0
    for _feature in $RV_COVERS; do
        grep -qE "^[0-9]+ $_feature accepted$" $DEBUGFS/rvirtio/*/features ||
            fail "the case covers $_feature, and no device has agreed on it"
    done
}

# Also takes away what the modules pulled in, the core last.
unload_modules() {
    for _module in $LEAF_MODULES $PCI_MODULE; do
        rmmod "$_module" || fail "rmmod $_module failed"
    done
    if [ "$RV_DRIVER" = rvirtio ] && [ -d /sys/module/rvirtio ]; then
        rmmod rvirtio || fail "rmmod rvirtio failed"
    fi
}

need_module() { modprobe "$1" 2>/dev/null || true; }

# --- Devices ----------------------------------------------------------------------------------------------------------

# pci NAME: the PCI address of the device NAME, of whatever kind.
pci() {
    for _disk in $RV_DISKS $RV_NICS $RV_BALLOONS $RV_RNGS $RV_GPUS; do
        case $_disk in
        "$1@vf-"*)
            _disk=${_disk#*@vf-}
            basename "$(readlink "$PCI/devices/$(pci "${_disk%-*}")/virtfn${_disk##*-}")"
            return
            ;;
        "$1@port-"*)
            for _behind in "$PCI/devices/${_disk#*@port-}"/0000:*:00.0; do
                [ -e "$_behind" ] && basename "$_behind" && return
            done
            fail "nothing is on the port of $1"
            ;;
        "$1@"*) echo "${_disk#*@}"; return ;;
        esac
    done
    fail "the case declares no $1"
}

_block_of() {
    for _block in "$PCI/devices/$(pci "$1")"/virtio*/block/vd*; do
        [ -e "$_block/queue" ] && [ -b "/dev/${_block##*/}" ] && echo "${_block##*/}" && return 0
    done
    return 1
}

# block NAME: the kernel's name of the disk, such as vda; waits for it.
block() {
    wait_for 30 _block_of "$1" || fail "the disk $1 did not appear"
}

# disk NAME: its device file.
disk() { echo "/dev/$(block "$1")"; }

# virtio NAME: its virtio device, such as virtio0.
virtio() {
    for _device in "$PCI/devices/$(pci "$1")"/virtio*; do
        [ -e "$_device/features" ] && echo "${_device##*/}" && return 0
    done
    fail "the PCI device of $1 has no virtio device"
}

# driver_of NAME: the PCI driver that has the device, or nothing.
driver_of() {
    [ ! -e "$PCI/devices/$(pci "$1")/driver" ] || basename "$(readlink "$PCI/devices/$(pci "$1")/driver")"
}

# unbind ADDRESS; bind ADDRESS DRIVER: at the PCI level.
unbind() { echo "$1" >"$PCI/devices/$1/driver/unbind" || fail "unbind of $1 failed"; }
bind() { echo "$1" >"$PCI/drivers/$2/bind" || fail "bind of $1 to $2 failed"; }

# STATUS: of a device that works. The legacy interface knows no FEATURES_OK.
case $RV_LEGACY in
1) STATUS=0x00000007 ;;
*) STATUS=0x0000000f ;;
esac
# healthy NAME: whether the device works, by its status. recovered NAME: how often it was reset because it asked for that.
healthy() { [ "$(cat "/sys/bus/$BUS/devices/$(virtio "$1")/status")" = $STATUS ]; }
recovered() { dmesg | grep -c "$(virtio "$1"): device asks for a reset" || true; }

# fio_over_resets NAME OPTION...: writes that are verified, for three seconds, while the disk gets function level resets.
fio_over_resets() {
    _over=$1
    shift
    fio --output=/run/fio.reset --name=all --filename="$(disk "$_over")" --direct=1 --ioengine=io_uring --verify=crc32c --verify_fatal=1 \
        --thread --size=1M --bsrange=4k-64k --rw=randwrite --time_based --runtime=3 "$@" 3>&- &
    _fio=$! _resets=0
    while kill -0 $_fio 2>/dev/null && [ $_resets -lt 12 ]; do
        usleep 150000
        echo 1 >"$PCI/devices/$(pci "$_over")/reset" || fail "it cannot be reset"
        _resets=$((_resets + 1))
    done
    wait $_fio || fail "fio: $(grep -m 1 -E 'verify|error|err=' /run/fio.reset)"
    note "$_resets resets"
    [ $_resets -ge 4 ] || fail "$_resets resets under fio"
    healthy "$_over" || fail "it is broken"
}

# once_more NAME NUMBER: whether it was more often than that, and works.
once_more() { [ "$(recovered "$1")" -gt "$2" ] && healthy "$1"; }

# feature NAME BIT: 1 where the driver took that feature.
feature() { cut -c$(($2 + 1)) "/sys/bus/$BUS/devices/$(virtio "$1")/features"; }

# ring NAME: its ring format, by the features that the driver took.
ring() {
    case $(feature "$1" 34)$(feature "$1" 35) in
    00) echo split ;;
    01) echo in-order ;;
    10) echo packed ;;
    11) echo packed-in-order ;;
    esac
}
# in_format: that all devices have the ring format and the interface that the case is run in.
in_format() {
    for _device in $RV_DISKS $RV_NICS $RV_BALLOONS $RV_RNGS; do
        same "ring format of ${_device%@*}" "$(ring "${_device%@*}")" "$RV_RING"
        same "feature VERSION_1 of ${_device%@*}" "$(feature "${_device%@*}" 32)" $((1 - RV_LEGACY))
    done
}

# interrupts NAME PATTERN: how often those of its vectors that match fired, on all CPUs.
interrupts() {
    awk -v name="$(virtio "$1")-$2" '$NF ~ "^" name "$" { for (i = 2; i <= NF && $i ~ /^[0-9]+$/; i++) n += $i } END { print n + 0 }' /proc/interrupts
}
# handlers NAME: how many interrupts have a handler of the device, whatever its vectors.
handlers() { grep -cE "[ ,]$(virtio "$1")(-[^ ,]+)?(,|\$)" /proc/interrupts || true; }
sectors() { cat "/sys/block/$1/size"; }

# --- Leaks ------------------------------------------------------------------------------------------------------------

# unreclaimable: kilobytes of memory that nobody can give back. KASAN keeps what was freed until its cache is shrunk.
unreclaimable() {
    for _cache in /sys/kernel/slab/*; do
        [ -L "$_cache" ] || echo 1 >"$_cache/shrink"
    done
    awk '/^(SUnreclaim|Percpu|VmallocUsed):/ { sum += $2 } END { print sum }' /proc/meminfo
}

# kmemleak_clear: what exists now is not looked at again. kmemleak_scan: fails when something was leaked since.
kmemleak_clear() { [ ! -e $DEBUGFS/kmemleak ] || echo clear >$DEBUGFS/kmemleak; }
kmemleak_scan() {
    [ -e $DEBUGFS/kmemleak ] || return 0
    # Objects younger than 5 s are not reported, and one scan alone knows stale pointers.
    sleep 6
    echo scan >$DEBUGFS/kmemleak
    echo scan >$DEBUGFS/kmemleak
    cat $DEBUGFS/kmemleak >/run/kmemleak
    [ ! -s /run/kmemleak ] || {
        head -n 12 /run/kmemleak
        fail "kmemleak: $(grep -c '^unreferenced' /run/kmemleak) objects leaked"
    }
}

# dma_entries: mappings that are live, as DMA_API_DEBUG counts them; 0 without it.
dma_entries() {
    if [ -e $DEBUGFS/dma-api/num_free_entries ]; then
        echo $(($(cat $DEBUGFS/dma-api/nr_total_entries) - $(cat $DEBUGFS/dma-api/num_free_entries)))
    else
        echo 0
    fi
}
check_dma() {
    [ ! -e $DEBUGFS/dma-api/error_count ] || reads $DEBUGFS/dma-api/error_count 0
}

# held: what the kernel has of drivers besides memory, counted: all of it is exact.
held() {
    echo "$(cat /sys/kernel/irq/*/actions | grep -c .) interrupts with a handler"
    echo "$(find $PCI/devices/*/msi_irqs/ -type f 2>/dev/null | wc -l) vectors"
    echo "$(cat /proc/iomem /proc/ioports | grep -ci virtio) regions of virtio drivers"
    echo "$(grep -c -e ioremap -e virtio /proc/vmallocinfo) mapped registers and large allocations of virtio drivers"
    echo "$(find $DEBUGFS/rvirtio 2>/dev/null | wc -l) files in debugfs"
    for _module in /sys/module/rvirtio*; do
        [ ! -e "$_module/refcnt" ] || echo "$(cat "$_module/refcnt") references to ${_module##*/}"
    done
}

# objects: each cache of the slab allocator, and how many objects it has.
objects() {
    find /sys/kernel/slab/ -mindepth 2 -maxdepth 2 -name objects -exec awk 'FNR == 1 { n = split(FILENAME, path, "/"); print path[n - 1], $1 }' {} +
}

# leaks_mark: what is in use now. leaks_none KILOBYTES: fails when more is in use than then, memory by KILOBYTES or more.
# leaks_half ROUNDS: between them, when ROUNDS are done and as many are to come: what is leaked each time grows on, what was only kept does
# not. Then the second half may grow by LEAK_ONCE and LEAK_ROUND for each round.
LEAK_ONCE=1536 LEAK_ROUND=1
leaks_mark() {
    kmemleak_clear
    dma_entries >/run/entries
    held >/run/leaks.marked
    unreclaimable >/run/memory
    rm -f /run/memory.half
}
leaks_half() {
    unreclaimable >/run/memory.half
    objects >/run/objects.half
    echo "$1" >/run/rounds.half
}
leaks_none() {
    _now=$(unreclaimable)
    _grown=$((_now - $(cat /run/memory)))
    note "unreclaimable memory grew by $_grown kB"
    [ "$_grown" -lt "$1" ] || fail "unreclaimable memory grew by $_grown kB"
    if [ -e /run/memory.half ]; then
        _grown=$((_now - $(cat /run/memory.half))) _rounds=$(cat /run/rounds.half)
        _caches=$(objects | awk -v rounds="$_rounds" 'NR == FNR { had[$1] = $2; next } $1 in had && $2 - had[$1] >= rounds && $2 - had[$1] > 200 {
            printf "%s %d, ", $1, $2 - had[$1] }' /run/objects.half -)
        note "in the second half, $_rounds rounds, by $_grown kB; caches with an object more for each, and 200: ${_caches:-none}"
        [ "$_grown" -lt $((LEAK_ONCE + LEAK_ROUND * _rounds)) ] ||
            fail "in the second half, $_rounds rounds, unreclaimable memory grew by $_grown kB; caches with more objects: ${_caches:-none}"
    fi
    held >/run/leaks.now
    cmp -s /run/leaks.marked /run/leaks.now ||
        fail "held before (-) and now (+): $(diff /run/leaks.marked /run/leaks.now | grep '^[-+][0-9]' | tr '\n' ';')"
    check_dma
    same "live DMA mappings" "$(dma_entries)" "$(cat /run/entries)"
    kmemleak_scan
}

# bounced NAME: that all data of a device of ours lay in the memory that the kernel bounces from (swiotlb=force), by its addresses.
bounced() {
    check_dma
    # shellcheck disable=SC2046  # words
    set -- "$1" $(dmesg | sed -n 's/.*software IO TLB: mapped \[mem \(0x[0-9a-f]*\)-\(0x[0-9a-f]*\)\].*/\1 \2/p')
    [ $# = 3 ] || fail "the kernel names no such memory: $(dmesg | grep 'IO TLB' | tr '\n' ' ')"
    # shellcheck disable=SC2046  # words
    set -- "$@" $(host model "$1" ask pieces)
    note "$4 pieces of $1 between $5 and $6; the kernel bounces from $2 to $3"
    [ "$4" -gt 100 ] || fail "$1 saw $4 pieces of data"
    [ $(($5)) -ge $(($2)) ] && [ $(($6)) -le $(($3)) ] || fail "$1 saw data between $5 and $6, outside of $2 to $3"
}

# no_traces: after unloading, nothing of the drivers is left.
no_traces() {
    _left=$(find /sys/block -name 'vd*' | tr '\n' ' ')
    [ -z "$_left" ] || fail "still there: $_left"
    ! grep -E 'virtio[0-9]+-(req|input|output|control|config)|rvirtio' /proc/interrupts || fail "an interrupt is still there"
    ! grep -i rvirtio /proc/iomem || fail "a claimed region is still there"
    ! grep -i rvirtio /proc/ioports || fail "a claimed port is still there"
    [ ! -e "/sys/bus/$BUS" ] || [ "$BUS" = virtio ] || fail "/sys/bus/$BUS is still there"
    for _module in $LEAF_MODULES; do
        [ ! -e "/sys/module/$_module" ] || fail "$_module is still there"
    done
}

# --- I/O --------------------------------------------------------------------------------------------------------------

# short_verify DEVICE SEED: a few MiB of odd I/O, checked. The alignment that memory needs is the queue's own.
short_verify() {
    rvio odd "$1" "$2" "${3:-150}" "$(($(cat "/sys/block/${1#/dev/}/queue/dma_alignment") + 1))" ||
        fail "$1: read back something else than was written"
}

# tree_make FOLDER: TREE_FILES files of many sizes. tree_sums FOLDER: their checksums.
# shellcheck disable=SC2034  # for the cases
TREE_FILES=118
tree_make() {
    for _copy in a b; do
        mkdir -p "$1/$_copy"
        for _size in 0 1 511 512 4095 4096 4097 65537; do
            head -c "$_size" /dev/urandom >"$1/$_copy/$_size"
        done
    done
    head -c 1000000 /dev/urandom >"$1/a/1000000"
    head -c 3000000 /dev/urandom >"$1/b/3000000"
    _left=100
    while [ "$_left" -gt 0 ]; do
        echo "$_left" >"$1/small-$_left"
        _left=$((_left - 1))
    done
}
tree_sums() { (cd "$1" && find . -type f ! -name lost+found | sort | xargs sha256sum); }
drop_caches() { sync; echo 3 >/proc/sys/vm/drop_caches; }
