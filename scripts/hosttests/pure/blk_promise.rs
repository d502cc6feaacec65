// SPDX-License-Identifier: GPL-2.0

//! What `check` of the block driver promises: its limits pass the block layer of Linux 7.3, told
//! here after `block/blk-settings.c`, without a warning and without being changed. Shared with the
//! fuzz target.

use crate::limits::{
    check,
    Checked,
    Claims,
    LimitError,
    Room, //
};

const PAGE: u32 = 4096;
const SECTOR_SHIFT: u32 = 9;

/// `blk_validate_block_size()`, with transparent huge pages.
fn block_size(bytes: u32) -> Result<(), &'static str> {
    if !(512..=65536).contains(&bytes) || !bytes.is_power_of_two() {
        return Err("invalid logical block size");
    }
    Ok(())
}

/// `blk_validate_limits()`, as far as the driver sets limits: what it refuses or warns of is an
/// error; so is what it changes, and what it takes for "not set".
fn validate(limits: &Checked, max_hw_sectors: u32) -> Result<(), &'static str> {
    block_size(limits.logical_block)?;
    if limits.physical_block < limits.logical_block {
        return Err("physical block is raised");
    }
    if !limits.physical_block.is_power_of_two() {
        return Err("invalid physical block size");
    }
    if limits.io_min < limits.physical_block {
        return Err("io_min is raised");
    }
    if limits.io_opt & (limits.physical_block - 1) != 0 {
        return Err("io_opt is rounded down");
    }
    if max_hw_sectors < PAGE >> SECTOR_SHIFT {
        return Err("WARN: max_hw_sectors < PAGE_SECTORS");
    }
    if limits.logical_block >> SECTOR_SHIFT > max_hw_sectors {
        return Err("WARN: logical_block_sectors > max_hw_sectors");
    }
    if limits.max_segments == 0 || limits.max_segment_size == 0 {
        return Err("a default is taken for what is not set");
    }
    if limits.max_segment_size < PAGE {
        return Err("WARN: max_segment_size < BLK_MIN_SEGMENT_SIZE");
    }
    if limits.alignment_offset & !(limits.physical_block - 1) != 0 {
        return Err("alignment_offset is cut");
    }
    Ok(())
}

/// `bio_split_io_at()`: what a request may hold is cut to whole logical blocks, and nothing left is
/// an error for the I/O.
fn split(limits: &Checked) -> Result<(), &'static str> {
    let bytes = u64::from(limits.max_segments) * u64::from(limits.max_segment_size);

    if bytes / u64::from(limits.logical_block) == 0 {
        return Err("all I/O is cut to nothing");
    }
    Ok(())
}

/// The arithmetic of `queue_limit_alignment_offset()` and `blk_stack_limits()`, for a device mapper
/// or MD device that lies on this one from sector `start` on.
fn stack(limits: &Checked, start: u64) -> Result<(), &'static str> {
    let granularity = limits.physical_block.max(limits.io_min);
    let alignment = ((start % u64::from(granularity >> SECTOR_SHIFT)) as u32) << SECTOR_SHIFT;
    let alignment = granularity
        .checked_add(limits.alignment_offset)
        .ok_or("granularity and alignment wrap")?
        .checked_sub(alignment)
        .ok_or("alignment wraps")?
        % granularity;
    let bottom = granularity
        .checked_add(alignment)
        .ok_or("granularity and stacked alignment wrap: a division by zero is possible")?;

    if bottom == 0 {
        return Err("division by zero");
    }
    if limits.io_min & (limits.physical_block - 1) != 0 {
        return Err("misaligned: io_min is no multiple of the physical block");
    }
    if limits.io_opt & (limits.physical_block - 1) != 0 {
        return Err("misaligned: io_opt is no multiple of the physical block");
    }
    if limits.alignment_offset & (limits.logical_block - 1) != 0 {
        return Err("misaligned: alignment_offset is no multiple of the logical block");
    }
    Ok(())
}

/// `blk_mq_alloc_tag_set()`.
fn tags(depth: u32) -> Result<(), &'static str> {
    match depth {
        0 => Err("no tags"),
        1..=10240 => Ok(()),
        _ => Err("reduced tag depth"),
    }
}

/// How much `blk_apply_bdi_limits()` reads ahead, in bytes: bounded by something sane.
fn read_ahead(limits: &Checked) -> Result<(), &'static str> {
    if u64::from(limits.io_opt) * 2 > 128 << 20 || limits.io_min > 64 << 20 {
        return Err("a size that nobody needs");
    }
    Ok(())
}

