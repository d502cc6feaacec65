// SPDX-License-Identifier: GPL-2.0

//! When a device that does not answer is given up. Pure.
//!
//! A request that is late is no reason alone: an interrupt may have been lost, the host may be slow,
//! or have slept. The device is given up when nothing at all came back between two looks that are
//! [`GRACE_MS`] apart, each of which found a late request.

/// How far apart the two looks are at least, in milliseconds.
pub(crate) const GRACE_MS: u64 = 5_000;

/// What a look at a device with a late request found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Something came back since the last look.
    Progress,
    /// Nothing did, for the first time.
    Stalled,
    /// Nothing did, and it is too early to say more.
    Waiting,
    /// Nothing did for long enough.
    GiveUp,
}

/// What was seen so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Patience {
    completions: u32,
    stalled_since: Option<u64>,
}

impl Patience {
    /// Nothing seen yet.
    pub(crate) const fn new() -> Self {
        Self {
            completions: 0,
            stalled_since: None,
        }
    }

    /// Looks at a device of which a request is late: `completions` is how many requests came back
    /// so far (it may wrap), `now_ms` a clock that does not go back.
    pub(crate) fn look(&mut self, completions: u32, now_ms: u64) -> Finding {
        if self.completions != completions {
            self.completions = completions;
            self.stalled_since = None;
            return Finding::Progress;
        }
        match self.stalled_since {
            None => {
                self.stalled_since = Some(now_ms);
                Finding::Stalled
            }
            Some(since) if now_ms.saturating_sub(since) >= GRACE_MS => Finding::GiveUp,
            Some(_) => Finding::Waiting,
        }
    }
}
