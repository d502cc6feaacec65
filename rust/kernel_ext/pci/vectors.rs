// SPDX-License-Identifier: GPL-2.0

//! Interrupt vectors of a PCI function.

use super::function::{
    raw,
    Function, //
};
use crate::bindings;
use kernel::{
    pci,
    prelude::*,
    sync::aref::ARef, //
};

/// An allocation of vectors; dropping it frees them, so handlers have to be gone by then.
///
/// # Invariants
///
/// `pdev` has `count` vectors allocated, MSI-X if `msix`, else its one INTx line.
pub struct Vectors {
    pdev: ARef<pci::Device>,
    count: u32,
    msix: bool,
}

impl Vectors {
    /// Allocates exactly `count` MSI-X vectors. With `unspread`, all but the first that many are
    /// spread over the CPUs, for good: neither driver nor user space can move them. None is where
    /// there are more of them than CPUs.
    ///
    /// # Errors
    ///
    /// `ENOSPC` when the device has fewer, `EINVAL`/`ENODEV` when it has no MSI-X or the machine
    /// has it turned off, `ENOMEM`.
    pub fn msix(function: &Function, count: u32, unspread: Option<u32>) -> Result<Self> {
        let mut spread = bindings::irq_affinity {
            pre_vectors: unspread.unwrap_or(0),
            ..Default::default()
        };
        let affinity = if unspread.is_some_and(|before| count > before.saturating_add(1)) {
            bindings::PCI_IRQ_AFFINITY
        } else {
            0
        };
        let descriptor: *mut _ = if affinity != 0 {
            &mut spread
        } else {
            core::ptr::null_mut()
        };

        // SAFETY: The device is valid and enabled; `spread` is only used during the call.
        let mut got = unsafe {
            bindings::pci_alloc_irq_vectors_affinity(
                function.as_raw(),
                count,
                count,
                bindings::PCI_IRQ_MSIX | affinity,
                descriptor,
            )
        };
        if got < 0 && affinity != 0 {
            // SAFETY: The device is valid and enabled.
            got = unsafe {
                bindings::pci_alloc_irq_vectors(
                    function.as_raw(),
                    count,
                    count,
                    bindings::PCI_IRQ_MSIX,
                )
            };
        }
        if got < 0 {
            return Err(Error::from_errno(got));
        }
        // INVARIANT: Allocated just now; the minimum was `count`.
        Ok(Self {
            pdev: function.pci().into(),
            count,
            msix: true,
        })
    }

    /// Takes the function's INTx line.
    ///
    /// # Errors
    ///
    /// `ENOSPC` or `EINVAL` when it has none.
    pub fn intx(function: &Function) -> Result<Self> {
        // SAFETY: The device is valid and enabled.
        let got = unsafe {
            bindings::pci_alloc_irq_vectors(function.as_raw(), 1, 1, bindings::PCI_IRQ_INTX)
        };
        if got < 0 {
            return Err(Error::from_errno(got));
        }
        // INVARIANT: Allocated just now.
        Ok(Self {
            pdev: function.pci().into(),
            count: 1,
            msix: false,
        })
    }

    /// Whether these are MSI-X vectors.
    pub fn is_msix(&self) -> bool {
        self.msix
    }

    /// The Linux interrupt number of vector `index`.
    ///
    /// # Errors
    ///
    /// `EINVAL` when there is no such vector.
    pub fn irq(&self, index: u32) -> Result<u32> {
        if index >= self.count {
            return Err(EINVAL);
        }
        // SAFETY: The device is valid.
        let irq = unsafe { bindings::pci_irq_vector(raw(&self.pdev), index) };

        u32::try_from(irq).map_err(|_| Error::from_errno(irq))
    }
}

impl Drop for Vectors {
    fn drop(&mut self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::pci_free_irq_vectors(raw(&self.pdev)) };
    }
}
