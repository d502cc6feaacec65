// SPDX-License-Identifier: GPL-2.0

//! What requests a disk can take.
//!
//! C header: [`include/linux/blkdev.h`](srctree/include/linux/blkdev.h), `struct queue_limits`

use crate::bindings;

/// The limits of a disk of zones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZoneLimits {
    /// Sectors of a zone, a power of two.
    pub zone_sectors: u32,
    /// Zones that may be open; zero for any number.
    pub max_open: u32,
    /// Zones that may be open or closed; zero for any number. Not less than may be open.
    pub max_active: u32,
    /// Sectors of one append; zero where the block layer is to do it with writes.
    pub max_append_sectors: u32,
    /// Bytes that a sequential zone is written in multiples of.
    pub granularity: u32,
}

/// The limits and properties of a disk. All sizes in bytes, unless the name says otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The unit of addressing: a power of two from 512 to 65536.
    pub logical_block_size: u32,
    /// The unit that the medium writes in one go; a multiple of the above.
    pub physical_block_size: u32,
    /// Where the first logical block lies in a physical one.
    pub alignment_offset: u32,
    /// The least size that is good for speed.
    pub io_min: u32,
    /// The best size for speed; zero for no preference.
    pub io_opt: u32,
    /// Segments of one request.
    pub max_segments: u16,
    /// Bytes of one segment, at least a page.
    pub max_segment_size: u32,
    /// Sectors of one request.
    pub max_sectors: u32,
    /// The device has a volatile cache that flushes empty.
    pub write_cache: bool,
    /// The medium turns.
    pub rotational: bool,
    /// Sectors of one discard; zero where there is none.
    pub max_discard_sectors: u32,
    /// Extents of one discard. More than one of them need not adjoin.
    pub max_discard_extents: u16,
    /// What is discarded in whole pieces, in bytes. At least a physical block counts.
    pub discard_granularity: u32,
    /// Sectors of one request for zeros; zero where the block layer has to write them.
    pub max_write_zeroes_sectors: u32,
    /// Zeros are written without taking place on the medium, unless that is asked for.
    pub write_zeroes_unmap: bool,
    /// Sectors of one secure erase; zero where there is none.
    pub max_secure_erase_sectors: u32,
    /// The disk is made of zones that are written in sequence. Needs `CONFIG_BLK_DEV_ZONED`.
    pub zones: Option<ZoneLimits>,
}

impl Limits {
    pub(super) fn apply(&self, raw: &mut bindings::queue_limits) {
        raw.logical_block_size = self.logical_block_size;
        raw.max_segments = self.max_segments;
        raw.max_segment_size = self.max_segment_size;
        raw.max_hw_sectors = self.max_sectors;
        raw.max_discard_segments = self.max_discard_extents;
        if let Some(zones) = &self.zones {
            raw.features |= bindings::RVIRTIO_FEAT_ZONED;
            raw.chunk_sectors = zones.zone_sectors;
            raw.max_open_zones = zones.max_open;
            raw.max_active_zones = zones.max_active;
            raw.max_hw_zone_append_sectors = zones.max_append_sectors;
            raw.zone_write_granularity = zones.granularity;
        }
        apply_cache(self.write_cache, raw);
        if self.rotational {
            raw.features |= bindings::RVIRTIO_FEAT_ROTATIONAL;
        } else {
            raw.features &= !bindings::RVIRTIO_FEAT_ROTATIONAL;
        }
        self.apply_changeable(raw);
    }

    /// Those that may change while the disk is in use: hints, and what one erasing request may have. Nothing is made of them
    /// for the disk's life by the block layer, by file systems or by the driver's queues; what is stacked on the disk keeps
    /// those that it found.
    pub(super) fn apply_changeable(&self, raw: &mut bindings::queue_limits) {
        raw.physical_block_size = self.physical_block_size;
        raw.alignment_offset = self.alignment_offset;
        raw.io_min = self.io_min;
        raw.io_opt = self.io_opt;
        raw.max_hw_discard_sectors = self.max_discard_sectors;
        raw.discard_granularity = self.discard_granularity;
        raw.max_write_zeroes_sectors = self.max_write_zeroes_sectors;
        raw.max_hw_wzeroes_unmap_sectors = if self.write_zeroes_unmap {
            self.max_write_zeroes_sectors
        } else {
            0
        };
        raw.max_secure_erase_sectors = self.max_secure_erase_sectors;
    }
}

/// Says in `raw` whether there is a cache that needs flushing.
pub(super) fn apply_cache(write_cache: bool, raw: &mut bindings::queue_limits) {
    if write_cache {
        raw.features |= bindings::RVIRTIO_FEAT_WRITE_CACHE;
    } else {
        raw.features &= !bindings::RVIRTIO_FEAT_WRITE_CACHE;
    }
}
