// SPDX-License-Identifier: GPL-2.0

//! A disk that is visible at the moment, as its attributes see it.

use super::{
    limits::apply_cache,
    operations::Operations,
    request::private,
    status::Status, //
};
use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    error::{
        from_err_ptr,
        to_result, //
    },
    prelude::*, //
};

/// A disk of `O`.
///
/// # Invariants
///
/// `queue` is the queue of a disk of `O` that is not taken away for `'a`.
pub struct DiskRef<'a, O: Operations> {
    queue: NonNull<bindings::request_queue>,
    _borrow: PhantomData<&'a O>,
}

impl<O: Operations> DiskRef<'_, O> {
    /// # Safety
    ///
    /// `queue` must be the queue of a disk of `O` that is not taken away for the reference's life.
    pub(super) unsafe fn from_queue(queue: *mut bindings::request_queue) -> Self {
        // INVARIANT: Promised by the caller; a disk's queue is not null.
        Self {
            // SAFETY: As above.
            queue: unsafe { NonNull::new_unchecked(queue) },
            _borrow: PhantomData,
        }
    }

    /// The driver's object.
    pub fn operations(&self) -> &O {
        // SAFETY: By the type invariant; `Disk::new` put a pointer to an `O` there.
        unsafe { &*(*self.queue.as_ptr()).queuedata.cast::<O>() }
    }

    /// Has `ask` change the device's cache, and follows what it returns: whether there is a cache
    /// now that needs flushing. One at a time, under the lock of the limits. Process context; waits
    /// for the requests under way.
    ///
    /// # Errors
    ///
    /// Those of `ask`, with nothing changed; those of the block layer when it does not accept the
    /// limits.
    pub fn change_write_cache(&self, ask: impl FnOnce() -> Result<bool>) -> Result<bool> {
        let mut raw = bindings::queue_limits::default();

        // SAFETY: The queue is valid. This takes the lock of its limits.
        unsafe { bindings::rvirtio_helper_limits_start(self.queue.as_ptr(), &mut raw) };
        let write_cache = match ask() {
            Ok(write_cache) => write_cache,
            Err(error) => {
                // SAFETY: As above. This gives the lock back.
                unsafe { bindings::rvirtio_helper_limits_cancel(self.queue.as_ptr()) };
                return Err(error);
            }
        };

        apply_cache(write_cache, &mut raw);
        // SAFETY: As above. This gives the lock back.
        to_result(unsafe {
            bindings::queue_limits_commit_update_frozen(self.queue.as_ptr(), &mut raw)
        })?;
        Ok(write_cache)
    }

    /// Sends a request of the driver's own ([`Operation::DriverRead`](super::Operation)), for `command` at
    /// `sector`, that fills `buffer`, and waits for its end. Process context.
    ///
    /// # Errors
    ///
    /// `ENODEV` when the disk is going away, `ENOMEM`, `EOPNOTSUPP` when the device does not know
    /// the request, `EIO` for anything else.
    pub fn driver_read(&self, command: u32, sector: u64, buffer: &mut KVec<u8>) -> Result {
        let length = u32::try_from(buffer.len())?;

        // SAFETY: The queue is valid.
        let request = from_err_ptr(unsafe {
            bindings::blk_mq_alloc_request(self.queue.as_ptr(), bindings::req_op_REQ_OP_DRV_IN, 0)
        })?;
        // SAFETY: A request that was allocated is not null.
        let private = private::<O>(unsafe { NonNull::new_unchecked(request) });

        // SAFETY: The request is ours and not started; its private data goes with it.
        unsafe {
            (*private).command = command;
            (*private).sector = sector;
        }
        // SAFETY: The request is ours; the buffer is kernel memory that outlives it, since
        // `blk_execute_rq()` waits.
        let mapped = to_result(unsafe {
            bindings::blk_rq_map_kern(
                request,
                buffer.as_mut_ptr().cast(),
                length,
                bindings::GFP_KERNEL,
            )
        });
        let result = mapped.and_then(|()| {
            // SAFETY: The request is ours and complete.
            match Status::from_raw(unsafe { bindings::blk_execute_rq(request, false) }) {
                Status::Ok => Ok(()),
                Status::NotSupported => Err(EOPNOTSUPP),
                _ => Err(EIO),
            }
        });

        // SAFETY: The request is ours and not in flight.
        unsafe { bindings::blk_mq_free_request(request) };
        result
    }
}
