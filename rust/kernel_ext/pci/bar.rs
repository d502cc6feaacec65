// SPDX-License-Identifier: GPL-2.0

//! Mapped BARs that several owners share.

use super::function::{
    raw,
    Function, //
};
use crate::bindings;
use core::ptr::NonNull;
use kernel::{
    pci,
    prelude::*,
    sync::{
        aref::ARef,
        Arc, //
    }, //
};

/// A whole BAR, requested and mapped; unmapped and released with its last [`Arc`].
///
/// The registers are memory or I/O ports: the accessors know by the address which.
///
/// Accesses through a mapping whose device is gone, or that another driver has, read all-ones or
/// go nowhere: they are never a fault of this kernel. A holder that outlives the driver's binding
/// keeps the region busy; nobody here does.
///
/// # Invariants
///
/// `base` is the start of a mapping of `length` bytes made by `pci_iomap()` for BAR `number`,
/// whose region is requested.
pub struct Bar {
    pdev: ARef<pci::Device>,
    number: u8,
    base: NonNull<c_void>,
    length: usize,
}

// SAFETY: MMIO and port accesses may be made from any thread at any time.
unsafe impl Send for Bar {}
// SAFETY: As above.
unsafe impl Sync for Bar {}

impl Bar {
    /// Requests and maps BAR `number` of `function`.
    ///
    /// # Errors
    ///
    /// `ENXIO` when there is no such BAR or nothing behind it, `EBUSY` when another driver has it,
    /// `ENOMEM` when it cannot be mapped.
    pub fn map(function: &Function, number: u8) -> Result<Arc<Self>> {
        let length = function.bar_length(number).ok_or(ENXIO)?;
        let length = usize::try_from(length)?;
        let pdev = function.as_raw();

        // SAFETY: The device is valid and the BAR number was checked by `bar_length()`.
        if unsafe {
            bindings::pci_request_region(pdev, number.into(), c"rvirtio_pci".as_char_ptr())
        } != 0
        {
            return Err(EBUSY);
        }
        // SAFETY: As above; the region is ours.
        let base = unsafe { bindings::pci_iomap(pdev, number.into(), 0) };
        let Some(base) = NonNull::new(base) else {
            // SAFETY: Requested just now.
            unsafe { bindings::pci_release_region(pdev, number.into()) };
            return Err(ENOMEM);
        };

        // INVARIANT: All of it was made just now; a failing `Arc::new` drops it again.
        Ok(Arc::new(
            Self {
                pdev: function.pci().into(),
                number,
                base,
                length,
            },
            GFP_KERNEL,
        )?)
    }
}

impl Bar {
    /// The BAR's length in bytes.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// What stands for the byte at `offset`, which is below the length.
    ///
    /// What stands for a port is no address of memory, so it is not treated as one.
    pub(super) fn at(&self, offset: usize) -> NonNull<c_void> {
        self.base.map_addr(|base| base.saturating_add(offset))
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, mapping and region are ours.
        unsafe {
            bindings::pci_iounmap(raw(&self.pdev), self.base.as_ptr());
            bindings::pci_release_region(raw(&self.pdev), self.number.into());
        }
    }
}
