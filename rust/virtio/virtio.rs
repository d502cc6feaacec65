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
//! | `DRIVER_OK` | [`Live`] | post buffers, have interrupts; queues refuse them before |
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
//! # The device may begin anew
//!
//! Because it asks for a reset (`DEVICE_NEEDS_RESET`), because the machine sleeps, or because somebody else
//! resets it, a device may have to go from reset to `DRIVER_OK` again while its driver has it:
//!
//! | step | who | what is done |
//! |---|---|---|
//! | 1 | [`Driver::pause`] | the layers above give it no more to do |
//! | 2 | (the core) | it is reset, waited for with an end, and accepts the same features |
//! | 3 | [`QueueHandler::restart`] | what was under way is taken back; the queue begins anew, in the same memory |
//! | 4 | (the core) | `DRIVER_OK` |
//! | 5 | [`Driver::resume`] | it is told what it was told before; the layers above go on |
//!
//! # Glossary
//!
//! - *Offered*: feature bits that the device shows. *Accepted*: those that the driver took.
//! - *Used*, *available*, *kick*: see the crate `vring`.
//! - *Live*: between `DRIVER_OK` and the reset that ends it.

#![deny(unsafe_code)]

mod activity;
mod admin_command;
mod administration;
mod allowance;
mod any_queue;
mod areas;
mod attributes;
mod budget;
mod bus;
mod config;
mod counter;
mod debug;
mod device;
mod driver;
mod exchange;
mod feature;
mod filter;
mod follow;
mod handler;
mod id;
mod life;
mod memory;
mod module;
mod names;
mod negotiation;
mod pause;
mod queue;
mod reason;
mod report;
mod resize;
mod restart;
mod ring;
mod session;
mod shared_memory;
mod silent;
mod staging;
mod status;
mod table;
mod timeouts;
mod transport;

pub use self::any_queue::AnyQueue;
pub use self::areas::Areas;
pub use self::budget::Budget;
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
pub use self::handler::QueueHandler;
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
pub use self::report::QueueReport;
pub use self::resize::SpareRing;
pub use self::restart::Restart;
pub use self::ring::RingFormat;
pub use self::session::Session;
pub use self::shared_memory::SharedMemory;
pub use self::silent::Silent;
pub use self::staging::Staging;
pub use self::status::Status;
pub use self::table::{
    Table,
    Tables, //
};
pub use self::timeouts::Timeout;
pub use self::transport::{
    Delivery,
    InterruptHandler,
    Interrupts,
    Notifier,
    OpenQueue,
    QueueAddresses,
    QueueInterrupt,
    QueueSetup,
    Transport, //
};

pub use kernel_ext::dma::Segment;
pub use vring::{
    AddError,
    Completion,
    IndirectTable,
    RingSizes,
    TableError,
    Untrusted, //
};
