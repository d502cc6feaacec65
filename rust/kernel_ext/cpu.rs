// SPDX-License-Identifier: GPL-2.0

//! CPUs that come and go.
//!
//! C header: [`include/linux/cpuhotplug.h`](srctree/include/linux/cpuhotplug.h)
//!
//! Upstream replacement: none yet.

use crate::bindings;
use core::pin::Pin;
use kernel::{
    error::to_result,
    prelude::*,
    sync::Arc,
    types::Opaque, //
};

/// What watches need of the kernel, as long as a module has some; dropping it takes that back.
///
/// [`CpuWatch`]es have to be gone by then: modules that make some depend on the module that holds this.
pub struct CpuWatches(());

impl CpuWatches {
    /// To be called once at a time, from the initialiser of the module that has these files.
    ///
    /// # Errors
    ///
    /// `ENOSPC` when the kernel has no more states, `ENOMEM`.
    pub fn new() -> Result<Self> {
        // SAFETY: A plain call in process context.
        to_result(unsafe { bindings::rvirtio_helper_cpu_watches_begin() })?;
        Ok(Self(()))
    }
}

impl Drop for CpuWatches {
    fn drop(&mut self) {
        // SAFETY: It was begun, and no watch is left.
        unsafe { bindings::rvirtio_helper_cpu_watches_end() };
    }
}

/// Who follows CPUs.
pub trait CpuWatcher: Send + Sync + 'static {
    /// A CPU has come or gone. Process context, with the kernel's lock over CPUs held, so that only locks may be
    /// taken under which nobody waits for that: best to do no more than to enqueue something.
    fn cpus_changed(this: &Arc<Self>);
}

/// A [`CpuWatcher`] that is told; dropping it waits until it is not any more. Not to be made before [`CpuWatches`].
///
/// # Invariants
///
/// `watch` is on the lists, with [`changed`].
#[pin_data(PinnedDrop)]
pub struct CpuWatch<W: CpuWatcher> {
    #[pin]
    watch: Opaque<bindings::rvirtio_cpu_watch>,
    watcher: Arc<W>,
}

// SAFETY: The kernel's lock guards `watch`, and `watcher` is `Send + Sync`.
unsafe impl<W: CpuWatcher> Send for CpuWatch<W> {}
// SAFETY: As above.
unsafe impl<W: CpuWatcher> Sync for CpuWatch<W> {}

impl<W: CpuWatcher> CpuWatch<W> {
    /// Tells `watcher` of CPUs from now on. Process context.
    ///
    /// # Errors
    ///
    /// Those of the kernel; none for what is called here today.
    pub fn new(watcher: Arc<W>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            watcher,
            // Last, since it may be called from here on.
            watch <- Opaque::try_ffi_init(move |watch: *mut bindings::rvirtio_cpu_watch| {
                // SAFETY: `watch` is memory for the structure, which stays where it is until `drop` has taken it
                // off the lists. All-zero nodes are on no list.
                to_result(unsafe {
                    watch.write(core::mem::zeroed());
                    (*watch).changed = Some(changed::<W>);
                    bindings::rvirtio_helper_cpu_watch_add(watch)
                })
            }),
        })
    }
}

#[pinned_drop]
impl<W: CpuWatcher> PinnedDrop for CpuWatch<W> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant `watch` is on the lists. The call waits for callbacks.
        unsafe { bindings::rvirtio_helper_cpu_watch_remove(self.watch.get()) };
    }
}

/// # Safety
///
/// To be called by the helpers alone, with the `watch` of a `CpuWatch<W>`.
unsafe extern "C" fn changed<W: CpuWatcher>(watch: *mut bindings::rvirtio_cpu_watch) {
    let watch = Opaque::cast_from(watch);
    // SAFETY: `watch` is that field of a `CpuWatch<W>`, which lives until it is off the lists.
    let this = unsafe { &*kernel::container_of!(watch, CpuWatch<W>, watch) };

    W::cpus_changed(&this.watcher);
}
