# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: erasing takes longer than other requests may; what is lost is issued again, in zones too
# driver: rvirtio
# model: d0 block size=64M ranges=8 alignment=8
# model: z0 block size=33M zones=8192 conventional=1
# model: q4 block size=64M queues=4 lifetime=1:3:11
# rings: packed
# named: packed
# debug: none
# smp: 4
# timeout: 240
# The write to a zone that had been done already, and the read that is lost twice.
# allow: (I/O|timeout) error, dev vd[ab], sector|Buffer I/O error on dev(ice)? vd[ab]

MIB=1048576
ZONE=4194304

# A request is looked at every three seconds: so says sysfs. The parameter says ten minutes, which no check here waits for.
prepare() {
    modprobe "$BLK_MODULE" io_timeout=1200
    load_modules
    for name in d0 z0 q4; do
        queue=/sys/block/$(block $name)/queue
        reads "$queue/io_timeout" 600000
        echo 3000 >"$queue/io_timeout"
        reads "$queue/io_timeout" 3000
    done
    rvio fill "$(disk d0)" 0 $((8 * MIB)) 5
}

resets() { dmesg | grep -c "$(virtio "$1"): device needs a reset: queue [0-3]: request was not answered in time" || true; }

# slowly VERB TYPE: it takes eight seconds, and nothing else comes back meanwhile. No reset, and it is done.
slowly() {
    before=$(resets d0)
    host model d0 order slow "$2" 8000
    same "$1" "$(rvio try "$1" "$(disk d0)" $MIB $MIB)" ok
    host model d0 order slow "$2" 0
    same "resets" "$(resets d0)" "$before"
    rvio zeros "$(disk d0)" $MIB $MIB || fail "not all is gone"
    rvio fill "$(disk d0)" 0 $((8 * MIB)) 5
}

# What it takes to see the former: another request that is not answered has the device reset, and is issued again.
others() {
    before=$(resets d0)
    host model d0 order lose read 1
    rvio check "$(disk d0)" 0 $MIB 5 || fail "data differ"
    same "resets" "$(resets d0)" $((before + 1))
}

# What is done is found at the first look when nobody is told of it, which is no reason for a reset.
unheard() {
    before=$(resets d0)
    host model d0 order mute on
    same "the read" "$(rvio try read "$(disk d0)" 0 4096)" ok
    host model d0 order mute off
    [ "$(host model d0 ask withheld)" -gt 0 ] || fail "no interrupt was kept back"
    same "resets" "$(resets d0)" "$before"
    rvio check "$(disk d0)" 0 $MIB 5 || fail "data differ"
}

# writer DEVICE: writes behind what is looked at, until /run/enough. All give the same.
writer() {
    rm -f /run/enough
    (
        set +x
        while [ ! -e /run/enough ]; do
            dd if=/dev/zero of="$1" bs=4k count=200 seek=8192 oflag=direct 2>/run/dd && echo ok || echo "$(cat /run/dd)"
        done
    ) >/run/writes 3>&- &
}
writer_ends() {
    : >/run/enough
    wait $!
    note "$(wc -l </run/writes) times 200 writes meanwhile"
    same "what became of the writes" "$(sort -u /run/writes)" ok
}

# Lost once more after the reset it ends, and only it. Others come back, or the device would be given up.
lost_twice() {
    before=$(resets d0)
    writer "$(disk d0)"
    host model d0 order lose read 2
    same "the read" "$(rvio try read "$(disk d0)" 0 65536)" ETIMEDOUT
    writer_ends
    same "resets" "$(resets d0)" $((before + 2))
    healthy d0 || fail "the device was given up"
    rvio check "$(disk d0)" 0 $((8 * MIB)) 5 || fail "data differ"
}

# One queue stands still while another moves: that counts at the second look.
one_queue() {
    cpu=$(cat "/sys/block/$(block q4)/mq/3/cpu_list")
    same "CPUs of queue 3" "${#cpu}" 1
    rvio fill "$(disk q4)" 0 $((8 * MIB)) 6
    before=$(resets q4)
    writer "$(disk q4)"
    taskset -p $((1 << ((cpu + 1) % 4))) $! >/dev/null
    host model q4 order lose read 1
    same "the read" "$(taskset $((1 << cpu)) rvio try read "$(disk q4)" 0 65536)" ok
    writer_ends
    same "resets" "$(resets q4)" $((before + 1))
    dmesg | grep -q "$(virtio q4): device needs a reset: queue 3: request was not answered in time" || fail "it was another queue's"
    rvio check "$(disk q4)" 0 $((8 * MIB)) 6 || fail "data differ"
}

