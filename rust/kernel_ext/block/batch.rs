// SPDX-License-Identifier: GPL-2.0

//! Requests that the block layer hands over at once.

use super::{
    list::RequestList,
    operations::{
        HardwareQueue,
        Operations, //
    },
    request::{
        private,
        Request, //
    },
    request_view::RequestView,
    status::Status, //
};
use crate::bindings;

/// Requests of one hardware queue that the block layer hands over at once, see [`Operations::queue_batch`].
///
/// What is left when this goes, the block layer hands over again, one by one.
///
/// # Invariants
///
/// `left` holds requests that the block layer handed over and that are not started, `refused` too. Those of `ready`
/// are started and ours, and what was prepared for each is in its private data.
pub struct Batch<'a, O: Operations> {
    queue: HardwareQueue<'a, O>,
    left: &'a mut RequestList,
    refused: &'a mut RequestList,
    ready: RequestList,
}

impl<'a, O: Operations> Batch<'a, O> {
    /// Those of `left` up to the first one of another hardware queue; `None` when there are none.
    ///
    /// # Safety
    ///
    /// `left` and `refused` must hold requests of one disk of `O` that the block layer handed over, not started.
    #[inline]
    unsafe fn first(left: &'a mut RequestList, refused: &'a mut RequestList) -> Option<Self> {
        // SAFETY: The request is valid, and so is its context.
        let queue = unsafe { HardwareQueue::from_raw((*left.first()?.as_ptr()).mq_hctx) };

        // INVARIANT: Promised by the caller; nothing is ready.
        Some(Self {
            queue,
            left,
            refused,
            ready: RequestList::new(),
        })
    }

    /// The hardware queue.
    #[inline]
    pub fn queue(&self) -> &'a O::Queue {
        self.queue.own()
    }

    /// Has `prepare` look at each request, and starts it. One that it refuses fails later, when the block layer hands it
    /// over again.
    #[inline]
    pub fn prepare(&mut self, prepare: impl Fn(&RequestView<O>) -> Result<O::Prepared, Status>) {
        // BOUND: Each turn takes one off the list.
        while let Some(raw) = self.left.first() {
            // SAFETY: The request is valid.
            if unsafe { (*raw.as_ptr()).mq_hctx } != self.queue.as_raw() {
                return;
            }
            self.left.pop();
            // SAFETY: By the type invariant it was handed over; requests come in a batch with their tags, and the block layer
            // does not touch them before its call has returned.
            let request = unsafe { RequestView::<O>::from_raw(raw) };
            let prepared = prepare(&request);

            // INVARIANT: See the type.
            match prepared {
                Ok(prepared) => {
                    // SAFETY: The request is ours, and so is its private data.
                    unsafe {
                        (*private::<O>(raw)).prepared.write(prepared);
                        bindings::blk_mq_start_request(raw.as_ptr());
                    }
                    self.ready.push(raw);
                }
                Err(_) => self.refused.push(raw),
            }
        }
    }

    /// A request that is prepared, with what was prepared for it.
    #[inline]
    pub fn take(&mut self) -> Option<(Request<O>, O::Prepared)> {
        let raw = self.ready.pop()?;

        // SAFETY: By the type invariant it is started and ours, and was prepared.
        Some(unsafe {
            (
                Request::from_raw(raw),
                (*private::<O>(raw)).prepared.assume_init_read(),
            )
        })
    }
}

impl<O: Operations> Drop for Batch<'_, O> {
    fn drop(&mut self) {
        // What was not looked at.
        self.prepare(|_| Err(Status::IoError));
        // What was prepared in vain.
        // BOUND: Each turn takes one off the list.
        while let Some((request, _)) = self.take() {
            request.requeue();
        }
    }
}

/// # Safety
///
/// To be called by the block layer alone: with requests of one disk of `O` that are not started.
pub(super) unsafe extern "C" fn queue_rqs<O: Operations>(requests: *mut bindings::rq_list) {
    // SAFETY: The block layer passes a valid list.
    let mut left = unsafe { RequestList::from_raw(requests.replace(bindings::rq_list::default())) };
    let mut refused = RequestList::new();

    // BOUND: A batch takes one off the list at least.
    //
    // SAFETY: Promised by the caller.
    while let Some(mut batch) = unsafe { Batch::<O>::first(&mut left, &mut refused) } {
        O::queue_batch(&mut batch);
    }
    // SAFETY: As above.
    unsafe { requests.write(refused.into_raw()) };
}
