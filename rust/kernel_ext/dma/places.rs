// SPDX-License-Identifier: GPL-2.0

//! Equal places in memory that is shared with a device.

use super::{
    Master,
    Segment,
    SharedMemory, //
};
use kernel::prelude::*;

/// The largest piece that is asked of the page allocator at once.
const CHUNK_BYTES: usize = 32 << 10;

/// What the front of a place is a multiple of, and all of it.
const ALIGN: usize = 16;

/// A number of equal places, each with a front of `FRONT` bytes and room behind it, in zeroed memory that is
/// [shared](SharedMemory) with a device.
///
/// # Invariants
///
/// Each chunk has `stride << per_chunk` bytes at least, and `stride` is `FRONT + room`.
pub struct Places<const FRONT: usize> {
    chunks: KVec<SharedMemory>,
    /// A chunk has 2 to that power places.
    per_chunk: u32,
    stride: usize,
    room: u32,
}

impl<const FRONT: usize> Places<FRONT> {
    /// Allocates `count` places with `room` bytes each behind the front, for `master`. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `EINVAL` when `count` is zero or a place is too large.
    pub fn new(master: &Master, count: usize, room: u32) -> Result<Self> {
        const { assert!(FRONT % ALIGN == 0 && FRONT <= CHUNK_BYTES) };
        let stride = usize::try_from(room)?
            .checked_add(FRONT)
            .and_then(|stride| stride.checked_next_multiple_of(ALIGN))
            .ok_or(EINVAL)?;
        let room = u32::try_from(stride.saturating_sub(FRONT))?;
        // A power of two: no division where a place is looked for.
        let per_chunk = CHUNK_BYTES
            .checked_div(stride)
            .ok_or(EINVAL)?
            .min(count)
            .checked_ilog2()
            .unwrap_or(0);
        let of_chunk = 1usize.wrapping_shl(per_chunk);
        let chunk_bytes = stride.checked_mul(of_chunk).ok_or(EINVAL)?;
        let mut chunks = KVec::new();
        let mut left = count;

        if count == 0 {
            return Err(EINVAL);
        }
        // BOUND: `of_chunk` is at least 1.
        while left != 0 {
            chunks.push(SharedMemory::new(master, chunk_bytes)?, GFP_KERNEL)?;
            left = left.saturating_sub(of_chunk);
        }
        // INVARIANT: As computed above.
        Ok(Self {
            chunks,
            per_chunk,
            stride,
            room,
        })
    }

    /// Place `index`, or `None` when there are not as many.
    #[inline]
    pub fn get(&self, index: usize) -> Option<Place<'_, FRONT>> {
        // Less than the bits of a number, see `new()`.
        let chunk = index.wrapping_shr(self.per_chunk);
        let place = index.wrapping_sub(chunk.wrapping_shl(self.per_chunk));

        // INVARIANT: `place` is below `1 << per_chunk`, so all of it is in the chunk.
        Some(Place {
            memory: self.chunks.get(chunk)?,
            offset: place.wrapping_mul(self.stride),
            room: self.room,
        })
    }
}

/// One of [`Places`].
///
/// # Invariants
///
/// The `FRONT + room` bytes from `offset` on are inside `memory`.
#[derive(Clone, Copy)]
pub struct Place<'a, const FRONT: usize> {
    memory: &'a SharedMemory,
    offset: usize,
    room: u32,
}

impl<'a, const FRONT: usize> Place<'a, FRONT> {
    /// `LENGTH` bytes at `AT` of the front, as the device addresses them.
    #[inline]
    pub fn front<const AT: usize, const LENGTH: u32>(&self) -> Segment {
        // CAST: Widening, as is the other one.
        const { assert!(AT <= FRONT && LENGTH as usize <= FRONT - AT) };

        // By the type invariant all of it is inside the memory.
        Segment::new(self.address(AT), LENGTH)
    }

    /// The room behind the front, as the device addresses it.
    #[inline]
    pub fn room(&self) -> Segment {
        // By the type invariant all of it is inside the memory.
        Segment::new(self.address(FRONT), self.room)
    }

    #[inline]
    fn address(&self, at: usize) -> u64 {
        // CAST: Widening.
        let at = self.offset.wrapping_add(at) as u64;

        self.memory.address().wrapping_add(at)
    }

    /// The memory that it is a part of, and where it begins there.
    #[inline]
    pub fn memory(&self) -> (&'a SharedMemory, usize) {
        (self.memory, self.offset)
    }
}
