# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: erasing takes longer than other requests may; what is lost is issued again, in zones too
# driver: rvirtio
# model: d0 block size=64M ranges=8 alignment=8
# model: z0 block size=33M zones=8192 conventional=1
# debug: none
# timeout: 200
# The write to a zone that had been done already.
# allow: I/O error, dev vd[ab], sector|Buffer I/O error on dev(ice)? vd[ab]

MIB=1048576
ZONE=4194304

# A request is looked at every three seconds.
prepare() {
    modprobe "$BLK_MODULE" io_timeout=6
    load_modules
    for name in d0 z0; do block $name >/dev/null; done
    rvio fill "$(disk d0)" 0 $((8 * MIB)) 5
}

resets() { dmesg | grep -c "$(virtio "$1"): device needs a reset: queue 0: request was not answered in time" || true; }

# slowly VERB TYPE: it takes ten seconds, and nothing else comes back meanwhile. No reset, and it is done.
slowly() {
    before=$(resets d0)
    host model d0 order slow "$2" 10000
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
    host model d0 order slow discard 10000
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

no_complaints() {
    for name in d0 z0; do
        same "what the device $name complains about" "$(host model $name ask complaints)" ""
    done
}

check "prepare" prepare
check "a slow discard" slowly discard discard
check "slow zeros" slowly zero zeroes
check "a slow secure erase" slowly erase erase
check "limits that change while it erases" limits_wait
check "a lost read" others
check "a lost discard" lost
check "a lost write to a zone, not done" dropped_in_zone
check "a lost write to a zone, done" lost_in_zone
check "the devices do not complain" no_complaints
check "modules unload" unload_modules
