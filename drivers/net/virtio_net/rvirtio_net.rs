// SPDX-License-Identifier: GPL-2.0

//! The network driver: `ethX` (virtio 1.4, 5.1 Network Device).
//!
//! - [`driver`] takes a device over and gives it back.
//! - [`interface`] is what the network layer sees: up and down, filters, queues, `ethtool`.
//! - [`rx`] and [`tx`] are the data path, one object for each queue.
//! - [`control`] sends commands and waits for the answer.
//! - [`config`] reads the device's configuration; [`feature`] says what is taken of its features.
//! - [`header`] is the wire format before a packet; pure.
//! - [`sizing`] says how large receive buffers are; pure.
//! - [`batch`] is a short list of fixed size; pure.
//! - [`counters`] counts for `ip -s link` and `ethtool -S`.

#![deny(unsafe_code)]

mod batch;
mod config;
mod control;
mod counters;
mod driver;
mod feature;
mod header;
mod interface;
mod rx;
mod sizing;
mod tx;
mod vlans;

virtio::module_virtio_driver! {
    type: driver::Net,
    name: "rvirtio_net",
    authors: ["The rvirtio developers"],
    description: "virtio network driver",
    license: "GPL",
    alias: ["rvirtio:d00000001v*"],
    params: {
        csum: bool {
            default: true,
            description: "Have the device fill in checksums of what is sent",
        },
        gso: bool {
            default: true,
            description: "Have the device cut what is sent into segments",
        },
    },
}
