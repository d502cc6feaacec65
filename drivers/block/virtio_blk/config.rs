// SPDX-License-Identifier: GPL-2.0

//! The device's configuration (virtio 1.4, 5.2.4), read in one piece.

use crate::{
    feature,
    limits::{
        Claims,
        Topology, //
    },
    ranges::{
        Claim,
        RangeClaims,
        ZeroesClaim, //
    },
    zones::{
        self,
        ZonedClaims, //
    }, //
};
use kernel::prelude::*;
use kernel_ext::block::{
    Geometry,
    HAS_ZONES,
    MAX_CAPACITY, //
};
use virtio::{
    Config,
    Features,
    Untrusted, //
};

/// Offsets in bytes.
const CAPACITY: usize = 0;
const SIZE_MAX: usize = 8;
const SEG_MAX: usize = 12;
const CYLINDERS: usize = 16;
const HEADS: usize = 18;
const SECTORS: usize = 19;
const BLK_SIZE: usize = 20;
const PHYSICAL_BLOCK_EXP: usize = 24;
const ALIGNMENT_OFFSET: usize = 25;
const MIN_IO_SIZE: usize = 26;
const OPT_IO_SIZE: usize = 28;
const WRITEBACK: usize = 32;
const NUM_QUEUES: usize = 34;
/// Sectors, ranges, alignment.
const DISCARD: [usize; 3] = [36, 40, 44];
const WRITE_ZEROES: usize = 48;
const WRITE_ZEROES_MAY_UNMAP: usize = 56;
const SECURE_ERASE: [usize; 3] = [60, 64, 68];
const ZONE_SECTORS: usize = 72;
const MAX_OPEN_ZONES: usize = 76;
const MAX_ACTIVE_ZONES: usize = 80;
const MAX_APPEND_SECTORS: usize = 84;
const WRITE_GRANULARITY: usize = 88;
const ZONE_MODEL: usize = 92;

/// Where the field that a feature makes valid ends: the configuration has to be that long.
const FIELDS: [(Features, usize); 11] = [
    (feature::SIZE_MAX, SIZE_MAX + 4),
    (feature::SEG_MAX, SEG_MAX + 4),
    (feature::GEOMETRY, SECTORS + 1),
    (feature::BLK_SIZE, BLK_SIZE + 4),
    (feature::TOPOLOGY, OPT_IO_SIZE + 4),
    (feature::CONFIG_WCE, WRITEBACK + 1),
    (feature::MQ, NUM_QUEUES + 2),
    (feature::DISCARD, DISCARD[2] + 4),
    (feature::WRITE_ZEROES, WRITE_ZEROES_MAY_UNMAP + 1),
    (feature::SECURE_ERASE, SECURE_ERASE[2] + 4),
    (feature::ZONED, ZONE_MODEL + 1),
];

/// Takes away the features whose fields the configuration is too short for, and discards where zones must be
/// reset instead (5.2.5.1). The kernel may have no zones at all.
///
/// # Errors
///
/// `ERANGE` when the configuration is too short.
pub(crate) fn supported(features: Features, config: &Config<'_>) -> Result<Features> {
    let mut features = config.backed(features, &FIELDS);

    if !HAS_ZONES {
        features = features & !feature::ZONED;
    }
    if features.contains(feature::ZONED) && config.u8(ZONE_MODEL)?.test(zones::needs_resets) {
        features = features & !feature::DISCARD;
    }
    Ok(features)
}

/// Reads what a zoned device says of its zones.
///
/// # Errors
///
/// As for [`capacity`].
pub(crate) fn zoned_claims(features: Features, config: &Config<'_>) -> Result<Option<ZonedClaims>> {
    if !features.contains(feature::ZONED) {
        return Ok(None);
    }
    config.consistent(|config| {
        let field = |offset| config.u32(offset).and_then(claim);

        Ok(Some(ZonedClaims {
            zone_sectors: field(ZONE_SECTORS)?,
            max_open_zones: field(MAX_OPEN_ZONES)?,
            max_active_zones: field(MAX_ACTIVE_ZONES)?,
            max_append_sectors: field(MAX_APPEND_SECTORS)?,
            write_granularity: field(WRITE_GRANULARITY)?,
            model: config.u8(ZONE_MODEL).and_then(claim)?,
        }))
    })
}

/// Reads the capacity, in sectors of 512 bytes; more than the block layer can count is cut.
///
/// # Errors
///
/// `ERANGE` when the configuration is too short, `EIO` when it does not keep still.
pub(crate) fn capacity(config: &Config<'_>) -> Result<u64> {
    config
        .consistent(|config| config.u64(CAPACITY))?
        .validate(|sectors| Ok(sectors.min(MAX_CAPACITY)))
}

