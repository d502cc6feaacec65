// SPDX-License-Identifier: GPL-2.0

//! The limits of the commands that carry ranges of sectors: discard, write zeroes, secure erase
//! (virtio 1.4, 5.2.5).
//!
//! Pure: numbers in, numbers out. Whatever the device claims, the result is something that the block
//! layer takes without complaint. A command of which the claims make no sense is not used; the disk
//! works without it.

/// What the device says of the commands; unchecked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct RangeClaims {
    /// With `VIRTIO_BLK_F_DISCARD`.
    pub(crate) discard: Option<Claim>,
    /// With `VIRTIO_BLK_F_WRITE_ZEROES`.
    pub(crate) write_zeroes: Option<ZeroesClaim>,
    /// With `VIRTIO_BLK_F_SECURE_ERASE`.
    pub(crate) secure_erase: Option<Claim>,
}

/// The three limits of discard, and of secure erase; unchecked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Claim {
    /// Sectors of one range.
    pub(crate) max_sectors: u32,
    /// Ranges of one request.
    pub(crate) max_ranges: u32,
    /// Sectors, where a long range is best cut.
    pub(crate) alignment: u32,
}

/// The limits of write zeroes; unchecked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ZeroesClaim {
    /// Sectors of one range.
    pub(crate) max_sectors: u32,
    /// The device says that zeros may lose their place on the medium.
    pub(crate) may_unmap: bool,
}

/// What the rest of the disk is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Geometry {
    /// Bytes of a logical block, a power of two, 512 at least.
    pub(crate) logical_block: u32,
    /// Bytes of a physical block, the above times a power of two.
    pub(crate) physical_block: u32,
    /// Segments of a read or a write.
    pub(crate) max_segments: u16,
}

/// Limits that hold. Sectors are zero where the command is not used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ranges {
    /// Sectors of one discard.
    pub(crate) discard_sectors: u32,
    /// Ranges of one discard, at most [`MAX_RANGES`]; at least one where there are discards.
    pub(crate) discard_ranges: u16,
    /// Bytes: whole logical blocks, a physical one at least; zero where there are no discards.
    pub(crate) discard_granularity: u32,
    /// Sectors of one request for zeros: whole logical blocks.
    pub(crate) write_zeroes_sectors: u32,
    /// Zeros lose their place on the medium, unless that is asked for.
    pub(crate) unmap: bool,
    /// Sectors of one secure erase: whole pieces of the device's alignment.
    pub(crate) secure_erase_sectors: u32,
    /// What the device offers, and yet is not used.
    pub(crate) ignored: Ignored,
}

/// Commands of which the claims make no sense.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ignored {
    pub(crate) discard: bool,
    pub(crate) write_zeroes: bool,
    pub(crate) secure_erase: bool,
}

/// Descriptors of a request that carries ranges: header, ranges, status.
pub(crate) const DESCRIPTORS: u16 = 3;
/// The most ranges of a request: with the descriptors, in 16 byte units, they make a page.
pub(crate) const MAX_RANGES: u16 = 256 - DESCRIPTORS;

/// The most sectors of a request: the block layer counts its bytes in 32 bits.
const MAX_SECTORS: u32 = u32::MAX / SECTOR;
/// The largest granularity in bytes. With more, and of odd shape, `bio_discard_limit()` cuts discards
/// into very small ones.
const MAX_GRANULARITY: u32 = 64 << 20;
const SECTOR: u32 = 512;

impl Ranges {
    /// Ranges that any request may carry: what a request's place needs room for. Zero where no command
    /// is used.
    pub(crate) const fn most(&self) -> u16 {
        if self.discard_ranges != 0 {
            self.discard_ranges
        } else if self.write_zeroes_sectors != 0 || self.secure_erase_sectors != 0 {
            1
        } else {
            0
        }
    }
}

impl Ranges {
    /// What can be used of these, of a disk that was made with `made`: each request has its place since then, with room for so
    /// many ranges, and discards are sent with up to as many as the device took then. Where it takes fewer now, there are no
    /// discards.
    pub(crate) fn within(self, made: &Ranges) -> Ranges {
        let discards = made.discard_ranges != 0 && self.discard_ranges >= made.discard_ranges;
        let others = made.most() != 0;
        let or_none = |sectors| if others { sectors } else { 0 };

        Ranges {
            discard_sectors: if discards { self.discard_sectors } else { 0 },
            discard_ranges: made.discard_ranges,
            discard_granularity: if discards {
                self.discard_granularity
            } else {
                0
            },
            write_zeroes_sectors: or_none(self.write_zeroes_sectors),
            unmap: self.unmap,
            secure_erase_sectors: or_none(self.secure_erase_sectors),
            ignored: self.ignored,
        }
    }
}

