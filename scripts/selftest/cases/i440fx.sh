# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=busybox
# title: plain PCI: the i440fx machine
# machine: pc
# kernel: stock
# disk: d0 64M
# disk: intx 64M vectors=0
# timeout: 40

verify() { short_verify "$(disk "$1")" 16 60; }

cycles() {
    left=5
    while [ "$left" -gt 0 ]; do
        unload_modules
        no_traces
        load_modules
        block d0 >/dev/null
        left=$((left - 1))
    done
}

load_modules
check "data" verify d0
check "data with INTx" verify intx
check "five times unload and load" cycles
check "data again" verify d0
