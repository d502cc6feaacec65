// SPDX-License-Identifier: GPL-2.0

//! A request that the driver owns.

use super::{
    extents::{
        Extent,
        Extents, //
    },
    operations::Operations,
    segments::Segments,
    status::Status,
    SECTOR_SHIFT, //
};
use crate::bindings;
use core::{
    marker::PhantomData,
    mem::{
        ManuallyDrop,
        MaybeUninit, //
    },
    ptr::NonNull, //
};
use kernel::sync::atomic::Atomic;

/// What to do with a zone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ZoneAction {
    /// Open it.
    Open,
    /// Close it.
    Close,
    /// Make it full.
    Finish,
    /// Make it empty.
    Reset,
    /// Make all zones empty.
    ResetAll,
}

/// What a request asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// Read sectors into the request's segments.
    Read,
    /// Write sectors from the request's segments.
    Write,
    /// Make all completed writes permanent.
    Flush,
    /// Forget what is in the request's extents.
    Discard,
    /// Make the request's extent read as zeros.
    WriteZeroes {
        /// It shall keep its place on the medium.
        keep: bool,
    },
    /// Forget what is in the request's extent, and any copy of it, for good.
    SecureErase,
    /// Do something with the zone at the request's sector.
    Zone(ZoneAction),
    /// Write from the request's segments where the zone at the request's sector is written next, and say
    /// where that was.
    ZoneAppend,
    /// A driver's own request that reads, see
    /// [`DiskRef::driver_read`](super::DiskRef::driver_read).
    DriverRead {
        /// What the driver asks for, in its own words.
        command: u32,
        /// Where.
        sector: u64,
    },
    /// Anything that this crate has no word for yet; holds the `REQ_OP_*` number.
    Other(u32),
}

/// What this crate keeps with each request, behind the `struct request`.
#[repr(C)]
pub(super) struct Private<O: Operations> {
    /// What was prepared for the request, on its way into the ring.
    pub(super) prepared: MaybeUninit<O::Prepared>,
    /// How the device ended the request, on its way to the CPU that submitted it.
    pub(super) status: bindings::blk_status_t,
    /// What a driver's own request asks for.
    pub(super) command: u32,
    /// And where.
    pub(super) sector: u64,
    /// What the driver keeps of it while it is under way.
    notes: Notes,
}

/// What a driver notes of a request, mostly while it looks at it because it is late. Nothing of it means anything when a
/// driver is given a request.
pub struct Notes {
    /// What came of it so far, in the driver's own numbers.
    pub stage: Atomic<u32>,
    /// What was counted when the device was given the request.
    pub given: Atomic<u32>,
    /// What was counted at the last look.
    pub seen: Atomic<u32>,
}

/// A started request: the driver has to end it, and until then its memory is the driver's.
///
/// # Invariants
///
/// `raw` is a request of a queue of `O` that was started and not ended, and this is the only
/// owner.
pub struct Request<O: Operations> {
    raw: NonNull<bindings::request>,
    _operations: PhantomData<fn() -> O>,
}

// SAFETY: A request may be ended on any CPU and in any context.
unsafe impl<O: Operations> Send for Request<O> {}
// SAFETY: Shared access only reads what does not change while the driver owns the request.
unsafe impl<O: Operations> Sync for Request<O> {}

impl<O: Operations> Request<O> {
    /// # Safety
    ///
    /// `raw` must be a request of a queue of `O` that was just started, or comes from
    /// [`Self::into_raw`].
    #[inline]
    pub(super) unsafe fn from_raw(raw: NonNull<bindings::request>) -> Self {
        // INVARIANT: Promised by the caller.
        Self {
            raw,
            _operations: PhantomData,
        }
    }

    #[inline]
    pub(super) fn into_raw(self) -> NonNull<bindings::request> {
        ManuallyDrop::new(self).raw
    }

    #[inline]
    fn get(&self) -> &bindings::request {
        // SAFETY: By the type invariant the request is valid and ours; the block layer changes
        // only its deadline and state meanwhile, neither of which is read here.
        unsafe { self.raw.as_ref() }
    }

