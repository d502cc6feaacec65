// SPDX-License-Identifier: GPL-2.0

//! What the kernel counts of its memory.

use crate::bindings;

/// A snapshot of the kernel's counters, not taken at one instant. In pages, where nothing else is
/// said.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counters {
    /// `MemTotal`: all that the kernel manages.
    pub total: u64,
    /// `MemFree`.
    pub free: u64,
    /// `MemAvailable`: an estimate of what can be had without swapping.
    pub available: u64,
    /// The page cache.
    pub caches: u64,
    /// What happened, unless the kernel was built without `VM_EVENT_COUNTERS`.
    pub events: Option<Events>,
    /// Huge pages that were allocated at run time, and those that could not be; in huge pages.
    /// Only with `HUGETLB_PAGE`.
    pub hugetlb: Option<(u64, u64)>,
}

/// What happened since the machine started.
#[derive(Clone, Copy, Debug, Default)]
pub struct Events {
    /// Read from swap.
    pub swap_in: u64,
    /// Written to swap.
    pub swap_out: u64,
    /// Faults that had to read; a number of faults.
    pub major_faults: u64,
    /// All faults; a number of faults.
    pub minor_faults: u64,
    /// Tasks that were killed for memory.
    pub oom_kills: u64,
    /// Allocations that had to reclaim; a number of them.
    pub alloc_stalls: u64,
    /// Looked at by the background reclaim.
    pub async_scans: u64,
    /// Looked at by allocations that had to reclaim.
    pub direct_scans: u64,
    /// Freed by the background reclaim.
    pub async_reclaims: u64,
    /// Freed by allocations that had to reclaim.
    pub direct_reclaims: u64,
}

impl Counters {
    /// Reads the counters. Process context.
    pub fn read() -> Self {
        let mut raw = core::mem::MaybeUninit::uninit();

        // SAFETY: `raw` is writable. The call adds up counters, and may sleep.
        unsafe { bindings::rvirtio_helper_memory_counters(raw.as_mut_ptr()) };
        // SAFETY: The call has written all of it.
        let raw: bindings::rvirtio_memory_counters = unsafe { raw.assume_init() };

        Self {
            total: raw.total,
            free: raw.free,
            available: raw.available,
            caches: raw.caches,
            events: raw.has_events.then_some(Events {
                swap_in: raw.swap_in,
                swap_out: raw.swap_out,
                major_faults: raw.major_faults,
                minor_faults: raw.minor_faults,
                oom_kills: raw.oom_kills,
                alloc_stalls: raw.alloc_stalls,
                async_scans: raw.async_scans,
                direct_scans: raw.direct_scans,
                async_reclaims: raw.async_reclaims,
                direct_reclaims: raw.direct_reclaims,
            }),
            hugetlb: raw
                .has_hugetlb
                .then_some((raw.hugetlb_allocations, raw.hugetlb_failures)),
        }
    }

    /// `MemAvailable` alone, in pages, which costs less. Any context.
    pub fn available() -> u64 {
        // SAFETY: A plain query.
        let pages = unsafe { bindings::si_mem_available() };

        u64::try_from(pages).unwrap_or(0)
    }
}

/// The byte that free pages are filled with and shall stay filled with, when the kernel is told to
/// do so (`init_on_free`, page poisoning); `None` when their content is of no interest.
pub fn free_pages_filled_with() -> Option<u8> {
    let mut value = 0;

    // SAFETY: `value` is writable.
    unsafe { bindings::rvirtio_helper_free_pages_filled(&mut value) }.then_some(value)
}