/// Turns the device's cache on or off, and tells whether it is on now (5.2.5.1, with
/// `VIRTIO_BLK_F_CONFIG_WCE`).
///
/// # Errors
///
/// `ERANGE` when the configuration is too short.
pub(crate) fn set_write_cache(config: &Config<'_>, on: bool) -> Result<bool> {
    config.write_u8(WRITEBACK, on.into())?;
    Ok(config.u8(WRITEBACK)?.test(|mode| mode != 0))
}

/// Reads how many queues the device offers; one without `VIRTIO_BLK_F_MQ`. Any number is possible.
///
/// # Errors
///
/// As for [`capacity`].
pub(crate) fn queues(features: Features, config: &Config<'_>) -> Result<u16> {
    if !features.contains(feature::MQ) {
        return Ok(1);
    }
    config
        .consistent(|config| config.u16(NUM_QUEUES))?
        .validate(Ok)
}

/// Takes a field as a claim, which only `limits::check` makes a limit of: any value is allowed here.
fn claim<T>(value: Untrusted<T>) -> Result<T> {
    value.validate(Ok)
}

/// Reads what the device says of itself, field by field as the features allow.
///
/// # Errors
///
/// As for [`capacity`].
pub(crate) fn claims(features: Features, config: &Config<'_>) -> Result<Claims> {
    let has = |feature| features.contains(feature);

    config.consistent(|config| {
        let field = |feature, offset| -> Result<Option<u32>> {
            has(feature)
                .then(|| config.u32(offset))
                .transpose()?
                .map(claim)
                .transpose()
        };

        Ok(Claims {
            size_max: field(feature::SIZE_MAX, SIZE_MAX)?,
            seg_max: field(feature::SEG_MAX, SEG_MAX)?,
            blk_size: field(feature::BLK_SIZE, BLK_SIZE)?,
            topology: if has(feature::TOPOLOGY) {
                Some(Topology {
                    physical_block_exp: config.u8(PHYSICAL_BLOCK_EXP).and_then(claim)?,
                    alignment_offset: config.u8(ALIGNMENT_OFFSET).and_then(claim)?,
                    min_io_size: config.u16(MIN_IO_SIZE).and_then(claim)?,
                    opt_io_size: config.u32(OPT_IO_SIZE).and_then(claim)?,
                })
            } else {
                None
            },
            write_cache: if has(feature::CONFIG_WCE) {
                // Anything but zero is a cache: a flush too many does no harm.
                config.u8(WRITEBACK)?.test(|mode| mode != 0) && has(feature::FLUSH)
            } else {
                has(feature::FLUSH)
            },
        })
    })
}

/// Reads what the device says of the commands that carry ranges, as the features allow.
///
/// # Errors
///
/// As for [`capacity`].
pub(crate) fn range_claims(features: Features, config: &Config<'_>) -> Result<RangeClaims> {
    config.consistent(|config| {
        let field = |offset| config.u32(offset).and_then(claim);
        let three = |feature, [sectors, ranges, alignment]: [usize; 3]| -> Result<Option<Claim>> {
            if !features.contains(feature) {
                return Ok(None);
            }
            Ok(Some(Claim {
                max_sectors: field(sectors)?,
                max_ranges: field(ranges)?,
                alignment: field(alignment)?,
            }))
        };

        Ok(RangeClaims {
            discard: three(feature::DISCARD, DISCARD)?,
            write_zeroes: if features.contains(feature::WRITE_ZEROES) {
                Some(ZeroesClaim {
                    max_sectors: field(WRITE_ZEROES)?,
                    may_unmap: config.u8(WRITE_ZEROES_MAY_UNMAP)?.test(|may| may != 0),
                })
            } else {
                None
            },
            secure_erase: three(feature::SECURE_ERASE, SECURE_ERASE)?,
        })
    })
}

/// Reads the geometry, if the device has one. Nothing is computed with it: any will do.
///
/// # Errors
///
/// As for [`capacity`].
pub(crate) fn geometry(features: Features, config: &Config<'_>) -> Result<Option<Geometry>> {
    if !features.contains(feature::GEOMETRY) {
        return Ok(None);
    }
    config.consistent(|config| {
        Ok(Some(Geometry {
            cylinders: config.u16(CYLINDERS).and_then(claim)?,
            heads: config.u8(HEADS).and_then(claim)?,
            sectors: config.u8(SECTORS).and_then(claim)?,
        }))
    })
}
