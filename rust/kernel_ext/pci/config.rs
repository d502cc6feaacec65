// SPDX-License-Identifier: GPL-2.0

//! Vendor-specific capabilities in PCI configuration space.

use super::function::{
    raw,
    Function, //
};
use crate::bindings;
use kernel::prelude::*;

/// The most capabilities that fit into 256 bytes of configuration space, four bytes each, behind a
/// 64 byte header. Bounds the walk whatever the device links.
const MAX_CAPABILITIES: usize = (256 - 64) / 4;

/// The vendor-specific capabilities of a function, in the order of its list.
///
/// Yields positions; [`Function::read_config`] reads what stands there.
pub struct VendorCapabilities<'a> {
    function: &'a Function,
    next: u8,
    left: usize,
}

impl Function {
    /// Walks the vendor-specific capabilities (PCI capability id 9).
    pub fn vendor_capabilities(&self) -> VendorCapabilities<'_> {
        // SAFETY: The device is valid and enabled.
        let first = unsafe {
            bindings::pci_find_capability(self.as_raw(), bindings::PCI_CAP_ID_VNDR as c_int)
        };

        VendorCapabilities {
            function: self,
            next: first,
            left: MAX_CAPABILITIES,
        }
    }

    /// Whether the function has an MSI-X capability, which says nothing of whether it can be used.
    pub fn has_msix(&self) -> bool {
        // SAFETY: The device is valid and enabled.
        let at = unsafe {
            bindings::pci_find_capability(self.as_raw(), bindings::PCI_CAP_ID_MSIX as c_int)
        };

        at != 0
    }

    /// Reads `bytes` from configuration space, byte by byte, starting at `offset`.
    ///
    /// Bytes beyond the 256th, and those that the device does not answer, read as all-ones.
    pub fn read_config(&self, offset: u8, bytes: &mut [u8]) {
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = 0xff;
            let Some(position) = usize::from(offset).checked_add(i).filter(|at| *at < 256) else {
                continue;
            };
            // SAFETY: The device is valid, `byte` is writable.
            // CAST: Below 256.
            let _ =
                unsafe { bindings::pci_read_config_byte(raw(self.pci()), position as c_int, byte) };
        }
    }
}

impl Iterator for VendorCapabilities<'_> {
    /// Where the capability stands in configuration space.
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        let here = self.next;

        if here == 0 || self.left == 0 {
            return None;
        }
        self.left -= 1;
        // SAFETY: The device is valid and enabled; the kernel bounds the list it follows.
        self.next = unsafe {
            bindings::pci_find_next_capability(
                self.function.as_raw(),
                here,
                bindings::PCI_CAP_ID_VNDR as c_int,
            )
        };
        Some(here)
    }
}