# Four queues have requests under way when the device asks for a reset. Each CPU looks after a part of its own.
asks() {
    device=$(disk q4)
    rm -f /run/enough /run/right.*
    for cpu in 0 1 2 3; do
        (
            while [ ! -e /run/enough ]; do
                for seed in 7 8; do
                    taskset $((1 << cpu)) rvio fill "$device" $((cpu * 8 * MIB)) $((4 * MIB)) $seed
                    taskset $((1 << cpu)) rvio check "$device" $((cpu * 8 * MIB)) $((4 * MIB)) $seed
                done
            done
            : >/run/right.$cpu
        ) 3>&- &
    done
    for _ in 1 2 3; do
        usleep 300000
        before=$(recovered q4)
        host model q4 order needs-reset
        wait_for 20 once_more q4 "$before" || fail "it does not come back"
    done
    : >/run/enough
    wait
    for cpu in 0 1 2 3; do [ -e /run/right.$cpu ] || fail "data of CPU $cpu differ, or are not read"; done
}

# There is an end to all patience.
lost() {
    before=$(resets d0)
    host model d0 order lose discard 1
    same "discard" "$(rvio try discard "$(disk d0)" $MIB $MIB)" ok
    same "resets" "$(resets d0)" $((before + 1))
    rvio zeros "$(disk d0)" $MIB $MIB || fail "not all is gone"
    rvio check "$(disk d0)" 0 $MIB 5 || fail "what lies before has changed"
    rvio check "$(disk d0)" $((2 * MIB)) $MIB 5 || fail "what lies behind has changed"
}

is() { [ "$(cat "$1")" = "$2" ]; }
waits() { dmesg | grep -q "\[$(block d0)\] new limits, which wait for the next change"; }

# Limits that change meanwhile do not wait for it, and nobody for them: the next change brings them.
limits_wait() {
    queue=/sys/block/$(block d0)/queue
    host model d0 order slow discard 8000
    rvio try discard "$(disk d0)" $MIB $MIB >/run/discard 3>&- &
    discard=$!
    sleep 1
    host model d0 order config 28 4 64
    wait_for 20 waits || fail "the log does not say that limits have to wait"
    is "$queue/optimal_io_size" 0 || fail "limits have changed while a request was under way"
    rvio check "$(disk d0)" $((2 * MIB)) $MIB 5 || fail "data differ"
    wait $discard
    same "the discard" "$(cat /run/discard)" ok
    host model d0 order slow discard 0
    host model d0 order config 28 4 128
    wait_for 15 is "$queue/optimal_io_size" 65536 || fail "the best size is $(cat "$queue/optimal_io_size")"
    rvio fill "$(disk d0)" 0 $((8 * MIB)) 5
}

# state ZONE: pointer from the zone's start, and condition.
state() { rvio zones "$(disk z0)" | sed -n "$(($1 + 1))p" | awk '{ print $4 - $1, $6 }'; }
write() { rvio try write "$(disk z0)" "$1" 4096; }

# The device had not done it: the second time it is where it belongs.
dropped_in_zone() {
    before=$(resets z0)
    host model z0 order drop write 1
    same "the write" "$(write $ZONE)" ok
    same "resets" "$(resets z0)" $((before + 1))
    same "zone 1" "$(state 1)" "8 2"
}

# The device had done it, and its zone goes on behind: the second one is refused, never done again, and whoever wrote has to
# look where the zone is written next.
lost_in_zone() {
    before=$(resets z0)
    host model z0 order lose write 1
    same "the write" "$(write $((ZONE + 4096)))" EIO
    same "resets" "$(resets z0)" $((before + 1))
    same "zone 1" "$(state 1)" "16 2"
    same "the next one" "$(write $((ZONE + 8192)))" ok
    same "zone 1" "$(state 1)" "24 2"
}

# answers CPU: what the wear is, or why it cannot be told, asked from that CPU.
answers() { taskset $((1 << $1)) cat "/sys/block/$(block q4)/life_time" 2>&1 | sed 's/.*: //'; }

# A question of the driver's own that fails has failed, wherever it ends: with the interrupt of several queues, on the CPU that asked.
refused() {
    for cpu in 0 1 2 3; do same "the wear, asked on CPU $cpu" "$(answers $cpu)" "0x03 0x0b"; done
    host model q4 order refuse lifetime 1
    for cpu in 0 1 2 3; do same "the wear, asked on CPU $cpu" "$(answers $cpu)" "Input/output error"; done
    host model q4 order refuse lifetime 2
    for cpu in 0 1 2 3; do same "the wear, asked on CPU $cpu" "$(answers $cpu)" "Operation not supported"; done
}

no_complaints() {
    for name in d0 z0 q4; do
        same "what the device $name complains about" "$(host model $name ask complaints)" ""
    done
}

check "prepare" prepare
check "the ring format" in_format
check "a slow discard" slowly discard discard
check "slow zeros" slowly zero zeroes
check "a slow secure erase" slowly erase erase
check "limits that change while it erases" limits_wait
check "a lost interrupt" unheard
check "a lost read" others
check "a read that is lost twice" lost_twice
check "a lost read of one queue of four" one_queue
check "a device of four queues that asks for a reset" asks
check "a question that the device does not answer" refused
check "a lost discard" lost
check "a lost write to a zone, not done" dropped_in_zone
check "a lost write to a zone, done" lost_in_zone
check "the devices do not complain" no_complaints
check "modules unload" unload_modules
