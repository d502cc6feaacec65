// SPDX-License-Identifier: GPL-2.0

//! A request that the driver owns.

use super::{
    operations::Operations,
    request_view::RequestView,
    status::Status, //
};
use crate::bindings;
use core::{
    mem::{
        ManuallyDrop,
        MaybeUninit, //
    },
    ops::Deref,
    ptr::NonNull, //
};
use kernel::sync::atomic::{
    ordering::Relaxed,
    Atomic, //
};

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
    /// How many bytes of a discard are done, on their way out of the lock under which that was found.
    pub(super) part: u32,
    /// What the driver keeps of it while it is under way.
    pub(super) notes: Notes,
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
    /// Not zero when it was given back with [`Request::repeat`]; kept by this crate, from then until it ends.
    pub(super) repeated: Atomic<u32>,
}

/// A started request: the driver has to end it, and until then its memory is the driver's. What it says is in its
/// [`RequestView`].
///
/// # Invariants
///
/// The request of the view was started and not ended or given back, and this is the only owner.
pub struct Request<O: Operations>(RequestView<O>);

// SAFETY: A request may be ended on any CPU and in any context.
unsafe impl<O: Operations> Send for Request<O> {}
// SAFETY: Shared access only reads what does not change while the driver owns the request.
unsafe impl<O: Operations> Sync for Request<O> {}

impl<O: Operations> Request<O> {
    /// # Safety
    ///
    /// `raw` must be a request of a queue of `O` that was started (`blk_mq_start_request()`) and neither ended nor given
    /// back since, and nobody else may own it: it was started just now, or comes from [`Self::into_raw`].
    #[inline]
    pub(super) unsafe fn from_raw(raw: NonNull<bindings::request>) -> Self {
        // INVARIANT: Promised by the caller.
        // SAFETY: As above: one that is started has its tag, and is the driver's.
        Self(unsafe { RequestView::from_raw(raw) })
    }

    /// It ends: nothing that was noted of it is to be found by the next one in its place.
    #[inline]
    pub(super) fn forget(&self) {
        self.notes().repeated.store(0, Relaxed);
    }

    /// Gives the duty to end it to the caller.
    #[inline]
    pub(super) fn into_raw(self) -> NonNull<bindings::request> {
        ManuallyDrop::new(self).0.as_raw()
    }

    /// Lets the hardware queue of this request run again, if it was stopped for want of ring entries. Any
    /// context.
    #[inline]
    pub fn restart_stopped_queue(&self) {
        // SAFETY: The request's queue is valid while it is in flight.
        unsafe {
            bindings::blk_mq_start_stopped_hw_queue((*self.0.as_raw().as_ptr()).mq_hctx, true)
        };
    }

    /// Says where a [`Operation::ZoneAppend`](super::Operation::ZoneAppend) has gone.
    pub fn set_sector(&mut self, sector: u64) {
        // SAFETY: The request is ours.
        unsafe { (*self.0.as_raw().as_ptr()).__sector = sector };
    }

    /// As [`Self::requeue`], and remembers it until the request ends. Only after [`TagSet::hold`](super::TagSet::hold), so that
    /// nobody looks whether it is late: that changes the same field as this does to keep it from being merged.
    pub fn repeat(self) {
        self.notes().repeated.store(1, Relaxed);
        // SAFETY: The request is ours.
        unsafe { (*self.0.as_raw().as_ptr()).rq_flags |= NOT_MERGED };
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
        self.forget();
        let raw = self.into_raw();

        // SAFETY: The request is started and ours.
        unsafe { bindings::blk_mq_end_request(raw.as_ptr(), status.as_raw()) };
    }
}

/// The flag that is the driver's until a request ends, and with which the block layer does not merge it with others.
const NOT_MERGED: bindings::req_flags_t = 1 << bindings::rqf_flags___RQF_DONTPREP;

impl<O: Operations> Deref for Request<O> {
    type Target = RequestView<O>;

    #[inline]
    fn deref(&self) -> &RequestView<O> {
        &self.0
    }
}

impl<O: Operations> Drop for Request<O> {
    /// A request that nobody ended fails, rather than hang for ever.
    fn drop(&mut self) {
        self.forget();
        // SAFETY: By the type invariant the request is started and ours, and nobody uses it after
        // this.
        unsafe { bindings::blk_mq_end_request(self.0.as_raw().as_ptr(), Status::IoError.as_raw()) };
    }
}

/// The private data behind a request.
#[inline]
pub(super) fn private<O: Operations>(request: NonNull<bindings::request>) -> *mut Private<O> {
    // blk-mq puts `cmd_size` bytes right behind each request (`blk_mq_rq_to_pdu()`).
    request.as_ptr().wrapping_add(1).cast()
}
