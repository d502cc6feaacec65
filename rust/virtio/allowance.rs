// SPDX-License-Identifier: GPL-2.0

//! How often a device may have something done.

/// What is left of the patience with a device that wants the same thing again and again: `MOST` of them may
/// follow each other at once, and one more every `REGAIN_MS` milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Allowance<const MOST: u64, const REGAIN_MS: u64> {
    /// When all of it is there again, in milliseconds.
    whole: u64,
}

impl<const MOST: u64, const REGAIN_MS: u64> Allowance<MOST, REGAIN_MS> {
    /// All of it.
    pub(crate) const fn new() -> Self {
        const { assert!(MOST != 0 && MOST < u32::MAX as u64 && REGAIN_MS < u32::MAX as u64) };
        Self { whole: 0 }
    }

    /// Takes one at `now`, in milliseconds of a clock that does not go back.
    ///
    /// # Errors
    ///
    /// In how many milliseconds there is one, if there is none.
    pub(crate) fn take(&mut self, now: u64) -> Result<(), u64> {
        let whole = self.whole.max(now).saturating_add(REGAIN_MS);
        let wait = whole
            .saturating_sub(now)
            .saturating_sub(const { MOST * REGAIN_MS });

        if wait != 0 {
            return Err(wait);
        }
        self.whole = whole;
        Ok(())
    }
}
