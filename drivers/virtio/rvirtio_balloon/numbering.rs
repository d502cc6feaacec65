// SPDX-License-Identifier: GPL-2.0

//! Which queue has which number. Pure.
//!
//! The specification gives each queue a number of its own, also when those before it do not exist
//! (5.5.2). Devices and drivers in use do not: queues that do not exist are not counted. QEMU makes
//! them for the features that it offers, and C's driver expects them for those that it accepts. The
//! two differ for a feature that is offered and not accepted; what the device has decides.

/// The queues that a device has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Numbering {
    /// Statistics.
    pub(crate) stats: Option<u16>,
    /// Hints, on demand.
    pub(crate) hint: Option<u16>,
    /// Free blocks.
    pub(crate) reporting: Option<u16>,
}

/// Pages that go into the balloon.
pub(crate) const INFLATE: u16 = 0;
/// Pages that come out of it.
pub(crate) const DEFLATE: u16 = 1;

impl Numbering {
    /// The numbers, by what the device offers.
    pub(crate) const fn new(stats: bool, free_page_hint: bool, reporting: bool) -> Self {
        let first = DEFLATE + 1;
        // CAST: A bool is 0 or 1.
        let behind_stats = first + stats as u16;
        let behind_hint = behind_stats + free_page_hint as u16;

        Self {
            stats: if stats { Some(first) } else { None },
            hint: if free_page_hint {
                Some(behind_stats)
            } else {
                None
            },
            reporting: if reporting { Some(behind_hint) } else { None },
        }
    }
}
