// SPDX-License-Identifier: GPL-2.0

//! A work queue of one's own, and work that can be taken back.
//!
//! C header: [`include/linux/workqueue.h`](srctree/include/linux/workqueue.h)
//!
//! Upstream replacement: an owned `kernel::workqueue::Queue`, `Work::cancel_sync()`, and
//! `mod_delayed_work()`.

use crate::bindings;
use core::ptr::NonNull;
use kernel::{
    prelude::*,
    sync::Arc,
    workqueue::{
        HasDelayedWork,
        HasWork,
        Queue,
        Work,
        WorkItem, //
    }, //
};

/// A work queue that is drained and destroyed when it is dropped.
pub struct OwnedQueue(NonNull<bindings::workqueue_struct>);

// SAFETY: A work queue may be used from any thread.
unsafe impl Send for OwnedQueue {}
// SAFETY: As above.
unsafe impl Sync for OwnedQueue {}

impl OwnedQueue {
    /// Makes a queue whose work may run on any CPU, several items side by side, and which makes
    /// progress also when memory is short (`WQ_MEM_RECLAIM`): recovering a disk must not wait for
    /// that disk.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(name: &'static CStr) -> Result<Self> {
        Self::with(name, bindings::wq_flags_WQ_MEM_RECLAIM)
    }

    /// Makes a queue whose work may run on any CPU and may wait for memory.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn unhurried(name: &'static CStr) -> Result<Self> {
        Self::with(name, 0)
    }

    fn with(name: &'static CStr, flags: bindings::wq_flags) -> Result<Self> {
        // SAFETY: The format takes one string.
        let queue = unsafe {
            bindings::alloc_workqueue_noprof(
                c"%s".as_char_ptr(),
                bindings::wq_flags_WQ_UNBOUND | flags,
                0,
                name.as_char_ptr(),
            )
        };

        NonNull::new(queue).map(Self).ok_or(ENOMEM)
    }

    /// The queue, to enqueue work on.
    pub fn queue(&self) -> &Queue {
        // SAFETY: The queue lives as long as `self`.
        unsafe { Queue::from_raw(self.0.as_ptr()) }
    }
}

impl Drop for OwnedQueue {
    fn drop(&mut self) {
        // SAFETY: `self` owns the queue; this waits for what is on it.
        unsafe { bindings::destroy_workqueue(self.0.as_ptr()) };
    }
}

/// Takes work item `ID` of `item` off its queue, waits until it does not run, and keeps it from
/// being enqueued until [`enable`] was called as often. Process context, not from the work itself.
pub fn disable_sync<T, const ID: u64>(item: &Arc<T>)
where
    T: WorkItem<ID, Pointer = Arc<T>> + HasWork<T, ID>,
{
    // SAFETY: `item` is a valid `T`; its work field was initialised with it.
    let work = unsafe { Work::raw_get(T::raw_get_work(Arc::as_ptr(item).cast_mut())) };

    // SAFETY: `work` is an initialised work item.
    if unsafe { bindings::disable_work_sync(work) } {
        // SAFETY: It was pending and is not any more.
        unsafe { drop_pending(item) };
    }
}

/// Ends one [`disable_sync`]: the item may be enqueued again.
pub fn enable<T, const ID: u64>(item: &Arc<T>)
where
    T: WorkItem<ID, Pointer = Arc<T>> + HasWork<T, ID>,
{
    // SAFETY: `item` is a valid `T`; its work field was initialised with it.
    let work = unsafe { Work::raw_get(T::raw_get_work(Arc::as_ptr(item).cast_mut())) };

    // SAFETY: `work` is an initialised work item.
    unsafe { bindings::enable_work(work) };
}

/// The `struct delayed_work` of work item `ID` of `item`.
fn raw_delayed<T, const ID: u64>(item: &Arc<T>) -> *mut bindings::delayed_work
where
    T: WorkItem<ID, Pointer = Arc<T>> + HasDelayedWork<T, ID>,
{
    // SAFETY: `item` is a valid `T`; its work field was initialised with it.
    let work = unsafe { Work::raw_get(T::raw_get_work(Arc::as_ptr(item).cast_mut())) };

    // SAFETY: `HasDelayedWork` promises that it is the `work` of a `struct delayed_work`.
    unsafe { kernel::container_of!(work, bindings::delayed_work, work) }
}

/// Takes back the reference that enqueuing `item` took.
///
/// # Safety
///
/// `item` must have been pending, and `run` will not be called for it.
unsafe fn drop_pending<T>(item: &Arc<T>) {
    // SAFETY: `__enqueue` made the reference with `Arc::into_raw`; `run` would have taken it back.
    drop(unsafe { Arc::from_raw(Arc::as_ptr(item)) });
}

/// Runs delayed work item `ID` of `item` on `queue` as soon as possible, also when it waits for its
/// time already. Any context.
pub fn hurry<T, const ID: u64>(queue: &Queue, item: &Arc<T>)
where
    T: WorkItem<ID, Pointer = Arc<T>> + HasDelayedWork<T, ID> + Send + Sync + 'static,
{
    // Twice: while it runs it may enqueue itself for later, between the two steps of the first round.
    for _ in 0..2 {
        // SAFETY: It is an initialised work item; this does not wait for it.
        if unsafe { bindings::cancel_delayed_work(raw_delayed(item)) } {
            // SAFETY: It was pending and is not any more.
            unsafe { drop_pending(item) };
        }
        if queue.enqueue::<Arc<T>, ID>(item.clone()).is_ok() {
            break;
        }
        // Disabled is not to be run.
    }
}

/// As [`disable_sync`], for delayed work.
pub fn disable_delayed_sync<T, const ID: u64>(item: &Arc<T>)
where
    T: WorkItem<ID, Pointer = Arc<T>> + HasDelayedWork<T, ID>,
{
    // SAFETY: It is an initialised work item.
    if unsafe { bindings::disable_delayed_work_sync(raw_delayed(item)) } {
        // SAFETY: It was pending and is not any more.
        unsafe { drop_pending(item) };
    }
}
