// SPDX-License-Identifier: GPL-2.0

//! What a queue counts, and what it says to who traces it.
//!
//! Behind the queue's lock, beside the ring: a counter is a field in memory that is written to anyway.

use crate::ring::AnyRing;
use kernel_ext::trace::{
    self,
    Queue, //
};
use vring::{
    AddError,
    Completion, //
};

/// What a queue has done.
pub(crate) struct Activity {
    queue: Queue,
    /// How often the device was shown buffers.
    pub(crate) batches: u64,
    /// How often it wanted to be notified of them.
    pub(crate) kicks: u64,
    /// How often there was no room for a buffer.
    pub(crate) full: u64,
    /// Why a buffer was refused last, other than for that.
    pub(crate) refused: Option<AddError>,
}

impl Activity {
    /// Of queue `index` of device number `device`.
    pub(crate) fn new(device: usize, index: u16) -> Self {
        Self {
            queue: Queue {
                // CAST: To show; there are not as many.
                device: device as u32,
                index,
            },
            batches: 0,
            kicks: 0,
            full: 0,
            refused: None,
        }
    }

    /// A buffer was added to `ring`, or was not.
    // Always: the result stays where it was made.
    #[inline(always)]
    pub(crate) fn added<T>(
        &mut self,
        ring: &AnyRing<T>,
        result: Result<(), (AddError, T)>,
    ) -> Result<(), (AddError, T)> {
        match &result {
            Ok(()) => {
                trace::queue_add(|| (self.queue, ring.added().wrapping_sub(1), ring.in_flight()))
            }
            Err((error, _)) => self.refuse(*error),
        }
        result
    }

    #[cold]
    #[inline(never)]
    fn refuse(&mut self, error: AddError) {
        if error == AddError::Full {
            self.full = self.full.wrapping_add(1);
        } else {
            self.refused = Some(error);
        }
    }

    /// So many buffers were shown to the device, which wants to be notified, or not.
    #[inline]
    pub(crate) fn published(&mut self, buffers: u32, kick: bool) {
        self.batches = self.batches.wrapping_add(u64::from(buffers != 0));
        self.kicks = self.kicks.wrapping_add(u64::from(kick));
        trace::queue_kick(|| (self.queue, buffers, !kick));
    }

    /// A buffer was taken back.
    #[inline]
    pub(crate) fn used<T>(&self, ring: &AnyRing<T>, completion: &Completion<T>) {
        trace::queue_used(|| (self.queue, completion.written(), ring.in_flight()));
    }
}
