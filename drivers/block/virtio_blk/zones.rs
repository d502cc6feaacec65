// SPDX-License-Identifier: GPL-2.0

//! Zoned devices (virtio 1.4, 5.2.5 and 5.2.6): what the device says of its zones, and of one zone.
//!
//! Pure: numbers in, numbers out. Whatever the device says, the result is something that the block layer
//! takes without complaint, or an error with a reason.

use core::fmt;

/// `model` of the configuration.
mod model {
    /// It is no zoned device, or hides it.
    pub(super) const NONE: u8 = 0;
    /// Sequential zones must be written in sequence.
    pub(super) const HOST_MANAGED: u8 = 1;
    /// They are best written in sequence. Such a device is driven as one without zones, as in C.
    pub(super) const HOST_AWARE: u8 = 2;
}

/// What the device says of its zones; unchecked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ZonedClaims {
    /// How strict it is.
    pub(crate) model: u8,
    /// Sectors of a zone.
    pub(crate) zone_sectors: u32,
    /// Zones that may be open; zero for any number.
    pub(crate) max_open_zones: u32,
    /// Zones that may be open or closed; zero for any number.
    pub(crate) max_active_zones: u32,
    /// Sectors of one append; zero where there is none.
    pub(crate) max_append_sectors: u32,
    /// Bytes that a sequential zone is written in multiples of.
    pub(crate) write_granularity: u32,
}

/// What the rest of the disk is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ground {
    /// Bytes of a logical block, a power of two, 512 at least.
    pub(crate) logical_block: u32,
    /// Segments of a request, one at least.
    pub(crate) max_segments: u16,
    /// Sectors of the disk.
    pub(crate) capacity: u64,
}

/// Limits that hold, of a host-managed device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Zones {
    /// Sectors of a zone: a power of two, whole pieces of the granularity.
    pub(crate) zone_sectors: u32,
    /// Zones that may be open; zero for any number.
    pub(crate) max_open: u32,
    /// Zones that may be open or closed; zero for any number. Not less than may be open.
    pub(crate) max_active: u32,
    /// Sectors of one append: whole pieces of the granularity, at most a zone, and what a request can
    /// hold of single pages. Zero where the block layer has to do it with writes.
    pub(crate) max_append_sectors: u32,
    /// Bytes, a power of two: whole logical blocks.
    pub(crate) granularity: u32,
}

/// The most zones of a disk: the block layer has a byte for each, in one piece.
const MAX_ZONES: u64 = 1 << 20;
/// The least page: a segment has at least as much room.
const PAGE_SECTORS: u32 = 8;
const SECTOR: u32 = 512;

/// Why a zoned device cannot be driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ZonedError {
    /// A model that the specification does not have.
    Model(u8),
    /// Zones have to have a power of two of sectors, and whole pieces of the granularity.
    ZoneSize(u32),
    /// Not a power of two, or no whole logical blocks.
    Granularity(u32),
    /// There are too many zones, or there is none.
    Count(u64),
}

impl fmt::Display for ZonedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Model(model) => write!(f, "zone model {model} does not exist"),
            Self::ZoneSize(sectors) => write!(f, "zones of {sectors} sectors are not possible"),
            Self::Granularity(bytes) => {
                write!(f, "write granularity of {bytes} bytes is not possible")
            }
            Self::Count(zones) => write!(f, "a disk of {zones} zones is not possible"),
        }
    }
}

/// Whether a device of this model takes resets of zones, and no discards.
pub(crate) fn needs_resets(model: u8) -> bool {
    model == model::HOST_MANAGED
}

/// Checks what a device says of its zones. `None` for one that is driven as if it had none.
///
/// # Errors
///
/// See [`ZonedError`].
pub(crate) fn check(claims: &ZonedClaims, disk: &Ground) -> Result<Option<Zones>, ZonedError> {
    match claims.model {
        model::NONE | model::HOST_AWARE => return Ok(None),
        model::HOST_MANAGED => {}
        other => return Err(ZonedError::Model(other)),
    }

    let granularity = claims.write_granularity;
    let zone_sectors = claims.zone_sectors;
    let pieces = granularity / SECTOR;

    if !granularity.is_power_of_two() || granularity < disk.logical_block {
        return Err(ZonedError::Granularity(granularity));
    }
    // Both are powers of two.
    if !zone_sectors.is_power_of_two() || zone_sectors < pieces {
        return Err(ZonedError::ZoneSize(zone_sectors));
    }
    let zone = u64::from(zone_sectors);
    let whole = disk.capacity.checked_div(zone).unwrap_or(0);
    let rest = disk.capacity.checked_rem(zone).unwrap_or(0);
    let count = whole.saturating_add(u64::from(rest != 0));

    if count == 0 || count > MAX_ZONES {
        return Err(ZonedError::Count(count));
    }
    // An append is not cut. In the worst case each of its segments is a page.
    let holds = u32::from(disk.max_segments).saturating_mul(PAGE_SECTORS);
    let append = claims.max_append_sectors.min(holds).min(zone_sectors);
    let whole = append.saturating_sub(append.checked_rem(pieces).unwrap_or(append));

    Ok(Some(Zones {
        zone_sectors,
        // An open zone is active, too.
        max_open: match claims.max_active_zones {
            0 => claims.max_open_zones,
            active => claims.max_open_zones.min(active),
        },
        max_active: claims.max_active_zones,
        max_append_sectors: whole,
        granularity,
    }))
}

/// Where an append to the zone that begins at `zone` has gone, by the device: inside the zone, as a whole.
/// `None` for a place where it cannot be.
pub(crate) fn appended(place: u64, zone: u64, zone_sectors: u32, sectors: u32) -> Option<u64> {
    let offset = place.checked_sub(zone)?;
    let end = offset.checked_add(sectors.into())?;

    (end <= u64::from(zone_sectors)).then_some(place)
}
