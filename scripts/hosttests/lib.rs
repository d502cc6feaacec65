// SPDX-License-Identifier: GPL-2.0

//! Pure files of the drivers, compiled for the host so that they can be tested.
//!
//! A file joins with two lines, `#[path = "../../drivers/..."]` and `mod name;`. It must not
//! name the kernel crate. Its tests stand in `pure/`.

#![allow(dead_code)]

// Pure files name what the library crate has, such as `virtio::Features`; it is below.
extern crate self as virtio;

#[path = "../../rust/virtio/admin_command.rs"]
mod admin_command;
#[path = "../../drivers/virtio/rvirtio_pci/admin_queue.rs"]
mod admin_queue;
#[path = "../../rust/virtio/allowance.rs"]
mod allowance;
#[path = "../../rust/virtio/areas.rs"]
mod areas;
#[path = "../../drivers/net/virtio_net/batch.rs"]
mod batch;
#[path = "../../drivers/block/virtio_blk/plan.rs"]
mod blk_plan;
#[path = "../../rust/virtio/budget.rs"]
mod budget;
#[path = "../../drivers/virtio/rvirtio_pci/capability.rs"]
mod capability;
#[path = "../../rust/virtio/feature.rs"]
pub mod feature;
#[path = "../../rust/virtio/filter.rs"]
mod filter;
#[path = "../../drivers/net/virtio_net/header.rs"]
mod header;
#[path = "../../drivers/virtio/rvirtio_balloon/hint.rs"]
mod hint;
#[path = "../../rust/virtio/id.rs"]
mod id;
#[path = "../../drivers/virtio/rvirtio_pci/legacy_queue.rs"]
mod legacy_queue;
#[path = "../../drivers/virtio/rvirtio_pci/legacy_registers.rs"]
mod legacy_registers;
#[path = "../../rust/kernel_ext/block/letters.rs"]
mod letters;
#[path = "../../drivers/block/virtio_blk/lifetime.rs"]
mod lifetime;
#[path = "../../drivers/block/virtio_blk/limits.rs"]
mod limits;
#[path = "../../rust/virtio/names.rs"]
mod names;
#[path = "../../rust/virtio/negotiation.rs"]
mod negotiation;
#[path = "../../drivers/net/virtio_net/feature.rs"]
mod net_feature;
#[path = "../../drivers/virtio/rvirtio_balloon/numbering.rs"]
mod numbering;
#[path = "../../drivers/virtio/rvirtio_balloon/pace.rs"]
mod pace;
#[path = "../../drivers/block/virtio_blk/patience.rs"]
mod patience;
#[path = "../../drivers/virtio/rvirtio_pci/feature.rs"]
mod pci_feature;
#[path = "../../drivers/virtio/rvirtio_balloon/places.rs"]
mod places;
#[path = "../../drivers/virtio/rvirtio_balloon/plan.rs"]
mod plan;
#[path = "../../drivers/block/virtio_blk/ranges.rs"]
mod ranges;
#[path = "../../drivers/virtio/rvirtio_pci/registers.rs"]
mod registers;
#[path = "../../drivers/block/virtio_blk/request.rs"]
mod request;
#[path = "../../drivers/virtio/rvirtio_pci/shared_memory.rs"]
mod shared_memory;
#[path = "../../drivers/virtio/rvirtio_pci/sharing.rs"]
mod sharing;
#[path = "../../drivers/net/virtio_net/sizing.rs"]
mod sizing;
#[path = "../../drivers/virtio/rvirtio_balloon/stat.rs"]
mod stat;

#[path = "../../drivers/net/virtio_net/vlans.rs"]
mod vlans;
#[path = "../../drivers/block/virtio_blk/zone_report.rs"]
mod zone_report;
#[path = "../../drivers/block/virtio_blk/zones.rs"]
mod zones;

pub use areas::Areas;
pub use feature::{
    transport_feature,
    Features, //
};

pub use vring::RingSizes;

#[cfg(test)]
mod pure;
