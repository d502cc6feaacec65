# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
#
# What cases with a balloon are written with. The host's verbs are balloon, actual, rss, poll, memory.

# meminfo NAME: in KiB. vmstat NAME
meminfo() { sed -n "s/^$1: *\([0-9]*\) kB/\1/p" /proc/meminfo; }
vmstat() { sed -n "s/^$1 //p" /proc/vmstat; }

# free_now: free memory in KiB, with what the CPUs keep for themselves, which MemFree leaves out and can be tens of MiB.
free_now() { awk '/count:/ { n += $2 } END { print n * 4 }' /proc/zoneinfo | { read -r _kept; echo $(($(meminfo MemFree) + _kept)); }; }

# balloon_to MIB: moves the balloon, and waits until the guest has followed.
balloon_to() {
    host balloon "$1" >/dev/null
    wait_for 100 balloon_is "$1" || fail "the balloon stands at $(host actual) KiB, not at $1 MiB"
}
balloon_is() { [ "$(host actual)" = $(($1 * 1024)) ]; }

# near WHAT GOT WANTED SLACK
near() { [ $(($2 - $3)) -le "$4" ] && [ $(($3 - $2)) -le "$4" ] || fail "$1 is $2, not $3 (up to $4 more or less)"; }

# drop: caches away, and what is free together.
drop() { sync; echo 3 >/proc/sys/vm/drop_caches; }
