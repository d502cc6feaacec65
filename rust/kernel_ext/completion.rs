// SPDX-License-Identifier: GPL-2.0

//! Waiting for an event, always with an end.
//!
//! C header: [`include/linux/completion.h`](srctree/include/linux/completion.h)
//!
//! Upstream replacement: `kernel::sync::Completion`, once it completes one waiter at a time, waits
//! with a timeout, and can be used again.

use crate::bindings;
use kernel::{
    prelude::*,
    types::Opaque, //
};

/// Counts events, for those who wait for them.
///
/// It has no lock that its users see: what is told apart by it is written before
/// [`Self::complete`] and read after [`Self::wait_ms`] returned `true`.
#[pin_data]
pub struct Completion {
    #[pin]
    raw: Opaque<bindings::completion>,
}

// SAFETY: A completion may be used from any thread.
unsafe impl Send for Completion {}
// SAFETY: A completion has a lock of its own.
unsafe impl Sync for Completion {}

impl Completion {
    /// Makes a completion of which no event has come.
    pub fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            raw <- Opaque::ffi_init(|raw: *mut bindings::completion| {
                // SAFETY: `raw` is memory for a completion, which stays where it is.
                unsafe { bindings::init_completion(raw) };
            }),
        })
    }

    /// One event has come: lets one waiter go on, the next one if there is none now. Any context.
    pub fn complete(&self) {
        // SAFETY: The completion is initialised.
        unsafe { bindings::complete(self.raw.get()) };
    }

    /// Waits for one event and consumes it; `false` when none came within `ms` milliseconds.
    /// An event that is there already is taken without waiting. Not to be interrupted by signals.
    /// Process context.
    #[must_use = "the event may not have come"]
    pub fn wait_ms(&self, ms: u32) -> bool {
        // SAFETY: A plain conversion.
        let jiffies = unsafe { bindings::__msecs_to_jiffies(ms) };

        // SAFETY: The completion is initialised. A wait of zero jiffies looks once.
        unsafe { bindings::wait_for_completion_timeout(self.raw.get(), jiffies) != 0 }
    }

    /// Forgets the events that nobody waited for. To be called before what will cause the event is
    /// started, by whoever will wait for it: it takes events, and lets nobody go on.
    pub fn reset(&self) {
        // Not `reinit_completion()`, which needs that nobody completes meanwhile.
        //
        // BOUND: Each turn takes an event; one comes for a buffer that was handed over.
        // SAFETY: The completion is initialised; this does not wait.
        while unsafe { bindings::try_wait_for_completion(self.raw.get()) } {}
    }
}
