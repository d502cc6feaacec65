// SPDX-License-Identifier: GPL-2.0

//! Which queue gets which MSI-X vector. Pure.

/// The vector for configuration changes.
pub(crate) const CONFIG_VECTOR: u16 = 0;
/// The fewest vectors that MSI-X is used with: with one for everything nobody could tell a configuration
/// change from a used buffer, so INTx is better.
pub(crate) const FEWEST: u16 = 2;

/// How a number of vectors is shared out among the queues of a device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Sharing {
    vectors: u16,
    /// Queues that are off the data path, and those that are on it.
    slow: u16,
    fast: u16,
}

impl Sharing {
    /// A way for `vectors` vectors, [`FEWEST`] at least, and queues of which there are so many of each
    /// kind.
    pub(crate) fn new(vectors: u16, slow: u16, fast: u16) -> Self {
        Self {
            vectors: vectors.max(FEWEST),
            slow,
            fast,
        }
    }

    /// How many vectors it takes for each queue to have its own.
    pub(crate) fn most(slow: u16, fast: u16) -> u16 {
        slow.saturating_add(fast).saturating_add(1).max(FEWEST)
    }

    /// The vector of a queue before which there are so many of each kind.
    ///
    /// Each its own if there are enough. Otherwise those that are slow share the last one, with others if
    /// there are still not enough; and these share with their neighbours then. None shares with
    /// configuration changes: each of its interrupts would look like one.
    pub(crate) fn vector(self, slow_before: u16, fast_before: u16, is_slow: bool) -> u16 {
        let queue_vectors = self.vectors.saturating_sub(1);
        let all = self.slow.saturating_add(self.fast);

        if queue_vectors >= all {
            return slow_before.saturating_add(fast_before).saturating_add(1);
        }
        if is_slow {
            return queue_vectors;
        }
        if queue_vectors >= self.fast {
            return fast_before.saturating_add(1);
        }
        // Fewer than `queue_vectors`, since it is one of `fast`.
        let group = u32::from(fast_before)
            .saturating_mul(queue_vectors.into())
            .checked_div(self.fast.into())
            .unwrap_or(0);

        // CAST: See above.
        (group as u16).saturating_add(1)
    }
}
