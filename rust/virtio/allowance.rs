// SPDX-License-Identifier: GPL-2.0

//! How often a device may be recovered.

/// Recoveries that may follow each other at once.
const MOST: u64 = 5;
/// Milliseconds after which one more is allowed.
const REGAIN_MS: u64 = 60_000;

/// What is left of the patience with a device that asks for a reset again and again: after [`MOST`] of them
/// there is one every [`REGAIN_MS`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Allowance {
    /// When all of it is there again, in milliseconds.
    whole: u64,
}

impl Allowance {
    /// All of it.
    pub(crate) const fn new() -> Self {
        Self { whole: 0 }
    }

    /// Takes one at `now`, in milliseconds of a clock that does not go back. Says whether there was one.
    pub(crate) fn take(&mut self, now: u64) -> bool {
        let whole = self.whole.max(now).saturating_add(REGAIN_MS);

        if whole.saturating_sub(now) > MOST * REGAIN_MS {
            return false;
        }
        self.whole = whole;
        true
    }
}
