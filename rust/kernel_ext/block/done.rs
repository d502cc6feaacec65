// SPDX-License-Identifier: GPL-2.0

//! Requests that the device is done with.

use super::{
    list::RequestList,
    operations::Operations,
    request::{
        private,
        Request, //
    },
    status::Status, //
};
use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};

/// Requests that the device is done with, to be ended together: when this goes, without the locks under which they were
/// found.
///
/// Those that the block layer ends on another CPU, or in a softirq, go there at once.
pub struct Done<'a, O: Operations> {
    /// Those that the block layer ends in one go.
    batch: bindings::io_comp_batch,
    /// Where they go instead while somebody polls, who ends them.
    polled: Option<NonNull<bindings::io_comp_batch>>,
    /// Those that are ended one by one.
    single: RequestList,
    /// Discards that are done in part, to be given back with the rest.
    parts: RequestList,
    _call: PhantomData<&'a ()>,
    _operations: PhantomData<fn() -> O>,
}

impl<O: Operations> Done<'_, O> {
    /// None yet.
    #[inline]
    pub fn new() -> Self {
        // SAFETY: Null is none.
        unsafe { Self::polled(core::ptr::null_mut()) }
    }

    /// None yet, for somebody who polls and ends what is in `batch`, unless it is null.
    ///
    /// # Safety
    ///
    /// `batch` must be null, or valid for the life of the result.
    #[inline]
    pub(super) unsafe fn polled(batch: *mut bindings::io_comp_batch) -> Self {
        Self {
            batch: bindings::io_comp_batch {
                req_list: RequestList::new().into_raw(),
                need_ts: false,
                complete: None,
                poll_ctx: core::ptr::null_mut(),
            },
            polled: NonNull::new(batch),
            single: RequestList::new(),
            parts: RequestList::new(),
            _call: PhantomData,
            _operations: PhantomData,
        }
    }

    /// Adds a request, which ended with `status`. Any context.
    #[inline]
    pub fn add(&mut self, request: Request<O>, status: Status) {
        let batch = match self.polled {
            Some(batch) => batch.as_ptr(),
            None => &mut self.batch,
        };

        self.hand_over(request, status, batch);
    }

    /// As [`Self::add`], for the request whose end makes room for others on a queue that was stopped. What ends in a batch
    /// does not have the block layer run the queue again for those that it was just about to put aside.
    #[cold]
    pub fn add_alone(&mut self, request: Request<O>, status: Status) {
        self.hand_over(request, status, core::ptr::null_mut());
    }

    /// Adds a discard of which the device has done the first `bytes`. The block layer hears of these, and submits the rest.
    #[cold]
    pub fn add_part(&mut self, request: Request<O>, bytes: u32) {
        request.forget();
        let raw = request.into_raw();

        // SAFETY: The request is started and ours, and so is its private data.
        unsafe { (*private::<O>(raw)).part = bytes };
        self.parts.push(raw);
    }

    /// Gives a request to the CPU that submitted it, into `batch`, unless that is null, or into the list.
    #[inline]
    fn hand_over(
        &mut self,
        request: Request<O>,
        status: Status,
        batch: *mut bindings::io_comp_batch,
    ) {
        request.forget();
        let raw = request.into_raw();

        // SAFETY: The request is started and ours, so its private data is, too: `TagSet` made
        // room for it behind each request.
        unsafe { (*private::<O>(raw)).status = status.as_raw() };
        // What ends in a batch ends well, whatever was stored.
        let batch = if status == Status::Ok {
            batch
        } else {
            core::ptr::null_mut()
        };

        // SAFETY: As above. If the answer is true the block layer has it, or the batch.
        if !unsafe {
            bindings::rvirtio_helper_request_done(raw.as_ptr(), batch, status != Status::Ok)
        } {
            self.single.push(raw);
        }
    }
}

impl<O: Operations> Default for Done<'_, O> {
    fn default() -> Self {
        Self::new()
    }
}

impl<O: Operations> Drop for Done<'_, O> {
    #[inline]
    fn drop(&mut self) {
        // BOUND: Each turn takes one off the list.
        while let Some(raw) = self.single.pop() {
            // SAFETY: The request is started and ours, and its status was stored.
            unsafe { bindings::blk_mq_end_request(raw.as_ptr(), (*private::<O>(raw)).status) };
        }
        // BOUND: As above.
        while let Some(raw) = self.parts.pop() {
            // SAFETY: The request is started and ours, and its part was stored. What is done of it is ended here; what is
            // left is ours, and the block layer's after `blk_mq_requeue_request()`. Where nothing is left, the request itself
            // ends.
            unsafe {
                let part = (*private::<O>(raw)).part;

                if bindings::blk_update_request(raw.as_ptr(), Status::Ok.as_raw(), part) {
                    bindings::blk_mq_requeue_request(raw.as_ptr(), true);
                } else {
                    bindings::__blk_mq_end_request(raw.as_ptr(), Status::Ok.as_raw());
                }
            }
        }
        if !self.batch.req_list.head.is_null() {
            // SAFETY: These are started requests of ours that ended well.
            unsafe { bindings::blk_mq_end_request_batch(&mut self.batch) };
        }
    }
}
