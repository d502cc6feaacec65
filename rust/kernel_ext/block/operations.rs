// SPDX-License-Identifier: GPL-2.0

//! What a block driver does, and the `struct blk_mq_ops` made of it.

use super::{
    batch::{
        queue_rqs,
        Batch, //
    },
    disk_ref::DiskRef,
    done::Done,
    late::Late,
    request::{
        private,
        Request, //
    },
    status::Status,
    tag_set::map_queues,
    zones::ZoneReport, //
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
    /// [`Request::restart_stopped_queue`] when something completes.
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
    /// Nothing: it came back, or the driver will end it or give it back soon, whatever the device does.
    Leave,
}

/// A hardware queue, as the block layer sees it.
///
/// # Invariants
///
/// `raw` is a context of a disk of `O` that [`init_hctx`] was called for, valid for `'a`.
pub struct HardwareQueue<'a, O: Operations> {
    raw: NonNull<bindings::blk_mq_hw_ctx>,
    _borrow: PhantomData<&'a O>,
}

impl<'a, O: Operations> HardwareQueue<'a, O> {
    /// # Safety
    ///
    /// `raw` must be a context that the block layer passes to an operation of a disk of `O`, which is valid
    /// for `'a`.
    #[inline]
    pub(super) unsafe fn from_raw(raw: *mut bindings::blk_mq_hw_ctx) -> Self {
        // INVARIANT: Promised by the caller.
        Self {
            // SAFETY: The block layer passes no null.
            raw: unsafe { NonNull::new_unchecked(raw) },
            _borrow: PhantomData,
        }
    }

    #[inline]
    pub(super) fn as_raw(&self) -> *mut bindings::blk_mq_hw_ctx {
        self.raw.as_ptr()
    }

    /// The driver's own object for it, see [`Operations::queue`].
    #[inline]
    pub fn own(&self) -> &'a O::Queue {
        // SAFETY: By the type invariant `init_hctx()` put a reference there, into an object that the disk
        // keeps.
        unsafe { &*(*self.raw.as_ptr()).driver_data.cast::<O::Queue>() }
    }

    /// Takes no more requests until [`Request::restart_stopped_queue`]. To be called under the
    /// same lock under which completions are looked for, so that no wake-up is lost.
    #[inline]
    pub fn stop(&self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::blk_mq_stop_hw_queue(self.raw.as_ptr()) };
    }
}

