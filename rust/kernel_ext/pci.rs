// SPDX-License-Identifier: GPL-2.0

//! What a virtio transport needs of a PCI function beyond `kernel::pci`.
//!
//! C header: [`include/linux/pci.h`](srctree/include/linux/pci.h)
//!
//! Upstream replacement: a capability walk, a partial and shareable BAR mapping, vectors with
//! affinity, `disable_device`, error handlers and `sriov_configure` in `kernel::pci`.

mod adapter;
mod bar;
mod config;
mod config_access;
mod doorbell;
mod function;
mod iov;
mod vectors;
mod window;

pub use self::adapter::{
    Adapter,
    Reach,
    Recovery, //
};
pub use self::bar::Bar;
pub use self::config::VendorCapabilities;
pub use self::config_access::ConfigAccess;
pub use self::doorbell::{
    Doorbell,
    Word, //
};
pub use self::function::Function;
pub use self::iov::{
    disable_virtual_functions,
    VirtualFunctions, //
};
pub use self::vectors::Vectors;
pub use self::window::Window;
