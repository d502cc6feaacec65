// SPDX-License-Identifier: GPL-2.0

//! The PCI transport of virtio (virtio 1.4, 4.1).
//!
//! - [`capability`] finds the device's structures; pure, tested and fuzzed on the host.
//! - [`registers`] are the offsets in the common configuration; [`feature`] says which features need some
//!   that it may lack; pure.
//! - [`modern`] is the transport over them.
//! - [`legacy`] is the transport over the registers that devices had before version 1,
//!   [`legacy_registers`] and [`legacy_queue`] are its offsets and layouts; pure.
//! - [`interrupts`] takes the vectors, which [`sharing`] gives to the queues; pure.
//! - [`driver`] binds to the PCI ids.

#![deny(unsafe_code)]

mod capability;
mod driver;
mod feature;
mod interrupts;
mod legacy;
mod legacy_queue;
mod legacy_registers;
mod modern;
mod registers;
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
    },
}
