// SPDX-License-Identifier: GPL-2.0

//! A queue that stands still: what the watchdog has found so far.

use kernel::sync::atomic::{
    ordering::{
        Full,
        Relaxed, //
    },
    Atomic,
    AtomicFlag, //
};

/// What is known of it. Any context.
pub(super) struct Standstill {
    /// How many packets had been sent, and one, when it stood still for long; 0 if it never did.
    stood_at: Atomic<u64>,
    /// It has stood still for longer than that, and is to be made anew.
    stuck: AtomicFlag,
}

impl Standstill {
    pub(super) fn new() -> Self {
        Self {
            stood_at: Atomic::new(0),
            stuck: AtomicFlag::new(false),
        }
    }

    /// What was found before is over.
    pub(super) fn forget(&self) {
        self.stuck.store(false, Relaxed);
        self.stood_at.store(0, Relaxed);
    }

    /// The queue stood still for long, with `sent` packets sent in all. Says whether it has done so since no fewer: then it is
    /// stuck.
    pub(super) fn found(&self, sent: u64) -> bool {
        let mark = sent.wrapping_add(1);
        let again = self.stood_at.load(Relaxed) == mark;

        self.stood_at.store(mark, Relaxed);
        if again {
            self.stuck.store(true, Relaxed);
        }
        again
    }

    /// Whether it was found to be stuck since this was asked.
    pub(super) fn take(&self) -> bool {
        self.stuck.xchg(false, Full)
    }
}
