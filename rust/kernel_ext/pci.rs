// SPDX-License-Identifier: GPL-2.0

//! What a virtio transport needs of a PCI function beyond `kernel::pci`.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)
//!
//! Upstream replacement: a capability walk, a partial and shareable BAR mapping, vectors with
//! affinity, `disable_device` and error handlers in `kernel::pci`.

mod adapter;
mod bar;
mod config;
mod function;
mod vectors;

pub use self::adapter::{
    Adapter,
    Reach,
    Recovery, //
};
pub use self::bar::{
    Bar,
    Doorbell,
    Window, //
};
pub use self::config::VendorCapabilities;
pub use self::function::Function;
pub use self::vectors::Vectors;
