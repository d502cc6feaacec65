// SPDX-License-Identifier: GPL-2.0

//! The module `rvirtio`.

use crate::bus::VirtioBus;
use kernel::prelude::*;
use kernel_ext::{
    bus::BusRegistration,
    shared::Owner, //
};

/// The module: the bus, and what its devices share. The bus goes first.
struct Rvirtio {
    _bus: BusRegistration<VirtioBus>,
    _shared: Owner,
}

impl kernel::Module for Rvirtio {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let shared = Owner::new(c"rvirtio", c"rvirtio_config")?;

        Ok(Self {
            _bus: BusRegistration::new()?,
            _shared: shared,
        })
    }
}

module! {
    type: Rvirtio,
    name: "rvirtio",
    authors: ["The rvirtio developers"],
    description: "virtio bus and virtqueues",
    license: "GPL",
}
