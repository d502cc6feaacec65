// SPDX-License-Identifier: GPL-2.0

//! Limits of the commands that carry ranges: 5.2.5, and B6 of the hostile catalogue.

use super::blk_ranges_promise::verify;
use crate::ranges::{
    Claim,
    Geometry,
    RangeClaims,
    Ranges,
    ZeroesClaim,
    MAX_RANGES, //
};
use proptest::prelude::*;

const DISK: Geometry = Geometry {
    logical_block: 512,
    physical_block: 512,
    max_segments: 254,
};
const LARGE: Geometry = Geometry {
    logical_block: 4096,
    physical_block: 16384,
    max_segments: 1,
};

fn claim(max_sectors: u32, max_ranges: u32, alignment: u32) -> Option<Claim> {
    Some(Claim {
        max_sectors,
        max_ranges,
        alignment,
    })
}

fn discards(disk: Geometry, max_sectors: u32, max_ranges: u32, alignment: u32) -> Ranges {
    let claims = RangeClaims {
        discard: claim(max_sectors, max_ranges, alignment),
        ..Default::default()
    };

    verify(&claims, &disk)
}

fn erases(discard: Option<Claim>, max_sectors: u32, max_ranges: u32, alignment: u32) -> Ranges {
    let claims = RangeClaims {
        discard,
        secure_erase: claim(max_sectors, max_ranges, alignment),
        ..Default::default()
    };

    verify(&claims, &DISK)
}

#[test]
fn clause_5_2_5_a_device_without_the_commands() {
    let ranges = verify(&RangeClaims::default(), &DISK);

    assert_eq!(ranges, Ranges::default());
    assert_eq!(ranges.most(), 0);
    assert_eq!(ranges.ignored.names().count(), 0);
}

#[test]
fn clause_5_2_5_what_qemu_says() {
    let claims = RangeClaims {
        discard: claim(0x3f_ffff, 1, 1),
        write_zeroes: Some(ZeroesClaim {
            max_sectors: 0x3f_ffff,
            may_unmap: true,
        }),
        secure_erase: None,
    };

    assert_eq!(
        verify(&claims, &DISK),
        Ranges {
            discard_sectors: 0x3f_ffff,
            discard_ranges: 1,
            discard_granularity: 512,
            write_zeroes_sectors: 0x3f_ffff,
            unmap: true,
            ..Default::default()
        }
    );
    let large = verify(&claims, &LARGE);

    assert_eq!(
        (large.discard_granularity, large.write_zeroes_sectors),
        (16384, 0x3f_fff8)
    );
}

#[test]
fn b6_no_limit_is_the_largest() {
    let ranges = discards(DISK, 0, 0, 0);

    assert_eq!(
        (ranges.discard_sectors, ranges.discard_ranges),
        (u32::MAX, MAX_RANGES)
    );
    assert_eq!(ranges.discard_granularity, 512);
    assert_eq!(discards(LARGE, 0, 0, 0).discard_ranges, 1);
}

#[test]
fn b6_ranges_of_one_request() {
    for (claimed, used) in [
        (1, 1),
        (2, 2),
        (253, 253),
        (254, 253),
        (65_536, 253),
        (65_537, 253),
        (u32::MAX, 253),
    ] {
        assert_eq!(discards(DISK, 0, claimed, 0).discard_ranges, used);
    }
    // Header, ranges and status in a page.
    assert_eq!((MAX_RANGES + 3) * 16, 4096);
}

#[test]
fn b6_granularity() {
    // Disk, sectors, alignment, granularity.
    let table = [
        (DISK, 0, 1, 512),
        (DISK, 0, 8, 4096),
        (DISK, 0, 3, 1536),
        (DISK, 8, 8, 4096),
        // More than a request may have.
        (DISK, 7, 8, 512),
        // More than anybody needs; shifts that overflow.
        (DISK, 0, 0x20000, 64 << 20),
        (DISK, 0, 0x20001, 512),
        (DISK, 0, 1 << 23, 512),
        (DISK, 0, 1 << 31, 512),
        (DISK, 0, u32::MAX, 512),
        // Less than a block, or no whole blocks.
        (LARGE, 0, 1, 16384),
        (LARGE, 0, 8, 16384),
        (LARGE, 0, 12, 16384),
        (LARGE, 0, 64, 32768),
    ];

    for (disk, sectors, alignment, granularity) in table {
        assert_eq!(
            discards(disk, sectors, 1, alignment).discard_granularity,
            granularity,
            "{alignment} in {sectors} of {disk:?}"
        );
    }
}

