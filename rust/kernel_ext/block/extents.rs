// SPDX-License-Identifier: GPL-2.0

//! The sectors that a request without data is about, bio by bio.

use super::SECTOR_SHIFT;
use crate::bindings;
use core::marker::PhantomData;

/// A run of sectors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Extent {
    /// The first sector, in units of 512 bytes.
    pub sector: u64,
    /// How many, not zero.
    pub sectors: u32,
}

/// Walks the bios of a request and yields what each is about, in order.
///
/// # Invariants
///
/// `bio` is null or a bio of a request that the driver owns for `'a`.
pub struct Extents<'a> {
    bio: *const bindings::bio,
    _request: PhantomData<&'a ()>,
}

impl Extents<'_> {
    /// # Safety
    ///
    /// `bio` must be null or the first bio of a request that is owned by the driver for `'a`.
    #[inline]
    pub(super) unsafe fn new(bio: *const bindings::bio) -> Self {
        // INVARIANT: Promised by the caller.
        Self {
            bio,
            _request: PhantomData,
        }
    }
}

impl Iterator for Extents<'_> {
    type Item = Extent;

    #[inline]
    fn next(&mut self) -> Option<Extent> {
        if self.bio.is_null() {
            return None;
        }
        // SAFETY: By the type invariant the bio is valid, and nobody changes it meanwhile.
        let (iter, next) = unsafe { ((*self.bio).bi_iter, (*self.bio).bi_next) };
        let extent = Extent {
            sector: iter.bi_sector,
            sectors: iter.bi_size >> SECTOR_SHIFT,
        };

        // INVARIANT: The next bio of the same request, or null.
        self.bio = next;
        Some(extent)
    }
}
