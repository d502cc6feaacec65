// SPDX-License-Identifier: GPL-2.0

//! When to try again to get memory for the balloon. Pure.
//!
//! Each attempt makes the kernel look for memory where there is little, so they become rarer the
//! longer it lasts: after 200 ms, as C's driver does for ever, then twice as long each time.

/// Milliseconds to the second attempt.
const FIRST_MS: u64 = 200;
/// The most milliseconds between two attempts.
const MOST_MS: u64 = 12_800;
/// Milliseconds for which the balloon does not grow after memory had run out.
pub(crate) const AFTER_OOM_MS: u64 = 60_000;

/// How it went so far. All times are of one clock, which does not go back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pace {
    /// How long the last wait was; zero when memory was had.
    wait_ms: u64,
    /// Not before then.
    not_before_ms: u64,
    /// Nor for a new wish before then: soon after the last attempt that did not get enough.
    not_for_a_wish_ms: u64,
    /// What the host wants.
    wish: u32,
}

impl Pace {
    /// At the beginning.
    pub(crate) const fn new() -> Self {
        Self {
            wait_ms: 0,
            not_before_ms: 0,
            not_for_a_wish_ms: 0,
            wish: 0,
        }
    }

    /// How many milliseconds to wait from `now_ms` on.
    pub(crate) const fn left(&self, now_ms: u64) -> u64 {
        self.not_before_ms.saturating_sub(now_ms)
    }

    /// All that was wanted was had.
    pub(crate) fn enough(&mut self) {
        self.wait_ms = 0;
    }

    /// Less was had. Whether it is the first time, and so worth a line in the log.
    pub(crate) fn short(&mut self, now_ms: u64) -> bool {
        let first = self.wait_ms == 0;

        self.wait_ms = self.wait_ms.saturating_mul(2).clamp(FIRST_MS, MOST_MS);
        self.not_before_ms = self.not_before_ms.max(now_ms.saturating_add(self.wait_ms));
        self.not_for_a_wish_ms = now_ms.saturating_add(FIRST_MS);
        first
    }

    /// Memory has run out elsewhere.
    pub(crate) fn out_of_memory(&mut self, now_ms: u64) {
        self.not_before_ms = now_ms.saturating_add(AFTER_OOM_MS);
    }

    /// The host wants that many pages. A wish that it did not have before is tried at once, unless one was just tried: a host that
    /// has a new one all the time gets no more than that.
    pub(crate) fn wish(&mut self, now_ms: u64, pages: u32) {
        if core::mem::replace(&mut self.wish, pages) != pages {
            self.insists(now_ms);
        }
    }

    /// The host has its wish once more, which counts as a new one.
    pub(crate) fn insists(&mut self, now_ms: u64) {
        self.not_before_ms = self.not_before_ms.min(now_ms.max(self.not_for_a_wish_ms));
    }
}