/// A block driver: the object behind one disk.
///
/// [`Disk`](super::Disk) and [`AddedDisk`](super::AddedDisk) keep it as long as the block layer may
/// call it.
pub trait Operations: Sized + Send + Sync + 'static {
    /// What the driver has for each hardware queue.
    type Queue: Sync + 'static;

    /// What it prepares for a request without a lock, see [`Batch`].
    type Prepared: Copy + Send;

    /// Its object for hardware queue `index`, below the number that the tag set was made with. Without one the disk
    /// cannot be made.
    fn queue(&self, index: u32) -> Option<&Self::Queue>;

    /// Takes a request. `last` says that no other follows at once, so that the device has to be
    /// told now; a request with `last` unset is followed by another, or by [`Self::commit`].
    ///
    /// Process or softirq context, no sleeping; other CPUs may call it at the same time.
    ///
    /// # Errors
    ///
    /// See [`Rejected`]; the request goes back to the block layer.
    fn queue_rq(
        queue: &HardwareQueue<'_, Self>,
        request: Request<Self>,
        last: bool,
    ) -> Result<(), (Rejected, Request<Self>)>;

    /// Takes several requests of one hardware queue at once, and tells the device. Same context as for
    /// [`Self::queue_rq`].
    fn queue_batch(batch: &mut Batch<'_, Self>);

    /// Reports the zones from the one that holds `sector` on, as many as are wanted, of a disk that has
    /// zones. Process context.
    ///
    /// # Errors
    ///
    /// Any; those of [`ZoneReport::tell`] among them.
    fn report_zones(disk: &DiskRef<'_, Self>, sector: u64, report: &mut ZoneReport<'_>) -> Result {
        let _ = (disk, sector, report);
        Err(EOPNOTSUPP)
    }

    /// Tells the device of all requests taken so far.
    fn commit(queue: &Self::Queue);

    /// Adds to `done` what the device is done with on a queue that is polled ([`Queues::poll`](super::Queues)), and says
    /// how many that were. Process context; other CPUs may call it at the same time.
    fn poll(queue: &Self::Queue, done: &mut Done<'_, Self>) -> u32;

    /// A request of `queue` has not come back within the tag set's timeout. Process context.
    fn timeout(&self, queue: &Self::Queue, late: &Late<'_, Self>) -> TimerAction;
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
    // SAFETY: The block layer passes a valid context and request.
    let (queue, raw, last) = unsafe {
        (
            HardwareQueue::<O>::from_raw(hctx),
            NonNull::new_unchecked((*data).rq),
            (*data).last,
        )
    };

    // SAFETY: The block layer gives us a request that is not started.
    unsafe { bindings::blk_mq_start_request(raw.as_ptr()) };
    // SAFETY: Started just now, and ours.
    let request = unsafe { Request::<O>::from_raw(raw) };

    match O::queue_rq(&queue, request, last) {
        Ok(()) => 0,
        Err((why, request)) => {
            // The block layer ends or requeues it itself.
            if matches!(why, Rejected::Failed(_)) {
                request.forget();
            }
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
    let queue = unsafe { HardwareQueue::<O>::from_raw(hctx) };

    O::commit(queue.own());
}

/// # Safety
///
/// To be called by the block layer alone: with a context of a disk of `O`.
unsafe extern "C" fn poll<O: Operations>(
    hctx: *mut bindings::blk_mq_hw_ctx,
    batch: *mut bindings::io_comp_batch,
) -> c_int {
    // SAFETY: The block layer passes a valid context, and a batch that it ends, or null.
    let (queue, mut done) = unsafe { (HardwareQueue::<O>::from_raw(hctx), Done::polled(batch)) };

    c_int::try_from(O::poll(queue.own(), &mut done)).unwrap_or(c_int::MAX)
}

/// Gives a hardware queue the driver's object for it.
///
/// # Safety
///
/// To be called by the block layer alone: with a new context of a disk of `O`.
unsafe extern "C" fn init_hctx<O: Operations>(
    hctx: *mut bindings::blk_mq_hw_ctx,
    _set: *mut c_void,
    index: c_uint,
) -> c_int {
    // SAFETY: The block layer passes a valid context whose queue has its data.
    let operations = unsafe { object::<O>((*hctx).queue) };

    match operations.queue(index) {
        Some(queue) => {
            // SAFETY: As above; the field is the driver's.
            unsafe { (*hctx).driver_data = core::ptr::from_ref(queue).cast_mut().cast() };
            0
        }
        None => EINVAL.to_errno(),
    }
}

/// # Safety
///
/// To be called by the block layer alone, for a request that [`Done::add`] handed to it.
unsafe extern "C" fn complete<O: Operations>(request: *mut bindings::request) {
    // SAFETY: The block layer passes a request that `Done::add` gave it.
    let raw = unsafe { NonNull::new_unchecked(request) };

    // SAFETY: As above: its status was stored, and nobody else owns it.
    unsafe { bindings::blk_mq_end_request(raw.as_ptr(), (*private::<O>(raw)).status) };
}

/// # Safety
///
/// To be called by the block layer alone, with a request of a disk of `O` that it keeps meanwhile.
unsafe extern "C" fn timeout<O: Operations>(
    request: *mut bindings::request,
) -> bindings::blk_eh_timer_return {
    // SAFETY: The block layer passes a valid request and holds a reference to it and its queue.
    let (operations, queue, late) = unsafe {
        (
            object::<O>((*request).q),
            HardwareQueue::<O>::from_raw((*request).mq_hctx),
            Late::from_raw(NonNull::new_unchecked(request)),
        )
    };

    match operations.timeout(queue.own(), &late) {
        TimerAction::Leave => bindings::blk_eh_timer_return_BLK_EH_DONE,
        TimerAction::Restart => bindings::blk_eh_timer_return_BLK_EH_RESET_TIMER,
    }
}

/// The table of `O`.
pub(super) struct Table<O>(PhantomData<O>);

impl<O: Operations> Table<O> {
    pub(super) const OPS: bindings::blk_mq_ops = bindings::blk_mq_ops {
        queue_rq: Some(queue_rq::<O>),
        commit_rqs: Some(commit_rqs::<O>),
        queue_rqs: Some(queue_rqs::<O>),
        get_budget: None,
        put_budget: None,
        set_rq_budget_token: None,
        get_rq_budget_token: None,
        timeout: Some(timeout::<O>),
        poll: Some(poll::<O>),
        complete: Some(complete::<O>),
        init_hctx: Some(init_hctx::<O>),
        exit_hctx: None,
        init_request: None,
        exit_request: None,
        cleanup_rq: None,
        busy: None,
        map_queues: Some(map_queues),
        #[cfg(CONFIG_BLK_DEBUG_FS)]
        show_rq: None,
    };
    pub(super) const OPS_REF: &'static bindings::blk_mq_ops = &Self::OPS;
}
