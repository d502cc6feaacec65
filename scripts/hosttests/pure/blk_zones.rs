// SPDX-License-Identifier: GPL-2.0

//! Zoned devices: 5.2.5, 5.2.6, and B12 of the hostile catalogue.

use crate::{
    zone_report::{
        claimed,
        count,
        zone,
        Zone,
        ZoneError,
        ZoneState,
        ZoneType,
        HEAD_BYTES,
        ZONE_BYTES, //
    },
    zones::{
        appended,
        check,
        needs_resets,
        Ground,
        ZonedClaims,
        ZonedError, //
    }, //
};
use proptest::prelude::*;

const GROUND: Ground = Ground {
    logical_block: 512,
    max_segments: 126,
    capacity: 1 << 20,
};

fn claims() -> ZonedClaims {
    ZonedClaims {
        model: 1,
        zone_sectors: 8192,
        max_open_zones: 3,
        max_active_zones: 4,
        max_append_sectors: 64,
        write_granularity: 4096,
    }
}

#[test]
fn clause_5_2_5_models() {
    for model in [0, 2] {
        let claims = ZonedClaims {
            model,
            ..Default::default()
        };

        assert_eq!(check(&claims, &GROUND), Ok(None));
        assert!(!needs_resets(model));
    }
    for model in 3..=u8::MAX {
        assert_eq!(
            check(&ZonedClaims { model, ..claims() }, &GROUND),
            Err(ZonedError::Model(model))
        );
    }
    assert!(needs_resets(1));
}

#[test]
fn clause_5_2_5_a_host_managed_device() {
    let zones = check(&claims(), &GROUND).unwrap().unwrap();

    assert_eq!((zones.zone_sectors, zones.granularity), (8192, 4096));
    assert_eq!((zones.max_open, zones.max_active), (3, 4));
}

#[test]
fn b12_zone_sizes() {
    for zone_sectors in [0, 1, 4, 3, 8191, 8193, u32::MAX] {
        assert_eq!(
            check(
                &ZonedClaims {
                    zone_sectors,
                    ..claims()
                },
                &GROUND
            ),
            Err(ZonedError::ZoneSize(zone_sectors))
        );
    }
}

#[test]
fn b12_granularity() {
    for write_granularity in [0, 1, 256, 511, 513, 12288, u32::MAX] {
        assert_eq!(
            check(
                &ZonedClaims {
                    write_granularity,
                    ..claims()
                },
                &GROUND
            ),
            Err(ZonedError::Granularity(write_granularity))
        );
    }
    // 2^31 bytes is a power of two, and more than a zone.
    assert_eq!(
        check(
            &ZonedClaims {
                write_granularity: 1 << 31,
                ..claims()
            },
            &GROUND
        ),
        Err(ZonedError::ZoneSize(8192))
    );
}

#[test]
fn b12_the_number_of_zones() {
    for (capacity, zones) in [(0, 0), (8192 << 20 | 1, (1 << 20) + 1)] {
        assert_eq!(
            check(&claims(), &Ground { capacity, ..GROUND }),
            Err(ZonedError::Count(zones))
        );
    }
    assert!(check(
        &claims(),
        &Ground {
            capacity: 8192 << 20,
            ..GROUND
        }
    )
    .is_ok());
}

#[test]
fn b12_not_more_open_than_active() {
    for (open, active, used) in [(5, 4, 4), (4, 5, 4), (7, 0, 7), (0, 4, 0)] {
        let claims = ZonedClaims {
            max_open_zones: open,
            max_active_zones: active,
            ..claims()
        };

        assert_eq!(check(&claims, &GROUND).unwrap().unwrap().max_open, used);
    }
}

#[test]
fn clause_5_2_6_where_an_append_goes() {
    assert_eq!(appended(8192, 8192, 8192, 8), Some(8192));
    assert_eq!(appended(16376, 8192, 8192, 8), Some(16376));
    for place in [0, 8191, 16377, 16384, u64::MAX, u64::MAX - 7] {
        assert_eq!(appended(place, 8192, 8192, 8), None, "{place}");
    }
}

/// An answer with one zone.
fn answer(capacity: u64, start: u64, pointer: u64, kind: u8, state: u8) -> Vec<u8> {
    let mut bytes = vec![0; HEAD_BYTES + ZONE_BYTES];

    bytes[..8].copy_from_slice(&1u64.to_le_bytes());
    bytes[64..72].copy_from_slice(&capacity.to_le_bytes());
    bytes[72..80].copy_from_slice(&start.to_le_bytes());
    bytes[80..88].copy_from_slice(&pointer.to_le_bytes());
    bytes[88] = kind;
    bytes[89] = state;
    bytes
}

fn read(capacity: u64, start: u64, pointer: u64, kind: u8, state: u8) -> Result<Zone, ZoneError> {
    zone(
        &answer(capacity, start, pointer, kind, state),
        0,
        8192,
        8192,
        20000,
    )
}

