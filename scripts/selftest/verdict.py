# SPDX-License-Identifier: GPL-2.0
"""What the console of a guest says about its health: every line that a healthy kernel does not print."""

import re

# Each pattern is looked for anywhere in a line. A case that provokes one of them on purpose allows it in its header.
REPORTS = [re.compile(text) for text in (
    r"WARNING:",
    r"\bBUG:",
    r"kernel BUG at",
    r"cut here",
    r"Oops",
    r"Kernel panic",
    r"general protection fault",
    r"unable to handle (kernel|page fault)",
    r"Call Trace:",
    r"double fault|stack segment:|invalid opcode:",
    r"UBSAN:",
    r"KASAN",
    r"KFENCE",
    r"rust_kernel: panicked|panicked at",
    r"possible (circular|recursive|irq lock inversion|irq-lock)",
    r"possible deadlock|inconsistent lock state|bad unlock balance|held lock freed|lock(s)? held (when|at)",
    r"INFO: trying to register non-static key|the code is fine but needs lockdep annotation",
    r"sleeping function called|scheduling while atomic|Voluntary context switch",
    r"suspicious RCU|rcu: INFO|rcu_\w+ (self-)?detected|stall(s)? on CPUs",
    r"DMA-API",
    r"kmemleak: ",
    r"INFO: task .* blocked|soft lockup|hard LOCKUP|hung task",
    r"refcount_t:",
    r"list_(add|del) corruption|corruption (detected|in)|Bad page",
    r"page allocation failure|Out of memory|oom-kill",
    r"nobody cared|Disabling IRQ|spurious interrupt",
    r"Trying to v?free|nonexistent vm area|double free|slab .*still has objects|Objects remaining",
    r"I/O error|blk_update_request|lost (sync|async) page write",
    r"EXT4-fs (error|warning)|XFS .*([Cc]orruption|[Ss]hutting down|[Mm]etadata I/O [Ee]rror)|JBD2: .*[Ee]rror",
    r"NETDEV WATCHDOG|transmit queue .* timed out|TX timeout|unregister_netdevice: waiting|hw csum failure|ref_tracker:",
    r"stalled pool shutdown|[Pp]age_pool.*(leak|inflight)|net_ratelimit|protocol .* is buggy|bad gso",
    r"segfault at|traps: ",
    r"sysfs: cannot create duplicate|kobject_add_internal failed|debugfs: .*already present",
    r"[Uu]nknown symbol|disagrees about version|[Ii]nvalid module format|module_layout",
)]

# Lines of an undisturbed boot. Each stands with the reason why it is harmless.
HARMLESS = [(re.compile(text), why) for text, why in (
    (r"DMA-API: preallocated \d+ debug entries$", "DMA_API_DEBUG starting"),
    (r"DMA-API: debugging enabled by kernel config$", "DMA_API_DEBUG starting"),
    (r"kmemleak: Kernel memory leak detector initialized", "kmemleak starting"),
    (r"kmemleak: Automatic memory scanning thread started$", "kmemleak starting"),
    (r"kasan: KernelAddressSanitizer initialized", "KASAN starting"),
    (r"KASAN.*(shadow|disabl)", "a line of the memory map, printed at boot"),
    (r"kfence: initialized", "KFENCE starting"),
)]


# How far above a stack trace the report stands that it belongs to, and what is of no report.
ABOVE = 6
ELSE = re.compile(r"\] (?:selftest|suite): |virtio\d+: ")


def block(lines, number):
    """The line and those above it that may belong to the same report. A line of ours ends it, and may be what is allowed."""
    first = number
    while first > max(0, number - ABOVE):
        first -= 1
        if ELSE.search(lines[first]):
            break
    return lines[first:number + 1]


def reports(console, allow=()):
    """The lines of the console log that make a case fail, in order, a few lines of context after each first one."""
    found = []
    lines = console.splitlines()
    for number, line in enumerate(lines):
        if not any(pattern.search(line) for pattern in REPORTS):
            continue
        # A stack trace belongs to the report a few lines above it, and is allowed with it.
        context = block(lines, number) if "Call Trace:" in line else [line]
        if any(pattern.search(line) for pattern, _ in HARMLESS):
            continue
        if any(pattern.search(one) for pattern in allow for one in context):
            continue
        found.append((number, line.strip()))
    return found


def spoilt(console, allow=()):
    """The first report of a kernel that had not started init yet, when nothing of ours was in it; None if there is none."""
    before, _, after = console.partition("Run /init as init process")
    if not after:
        return "it did not come as far as init"
    found = reports(before, allow)
    return found[0][1] if found else None


def excerpt(console, found, size=24):
    """The first report with what follows it, for the diagnostics."""
    if not found:
        return []
    lines = console.splitlines()
    first = found[0][0]
    return [line.rstrip() for line in lines[first:first + size]]


def tail(console, size=12):
    return [line.rstrip() for line in console.splitlines()[-size:]]
