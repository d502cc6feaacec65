// SPDX-License-Identifier: GPL-2.0

//! A disk that claims any zones, reports any, and says anything of where its appends went.
//!
//! Whatever it says: no panic; limits that the block layer takes; and a report, walked as the driver does, whose zones follow
//! each other, lie on the disk and come to an end.

#![no_main]
#![allow(dead_code)]

#[path = "../input.rs"]
mod input;
#[path = "../../../drivers/block/virtio_blk/zone_report.rs"]
mod zone_report;
#[path = "../../../drivers/block/virtio_blk/zones.rs"]
mod zones;

use input::Input;
use libfuzzer_sys::fuzz_target;
use zone_report::{
    ZoneState,
    ZoneType,
    HEAD_BYTES,
    ZONE_BYTES, //
};
use zones::{
    Ground,
    ZonedClaims,
    Zones, //
};

/// What the block layer wants of a zoned disk's limits.
fn taken(zones: &Zones, disk: &Ground) {
    assert!(zones.zone_sectors.is_power_of_two());
    assert!(zones.granularity.is_power_of_two() && zones.granularity >= disk.logical_block);
    assert!(zones.zone_sectors >= zones.granularity / 512);
    assert!(zones.max_active == 0 || zones.max_open <= zones.max_active);
    assert!(zones.max_append_sectors <= zones.zone_sectors);
    assert!(zones.max_append_sectors % (zones.granularity / 512) == 0);
    assert!(disk.capacity.div_ceil(zones.zone_sectors.into()) <= 1 << 20);
}

/// Walks one answer from `start` on; where it ends.
fn walk(answer: &[u8], mut start: u64, zones: &Zones, disk: &Ground) -> u64 {
    let claimed = zone_report::claimed(answer).unwrap_or(0);

    for index in 0..zone_report::count(claimed, answer.len()) {
        if start >= disk.capacity {
            break;
        }
        let Ok(zone) = zone_report::zone(answer, index, start, zones.zone_sectors, disk.capacity)
        else {
            break;
        };
        let end = zone.start + zone.length;

        assert_eq!(zone.start, start);
        assert!(zone.length != 0 && zone.length <= zones.zone_sectors.into());
        assert!(end <= disk.capacity);
        assert!(zone.capacity != 0 && zone.capacity <= zone.length);
        assert!(zone.write_pointer == u64::MAX || (zone.start..=end).contains(&zone.write_pointer));
        assert!(zone.kind != ZoneType::Conventional || zone.write_pointer == u64::MAX);
        assert!(zone.state != ZoneState::Empty || zone.write_pointer == zone.start);
        start = end;
    }
    start
}

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let flags = input.u8();
    // Good ones where a bit says so, so that the rest counts.
    let power = |bit: u8, good: u32, any: u32| if flags >> bit & 1 != 0 { good } else { any };
    let disk = Ground {
        logical_block: 512 << (input.u8() % 4),
        max_segments: input.u16().max(1),
        capacity: input.u64() >> (input.u8() % 64),
    };
    let claims = ZonedClaims {
        model: if flags & 1 != 0 { 1 } else { input.u8() },
        zone_sectors: power(1, 1 << (input.u8() % 24), input.u32()),
        max_open_zones: input.u32(),
        max_active_zones: input.u32(),
        max_append_sectors: input.u32(),
        write_granularity: power(2, 512 << (input.u8() % 8), input.u32()),
    };
    let Ok(Some(zones)) = zones::check(&claims, &disk) else {
        return;
    };

    taken(&zones, &disk);
    // What comes of an append.
    let (place, zone, sectors) = (input.u64(), input.u64(), input.u32());

    if let Some(place) = zones::appended(place, zone, zones.zone_sectors, sectors) {
        assert!(place >= zone && place - zone + u64::from(sectors) <= zones.zone_sectors.into());
    }
    // An answer of up to three zones that are right, but for what the input changes in them.
    let first = input.u64() % disk.capacity.div_ceil(zones.zone_sectors.into());
    let start = first * u64::from(zones.zone_sectors);
    let mut answer = vec![0; HEAD_BYTES + 3 * ZONE_BYTES - usize::from(input.u8() % 80)];

    answer[..8].copy_from_slice(&u64::from(input.u8() % 8).to_le_bytes());
    for (number, entry) in (0u64..).zip(answer[HEAD_BYTES..].chunks_exact_mut(ZONE_BYTES)) {
        let begins = start.wrapping_add(number * u64::from(zones.zone_sectors));
        let length = disk.capacity.saturating_sub(begins);

        entry[..8].copy_from_slice(&length.min(zones.zone_sectors.into()).to_le_bytes());
        entry[8..16].copy_from_slice(&begins.to_le_bytes());
        entry[16..24].copy_from_slice(&begins.to_le_bytes());
        entry[24..26].copy_from_slice(&[2, 1]);
    }
    while input.more() {
        let at = usize::from(input.u8()) % answer.len();

        answer[at] = input.u8();
    }
    let end = walk(&answer, start, &zones, &disk);

    assert!((start..=disk.capacity).contains(&end));
});
