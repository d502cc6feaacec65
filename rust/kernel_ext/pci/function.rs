// SPDX-License-Identifier: GPL-2.0

//! A PCI function that is switched on, with the means to switch it off again.

use crate::{
    bindings,
    dma, //
};
use kernel::{
    device::{
        self,
        Core, //
    },
    dma::{
        Device as _,
        DmaMask, //
    },
    error::to_result,
    pci,
    prelude::*,
    sync::aref::ARef, //
};

/// An enabled PCI function: memory and I/O decoding on, DMA mask set. It may not start DMA before
/// [`Self::allow_dma`], and so cannot follow what another driver has left in it.
///
/// Dropping it turns bus mastering off and disables the function, so that the device can no longer
/// write to memory. It holds a reference to the `struct pci_dev`; the owner (a PCI driver's private
/// data) drops it at the latest when the driver is unbound.
///
/// # Invariants
///
/// `pci_enable_device()` succeeded for `pdev`, and is undone by `drop` alone.
pub struct Function {
    pdev: ARef<pci::Device>,
}

impl Function {
    /// Switches `pdev` on. The DMA mask is 64 bits, or 32 where the platform cannot do that.
    ///
    /// # Errors
    ///
    /// Those of `pci_enable_device()`; `EIO` when neither DMA mask can be had.
    pub fn enable(pdev: &pci::Device<Core<'_>>) -> Result<Self> {
        // SAFETY: `pdev` is a valid device that is being probed.
        to_result(unsafe { bindings::pci_enable_device(raw(pdev)) })?;
        // INVARIANT: Enabled just now.
        let this = Self { pdev: pdev.into() };

        // SAFETY: The device is being probed: nothing allocates or maps for it yet.
        let wide = unsafe { pdev.dma_set_mask_and_coherent(DmaMask::new::<64>()) };
        let mask = wide.or_else(|_| {
            // SAFETY: As above.
            unsafe { pdev.dma_set_mask_and_coherent(DmaMask::new::<32>()) }
        });
        // An early return drops `this`, which disables the function.
        mask?;
        // Firmware may have left it on.
        this.stop_dma();

        Ok(this)
    }

    pub(super) fn as_raw(&self) -> *mut bindings::pci_dev {
        raw(&self.pdev)
    }

    /// The function as a PCI device.
    pub fn pci(&self) -> &pci::Device {
        &self.pdev
    }

    /// The function as a device, for messages.
    pub fn device(&self) -> &device::Device {
        (*self.pdev).as_ref()
    }

    /// The function as a master of DMA; `translated` says whether its addresses go through the
    /// platform's DMA API (`VIRTIO_F_ACCESS_PLATFORM`) or are guest-physical.
    pub fn dma(&self, translated: bool) -> dma::Master {
        dma::Master::new(self.device().into(), translated)
    }

    /// Forbids the function to start DMA, whatever state it is in.
    ///
    /// PCI makes the Bus Master Enable bit binding for the function's upstream side, so after this
    /// no write of the device reaches memory, even when it does not answer a reset.
    pub fn stop_dma(&self) {
        // SAFETY: `pdev` is a valid device.
        unsafe { bindings::pci_clear_master(self.as_raw()) };
    }

    /// Allows the function to start DMA. To be called when it is known to be reset.
    pub fn allow_dma(&self) {
        // SAFETY: `pdev` is a valid, enabled device.
        unsafe { bindings::pci_set_master(self.as_raw()) };
    }

    /// Whether the function has a memory or I/O BAR `bar` with a resource behind it.
    ///
    /// Returns its length in bytes, or `None`.
    pub fn bar_length(&self, bar: u8) -> Option<u64> {
        if u32::from(bar) >= bindings::PCI_STD_NUM_BARS {
            return None;
        }
        self.pdev
            .resource_len(u32::from(bar))
            .ok()
            .filter(|length| *length != 0)
    }
}

impl Function {
    /// Whether the function is there: it answers in configuration space, and nobody has said that it is gone. Any
    /// context.
    pub fn is_present(&self) -> bool {
        // SAFETY: `pdev` is a valid device.
        unsafe { bindings::pci_device_is_present(self.as_raw()) }
    }

    /// Where memory BAR `bar`, which has a resource behind it, is in the CPU's physical address space. `None` for one of
    /// I/O ports, too, whose numbers are no addresses of memory.
    pub fn bar_address(&self, bar: u8) -> Option<u64> {
        self.bar_length(bar)?;
        let index = usize::from(bar);
        // SAFETY: `pdev` is a valid device; `bar_length` has seen that it has such a resource, which does not change
        // while the device is enabled.
        let flags = unsafe {
            (*(&raw const (*self.as_raw()).resource)
                .cast::<bindings::resource>()
                .add(index))
            .flags
        };

        // CAST: `u32` to `unsigned long` does not narrow.
        if flags & bindings::IORESOURCE_MEM as c_ulong == 0 {
            return None;
        }
        self.pdev.resource_start(u32::from(bar)).ok()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // Disabling turns it off only where nobody else has enabled the function, as root can by sysfs.
        self.stop_dma();
        // SAFETY: By the type invariant the device is enabled, by us.
        unsafe { bindings::pci_disable_device(self.as_raw()) };
    }
}

/// The C view of a PCI device.
pub(super) fn raw(pdev: &pci::Device) -> *mut bindings::pci_dev {
    // CAST: `pci::Device` is a transparent wrapper of `struct pci_dev`.
    core::ptr::from_ref(pdev).cast_mut().cast()
}
