// SPDX-License-Identifier: GPL-2.0

//! The module `rvirtio`.

use crate::bus::VirtioBus;
use kernel::prelude::*;
use kernel_ext::{
    bus::BusRegistration,
    cpu::CpuWatches,
    shared::Owner, //
};

/// The module: the bus, and what its devices share. The bus goes first.
struct Rvirtio {
    _bus: BusRegistration<VirtioBus>,
    _cpus: CpuWatches,
    _shared: Owner,
}

impl kernel::Module for Rvirtio {
    fn init(_module: &'static ThisModule) -> Result<Self> {
        let shared = Owner::new(c"rvirtio", c"rvirtio_config")?;

        Ok(Self {
            _cpus: CpuWatches::new()?,
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
    params: {
        reset_ms: u32 {
            default: 3_000,
            description: "Milliseconds that the reset of a device may take",
        },
        queue_reset_ms: u32 {
            default: 3_000,
            description: "Milliseconds that the reset of a queue may take",
        },
        control_ms: u32 {
            default: 5_000,
            description: "Milliseconds that a command on a control queue may take",
        },
        balloon_ms: u32 {
            default: 30_000,
            description: "Milliseconds that a host may take to acknowledge what it is told of memory",
        },
        balloon_oom_ms: u32 {
            default: 2_000,
            description: "The same, where a task is waiting for the memory",
        },
        config_tries: u32 {
            default: 100,
            description: "How often a configuration is read that changes meanwhile",
        },
    },
}

/// The module itself.
pub(crate) const fn this() -> ThisModule {
    <Rvirtio as kernel::ModuleMetadata>::THIS_MODULE
}

/// Makes functions that tell the parameters, which are private here.
macro_rules! parameters {
    ($($name:ident)*) => {
        $(
            pub(crate) fn $name() -> u32 {
                module_parameters::$name.value()
            }
        )*
    };
}

parameters!(reset_ms queue_reset_ms control_ms balloon_ms balloon_oom_ms config_tries);
