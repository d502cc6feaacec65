// SPDX-License-Identifier: GPL-2.0

//! The device's configuration (virtio 1.4, 5.1.4).

use crate::feature;
use kernel::{
    device::Device,
    prelude::*, //
};
use kernel_ext::net::{
    is_valid_address,
    Link,
    MacAddress, //
};
use virtio::{
    Config,
    Features, //
};

/// Offsets in bytes.
const MAC: usize = 0;
const STATUS: usize = 6;
const MAX_PAIRS: usize = 8;
const MTU: usize = 10;
const SPEED: usize = 12;
const DUPLEX: usize = 16;

/// Where the field that a feature makes valid ends: the configuration has to be that long.
const FIELDS: [(Features, usize); 5] = [
    (feature::MAC, MAC + 6),
    (feature::STATUS, STATUS + 2),
    (feature::MQ, MAX_PAIRS + 2),
    (feature::MTU, MTU + 2),
    (feature::SPEED_DUPLEX, DUPLEX + 1),
];

/// Bits of the status.
const LINK_UP: u16 = 1;
const ANNOUNCE: u16 = 2;

/// The smallest MTU of all (IPv4).
const SMALLEST_MTU: u16 = 68;
/// As many pairs of queues as there can be: the control queue behind them needs a number of 16 bits. The
/// specification allows one more (5.1.6.5.5).
const MOST_PAIRS: u16 = 0x7fff;

/// Takes away the features whose fields the configuration is too short for.
pub(crate) fn supported(features: Features, config: &Config<'_>) -> Features {
    config.backed(features, &FIELDS)
}

/// What the device says of its link.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Status {
    /// There is one.
    pub(crate) link: bool,
    /// The neighbours should be told where the interface is.
    pub(crate) announce: bool,
}

/// Reads the status; without the feature there always is a link.
///
/// # Errors
///
/// As for [`Config::consistent`].
pub(crate) fn status(features: Features, config: &Config<'_>) -> Result<Status> {
    if !features.contains(feature::STATUS) {
        return Ok(Status {
            link: true,
            announce: false,
        });
    }
    config.u16(STATUS)?.validate(|status| {
        Ok(Status {
            link: status & LINK_UP != 0,
            announce: status & ANNOUNCE != 0 && features.contains(feature::GUEST_ANNOUNCE),
        })
    })
}

/// The largest payload of a packet, if the device says one that can be.
///
/// # Errors
///
/// As for [`Config::consistent`].
pub(crate) fn mtu(config: &Config<'_>) -> Result<Option<u16>> {
    config
        .u16(MTU)?
        .validate(|mtu| Ok((mtu >= SMALLEST_MTU).then_some(mtu)))
}

/// The device's address, if it says one that an interface can have.
///
/// # Errors
///
/// As for [`Config::consistent`].
pub(crate) fn address(config: &Config<'_>) -> Result<Option<MacAddress>> {
    config.consistent(|config| {
        let mut address = MacAddress::default();

        for (at, byte) in address.iter_mut().enumerate() {
            *byte = config
                .u8(MAC.saturating_add(at))?
                .validate(Ok::<u8, Error>)?;
        }
        Ok(is_valid_address(&address).then_some(address))
    })
}

/// Tells the device its address, byte by byte in their order: what there was for it before version 1, and
/// is not allowed since (5.1.4.3).
///
/// # Errors
///
/// `ERANGE` when the configuration is too short.
pub(crate) fn set_address(config: &Config<'_>, address: &MacAddress) -> Result {
    address
        .iter()
        .enumerate()
        .try_for_each(|(at, byte)| config.write_u8(MAC.saturating_add(at), *byte))
}

/// How many pairs of queues the device has: one, unless it says something else that can be. `node` is what
/// messages are about.
///
/// # Errors
///
/// `EINVAL` when there cannot be as many, which leaves a line in the log; those of [`Config::consistent`].
pub(crate) fn pairs(features: Features, config: &Config<'_>, node: &Device) -> Result<u16> {
    if !features.contains(feature::MQ) {
        return Ok(1);
    }
    let said = config.u16(MAX_PAIRS)?;

    said.validate(|pairs| match pairs {
        0 => Ok(1),
        pairs if pairs > MOST_PAIRS => Err(EINVAL),
        pairs => Ok(pairs),
    })
    .inspect_err(|_| {
        dev_err!(
            node,
            "{} pairs of queues are not possible\n",
            said.raw_for_log()
        );
    })
}

/// Speed and duplex mode, as far as the device says them.
pub(crate) fn link(features: Features, config: &Config<'_>) -> Link {
    if !features.contains(feature::SPEED_DUPLEX) {
        return Link::UNKNOWN;
    }
    let speed = config
        .u32(SPEED)
        .and_then(|speed| speed.validate(|speed| Ok((speed <= i32::MAX as u32).then_some(speed))));
    let duplex = config.u8(DUPLEX).and_then(|duplex| {
        duplex.validate(|duplex| {
            Ok(match duplex {
                0 => Some(false),
                1 => Some(true),
                _ => None,
            })
        })
    });

    Link {
        speed: speed.unwrap_or(None),
        full_duplex: duplex.unwrap_or(None),
    }
}
