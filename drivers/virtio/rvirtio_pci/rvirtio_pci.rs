// SPDX-License-Identifier: GPL-2.0

//! The PCI transport of virtio (virtio 1.4, 4.1).
//!
//! - [`capability`] finds the device's structures; pure, tested and fuzzed on the host.
//! - [`registers`] are the offsets in the common configuration; [`feature`] says which features need some
//!   that it may lack; pure.
//! - [`modern`] is the transport over them; [`mappings`] is how it reaches them.
//! - [`legacy`] is the transport over the registers that devices had before version 1,
//!   [`legacy_registers`] and [`legacy_queue`] are its offsets and layouts; pure.
//! - [`shared_memory`] finds the regions that the device shares; pure.
//! - [`interrupts`] takes the vectors, which [`sharing`] gives to the queues; pure.
//! - [`driver`] binds to the PCI ids.

#![deny(unsafe_code)]

mod admin_queue;
mod capability;
mod driver;
mod feature;
mod interrupts;
mod legacy;
mod legacy_queue;
mod legacy_registers;
mod mappings;
mod modern;
mod registers;
mod shared_memory;
mod sharing;

kernel_ext::module_pci_recovery_driver! {
    type: driver::VirtioPci,
    name: "rvirtio_pci",
    authors: ["The rvirtio developers"],
    description: "virtio over PCI",
    license: "GPL",
    params: {
        force_legacy: bool {
            default: false,
            description: "Use transitional devices through the legacy interface",
        },
        force_pci_cfg: bool {
            default: false,
            description: "Reach registers through configuration space, where a device offers that",
        },
    },
}