#[test]
fn clause_5_2_6_a_zone() {
    assert_eq!(
        read(7000, 8192, 8200, 2, 2),
        Ok(Zone {
            start: 8192,
            length: 8192,
            capacity: 7000,
            write_pointer: 8200,
            kind: ZoneType::Sequential,
            state: ZoneState::Open,
        })
    );
    // The last zone is smaller.
    let last = zone(&answer(3616, 16384, 16384, 2, 1), 0, 16384, 8192, 20000).unwrap();

    assert_eq!((last.length, last.write_pointer), (3616, 16384));
    assert_eq!(read(8192, 8192, 7, 1, 0).unwrap().write_pointer, u64::MAX);
    assert_eq!(read(8192, 8192, 7, 2, 14).unwrap().write_pointer, 16384);
    for state in [13, 15] {
        assert_eq!(read(1, 8192, 7, 2, state).unwrap().write_pointer, u64::MAX);
    }
}

#[test]
fn b12_zones_that_cannot_be() {
    for start in [0, 8191, 8193, u64::MAX] {
        assert_eq!(read(1, start, 8192, 2, 1), Err(ZoneError::Start(start)));
    }
    for kind in (0..=u8::MAX).filter(|kind| !(1..=3).contains(kind)) {
        assert_eq!(read(1, 8192, 8192, kind, 1), Err(ZoneError::Type(kind)));
    }
    for state in 0..=u8::MAX {
        let known = [0, 1, 2, 3, 4, 13, 14, 15].contains(&state);

        assert_eq!(read(1, 8192, 8192, 2, state).is_ok(), known && state != 0);
        assert_eq!(
            read(1, 8192, 8192, 1, state).is_ok(),
            [0, 13, 15].contains(&state)
        );
    }
    for capacity in [0, 8193, u64::MAX] {
        assert_eq!(
            read(capacity, 8192, 8192, 2, 1),
            Err(ZoneError::Capacity(capacity))
        );
    }
    for pointer in [0, 8191, 8193, u64::MAX] {
        assert_eq!(
            read(1, 8192, pointer, 2, 1),
            Err(ZoneError::WritePointer(pointer)),
            "empty"
        );
    }
    for pointer in [0, 8191, 16384, u64::MAX] {
        assert_eq!(
            read(1, 8192, pointer, 2, 4),
            Err(ZoneError::WritePointer(pointer)),
            "closed"
        );
    }
}

#[test]
fn b12_the_number_of_zones_in_an_answer() {
    assert_eq!(count(0, 16384), 0);
    assert_eq!(count(3, 16384), 3);
    assert_eq!(count(u64::MAX, 16384), 255);
    assert_eq!(count(u64::MAX, 127), 0);
    assert_eq!(count(1, 0), 0);
    assert_eq!(claimed(&answer(1, 0, 0, 2, 1)), Some(1));
    assert_eq!(claimed(&[0; 7]), None);
    for length in 0..HEAD_BYTES + ZONE_BYTES {
        let whole = answer(1, 8192, 8192, 2, 1);

        if let Ok(zone) = zone(&whole[..length], 0, 8192, 8192, 20000) {
            panic!("{length} bytes are {zone:?}");
        }
        if length == HEAD_BYTES + 26 - 1 {
            break;
        }
    }
}

proptest! {
    #[test]
    fn b12_whatever_is_claimed(
        model in 0u8..4,
        zone_sectors in prop_oneof![any::<u32>(), (0u32..32).prop_map(|shift| 1 << shift)],
        write_granularity in prop_oneof![any::<u32>(), (0u32..32).prop_map(|shift| 1 << shift)],
        max_append_sectors: u32,
        max_open_zones: u32,
        max_active_zones: u32,
        capacity in prop_oneof![any::<u64>(), 0u64..1 << 24],
        logical in 0u32..8,
        max_segments in 1u16..=254,
    ) {
        let claims = ZonedClaims {
            model, zone_sectors, write_granularity, max_append_sectors, max_open_zones, max_active_zones,
        };
        let ground = Ground { logical_block: 512 << logical, max_segments, capacity };

        if let Ok(Some(zones)) = check(&claims, &ground) {
            // blk_validate_limits() and blk_revalidate_disk_zones().
            prop_assert!(zones.granularity.is_power_of_two() && zones.granularity >= ground.logical_block);
            prop_assert!(zones.zone_sectors.is_power_of_two() && zones.zone_sectors >= zones.granularity / 512);
            prop_assert!(zones.max_active == 0 || zones.max_open <= zones.max_active);
            prop_assert!(zones.max_append_sectors <= zones.zone_sectors.min(max_append_sectors));
            prop_assert!(capacity.div_ceil(zones.zone_sectors.into()) <= 1 << 20);
        }
    }

    #[test]
    fn b12_whatever_is_reported(bytes in proptest::collection::vec(any::<u8>(), 0..256), index in 0usize..5, start: u64, capacity: u64) {
        if let Ok(zone) = zone(&bytes, index, start, 8192, capacity) {
            prop_assert_eq!(zone.start, start);
            prop_assert!(zone.length <= 8192 && zone.capacity <= zone.length && zone.capacity > 0);
            prop_assert!(start + zone.length <= capacity);
        }
    }
}
