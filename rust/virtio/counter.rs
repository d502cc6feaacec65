// SPDX-License-Identifier: GPL-2.0

//! A number that one side counts and others look at.

use kernel::sync::atomic::{
    ordering::Relaxed,
    Atomic, //
};

/// A counter that is counted up from one place at a time, such as the handler of one interrupt; no locked
/// instruction. Whoever counts beside that loses counts, and no more.
pub(crate) struct Counter(Atomic<u64>);

impl Counter {
    /// Zero.
    pub(crate) const fn new() -> Self {
        Self(Atomic::new(0))
    }

    /// Counts one.
    #[inline]
    pub(crate) fn count(&self) {
        self.0.store(self.0.load(Relaxed).wrapping_add(1), Relaxed);
    }

    /// The count.
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}
