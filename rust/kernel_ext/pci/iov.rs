// SPDX-License-Identifier: GPL-2.0

//! Virtual functions (SR-IOV).

use super::function::{
    raw,
    Function, //
};
use crate::bindings;
use kernel::{
    device::Core,
    error::to_result,
    pci,
    prelude::*, //
};

/// What a PCI driver has to say about virtual functions of the functions that it has.
pub trait VirtualFunctions: pci::Driver {
    /// Whether the function can be asked for virtual functions. Process context, with the device's lock held.
    ///
    /// # Errors
    ///
    /// Any: user space, which wrote `sriov_numvfs`, hears of it.
    fn may_have(data: Pin<&Self::Data<'_>>) -> Result;
}

impl Function {
    /// Whether the function can have virtual functions, by its capabilities.
    pub fn has_sriov(&self) -> bool {
        // SAFETY: The device is valid and enabled.
        let at = unsafe {
            bindings::pci_find_ext_capability(
                self.as_raw(),
                bindings::PCI_EXT_CAP_ID_SRIOV as c_int,
            )
        };

        at != 0
    }
}

/// Takes away all virtual functions of `pdev`, and their drivers from them; as C's driver, when it is unbound.
pub fn disable_virtual_functions(pdev: &pci::Device<Core<'_>>) {
    // SAFETY: The device is valid and has a driver, with its lock held. It does nothing where there are none.
    unsafe { bindings::rvirtio_helper_disable_sriov(raw(pdev)) };
}

/// What `sriov_numvfs` does: `count` virtual functions, or none. `allowed` is asked before there are any.
///
/// # Errors
///
/// `EPERM` while some are in use by other guests; those of `allowed`, and of `pci_enable_sriov()`.
///
/// # Safety
///
/// To be called from a PCI driver's `sriov_configure` alone, with its device.
pub(super) unsafe fn configure(
    dev: *mut bindings::pci_dev,
    count: c_int,
    allowed: impl FnOnce() -> Result,
) -> Result<c_int> {
    if count != 0 {
        allowed()?;
    }
    // SAFETY: The core calls this with a valid device.
    if unsafe { bindings::rvirtio_helper_vfs_assigned(dev) } != 0 {
        return Err(EPERM);
    }
    if count == 0 {
        // SAFETY: As above; the core holds the device's lock.
        unsafe { bindings::rvirtio_helper_disable_sriov(dev) };
        return Ok(0);
    }
    // SAFETY: As above.
    to_result(unsafe { bindings::rvirtio_helper_enable_sriov(dev, count) })?;
    Ok(count)
}
