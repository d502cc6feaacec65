// SPDX-License-Identifier: GPL-2.0

//! The last chance before a task is killed for its memory.

use crate::bindings;
use core::pin::Pin;
use kernel::{
    error::to_result,
    prelude::*,
    sync::Arc,
    types::Opaque, //
};

/// Who can free memory when there is none.
pub trait OutOfMemory: Send + Sync + 'static {
    /// Frees some pages, at once, and says how many. If nobody frees any, a task is killed.
    ///
    /// Process context, with the kernel's one lock for this held, and on behalf of a task that
    /// waits for memory: it may sleep, but not for long, and must not allocate.
    fn out_of_memory(&self) -> usize;
}

/// A registered [`OutOfMemory`]; dropping it waits until it does not run.
///
/// # Invariants
///
/// `block` is registered, with [`callback`].
#[pin_data(PinnedDrop)]
pub struct OomNotifier<H: OutOfMemory> {
    #[pin]
    block: Opaque<bindings::notifier_block>,
    handler: Arc<H>,
}

// SAFETY: The kernel's lock guards `block`, and `handler` is `Send + Sync`.
unsafe impl<H: OutOfMemory> Send for OomNotifier<H> {}
// SAFETY: As above.
unsafe impl<H: OutOfMemory> Sync for OomNotifier<H> {}

impl<H: OutOfMemory> OomNotifier<H> {
    /// Registers `handler`; those with a higher `priority` are asked first. Process context.
    ///
    /// # Errors
    ///
    /// Those of the notifier chain; none today.
    pub fn new(handler: Arc<H>, priority: i32) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            handler,
            // Last, since it may be called from here on.
            block <- Opaque::try_ffi_init(move |block: *mut bindings::notifier_block| {
                // SAFETY: `block` is memory for the structure, which stays where it is until
                // `drop` has taken it off the chain.
                to_result(unsafe {
                    block.write(bindings::notifier_block {
                        notifier_call: Some(callback::<H>),
                        next: core::ptr::null_mut(),
                        priority,
                    });
                    bindings::register_oom_notifier(block)
                })
            }),
        })
    }
}

#[pinned_drop]
impl<H: OutOfMemory> PinnedDrop for OomNotifier<H> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant `block` is registered. It returns an error only if not.
        unsafe { bindings::unregister_oom_notifier(self.block.get()) };
    }
}

/// # Safety
///
/// To be called by the notifier chain alone, with the `block` of an `OomNotifier<H>`, and `freed`
/// pointing to a number that this may change.
unsafe extern "C" fn callback<H: OutOfMemory>(
    block: *mut bindings::notifier_block,
    _action: usize,
    freed: *mut c_void,
) -> c_int {
    let block = Opaque::cast_from(block);
    // SAFETY: `block` is that field of an `OomNotifier<H>`, which lives until it is unregistered.
    let this = unsafe { &*kernel::container_of!(block, OomNotifier<H>, block) };
    let pages = this.handler.out_of_memory();
    let freed = freed.cast::<usize>();

    // SAFETY: Promised by the caller; it is an `unsigned long` on the caller's stack.
    unsafe { *freed = (*freed).saturating_add(pages) };
    // CAST: A small constant.
    bindings::NOTIFY_OK as c_int
}