    /// What to do.
    #[inline]
    pub fn operation(&self) -> Operation {
        // The operation is the low eight bits.
        match self.get().cmd_flags & 0xff {
            bindings::req_op_REQ_OP_READ => Operation::Read,
            bindings::req_op_REQ_OP_WRITE => Operation::Write,
            bindings::req_op_REQ_OP_FLUSH => Operation::Flush,
            bindings::req_op_REQ_OP_DISCARD => Operation::Discard,
            bindings::req_op_REQ_OP_WRITE_ZEROES => Operation::WriteZeroes {
                keep: self.get().cmd_flags & bindings::RVIRTIO_REQ_NOUNMAP != 0,
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
                // SAFETY: The request is ours, so its private data is, too: `TagSet` made room for it behind
                // each request, zeroed, and whoever made the request has written it.
                let (command, sector) = unsafe { ((*private).command, (*private).sector) };

                Operation::DriverRead { command, sector }
            }
            other => Operation::Other(other),
        }
    }

    /// The first sector, in units of 512 bytes.
    #[inline]
    pub fn sector(&self) -> u64 {
        self.get().__sector
    }

    /// The bytes to transfer.
    #[inline]
    pub fn bytes(&self) -> u32 {
        self.get().__data_len
    }

    /// Says where a [`Operation::ZoneAppend`] has gone.
    pub fn set_sector(&mut self, sector: u64) {
        // SAFETY: The request is ours.
        unsafe { (*self.raw.as_ptr()).__sector = sector };
    }

    /// The I/O priority of whoever asked.
    #[inline]
    pub fn io_priority(&self) -> u16 {
        let bio = self.get().bio;

        if bio.is_null() {
            return 0;
        }
        // SAFETY: The first bio of a request is valid while the driver owns the request.
        unsafe { (*bio).bi_ioprio }
    }

    /// The tag: below the tag set's depth, and no other request of the same hardware queue has it
    /// while the driver owns this one.
    #[inline]
    pub fn tag(&self) -> usize {
        // CAST: A started request has a tag, which is not negative; were it, the result would be
        // out of any bounds.
        self.get().tag as usize
    }

    /// How many segments the block layer counted; zero for a request without data, for a discard its
    /// extents.
    #[inline]
    pub fn segment_count(&self) -> u16 {
        self.get().nr_phys_segments
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
        // SAFETY: The request is ours for the life of `&self`.
        unsafe { Extents::new(self.get().bio) }
    }

    /// Whether there is memory that goes with the request. Discards and the like have bios without.
    #[inline]
    fn has_data(&self) -> bool {
        matches!(
            self.get().cmd_flags & 0xff,
            bindings::req_op_REQ_OP_READ
                | bindings::req_op_REQ_OP_WRITE
                | bindings::req_op_REQ_OP_DRV_IN
                | bindings::req_op_REQ_OP_ZONE_APPEND
        )
    }

    /// The request's memory, in pieces of at most `limit` bytes.
    #[inline]
    pub fn segments(&self, limit: u32) -> Segments<'_> {
        let request = self.get();
        let bio = if request.nr_phys_segments == 0 || !self.has_data() {
            core::ptr::null()
        } else {
            request.bio.cast_const()
        };

