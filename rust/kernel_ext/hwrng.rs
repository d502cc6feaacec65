// SPDX-License-Identifier: GPL-2.0

//! Sources of random bytes for the kernel and `/dev/hwrng`.
//!
//! C header: [`include/linux/hw_random.h`](srctree/include/linux/hw_random.h)
//!
//! Everything here is generic, so that only a module that has a source needs a kernel with
//! `CONFIG_HW_RANDOM`.
//!
//! Upstream replacement: a `kernel::hw_random`.

use crate::bindings;
use core::pin::Pin;
use kernel::{
    error::to_result,
    fmt,
    prelude::*,
    str::CString,
    sync::Arc,
    types::Opaque, //
};

/// Where random bytes come from.
pub trait Source: Send + Sync + 'static {
    /// Writes random bytes to the beginning of `into` and says how many; 0 when there are none now.
    /// With `wait` it may wait for them, for some seconds at most: removal waits for it. Process
    /// context, one call at a time; also without `wait`, it may wait for locks.
    ///
    /// # Errors
    ///
    /// Any: whoever reads `/dev/hwrng` gets it.
    fn read(&self, into: &mut [u8], wait: bool) -> Result<usize>;
}

/// A source that the kernel reads. Dropping it waits until it does not any more. Process context.
pub struct Registration<S: Source> {
    _inner: Pin<KBox<Inner<S>>>,
}

/// # Invariants
///
/// `raw` is registered, with the name `name`, `source` as its private data and a callback for `S`.
#[pin_data(PinnedDrop)]
struct Inner<S: Source> {
    #[pin]
    raw: Opaque<bindings::hwrng>,
    name: CString,
    source: Arc<S>,
}

// SAFETY: The kernel does its own locking, and `source` is `Send + Sync`.
unsafe impl<S: Source> Send for Inner<S> {}
// SAFETY: As above; nothing can be done with a shared reference.
unsafe impl<S: Source> Sync for Inner<S> {}

impl<S: Source> Registration<S> {
    /// Registers `source` under `name`. It may be read before this returns.
    ///
    /// # Errors
    ///
    /// `EEXIST` when there is a source of that name, `ENOMEM`.
    pub fn new(name: fmt::Arguments<'_>, source: Arc<S>) -> Result<Self> {
        let name = CString::try_from_fmt(name)?;
        let text = name.as_char_ptr();
        let private = Arc::as_ptr(&source);
        let inner = KBox::try_pin_init(
            try_pin_init!(Inner {
                name,
                source,
                // Last, since it may be read from here on. The name does not move with its owner.
                raw <- Opaque::try_ffi_init(move |raw: *mut bindings::hwrng| {
                    // SAFETY: `raw` is memory for the structure, which stays where it is until `drop`
                    // has unregistered it; name and source live as long.
                    to_result(unsafe {
                        raw.write(bindings::hwrng {
                            name: text,
                            read: Some(read::<S>),
                            // CAST: A pointer, for C.
                            priv_: private as c_ulong,
                            // All-zero is a valid structure: no other callbacks, no names.
                            ..core::mem::zeroed()
                        });
                        bindings::hwrng_register(raw)
                    })
                }),
            }? Error),
            GFP_KERNEL,
        )?;

        // INVARIANT: Registered just now.
        Ok(Self { _inner: inner })
    }
}

#[pinned_drop]
impl<S: Source> PinnedDrop for Inner<S> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant it is registered. This waits for readers.
        unsafe { bindings::hwrng_unregister(self.raw.get()) };
    }
}

/// # Safety
///
/// To be called by the kernel alone, for the structure of an [`Inner<S>`] that is registered, with
/// room for `max` bytes at `data`.
unsafe extern "C" fn read<S: Source>(
    rng: *mut bindings::hwrng,
    data: *mut c_void,
    max: usize,
    wait: bool,
) -> c_int {
    // A length that C's `int` cannot say is not asked for.
    let max = max.min(4096);
    // SAFETY: The private data is the source, which the registration keeps; see `Registration::new`.
    let source = unsafe { &*((*rng).priv_ as *const S) };
    // SAFETY: The caller has room for so many bytes there, for us alone; they are initialised first.
    let into = unsafe {
        data.write_bytes(0, max);
        core::slice::from_raw_parts_mut(data.cast::<u8>(), max)
    };

    match source.read(into, wait) {
        // CAST: At most 4096.
        Ok(count) => count.min(max) as c_int,
        Err(error) => error.to_errno(),
    }
}
