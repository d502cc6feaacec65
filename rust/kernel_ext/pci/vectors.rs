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
    /// Allocates as many MSI-X vectors as there are, from `fewest` to `most`. User space may move them:
    /// vectors that the kernel spreads for good stand still when their CPU goes.
    ///
    /// # Errors
    ///
    /// `ENOSPC` when the device or the machine has fewer, `EINVAL`/`ENODEV` when it has no MSI-X or the
    /// machine has it turned off, `ENOMEM`.
    pub fn msix(function: &Function, fewest: u32, most: u32) -> Result<Self> {
        // SAFETY: The device is valid and enabled.
        let got = unsafe {
            bindings::pci_alloc_irq_vectors(function.as_raw(), fewest, most, bindings::PCI_IRQ_MSIX)
        };
        let count = u32::try_from(got).map_err(|_| Error::from_errno(got))?;

        // INVARIANT: Allocated just now.
        Ok(Self {
            pdev: function.pci().into(),
            count,
            msix: true,
        })
    }

    /// Allocates `count` MSI-X vectors, and one before them. The kernel shares out all CPUs among the `count`, and
    /// keeps each vector on its share for good: it stands still while none of them is online. The one before them user
    /// space may move.
    ///
    /// # Errors
    ///
    /// As for [`Self::msix`].
    pub fn msix_spread(function: &Function, count: u32) -> Result<Self> {
        let mut spread = bindings::irq_affinity {
            pre_vectors: 1,
            ..Default::default()
        };
        let all = count.checked_add(1).ok_or(EINVAL)?;

        // SAFETY: The device is valid and enabled; the description lives as long as the call.
        let got = unsafe {
            bindings::pci_alloc_irq_vectors_affinity(
                function.as_raw(),
                all,
                all,
                bindings::PCI_IRQ_MSIX | bindings::PCI_IRQ_AFFINITY,
                &mut spread,
            )
        };
        let count = u32::try_from(got).map_err(|_| Error::from_errno(got))?;

        // INVARIANT: Allocated just now.
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

    /// How many there are.
    pub fn count(&self) -> u32 {
        self.count
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

impl Vectors {
    /// Calls `each` with the CPUs on which the kernel keeps vector `index` for good; returns false when user space may
    /// move it, or when there is no such vector.
    pub fn cpus(&self, index: u32, each: &mut dyn FnMut(u32)) -> bool {
        let Some(index) = c_int::try_from(index)
            .ok()
            .filter(|_| self.msix && index < self.count)
        else {
            return false;
        };
        // SAFETY: The device is valid and has the vector.
        let mask = unsafe { bindings::pci_irq_get_affinity(raw(&self.pdev), index) };

        if mask.is_null() {
            return false;
        }
        let mut cpu = -1;

        // BOUND: The CPU numbers go up.
        loop {
            // SAFETY: The mask lives as long as the vectors, which `self` has.
            cpu = unsafe { bindings::rvirtio_helper_cpumask_next(cpu, mask) };
            match u32::try_from(cpu) {
                Ok(cpu) => each(cpu),
                Err(_) => return true,
            }
        }
    }
}

impl Drop for Vectors {
    fn drop(&mut self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::pci_free_irq_vectors(raw(&self.pdev)) };
    }
}
