// SPDX-License-Identifier: GPL-2.0

//! What a request says.

use super::{
    extents::{
        Extent,
        Extents, //
    },
    operation::{
        Operation,
        ZoneAction, //
    },
    operations::Operations,
    request::{
        private,
        Notes, //
    },
    segments::Segments,
    SECTOR_SHIFT, //
};
use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::sync::atomic::ordering::Relaxed;

/// Reads one field of a [`RequestView`]. No reference to the `struct request` is made, of which the block layer changes
/// other fields meanwhile: deadline, state, and of `rq_flags` what says that it is late.
macro_rules! field {
    ($request:expr, $field:ident) => {
        // SAFETY: By the type invariant the request is valid and in nobody's hands but ours; the block layer changes
        // only what is named above meanwhile, none of which is read with this.
        unsafe { (*$request.raw.as_ptr()).$field }
    };
}

/// A request that the block layer has handed over, started or not: what it says. Nothing can be done with it here; whoever
/// owes it an end has a [`Request`](super::Request).
///
/// # Invariants
///
/// `raw` is a request of a queue of `O` that has its tag, and that the block layer does not touch while this
/// is there, but for its deadline, its state and flags about these: it has handed it over, and nobody has ended it or given it back.
pub struct RequestView<O: Operations> {
    raw: NonNull<bindings::request>,
    _operations: PhantomData<fn() -> O>,
}

impl<O: Operations> RequestView<O> {
    /// # Safety
    ///
    /// The type's invariants have to hold as long as the result is used.
    #[inline]
    pub(super) unsafe fn from_raw(raw: NonNull<bindings::request>) -> Self {
        // INVARIANT: Promised by the caller.
        Self {
            raw,
            _operations: PhantomData,
        }
    }

    #[inline]
    pub(super) fn as_raw(&self) -> NonNull<bindings::request> {
        self.raw
    }

    /// What to do.
    #[inline]
    pub fn operation(&self) -> Operation {
        // The operation is the low eight bits.
        match field!(self, cmd_flags) & 0xff {
            bindings::req_op_REQ_OP_READ => Operation::Read,
            bindings::req_op_REQ_OP_WRITE => Operation::Write,
            bindings::req_op_REQ_OP_FLUSH => Operation::Flush,
            bindings::req_op_REQ_OP_DISCARD => Operation::Discard,
            bindings::req_op_REQ_OP_WRITE_ZEROES => Operation::WriteZeroes {
                keep: field!(self, cmd_flags) & bindings::RVIRTIO_REQ_NOUNMAP != 0,
            },
            bindings::req_op_REQ_OP_SECURE_ERASE => Operation::SecureErase,
            bindings::req_op_REQ_OP_ZONE_OPEN => Operation::Zone(ZoneAction::Open),
            bindings::req_op_REQ_OP_ZONE_CLOSE => Operation::Zone(ZoneAction::Close),
            bindings::req_op_REQ_OP_ZONE_FINISH => Operation::Zone(ZoneAction::Finish),
            bindings::req_op_REQ_OP_ZONE_RESET => Operation::Zone(ZoneAction::Reset),
            bindings::req_op_REQ_OP_ZONE_RESET_ALL => Operation::Zone(ZoneAction::ResetAll),
            bindings::req_op_REQ_OP_ZONE_APPEND => Operation::ZoneAppend,
            bindings::req_op_REQ_OP_DRV_IN => {
                let private = private::<O>(self.raw);
                // SAFETY: By the type invariant its private data is nobody else's, either: `TagSet` made room for it
                // behind each request, zeroed, and whoever made the request has written it.
                let (command, sector) = unsafe { ((*private).command, (*private).sector) };

                Operation::DriverRead { command, sector }
            }
            other => Operation::Other(other),
        }
    }

    /// The first sector, in units of 512 bytes.
    #[inline]
    pub fn sector(&self) -> u64 {
        field!(self, __sector)
    }

    /// The bytes to transfer.
    #[inline]
    pub fn bytes(&self) -> u32 {
        field!(self, __data_len)
    }

    /// The I/O priority of whoever asked.
    #[inline]
    pub fn io_priority(&self) -> u16 {
        let bio = field!(self, bio);

        if bio.is_null() {
            return 0;
        }
        // SAFETY: The first bio of a request is valid as long as the request.
        unsafe { (*bio).bi_ioprio }
    }

    /// The tag: below the tag set's depth, and no other request of the same hardware queue has it
    /// as long as the driver has this one.
    #[inline]
    pub fn tag(&self) -> usize {
        // CAST: By the type invariant it has a tag, which is not negative; were it, the result would be
        // out of any bounds.
        field!(self, tag) as usize
    }

    /// How many segments the block layer counted; zero for a request without data, for a discard its
    /// extents.
    #[inline]
    pub fn segment_count(&self) -> u16 {
        field!(self, nr_phys_segments)
    }

    /// The sectors from the first to the last, of a request whose extents adjoin: each but a discard of
    /// several extents.
    #[inline]
    pub fn extent(&self) -> Extent {
        Extent {
            sector: self.sector(),
            sectors: self.bytes() >> SECTOR_SHIFT,
        }
    }

    /// The extents of a discard that were put together. With
    /// [`Limits::max_discard_extents`](super::Limits) of more than one they need not adjoin, and there may
    /// be more than that: the block layer puts whole requests together, too.
    #[inline]
    pub fn extents(&self) -> Extents<'_> {
        let bio = field!(self, bio);

        // SAFETY: By the type invariant the request, with its bios, stays as it is for the life of `&self`.
        unsafe { Extents::new(bio) }
    }

    /// Whether there is memory that goes with the request. Discards and the like have bios without.
    #[inline]
    fn has_data(&self) -> bool {
        matches!(
            field!(self, cmd_flags) & 0xff,
            bindings::req_op_REQ_OP_READ
                | bindings::req_op_REQ_OP_WRITE
                | bindings::req_op_REQ_OP_DRV_IN
                | bindings::req_op_REQ_OP_ZONE_APPEND
        )
    }

    /// The request's memory, in pieces of at most `limit` bytes.
    #[inline]
    pub fn segments(&self, limit: u32) -> Segments<'_> {
        let bio = if self.segment_count() == 0 || !self.has_data() {
            core::ptr::null()
        } else {
            field!(self, bio).cast_const()
        };

        // SAFETY: By the type invariant the request, with its bios, stays as it is for the life of `&self`.
        unsafe { Segments::new(bio, limit) }
    }

    /// What the driver notes of it.
    #[inline]
    pub fn notes(&self) -> &Notes {
        // SAFETY: By the type invariant the private data is there; the notes are shared, see `Late`, and all of them atomic.
        unsafe { &(*private::<O>(self.raw)).notes }
    }

    /// Whether it was given back with [`Request::repeat`](super::Request::repeat) before.
    pub fn is_repeated(&self) -> bool {
        self.notes().repeated.load(Relaxed) != 0
    }
}
