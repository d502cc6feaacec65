// SPDX-License-Identifier: GPL-2.0

//! The memory of a request, segment by segment, without a scatterlist in between.
//!
//! C header: [`include/linux/bvec.h`](srctree/include/linux/bvec.h)

use crate::{
    bindings,
    dma::Run, //
};
use core::marker::PhantomData;

/// Walks the bios of a request and yields their segments, in order.
///
/// No segment is longer than the limit given. With the limit that the queue has as
/// `max_segment_size`, there are never more than [`Request::segment_count`] of them: the block
/// layer counts a segment for each bvec of each bio, cut at that size and at 4 GiB boundaries,
/// and this walk cuts at that size only.
///
/// [`Request::segment_count`]: super::Request::segment_count
///
/// # Invariants
///
/// `bio` is null or a bio of a request that the driver owns for `'a`; `left`, `index` and `done`
/// are a position inside it, as a `struct bvec_iter` would have it.
pub struct Segments<'a> {
    bio: *const bindings::bio,
    left: u32,
    index: u32,
    done: u32,
    limit: u32,
    _request: PhantomData<&'a ()>,
}

impl<'a> Segments<'a> {
    /// # Safety
    ///
    /// `bio` must be null or the first bio of a request that is owned by the driver for `'a`.
    #[inline]
    pub(super) unsafe fn new(bio: *const bindings::bio, limit: u32) -> Self {
        let mut this = Self {
            bio,
            left: 0,
            index: 0,
            done: 0,
            limit: if limit == 0 { u32::MAX } else { limit },
            _request: PhantomData,
        };
        this.enter();
        this
    }

    /// Takes up the position where the current bio begins.
    #[inline]
    fn enter(&mut self) {
        if !self.bio.is_null() {
            // INVARIANT: The bio's own iterator is a position inside it.
            // SAFETY: By the type invariant the bio is valid, and nobody changes it meanwhile.
            let iter = unsafe { (*self.bio).bi_iter };
            self.left = iter.bi_size;
            self.index = iter.bi_idx;
            self.done = iter.bi_offset;
        }
    }
}

impl Iterator for Segments<'_> {
    type Item = Run;

    #[inline]
    fn next(&mut self) -> Option<Run> {
        // BOUND: The bios of a request, which are a list with an end.
        while self.left == 0 {
            if self.bio.is_null() {
                return None;
            }
            // INVARIANT: The next bio of the same request, or null.
            // SAFETY: By the type invariant the bio is valid.
            self.bio = unsafe { (*self.bio).bi_next };
            self.enter();
        }

        // SAFETY: By the type invariant `index` is inside the bio's vector while bytes are left.
        let vec = unsafe { (*self.bio).bi_io_vec.add(self.index as usize) };
        // SAFETY: `vec` is a valid bvec.
        let here = unsafe { (*vec).bv_len }.wrapping_sub(self.done);
        let length = here.min(self.left).min(self.limit);
        // SAFETY: `vec` is a valid bvec.
        let phys = unsafe { bindings::rvirtio_helper_bvec_phys(vec) };
        let run = Run::new(phys.wrapping_add(u64::from(self.done)), length);

        // INVARIANT: `length` is at most what is left of the bvec and of the bio.
        self.left = self.left.wrapping_sub(length);
        if length == here {
            self.index = self.index.wrapping_add(1);
            self.done = 0;
        } else {
            self.done = self.done.wrapping_add(length);
        }
        Some(run)
    }
}