#[test]
fn b6_discards_smaller_than_a_physical_block() {
    let ranges = discards(LARGE, 31, 1, 1);

    assert!(ranges.ignored.discard);
    assert_eq!((ranges.discard_sectors, ranges.most()), (0, 0));
    assert_eq!(
        ranges.ignored.names().collect::<Vec<_>>(),
        ["discard"],
        "the log names it"
    );
    assert_eq!(discards(LARGE, 32, 1, 1).discard_sectors, 32);
}

#[test]
fn b6_zeros_in_whole_blocks() {
    for (claimed, used) in [
        (0, 0xffff_fff8),
        (7, 0),
        (8, 8),
        (15, 8),
        (u32::MAX, 0xffff_fff8),
    ] {
        let claims = RangeClaims {
            write_zeroes: Some(ZeroesClaim {
                max_sectors: claimed,
                may_unmap: false,
            }),
            ..Default::default()
        };
        let ranges = verify(&claims, &LARGE);

        assert_eq!(ranges.write_zeroes_sectors, used);
        assert_eq!(ranges.ignored.write_zeroes, used == 0);
        assert!(!ranges.unmap);
    }
}

#[test]
fn clause_5_2_5_secure_erase_has_no_limit_of_zero() {
    for (sectors, ranges, alignment) in [(0, 1, 1), (1, 0, 1), (1, 1, 0), (0, 0, 0), (7, 1, 8)] {
        let ranges = erases(None, sectors, ranges, alignment);

        assert!(ranges.ignored.secure_erase);
        assert_eq!((ranges.secure_erase_sectors, ranges.most()), (0, 0));
    }
}

#[test]
fn clause_5_2_5_secure_erase_in_whole_pieces() {
    assert_eq!(erases(None, 100, 1, 8).secure_erase_sectors, 96);
    assert_eq!(erases(None, u32::MAX, 9, 1).secure_erase_sectors, 8_388_607);
    // With discards, in whole pieces of both; of its own where both do not fit.
    assert_eq!(erases(claim(0, 1, 16), 100, 1, 8).secure_erase_sectors, 96);
    assert_eq!(erases(claim(0, 1, 64), 100, 1, 8).secure_erase_sectors, 64);
    assert_eq!(erases(claim(0, 1, 128), 100, 1, 8).secure_erase_sectors, 96);
    assert_eq!(erases(claim(0, 1, 3), 100, 1, 8).secure_erase_sectors, 96);
}

fn sizes() -> impl Strategy<Value = u32> {
    prop_oneof![
        any::<u32>(),
        0u32..80,
        (0u32..32).prop_map(|shift| 1 << shift),
        (0u32..32).prop_map(|shift| (1u32 << shift).wrapping_sub(1)),
    ]
}

fn claims() -> impl Strategy<Value = Option<Claim>> {
    proptest::option::of((sizes(), sizes(), sizes()).prop_map(
        |(max_sectors, max_ranges, alignment)| Claim {
            max_sectors,
            max_ranges,
            alignment,
        },
    ))
}

proptest! {
    #[test]
    fn b6_whatever_is_claimed(
        discard in claims(),
        secure_erase in claims(),
        zeroes in proptest::option::of((sizes(), any::<bool>())),
        logical in 0u32..8,
        physical in 0u32..11,
        max_segments in 1u16..=254,
    ) {
        let claims = RangeClaims {
            discard,
            secure_erase,
            write_zeroes: zeroes.map(|(max_sectors, may_unmap)| ZeroesClaim { max_sectors, may_unmap }),
        };
        let logical_block = 512 << logical;

        verify(&claims, &Geometry {
            logical_block,
            physical_block: logical_block << physical,
            max_segments,
        });
    }
}

/// A disk is bound with what the device takes then; what it says later must fit to that.
#[test]
fn limits_that_change_later_stay_within_the_places_of_requests() {
    let made = discards(DISK, 1 << 10, 8, 8);
    let later = discards(DISK, 1 << 11, 16, 16).within(&made);

    assert_eq!(
        (
            later.discard_sectors,
            later.discard_ranges,
            later.discard_granularity
        ),
        (1 << 11, 8, 8192)
    );
    assert_eq!(later.most(), made.most());
    // Fewer ranges than requests are sent with: none at all.
    let fewer = discards(DISK, 1 << 11, 7, 16).within(&made);

    assert_eq!(
        (
            fewer.discard_sectors,
            fewer.discard_ranges,
            fewer.discard_granularity
        ),
        (0, 8, 0)
    );
    assert_eq!(fewer.within(&made), fewer);
    // Where requests have no room for a range there never are any.
    let none = Ranges::default();
    let zeroes = Ranges {
        write_zeroes_sectors: 8,
        secure_erase_sectors: 8,
        ..made
    };

    assert_eq!(zeroes.within(&none).most(), 0);
    assert_eq!(zeroes.within(&none).discard_sectors, 0);
    assert_eq!(zeroes.within(&made), zeroes);
}
