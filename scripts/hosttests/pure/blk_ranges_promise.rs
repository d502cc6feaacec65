// SPDX-License-Identifier: GPL-2.0

//! What `check` of the block driver's ranges promises: its limits pass the block layer of Linux 7.3,
//! told here after `block/blk-settings.c`, `block/blk-lib.c` and `block/blk-merge.c`, and what is cut
//! by them is what the device takes. Shared with the fuzz target.

use crate::ranges::{
    check,
    Claim,
    Geometry,
    RangeClaims,
    Ranges, //
};

const SECTOR: u32 = 512;
/// `BIO_MAX_SIZE`.
const BIO_MAX: u32 = u32::MAX;

/// `round_up()` as the kernel has it: for powers of two, used for anything.
fn round_up(number: u64, to: u64) -> u64 {
    (number.wrapping_sub(1) | (to - 1)).wrapping_add(1)
}

/// `bio_discard_limit()` at `sector`.
fn bio_discard_limit(sector: u64, granularity: u32) -> u64 {
    let aligned = round_up(sector, u64::from(granularity / SECTOR));

    if aligned != sector {
        return aligned - sector;
    }
    u64::from((BIO_MAX & !(granularity - 1)) / SECTOR)
}

/// `__bio_split_discard()`: how many sectors of a bio go first.
fn split(sectors: u32, sector: u64, limit: u32, granularity: u32, block: u32) -> u32 {
    let granules = (granularity / SECTOR).max(1);
    let most = limit.min((BIO_MAX - BIO_MAX % block) / SECTOR);
    let most = most - most % granules;

    if most == 0 || sectors <= most {
        return sectors;
    }
    let rest = ((sector + u64::from(most)) % u64::from(granules)) as u32;

    if most > rest {
        most - rest
    } else {
        most
    }
}

fn discard(ranges: &Ranges, claim: &Claim, disk: &Geometry) -> Result<(), &'static str> {
    let (sectors, granularity) = (ranges.discard_sectors, ranges.discard_granularity);
    let most = if claim.max_sectors == 0 {
        u32::MAX
    } else {
        claim.max_sectors
    };

    if granularity < disk.physical_block || granularity % disk.logical_block != 0 {
        return Err("the granularity is raised");
    }
    if sectors > most {
        return Err("discards that the device does not take");
    }
    if ranges.discard_ranges == 0 || ranges.discard_ranges > 253 {
        return Err("a number of ranges that has no room");
    }
    if claim.max_ranges != 0 && u32::from(ranges.discard_ranges) > claim.max_ranges {
        return Err("more ranges than the device takes");
    }
    for sector in [0, 8, 1023, 1 << 20, 1 << 40] {
        let sector = sector * u64::from(disk.logical_block / SECTOR);
        let limit = bio_discard_limit(sector, granularity);

        if limit == 0 {
            return Err("an endless loop of discards");
        }
        // From where it is aligned on, few discards do for all.
        if bio_discard_limit(0, granularity) < 1 << 21 {
            return Err("discards are cut to very small ones");
        }
        for length in [limit as u32, u32::MAX / SECTOR, 1] {
            let first = split(length, sector, sectors, granularity, disk.logical_block);

            if first > most || first == 0 {
                return Err("a discard is cut to more than the device takes");
            }
        }
    }
    Ok(())
}

fn secure_erase(ranges: &Ranges, claim: &Claim, disk: &Geometry) -> Result<(), &'static str> {
    let sectors = ranges.secure_erase_sectors;

    if claim.max_sectors == 0 || claim.max_ranges == 0 || claim.alignment == 0 {
        return Err("a limit of zero is none");
    }
    if sectors > claim.max_sectors {
        return Err("erases that the device does not take");
    }
    if sectors % (disk.logical_block / SECTOR) != 0 || sectors % claim.alignment != 0 {
        return Err("erases are cut where they must not be");
    }
    if split(
        sectors,
        0,
        sectors,
        ranges.discard_granularity,
        disk.logical_block,
    ) % claim.alignment
        != 0
        && ranges.discard_granularity / SECTOR % claim.alignment == 0
    {
        return Err("erases are cut at the granularity of discards");
    }
    Ok(())
}

/// Checks all that is promised of `check()` for these claims; gives its answer back.
pub(crate) fn verify(claims: &RangeClaims, disk: &Geometry) -> Ranges {
    let ranges = check(claims, disk);
    let mut verdict = Ok(());

    // A command is used, ignored, or not there.
    let commands = [
        (
            claims.discard.is_some(),
            ranges.discard_sectors,
            ranges.ignored.discard,
        ),
        (
            claims.write_zeroes.is_some(),
            ranges.write_zeroes_sectors,
            ranges.ignored.write_zeroes,
        ),
        (
            claims.secure_erase.is_some(),
            ranges.secure_erase_sectors,
            ranges.ignored.secure_erase,
        ),
    ];

    for (offered, sectors, ignored) in commands {
        assert_eq!(
            offered,
            (sectors != 0) != ignored,
            "{ranges:?} of {claims:?}"
        );
        assert!(offered || !ignored, "{ranges:?} of {claims:?}");
    }
    assert_eq!(
        ranges.most() != 0,
        commands.iter().any(|(_, sectors, _)| *sectors != 0)
    );
    if let Some(claim) = claims.discard.filter(|_| ranges.discard_sectors != 0) {
        verdict = verdict.and_then(|()| discard(&ranges, &claim, disk));
    }
    if let Some(claim) = claims
        .secure_erase
        .filter(|_| ranges.secure_erase_sectors != 0)
    {
        verdict = verdict.and_then(|()| secure_erase(&ranges, &claim, disk));
    }
    if ranges.write_zeroes_sectors % (disk.logical_block / SECTOR) != 0 {
        verdict = Err("zeros are cut inside a block");
    }
    assert_eq!(verdict, Ok(()), "{ranges:?} of {claims:?} {disk:?}");
    ranges
}
