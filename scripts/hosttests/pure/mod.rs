// SPDX-License-Identifier: GPL-2.0

//! Tests of the pure files. Where a test says a clause, it is one of virtio 1.4.

mod admin_command;
mod admin_queue;
mod allowance;
mod balloon_hint;
mod balloon_numbering;
mod balloon_pace;
mod balloon_places;
mod balloon_plan;
mod balloon_stat;
mod blk_lifetime;
mod blk_limits;
mod blk_patience;
mod blk_plan;
mod blk_promise;
mod blk_ranges;
mod blk_ranges_promise;
mod blk_request;
mod blk_zones;
mod budget;
mod debugfs;
mod disk_name;
mod features;
mod net_batch;
mod net_feature;
mod net_header;
mod net_promise;
mod net_sizing;
mod net_vlans;
mod pci_capability;
mod pci_feature;
mod pci_legacy;
mod pci_promise;
mod pci_registers;
mod pci_shared_memory;
mod pci_sharing;
mod queue_areas;
