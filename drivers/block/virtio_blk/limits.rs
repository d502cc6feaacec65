// SPDX-License-Identifier: GPL-2.0

//! From what a device claims to limits that hold.
//!
//! Pure: numbers in, numbers out. Whatever the device claims, the result is something that the
//! block layer takes without complaint, or an error with a reason.

use core::fmt;

/// What the device says of itself; unchecked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Claims {
    /// Bytes of one segment.
    pub(crate) size_max: Option<u32>,
    /// Segments of one request.
    pub(crate) seg_max: Option<u32>,
    /// Bytes of one logical block.
    pub(crate) blk_size: Option<u32>,
    /// What is good for speed.
    pub(crate) topology: Option<Topology>,
    /// There is a volatile cache.
    pub(crate) write_cache: bool,
}

/// The device's topology; unchecked. All but the first count logical blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Topology {
    /// Logical blocks in a physical one, as a power of two.
    pub(crate) physical_block_exp: u8,
    /// Where the first logical block lies in a physical one.
    pub(crate) alignment_offset: u8,
    /// The least good size.
    pub(crate) min_io_size: u16,
    /// The best size.
    pub(crate) opt_io_size: u32,
}

/// What the ring has room for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Room {
    /// Entries of the ring.
    pub(crate) queue_size: u16,
    /// A request may have a table of its own.
    pub(crate) indirect: bool,
    /// Bytes that one DMA mapping may have.
    pub(crate) max_mapping: u32,
}

/// Limits that hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Checked {
    /// Bytes of one logical block: a power of two, 512 at least.
    pub(crate) logical_block: u32,
    /// Bytes of one physical block: the above times a power of two.
    pub(crate) physical_block: u32,
    /// Bytes, less than a physical block.
    pub(crate) alignment_offset: u32,
    /// Bytes: whole physical blocks, one at least.
    pub(crate) io_min: u32,
    /// Bytes: whole physical blocks; zero for none.
    pub(crate) io_opt: u32,
    /// Segments of one request, at least one.
    pub(crate) max_segments: u16,
    /// Bytes of one segment, at least [`MIN_SEGMENT`].
    pub(crate) max_segment_size: u32,
    /// Requests that may be under way: at least one, at most [`MAX_DEPTH`].
    pub(crate) depth: u32,
    /// The topology made no sense and was ignored.
    pub(crate) topology_ignored: bool,
}

/// The least segment size that the block layer works with, in bytes.
pub(crate) const MIN_SEGMENT: u32 = 4096;
/// The most segments of a request: with the header and the status that makes a table of one page.
pub(crate) const MAX_SEGMENTS: u16 = 254;
/// Descriptors of a request besides its segments: header and status.
pub(crate) const OVERHEAD: u16 = 2;

/// The most requests under way that the block layer keeps count of (`BLK_MQ_MAX_DEPTH`).
pub(crate) const MAX_DEPTH: u32 = 10240;

/// The least and the largest logical block.
const SECTOR: u32 = 512;
const MAX_BLOCK: u32 = 65536;
/// The largest size in a topology. The block layer reads ahead twice the best size, and adds least
/// size, alignment and an offset in 32 bits when a device is stacked: `blk_stack_limits()` divides
/// by that sum, which must not wrap to zero.
const MAX_HINT: u32 = 64 << 20;

/// Why a device cannot be driven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LimitError {
    /// The logical block size is not a power of two from 512 to 65536.
    BlockSize(u32),
    /// A segment may not even be a page.
    SegmentSize(u32),
    /// The ring has no room for a single request.
    QueueTooSmall(u16),
    /// A request cannot hold one logical block, so that all I/O would fail.
    RequestTooSmall {
        /// Segments of a request.
        segments: u16,
        /// Bytes of each.
        bytes: u32,
        /// Bytes of a logical block.
        block: u32,
    },
}

impl fmt::Display for LimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BlockSize(bytes) => write!(f, "block size {bytes} is not possible"),
            Self::SegmentSize(bytes) => {
                write!(f, "segments of {bytes} bytes at most are too small")
            }
            Self::QueueTooSmall(size) => {
                write!(f, "a queue of {size} entries has no room for a request")
            }
            Self::RequestTooSmall {
                segments,
                bytes,
                block,
            } => write!(
                f,
                "requests of {segments} segments of {bytes} bytes cannot hold a block of {block} bytes"
            ),
        }
    }
}

