// SPDX-License-Identifier: GPL-2.0

//! The wire format of statistics (virtio 1.4, 5.5.6.3 and 5.5.6.4). Pure.

/// Bytes of one: a tag and a value, without a gap.
pub(crate) const STAT_BYTES: usize = 10;
/// How many there are.
pub(crate) const STATS: usize = 16;

/// What a value is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub(crate) enum Tag {
    /// Bytes read from swap.
    SwapIn = 0,
    /// Bytes written to swap.
    SwapOut = 1,
    /// Faults that had to read.
    MajorFaults = 2,
    /// All faults, as C's driver has it.
    MinorFaults = 3,
    /// Bytes that are used for nothing.
    Free = 4,
    /// Bytes that the guest has.
    Total = 5,
    /// Bytes that can be had without swapping.
    Available = 6,
    /// Bytes of the page cache.
    Caches = 7,
    /// Huge pages that were allocated.
    HugetlbAllocations = 8,
    /// Huge pages that could not be allocated.
    HugetlbFailures = 9,
    /// Tasks that were killed for memory.
    OomKills = 10,
    /// Allocations that had to wait for reclaim.
    AllocStalls = 11,
    /// Bytes looked at by the background reclaim.
    AsyncScans = 12,
    /// Bytes looked at by allocations that had to reclaim.
    DirectScans = 13,
    /// Bytes freed by the background reclaim.
    AsyncReclaims = 14,
    /// Bytes freed by allocations that had to reclaim.
    DirectReclaims = 15,
}

/// One statistic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    tag: Tag,
    value: u64,
}

impl Stat {
    /// A number.
    pub(crate) const fn count(tag: Tag, value: u64) -> Self {
        Self { tag, value }
    }

    /// A number of pages, in bytes; too many are the most that can be told.
    pub(crate) const fn pages(tag: Tag, pages: u64, page_size: usize) -> Self {
        // CAST: Widening.
        Self::count(tag, pages.saturating_mul(page_size as u64))
    }

    /// The bytes, for a device that is not legacy.
    pub(crate) const fn bytes(self) -> [u8; STAT_BYTES] {
        // CAST: The enum's own type.
        let [t0, t1] = (self.tag as u16).to_le_bytes();
        let [v0, v1, v2, v3, v4, v5, v6, v7] = self.value.to_le_bytes();

        [t0, t1, v0, v1, v2, v3, v4, v5, v6, v7]
    }
}