        // SAFETY: The request is ours for the life of `&self`.
        unsafe { Segments::new(bio, limit) }
    }

    /// Lets the hardware queue of this request run again, if it was stopped for want of ring entries. Any
    /// context.
    #[inline]
    pub fn restart_stopped_queue(&self) {
        // SAFETY: The request's queue is valid while it is in flight.
        unsafe { bindings::blk_mq_start_stopped_hw_queue(self.get().mq_hctx, true) };
    }

    /// Ends the first `bytes` of a discard, which the device has done, and gives the rest back to the
    /// block layer, which submits it. Any context.
    pub fn complete_part(self, bytes: u32) {
        let raw = self.into_raw();

        // SAFETY: The request is started and ours. What is done of it is ended here; what is left is
        // still ours, and the block layer's after `blk_mq_requeue_request()`. Where nothing is left, the
        // request itself ends.
        unsafe {
            if bindings::blk_update_request(raw.as_ptr(), Status::Ok.as_raw(), bytes) {
                bindings::blk_mq_requeue_request(raw.as_ptr(), true);
            } else {
                bindings::__blk_mq_end_request(raw.as_ptr(), Status::Ok.as_raw());
            }
        }
    }

    /// What the driver notes of it.
    #[inline]
    pub fn notes(&self) -> &Notes {
        // SAFETY: The request is ours, and so is its private data; the notes are shared, see `Late`.
        unsafe { &(*private::<O>(self.raw)).notes }
    }

    /// Whether the request was given back with [`Self::repeat`] before.
    pub fn is_repeated(&self) -> bool {
        self.get().rq_flags & REPEATED != 0
    }

    /// As [`Self::requeue`], and remembers it.
    pub fn repeat(self) {
        // SAFETY: The request is ours.
        unsafe { (*self.raw.as_ptr()).rq_flags |= REPEATED };
        self.requeue();
    }

    /// Gives the request back to the block layer, which submits it again, with all of its queue that was
    /// stopped. Any context.
    pub fn requeue(self) {
        self.restart_stopped_queue();
        let raw = self.into_raw();

        // SAFETY: The request is started and ours; it is the block layer's after this.
        unsafe { bindings::blk_mq_requeue_request(raw.as_ptr(), true) };
    }

    /// Ends the request here and now. Any context.
    #[inline]
    pub fn end(self, status: Status) {
        let raw = self.into_raw();

        // SAFETY: The request is started and ours.
        unsafe { bindings::blk_mq_end_request(raw.as_ptr(), status.as_raw()) };
    }
}

/// The flag that is the driver's until a request ends, and with which the block layer does not merge it with others.
const REPEATED: bindings::req_flags_t = 1 << bindings::rqf_flags___RQF_DONTPREP;

/// A request that is late. It is the device's, or came back meanwhile.
///
/// # Invariants
///
/// `raw` is a request of a queue of `O`, to which the block layer has a reference for `'a`.
pub struct Late<'a, O: Operations> {
    raw: NonNull<bindings::request>,
    _borrow: PhantomData<&'a ()>,
    _operations: PhantomData<fn() -> O>,
}

impl<O: Operations> Late<'_, O> {
    /// # Safety
    ///
    /// The type's invariants.
    pub(super) unsafe fn from_raw(raw: NonNull<bindings::request>) -> Self {
        // INVARIANT: Promised by the caller.
        Self {
            raw,
            _borrow: PhantomData,
            _operations: PhantomData,
        }
    }

    /// Whether it is under way still.
    pub fn is_under_way(&self) -> bool {
        // SAFETY: By the type invariant; others may change the field meanwhile, so it is read once.
        let state = unsafe { (&raw const (*self.raw.as_ptr()).state).read_volatile() };

        state == bindings::mq_rq_state_MQ_RQ_IN_FLIGHT
    }

    /// After how many milliseconds a request of its disk is late: what [`TagSetConfig`](super::TagSetConfig) said, or
    /// user space since (`queue/io_timeout`).
    pub fn timeout_ms(&self) -> u64 {
        // SAFETY: By the type invariant its queue is valid; user space may change the field, so it is read once.
        unsafe {
            let jiffies = (&raw const (*(*self.raw.as_ptr()).q).rq_timeout).read_volatile();

            bindings::jiffies64_to_msecs(jiffies.into())
        }
    }

    /// What the driver notes of it.
    pub fn notes(&self) -> &Notes {
        // SAFETY: By the type invariant; `TagSet` made room for it, and all of it is atomic.
        unsafe { &(*private::<O>(self.raw)).notes }
    }
}

impl<O: Operations> Drop for Request<O> {
    /// A request that nobody ended fails, rather than hang for ever.
    fn drop(&mut self) {
        // SAFETY: By the type invariant the request is started and ours, and nobody uses it after
        // this.
        unsafe { bindings::blk_mq_end_request(self.raw.as_ptr(), Status::IoError.as_raw()) };
    }
}

/// The private data behind a request.
#[inline]
pub(super) fn private<O: Operations>(request: NonNull<bindings::request>) -> *mut Private<O> {
    // blk-mq puts `cmd_size` bytes right behind each request (`blk_mq_rq_to_pdu()`).
    request.as_ptr().wrapping_add(1).cast()
}
