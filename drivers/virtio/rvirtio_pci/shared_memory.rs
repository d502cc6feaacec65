// SPDX-License-Identifier: GPL-2.0

//! Where a device's shared memory regions are: its PCI capabilities `VIRTIO_PCI_CAP_SHARED_MEMORY_CFG` (virtio 1.4,
//! 4.1.4.7). Pure.
//!
//! The device may say anything. What comes out is wholly inside a BAR that exists: unlike a structure, a region is not
//! cut to what is there, since nobody would know of which part.

use crate::capability::{
    field,
    Fault,
    Place,
    BARS,
    CAPABILITY_BYTES, //
};
use core::fmt;

/// `VIRTIO_PCI_CAP_SHARED_MEMORY_CFG`.
const SHARED_MEMORY: u8 = 8;
/// How long the capability is: offset and length have 64 bits.
const BYTES: u8 = 24;

/// A region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Region {
    /// Its number, which the device type gives a meaning.
    pub(crate) id: u8,
    /// Where it is.
    pub(crate) place: Place,
}

/// A region that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadRegion {
    /// Its number.
    pub(crate) id: u8,
    /// What is wrong.
    pub(crate) fault: Fault,
}

impl fmt::Display for BadRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shared memory {} is ignored: {}", self.id, self.fault)
    }
}

/// A field whose upper half stands elsewhere.
fn wide(bytes: &[u8; CAPABILITY_BYTES], low: usize, high: usize) -> u64 {
    u64::from(field(bytes, high)) << 32 | u64::from(field(bytes, low))
}

/// The region that a capability tells of; `None` if that is about something else.
///
/// # Errors
///
/// See [`Fault`].
pub(crate) fn region(
    bytes: &[u8; CAPABILITY_BYTES],
    bar_length: impl Fn(u8) -> Option<u64>,
) -> Option<Result<Region, BadRegion>> {
    let &[_, _, length, kind, bar, id, ..] = bytes;

    (kind == SHARED_MEMORY).then(|| {
        place(bytes, length, bar, bar_length)
            .map(|place| Region { id, place })
            .map_err(|fault| BadRegion { id, fault })
    })
}

fn place(
    bytes: &[u8; CAPABILITY_BYTES],
    capability_length: u8,
    bar: u8,
    bar_length: impl Fn(u8) -> Option<u64>,
) -> Result<Place, Fault> {
    if bar >= BARS {
        return Err(Fault::ReservedBar { bar });
    }
    if capability_length < BYTES {
        return Err(Fault::Truncated {
            length: capability_length,
        });
    }
    let bar_length = bar_length(bar).ok_or(Fault::NoBar { bar })?;
    let (offset, length) = (wide(bytes, 8, 16), wide(bytes, 12, 20));

    if length == 0 {
        return Err(Fault::TooShort { length });
    }
    if offset
        .checked_add(length)
        .is_none_or(|end| end > bar_length)
    {
        return Err(Fault::OutOfBar {
            offset,
            length,
            bar_length,
        });
    }
    Ok(Place {
        bar,
        offset,
        length,
    })
}

/// Whether a region with the number `id` is among `regions`: numbers are unique (4.1.4.7), so the first one counts.
pub(crate) fn has(regions: &[Region], id: u8) -> bool {
    regions.iter().any(|region| region.id == id)
}
