// SPDX-License-Identifier: GPL-2.0

//! The guest side of virtio: the bus, the life of a device, its features, its configuration and
//! its virtqueues.
//!
//! A *transport* (PCI, say) finds a device and registers it with [`DeviceRegistration`]; the bus
//! finds a [`Driver`] for its id, takes it through the steps of virtio 1.4, 3.1.1 "Driver
//! Requirements: Device Initialization", and hands the driver what belongs to each step:
//!
//! | step | type | what can be done |
//! |---|---|---|
//! | reset, acknowledged | (the bus) | features are offered, and [`Driver::validate`] is asked |
//! | `FEATURES_OK` | [`FeaturesOk`] | read the configuration, make queues |
//! | `DRIVER_OK` | [`Live`] | post buffers, have interrupts |
//!
//! Going back is the work of `Drop`: a driver that gives up half-way leaves the device marked
//! `FAILED` and reset.
//!
//! # The device is not trusted
//!
//! What it says in its configuration comes as [`Untrusted`], what it says in a ring is checked by
//! the crate `vring`. A device that breaks the rules, or that asks for it, is *broken*: one line in
//! the log, a reset that is waited for with an end, and [`Driver::device_broken`], where the driver
//! fails what is outstanding. See [`Device::break_device`].
//!
//! # Glossary
//!
//! - *Offered*: feature bits that the device shows. *Accepted*: those that the driver took.
//! - *Used*, *available*, *kick*: see the crate `vring`.
//! - *Live*: between `DRIVER_OK` and the reset that ends it.

#![deny(unsafe_code)]

mod attributes;
mod bus;
mod config;
mod device;
mod driver;
mod exchange;
mod feature;
mod id;
mod life;
mod memory;
mod module;
mod queue;
mod reason;
mod resize;
mod ring;
mod staging;
mod status;
mod table;
mod timeouts;
mod transport;

pub use self::bus::DeviceRegistration;
pub use self::config::Config;
pub use self::device::Device;
pub use self::driver::{
    Driver,
    Registration, //
};
pub use self::exchange::Exchange;
pub use self::feature::{
    transport_feature,
    Features, //
};
pub use self::id::{
    DeviceId,
    Identity, //
};
pub use self::life::{
    FeaturesOk,
    Live, //
};
pub use self::queue::{
    Bh,
    Entrance,
    Irq,
    Locked,
    QueueLock,
    QueueOptions,
    Virtqueue, //
};
pub use self::reason::Reason;
pub use self::resize::SpareRing;
pub use self::ring::RingFormat;
pub use self::staging::Staging;
pub use self::status::Status;
pub use self::table::{
    Table,
    Tables, //
};
pub use self::timeouts::Timeout;
pub use self::transport::{
    Interrupts,
    Notifier,
    OpenQueue,
    QueueAddresses,
    QueueHandler,
    QueueInterrupt,
    QueueSetup,
    Transport, //
};

pub use vring::{
    AddError,
    Completion,
    IndirectTable,
    Segment,
    TableError,
    Untrusted, //
};
