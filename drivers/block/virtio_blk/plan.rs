// SPDX-License-Identifier: GPL-2.0

//! How many hardware queues a disk has, and what for. Pure.

/// What the administrator says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    /// The most queues of all kinds; zero is no limit.
    pub(crate) queues: u32,
    /// Queues for polled requests.
    pub(crate) polled: u32,
}

/// The hardware queues of a disk, by the device's numbers: those with interrupts, then those that are polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// How many have interrupts, at least one.
    pub(crate) default: u16,
    /// How many are polled.
    pub(crate) polled: u16,
}

impl Plan {
    /// The plan for a device that offers `offered` queues, on a machine with `cpus` CPUs; `None` if it offers none.
    ///
    /// No kind has more queues than there are CPUs, and one queue at least has interrupts.
    pub(crate) fn new(offered: u16, cpus: u32, wish: Wish) -> Option<Self> {
        let cpus = u16::try_from(cpus).unwrap_or(u16::MAX).max(1);
        let most = match wish.queues {
            0 => offered,
            limit => u16::try_from(limit).unwrap_or(u16::MAX).min(offered),
        };
        let polled = u16::try_from(wish.polled)
            .unwrap_or(u16::MAX)
            .min(cpus)
            .min(most.checked_sub(1)?);

        Some(Self {
            default: most.saturating_sub(polled).min(cpus),
            polled,
        })
    }

    /// How many queues there are.
    pub(crate) const fn count(self) -> u16 {
        self.default.saturating_add(self.polled)
    }

    /// What is left of the plan when only the first `count` queues could be made, one at least.
    pub(crate) fn cut(self, count: u16) -> Self {
        let default = self.default.min(count.max(1));

        Self {
            default,
            polled: self.polled.min(count.saturating_sub(default)),
        }
    }

    /// Whether queue `index` is polled.
    pub(crate) const fn is_polled(self, index: u16) -> bool {
        index >= self.default
    }
}
