// SPDX-License-Identifier: GPL-2.0

//! A block major number, and the names given out under it.

use crate::bindings;
use kernel::{
    new_mutex,
    prelude::*,
    sync::Mutex, //
};

/// A major number that the kernel chose, under a name for `/proc/devices`; given back on drop.
///
/// # Invariants
///
/// `number` is registered for `name`.
#[pin_data(PinnedDrop)]
pub struct Major {
    number: u32,
    name: &'static CStr,
    /// Held from looking for a free disk name until the disk is there.
    #[pin]
    pub(super) naming: Mutex<()>,
}

impl Major {
    /// Registers `name` for a free major number.
    ///
    /// # Errors
    ///
    /// `EBUSY` when none is free, `ENOMEM`.
    pub fn register(name: &'static CStr) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            // INVARIANT: Registered here; nothing after this fails.
            number: {
                // SAFETY: The name is `'static`.
                let number = unsafe { bindings::__register_blkdev(0, name.as_char_ptr(), None) };

                u32::try_from(number).map_err(|_| Error::from_errno(number))?
            },
            name,
            naming <- new_mutex!(()),
        })
    }

    /// The number.
    pub fn number(&self) -> u32 {
        self.number
    }
}

#[pinned_drop]
impl PinnedDrop for Major {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant.
        unsafe { bindings::unregister_blkdev(self.number, self.name.as_char_ptr()) };
    }
}
