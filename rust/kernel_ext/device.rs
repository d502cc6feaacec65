// SPDX-License-Identifier: GPL-2.0

//! The C view of a device, which `kernel::device::Device` keeps to its own crate.
//!
//! Upstream replacement: the abstractions of this crate inside the crate `kernel`.

use crate::bindings;
use kernel::device;

/// The `struct device` of `device`, valid as long as it.
pub(crate) fn raw_device(device: &device::Device) -> *mut bindings::device {
    // CAST: `device::Device` is a transparent wrapper of `struct device`.
    core::ptr::from_ref(device).cast_mut().cast()
}