/// A topology in bytes.
struct Scaled {
    physical_block: u32,
    alignment_offset: u32,
    io_min: u32,
    io_opt: u32,
}

impl Topology {
    /// The topology in bytes, if it is a possible one. What is no multiple of the physical block
    /// becomes one, as in `blk_validate_limits()`: the least size upwards, the best downwards.
    fn scale(&self, block: u32) -> Option<Scaled> {
        let hint = |bytes: &u32| *bytes <= MAX_HINT;
        let physical_block = 1u32
            .checked_shl(self.physical_block_exp.into())?
            .checked_mul(block)
            .filter(hint)?;
        let io_min = block.checked_mul(self.min_io_size.into())?;
        let io_opt = block.checked_mul(self.opt_io_size).filter(hint)?;

        Some(Scaled {
            physical_block,
            alignment_offset: block
                .checked_mul(self.alignment_offset.into())?
                .checked_rem(physical_block)?,
            io_min: io_min
                .max(1)
                .checked_next_multiple_of(physical_block)
                .filter(hint)?,
            io_opt: io_opt.checked_sub(io_opt.checked_rem(physical_block)?)?,
        })
    }
}

/// What a device claims later, of a disk that was made with `made`: block and segments are as they were, and its topology is
/// another one.
pub(crate) fn again(claims: &Claims, made: &Checked) -> Checked {
    let block = made.logical_block;
    let (scaled, topology_ignored) = topology(claims.topology, block);

    Checked {
        physical_block: scaled.physical_block,
        alignment_offset: scaled.alignment_offset,
        io_min: scaled.io_min,
        io_opt: scaled.io_opt,
        topology_ignored,
        ..*made
    }
}

/// The topology that holds, and whether the device's was ignored.
fn topology(claimed: Option<Topology>, block: u32) -> (Scaled, bool) {
    let scaled = claimed.map(|topology| topology.scale(block));
    let ignored = matches!(scaled, Some(None));

    (
        scaled.flatten().unwrap_or(Scaled {
            physical_block: block,
            alignment_offset: 0,
            io_min: block,
            io_opt: 0,
        }),
        ignored,
    )
}

/// Checks what a device claims against what is possible.
///
/// # Errors
///
/// See [`LimitError`].
pub(crate) fn check(claims: &Claims, room: Room) -> Result<Checked, LimitError> {
    let block = claims.blk_size.unwrap_or(SECTOR);

    if !block.is_power_of_two() || !(SECTOR..=MAX_BLOCK).contains(&block) {
        return Err(LimitError::BlockSize(block));
    }

    let max_segment_size = claims.size_max.unwrap_or(u32::MAX).min(room.max_mapping);

    if max_segment_size < MIN_SEGMENT {
        return Err(LimitError::SegmentSize(max_segment_size));
    }

    // 2.7.5.3.1: a table is no longer than the ring, so the ring's size bounds a request either way.
    let fits = room.queue_size.saturating_sub(OVERHEAD);

    if fits == 0 {
        return Err(LimitError::QueueTooSmall(room.queue_size));
    }
    let max_segments = claims
        .seg_max
        .map_or(1, |segments| u16::try_from(segments).unwrap_or(u16::MAX))
        .min(fits)
        .clamp(1, MAX_SEGMENTS);

    // The block layer cuts requests at whole blocks: one that holds less is cut to nothing.
    if u64::from(max_segments) * u64::from(max_segment_size) < u64::from(block) {
        return Err(LimitError::RequestTooSmall {
            segments: max_segments,
            bytes: max_segment_size,
            block,
        });
    }

    // With tables each request takes one entry. Without, it takes three or more, so that half of
    // the entries is a depth at which the ring rarely fills up.
    let depth = if room.indirect {
        room.queue_size
    } else {
        room.queue_size / 2
    };

    let (scaled, topology_ignored) = topology(claims.topology, block);

    Ok(Checked {
        logical_block: block,
        physical_block: scaled.physical_block,
        alignment_offset: scaled.alignment_offset,
        io_min: scaled.io_min,
        io_opt: scaled.io_opt,
        max_segments,
        max_segment_size,
        depth: u32::from(depth).clamp(1, MAX_DEPTH),
        topology_ignored,
    })
}
