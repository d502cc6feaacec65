// SPDX-License-Identifier: GPL-2.0

//! What a block driver does, and the `struct blk_mq_ops` made of it.

use super::{
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
use kernel::prelude::*;

/// Why a request was not taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rejected {
    /// The ring is full. The driver has called [`HardwareQueue::stop`] and will call
    /// [`Request::restart_stopped_queues`] when something completes.
    QueueFull,
    /// Memory or mappings are short at the moment: the block layer tries again soon.
    Resource,
    /// The request fails with this.
    Failed(Status),
}

/// What to do about a request that takes too long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimerAction {
    /// Wait for another timeout.
    Restart,
}

/// A hardware queue, as the block layer sees it.
pub struct HardwareQueue<'a> {
    raw: NonNull<bindings::blk_mq_hw_ctx>,
    _borrow: PhantomData<&'a ()>,
}

impl HardwareQueue<'_> {
    /// Which of the tag set's hardware queues this is.
    #[inline]
    pub fn index(&self) -> u32 {
        // SAFETY: The context is valid while the block layer's call runs.
        unsafe { self.raw.as_ref() }.queue_num
    }

    /// Takes no more requests until [`Request::restart_stopped_queues`]. To be called under the
    /// same lock under which completions are looked for, so that no wake-up is lost.
    #[inline]
    pub fn stop(&self) {
        // SAFETY: As above.
        unsafe { bindings::blk_mq_stop_hw_queue(self.raw.as_ptr()) };
    }
}

/// A block driver: the object behind one disk.
///
/// [`Disk`](super::Disk) and [`AddedDisk`](super::AddedDisk) keep it as long as the block layer may
/// call it.
pub trait Operations: Sized + Send + Sync + 'static {
    /// Takes a request. `last` says that no other follows at once, so that the device has to be
    /// told now; a request with `last` unset is followed by another, or by [`Self::commit`].
    ///
    /// Process or softirq context, no sleeping; other CPUs may call it at the same time.
    ///
    /// # Errors
    ///
    /// See [`Rejected`]; the request goes back to the block layer.
    fn queue_rq(
        &self,
        queue: &HardwareQueue<'_>,
        request: Request<Self>,
        last: bool,
    ) -> Result<(), (Rejected, Request<Self>)>;

    /// Tells the device of all requests taken so far.
    fn commit(&self, queue: &HardwareQueue<'_>);

    /// A request has not come back within the tag set's timeout. It is still the device's.
    /// Process context.
    fn timeout(&self) -> TimerAction;
}

/// The driver's object behind a request queue.
///
/// # Safety
///
/// `queue` must be the request queue of a [`Disk<O>`](super::Disk) or
/// [`AddedDisk<O>`](super::AddedDisk) that is not dropped for `'a`.
#[inline]
unsafe fn object<'a, O: Operations>(queue: *mut bindings::request_queue) -> &'a O {
    // SAFETY: `Disk::new` puts a pointer there, to an object that the disk keeps.
    unsafe { &*(*queue).queuedata.cast::<O>() }
}

/// # Safety
///
/// To be called by the block layer alone: with a context of a disk of `O` and a request for it.
unsafe extern "C" fn queue_rq<O: Operations>(
    hctx: *mut bindings::blk_mq_hw_ctx,
    data: *const bindings::blk_mq_queue_data,
) -> bindings::blk_status_t {
    // SAFETY: The block layer passes a valid context, request and queue.
    let (hctx, raw, last, operations) = unsafe {
        (
            NonNull::new_unchecked(hctx),
            NonNull::new_unchecked((*data).rq),
            (*data).last,
            object::<O>((*hctx).queue),
        )
    };
    let queue = HardwareQueue {
        raw: hctx,
        _borrow: PhantomData,
    };

    // SAFETY: The block layer gives us a request that is not started.
    unsafe { bindings::blk_mq_start_request(raw.as_ptr()) };
    // SAFETY: Started just now, and ours.
    let request = unsafe { Request::<O>::from_raw(raw) };

    match operations.queue_rq(&queue, request, last) {
        Ok(()) => 0,
        Err((why, request)) => {
            // The block layer ends or requeues it itself.
            let _ = request.into_raw();
            match why {
                Rejected::QueueFull => bindings::RVIRTIO_STS_DEV_RESOURCE,
                Rejected::Resource => bindings::RVIRTIO_STS_RESOURCE,
                Rejected::Failed(status) => status.as_raw(),
            }
        }
    }
}

/// # Safety
///
/// To be called by the block layer alone: with a context of a disk of `O`.
unsafe extern "C" fn commit_rqs<O: Operations>(hctx: *mut bindings::blk_mq_hw_ctx) {
    // SAFETY: The block layer passes a valid context.
    let (raw, operations) = unsafe { (NonNull::new_unchecked(hctx), object::<O>((*hctx).queue)) };

    operations.commit(&HardwareQueue {
        raw,
        _borrow: PhantomData,
    });
}

/// # Safety
///
/// To be called by the block layer alone, for a request that [`Request::complete`] handed to it.
unsafe extern "C" fn complete(request: *mut bindings::request) {
    // SAFETY: The block layer passes a request for which `Request::complete` was called.
    let raw = unsafe { NonNull::new_unchecked(request) };

    // SAFETY: As above: its status was stored, and nobody else owns it.
    unsafe { bindings::blk_mq_end_request(raw.as_ptr(), (*private(raw)).status) };
}

/// # Safety
///
/// To be called by the block layer alone, with a request of a disk of `O` that it keeps meanwhile.
unsafe extern "C" fn timeout<O: Operations>(
    request: *mut bindings::request,
) -> bindings::blk_eh_timer_return {
    // SAFETY: The block layer passes a valid request and holds a reference to it and its queue.
    let operations = unsafe { object::<O>((*request).q) };

    match operations.timeout() {
        TimerAction::Restart => bindings::blk_eh_timer_return_BLK_EH_RESET_TIMER,
    }
}

/// The table of `O`.
pub(super) struct Table<O>(PhantomData<O>);

impl<O: Operations> Table<O> {
    pub(super) const OPS: bindings::blk_mq_ops = bindings::blk_mq_ops {
        queue_rq: Some(queue_rq::<O>),
        commit_rqs: Some(commit_rqs::<O>),
        queue_rqs: None,
        get_budget: None,
        put_budget: None,
        set_rq_budget_token: None,
        get_rq_budget_token: None,
        timeout: Some(timeout::<O>),
        poll: None,
        complete: Some(complete),
        init_hctx: None,
        exit_hctx: None,
        init_request: None,
        exit_request: None,
        cleanup_rq: None,
        busy: None,
        map_queues: None,
        #[cfg(CONFIG_BLK_DEBUG_FS)]
        show_rq: None,
    };
    pub(super) const OPS_REF: &'static bindings::blk_mq_ops = &Self::OPS;
}