/// The descriptors of the largest request fit in the ring (2.7.5.3.1), if any do.
fn ring(limits: &Checked, room: Room) -> Result<(), &'static str> {
    let descriptors = u32::from(limits.max_segments) + 2;

    if room.queue_size == 0 {
        return Err("there is no ring");
    }
    if descriptors > u32::from(room.queue_size) {
        return Err("a request is longer than the ring");
    }
    if descriptors * 16 > PAGE {
        return Err("a table is longer than a page");
    }
    if limits.depth > u32::from(room.queue_size) {
        return Err("more requests than descriptors");
    }
    if limits.max_segment_size > room.max_mapping {
        return Err("a segment cannot be mapped");
    }
    Ok(())
}

/// What the limits have to be, given the claims.
fn honest(limits: &Checked, claims: &Claims) -> Result<(), &'static str> {
    if limits.logical_block != claims.blk_size.unwrap_or(512) {
        return Err("another block size");
    }
    if claims
        .size_max
        .is_some_and(|max| limits.max_segment_size > max)
    {
        return Err("segments that the device does not take");
    }
    if u32::from(limits.max_segments) > claims.seg_max.unwrap_or(1).max(1) {
        return Err("more segments than the device takes");
    }
    let Some(topology) = &claims.topology else {
        return (!limits.topology_ignored)
            .then_some(())
            .ok_or("ignored what was not there");
    };
    let plain = (limits.logical_block, 0, limits.logical_block, 0);
    let block = u128::from(limits.logical_block);
    let scaled = (
        limits.physical_block,
        limits.alignment_offset,
        limits.io_min,
        limits.io_opt,
    );

    if limits.topology_ignored {
        return (scaled == plain)
            .then_some(())
            .ok_or("ignored, and yet not");
    }
    // In 128 bits, without shifts beyond them.
    let physical = block << topology.physical_block_exp.min(100);
    let round_up = |bytes: u128| bytes.div_ceil(physical).max(1) * physical;
    let wanted = (
        physical,
        block * u128::from(topology.alignment_offset) % physical,
        round_up(block * u128::from(topology.min_io_size)),
        block * u128::from(topology.opt_io_size) / physical * physical,
    );

    (wanted
        == (
            scaled.0.into(),
            scaled.1.into(),
            scaled.2.into(),
            scaled.3.into(),
        ))
        .then_some(())
        .ok_or("another topology")
}

/// Whether an error is called for.
fn blame(error: &LimitError, claims: &Claims, room: Room) -> bool {
    let segment = claims.size_max.unwrap_or(u32::MAX).min(room.max_mapping);
    let block = claims.blk_size.unwrap_or(512);

    match *error {
        LimitError::BlockSize(bytes) => bytes == block && block_size(bytes).is_err(),
        LimitError::SegmentSize(bytes) => bytes == segment && bytes < PAGE,
        LimitError::QueueTooSmall(size) => size == room.queue_size && size < 3,
        LimitError::RequestTooSmall {
            segments,
            bytes,
            block: wanted,
        } => {
            wanted == block
                && bytes == segment
                && u64::from(segments) * u64::from(bytes) < u64::from(block)
                && (u32::from(segments) == claims.seg_max.unwrap_or(1).max(1)
                    || segments == 254
                    || segments == room.queue_size.saturating_sub(2).max(1))
        }
    }
}

/// Checks all that is promised of `check()` for these claims; gives its answer back.
pub(crate) fn verify(claims: &Claims, room: Room, starts: &[u64]) -> Result<Checked, LimitError> {
    // The driver leaves the number of sectors open.
    const MAX_SECTORS: u32 = u32::MAX;

    let answer = check(claims, room);
    let limits = match &answer {
        Ok(limits) => limits,
        Err(error) => {
            let line = error.to_string();

            assert!(!line.is_empty() && line.is_ascii() && !line.contains('\n'));
            assert!(blame(error, claims, room), "{line}: {claims:?} {room:?}");
            return answer;
        }
    };
    let verdict = validate(limits, MAX_SECTORS)
        .and_then(|()| split(limits))
        .and_then(|()| tags(limits.depth))
        .and_then(|()| read_ahead(limits))
        .and_then(|()| ring(limits, room))
        .and_then(|()| honest(limits, claims))
        .and_then(|()| starts.iter().try_for_each(|start| stack(limits, *start)));

    assert_eq!(verdict, Ok(()), "{limits:?} of {claims:?} {room:?}");
    answer
}
