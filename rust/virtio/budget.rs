// SPDX-License-Identifier: GPL-2.0

//! How long a device may keep others waiting who wait for it again and again. Pure.

/// Milliseconds of each wait that do not count: as long as that nobody minds, however often.
const FREE_MS: u32 = 10;
/// One millisecond is regained in as many.
const REGAIN: u64 = 4;
/// So many waits that each last their whole limit may follow each other at once: who is slow in each of a handful is not given up.
const WHOLE: u32 = 2;

/// What is left of the time in which a device has to do many things one after the other, for which a limit for each is not enough:
/// a thousand commands, each answered just in time, keep a lock of the whole machine for hours. Here what
/// they take beyond [`FREE_MS`] counts together, and is forgotten slowly.
///
/// Waits with a limit of `n` ms that follow each other at once last no longer than 8/3 of that together, and 14 ms for each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Budget {
    /// When all of it is there again, in milliseconds of a clock that does not go back.
    whole: u64,
}

impl Budget {
    /// All of it.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self { whole: 0 }
    }

    /// How many milliseconds the next wait may last that begins at `now`, where the limit for one is `limit_ms`. A short
    /// time is always left.
    pub fn left(&self, now: u64, limit_ms: u32) -> u32 {
        let spent = self.whole.saturating_sub(now) / REGAIN;
        let spent = u32::try_from(spent).unwrap_or(u32::MAX);

        limit_ms
            .saturating_mul(WHOLE)
            .saturating_sub(spent)
            .clamp(FREE_MS, limit_ms.max(FREE_MS))
    }

    /// A wait is over that began at `begun`; it is `now`.
    pub fn spend(&mut self, begun: u64, now: u64) {
        let counted = now.saturating_sub(begun).saturating_sub(FREE_MS.into());

        // What was spent before is regained from when it was.
        self.whole = self
            .whole
            .max(begun)
            .saturating_add(counted.saturating_mul(REGAIN));
    }
}
