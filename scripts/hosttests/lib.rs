// SPDX-License-Identifier: GPL-2.0

//! Pure files of the drivers, compiled for the host so that they can be tested.
//!
//! A file joins with two lines, `#[path = "../../drivers/..."]` and `mod name;`. It must not
//! name the kernel crate. Its tests stand in `pure/`.

#![allow(dead_code)]

#[path = "../../drivers/virtio/rvirtio_pci/capability.rs"]
mod capability;
#[path = "../../rust/virtio/feature.rs"]
pub mod feature;
#[path = "../../rust/kernel_ext/block/letters.rs"]
mod letters;
#[path = "../../drivers/block/virtio_blk/limits.rs"]
mod limits;
#[path = "../../drivers/virtio/rvirtio_balloon/numbering.rs"]
mod numbering;
#[path = "../../drivers/virtio/rvirtio_balloon/pace.rs"]
mod pace;
#[path = "../../drivers/block/virtio_blk/patience.rs"]
mod patience;
#[path = "../../drivers/virtio/rvirtio_balloon/places.rs"]
mod places;
#[path = "../../drivers/virtio/rvirtio_balloon/plan.rs"]
mod plan;
#[path = "../../drivers/virtio/rvirtio_pci/registers.rs"]
mod registers;
#[path = "../../drivers/block/virtio_blk/request.rs"]
mod request;
#[path = "../../drivers/virtio/rvirtio_balloon/stat.rs"]
mod stat;

#[cfg(test)]
mod pure;