impl Ignored {
    /// The names of the commands.
    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> {
        let named = |is: bool, name| is.then_some(name);

        [
            named(self.discard, "discard"),
            named(self.write_zeroes, "write zeroes"),
            named(self.secure_erase, "secure erase"),
        ]
        .into_iter()
        .flatten()
    }
}

/// The largest multiple of `unit` that is at most `number`.
fn down_to(number: u32, unit: u32) -> Option<u32> {
    number.checked_sub(number.checked_rem(unit)?)
}

/// The least common multiple.
fn common_multiple(one: u32, other: u32) -> Option<u32> {
    let (mut divisor, mut rest) = (one, other);

    // BOUND: The remainder gets smaller each time.
    while rest != 0 {
        (divisor, rest) = (rest, divisor.checked_rem(rest)?);
    }
    one.checked_div(divisor)?.checked_mul(other)
}

/// What zero means, the device says no limit; none it is.
fn or_none(limit: u32) -> u32 {
    if limit == 0 {
        u32::MAX
    } else {
        limit
    }
}

/// An alignment in sectors that whole logical blocks of `block` sectors can have; none where the
/// device's makes no sense.
fn aligned(alignment: u32, block: u32) -> Option<u32> {
    if alignment == 0 {
        return None;
    }
    let unit = common_multiple(alignment, block)?;

    // One of the two divides the other, or the device does not know its own blocks.
    (unit == alignment || unit == block).then_some(unit)
}

/// Sectors, ranges and granularity in bytes of discards.
fn discard(claim: &Claim, disk: &Geometry) -> Option<(u32, u16, u32)> {
    let block = disk.logical_block / SECTOR;
    let sectors = or_none(claim.max_sectors);
    let physical = disk.physical_block;
    // The alignment is a hint: one that makes no sense is none.
    let granularity = aligned(claim.alignment, block)
        .and_then(|alignment| alignment.checked_mul(SECTOR))
        .filter(|bytes| *bytes <= MAX_GRANULARITY && bytes / SECTOR <= sectors)
        .map_or(physical, |bytes| bytes.max(physical));
    // As C has it: a device that says nothing takes as many ranges as a write has segments.
    let ranges = match claim.max_ranges {
        0 => disk.max_segments,
        ranges => u16::try_from(ranges).unwrap_or(u16::MAX),
    };

    // The block layer cuts at whole granules, and does not cut at all where not even one fits.
    (granularity / SECTOR <= sectors).then_some((sectors, ranges.clamp(1, MAX_RANGES), granularity))
}

/// Sectors of one request for zeros.
fn write_zeroes(claim: &ZeroesClaim, disk: &Geometry) -> Option<u32> {
    down_to(or_none(claim.max_sectors), disk.logical_block / SECTOR).filter(|sectors| *sectors != 0)
}

/// Sectors of one secure erase. None of the three limits may be zero. The block layer cuts where a
/// request is full, and with discards at their granularity as well: a request that holds whole pieces
/// of both is cut right.
fn secure_erase(claim: &Claim, disk: &Geometry, granularity: u32) -> Option<u32> {
    let alignment = aligned(claim.alignment, disk.logical_block / SECTOR)?;
    let sectors = claim.max_sectors.min(MAX_SECTORS);
    let whole = |unit| down_to(sectors, unit).filter(|sectors| *sectors != 0);

    if claim.max_ranges == 0 {
        return None;
    }
    common_multiple(alignment, (granularity / SECTOR).max(1))
        .and_then(whole)
        .or_else(|| whole(alignment))
}

/// Checks what a device claims of its commands against what is possible.
pub(crate) fn check(claims: &RangeClaims, disk: &Geometry) -> Ranges {
    let discards = claims.discard.map(|claim| discard(&claim, disk));
    let (discard_sectors, discard_ranges, discard_granularity) =
        discards.flatten().unwrap_or_default();
    let zeroes = claims.write_zeroes.map(|claim| write_zeroes(&claim, disk));
    let erases = claims
        .secure_erase
        .map(|claim| secure_erase(&claim, disk, discard_granularity));

    Ranges {
        discard_sectors,
        discard_ranges,
        discard_granularity,
        write_zeroes_sectors: zeroes.flatten().unwrap_or(0),
        unmap: claims.write_zeroes.is_some_and(|claim| claim.may_unmap),
        secure_erase_sectors: erases.flatten().unwrap_or(0),
        ignored: Ignored {
            discard: discards == Some(None),
            write_zeroes: zeroes == Some(None),
            secure_erase: erases == Some(None),
        },
    }
}
