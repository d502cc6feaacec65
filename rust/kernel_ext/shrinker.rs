// SPDX-License-Identifier: GPL-2.0

//! Giving memory back when others need it.
//!
//! C header: [`include/linux/shrinker.h`](srctree/include/linux/shrinker.h)
//!
//! Upstream replacement: a `kernel::mm::shrinker`, which has been proposed.

use crate::bindings;
use core::pin::Pin;
use kernel::{
    error::to_result,
    prelude::*,
    sync::Arc,
    types::Opaque, //
};

/// Who has memory that others may get.
///
/// Both are called on behalf of somebody who waits for memory, perhaps with locks of file systems or
/// disks held, and by several CPUs at once: they must not allocate, and must take no lock under which
/// anybody allocates.
pub trait Shrink: Send + Sync + 'static {
    /// How many pages could be given back now.
    fn count(&self) -> usize;

    /// Gives back up to `pages` pages, or a few more if they come in blocks; says how many it were.
    fn shrink(&self, pages: usize) -> usize;
}

/// A registered [`Shrink`]; dropping it waits until it is not called any more. Process context.
///
/// # Invariants
///
/// `own` is registered, with `object` and callbacks for `S`.
#[pin_data(PinnedDrop)]
pub struct Shrinker<S: Shrink> {
    #[pin]
    own: Opaque<bindings::rvirtio_shrinker>,
    object: Arc<S>,
}

// SAFETY: The kernel does its own locking, and `object` is `Send + Sync`.
unsafe impl<S: Shrink> Send for Shrinker<S> {}
// SAFETY: As above.
unsafe impl<S: Shrink> Sync for Shrinker<S> {}

impl<S: Shrink> Shrinker<S> {
    /// Registers `object` under `name`, which is shown in debugfs.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(name: &'static CStr, object: Arc<S>) -> impl PinInit<Self, Error> {
        let raw = Arc::as_ptr(&object).cast::<c_void>();

        try_pin_init!(Self {
            object,
            // Last, since it may be called from here on.
            own <- Opaque::try_ffi_init(move |own: *mut bindings::rvirtio_shrinker| {
                // SAFETY: `own` is memory for the structure, which stays where it is until `drop` has
                // unregistered it; the object lives as long.
                to_result(unsafe {
                    own.write(bindings::rvirtio_shrinker {
                        shrinker: core::ptr::null_mut(),
                        count: Some(count::<S>),
                        shrink: Some(shrink::<S>),
                        object: raw,
                    });
                    bindings::rvirtio_helper_shrinker_register(own, name.as_char_ptr())
                })
            }),
        })
    }
}

#[pinned_drop]
impl<S: Shrink> PinnedDrop for Shrinker<S> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant it is registered. This waits for calls.
        unsafe { bindings::rvirtio_helper_shrinker_unregister(self.own.get()) };
    }
}

/// # Safety
///
/// To be called by the helper alone, with the object of a `Shrinker<S>`.
unsafe extern "C" fn count<S: Shrink>(object: *const c_void) -> usize {
    // SAFETY: The object of a `Shrinker<S>`, which keeps it until it is unregistered.
    unsafe { &*object.cast::<S>() }.count()
}

/// # Safety
///
/// To be called by the helper alone, with the object of a `Shrinker<S>`.
unsafe extern "C" fn shrink<S: Shrink>(object: *const c_void, pages: usize) -> usize {
    // SAFETY: As above.
    unsafe { &*object.cast::<S>() }.shrink(pages)
}
