// SPDX-License-Identifier: GPL-2.0

//! Memory shared with a device, and mappings of memory that already exists.
//!
//! A virtio device either goes through the platform's DMA (`VIRTIO_F_ACCESS_PLATFORM`, virtio 1.4,
//! 6 Reserved Feature Bits) or sees guest-physical addresses. [`Master`] knows which, and everything
//! else follows it.
//!
//! C header: [`include/linux/dma-mapping.h`](srctree/include/linux/dma-mapping.h)
//!
//! Upstream replacement: `kernel::dma::Coherent` with a "guest-physical" flavour, and a streaming
//! `dma_map_page()`.

mod master;
mod places;
mod segment;
mod shared;

pub use self::master::{
    Direct,
    Direction,
    Mapping,
    Master, //
};
pub use self::places::{
    Place,
    Places, //
};
pub use self::segment::{
    Run,
    Segment, //
};
pub use self::shared::SharedMemory;

/// Whether the guest's memory is encrypted or otherwise out of the host's sight (SEV, TDX), so that
/// a device can only work through the platform's DMA.
pub fn guest_memory_is_encrypted() -> bool {
    // SAFETY: A plain query.
    unsafe { crate::bindings::rvirtio_helper_guest_memory_encrypted() }
}
