// SPDX-License-Identifier: GPL-2.0

//! The balloon driver (virtio 1.4, 5.5 Traditional Memory Balloon Device).
//!
//! - [`driver`] takes a device over and gives it back.
//! - [`balloon`] is the balloon: it follows the host's wish, and shrinks when memory runs out.
//! - [`host`] tells the host of pages, through two of
//! - [`notice`], queues of page numbers that the host acknowledges; [`places`] says who may use
//!   which part of their memory; pure.
//! - [`plan`] decides what to do next; [`pace`] when to try again; both pure.
//! - [`statistics`] answers the host's questions with [`stat`], their wire format; pure.
//! - [`reporting`] offers free memory; [`hinting`] says what is free when the host asks, which
//!   [`hint`] decides; pure.
//! - [`config`] is the device's configuration, [`feature`] its bits, [`numbering`] its queues; the
//!   last is pure.
//!
//! # Glossary
//!
//! - *Frame*: a page of the guest, by its number. *Page number*: the same for the host, always in
//!   units of 4096 bytes ([`plan::UNIT`]).
//! - *Notice*: a list of page numbers for the host.
//!
//! # Locks
//!
//! No lock is held while the host is waited for, but that of a round of hints, which nobody else takes. Spin locks: a virtqueue's, then that of its places;
//! the pace's alone.

#![deny(unsafe_code)]

use kernel::prelude::*;
use virtio::Registration;

mod balloon;
mod config;
mod driver;
mod feature;
mod hint;
mod hinting;
mod host;
mod notice;
mod numbering;
mod pace;
mod places;
mod plan;
mod reporting;
mod stat;
mod statistics;

/// The module: the driver, and with it the work queues of all balloons.
#[pin_data]
struct BalloonModule {
    #[pin]
    _registration: Registration<driver::Driver>,
}

impl kernel::InPlaceModule for BalloonModule {
    fn init(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            _registration <- Registration::new(
                c"rvirtio_balloon",
                module,
                driver::Queues::new()?,
            )?,
        })
    }
}

module! {
    type: BalloonModule,
    name: "rvirtio_balloon",
    authors: ["The rvirtio developers"],
    description: "virtio balloon driver",
    license: "GPL",
    alias: ["rvirtio:d00000005v*"],
}
