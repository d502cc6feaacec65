// SPDX-License-Identifier: GPL-2.0

//! The net driver.

#![deny(unsafe_code)]

use kernel::prelude::*;

struct Stub;

impl kernel::Module for Stub {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let _ = virtio::RESET_MS;
        Err(ENODEV)
    }
}

module! {
    type: Stub,
    name: "rvirtio_net",
    authors: ["The rvirtio developers"],
    description: "virtio net driver",
    license: "GPL",
}
