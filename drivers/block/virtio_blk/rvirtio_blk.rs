// SPDX-License-Identifier: GPL-2.0

//! The block driver: `/dev/vdX` (virtio 1.4, 5.2 Block Device).
//!
//! - [`driver`] takes a device over and gives it back.
//! - [`config`] decodes the device's configuration; pure.
//! - [`limits`] makes the disk's limits of it; pure, tested on the host.
//! - [`ranges`] does the same for discard, write zeroes and secure erase; pure.
//! - [`plan`] says how many hardware queues it has; pure.
//! - [`disk`] is what the block layer calls: the hardware queues, the cache mode, late requests.
//! - [`queue`] is the data path of one hardware queue: requests in, completions out.
//! - [`request`] is the wire format of a request; pure.
//! - [`lifetime`] is what the device says of the wear of its medium; pure.
//! - [`patience`] says when a request is lost, and what is done then; pure.
//! - [`zones`] and [`zone_report`] check what a zoned device says of itself and of its zones; pure.
//! - [`zoned`] reports them to the block layer.
//! - [`attributes`] are the disk's own files in sysfs.

#![deny(unsafe_code)]

use kernel::prelude::*;
use kernel::sync::Arc;
use kernel_ext::block::Major;
use virtio::Registration;

mod attributes;
mod config;
mod disk;
mod driver;
mod feature;
mod lifetime;
mod limits;
mod patience;
mod plan;
mod queue;
mod ranges;
mod request;
mod zone_report;
mod zoned;
mod zones;

/// The module: its major number, which the driver shares, and the driver.
#[pin_data]
struct BlkModule {
    #[pin]
    _registration: Registration<driver::Blk>,
}

impl kernel::InPlaceModule for BlkModule {
    fn init(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            _registration <- {
                let major = Arc::pin_init(Major::register(c"rvirtblk"), GFP_KERNEL)?;

                Registration::new(c"rvirtio_blk", module, major)?
            },
        })
    }
}

module! {
    type: BlkModule,
    name: "rvirtio_blk",
    authors: ["The rvirtio developers"],
    description: "virtio block driver",
    license: "GPL",
    alias: ["rvirtio:d00000002v*"],
    params: {
        io_timeout: u32 {
            default: 30,
            description: "Seconds after which a request that the device does not answer fails; it is reset after half of them",
        },
        lenient_length: bool {
            default: false,
            description: "Do not hold a wrong used length against the host: some count wrongly",
        },
        num_request_queues: u32 {
            default: 0,
            description: "The most request queues that are used of a device (default: no limit)",
        },
        poll_queues: u32 {
            default: 0,
            description: "How many of them are for polled requests, without interrupts",
        },
        rotational: bool {
            default: false,
            description: "Disks count as ones that turn, as with C's driver",
        },
        queue_depth: u32 {
            default: 0,
            description: "Requests under way on a queue (default: as many as the ring has room for)",
        },
    },
}
