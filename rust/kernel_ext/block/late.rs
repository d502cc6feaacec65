// SPDX-License-Identifier: GPL-2.0

//! A request that is late.

use super::{
    operations::Operations,
    request::{
        private,
        Notes, //
    }, //
};
use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};

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
