// SPDX-License-Identifier: GPL-2.0

//! Counters of a queue, written by one CPU at a time, read by any.

use kernel::sync::atomic::{
    ordering::Relaxed,
    Atomic, //
};

/// A number that grows, and wraps.
pub(crate) struct Counter(Atomic<u64>);

impl Counter {
    /// Zero.
    pub(crate) fn new() -> Self {
        Self(Atomic::new(0))
    }

    /// Adds `more`. One caller at a time: this is no atomic addition.
    #[inline]
    pub(crate) fn add(&self, more: u64) {
        self.0
            .store(self.0.load(Relaxed).wrapping_add(more), Relaxed);
    }

    /// The number.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// What a receive queue counts; written while it is polled.
pub(crate) struct RxCounters {
    pub(crate) packets: Counter,
    pub(crate) bytes: Counter,
    /// Lost for any reason, as C counts it.
    pub(crate) drops: Counter,
    pub(crate) length_errors: Counter,
    pub(crate) frame_errors: Counter,
    /// Lost for want of memory.
    pub(crate) no_memory: Counter,
    pub(crate) kicks: Counter,
}

impl RxCounters {
    pub(crate) fn new() -> Self {
        Self {
            packets: Counter::new(),
            bytes: Counter::new(),
            drops: Counter::new(),
            length_errors: Counter::new(),
            frame_errors: Counter::new(),
            no_memory: Counter::new(),
            kicks: Counter::new(),
        }
    }
}

/// What a transmit queue counts; written under its lock, `kicks` by who sends, of whom there is one at a time, `timeouts` by the
/// watchdog.
pub(crate) struct TxCounters {
    pub(crate) packets: Counter,
    pub(crate) bytes: Counter,
    pub(crate) drops: Counter,
    pub(crate) kicks: Counter,
    pub(crate) timeouts: Counter,
}

impl TxCounters {
    pub(crate) fn new() -> Self {
        Self {
            packets: Counter::new(),
            bytes: Counter::new(),
            drops: Counter::new(),
            kicks: Counter::new(),
            timeouts: Counter::new(),
        }
    }
}
