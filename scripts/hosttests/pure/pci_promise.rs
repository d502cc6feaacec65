// SPDX-License-Identifier: GPL-2.0

//! What the parser of PCI capabilities promises, told a second time and in another way. Shared with
//! the fuzz target.

use crate::{
    capability::{
        doorbell,
        find,
        is_config_access,
        Layout,
        Place,
        CAPABILITY_BYTES, //
    },
    shared_memory, //
};

/// The bytes of a capability.
pub(crate) type Capability = [u8; CAPABILITY_BYTES];

/// The kinds with what has to be there of them: type, alignment, bytes, length of the capability.
const COMMON: (u8, u128, u128, u8) = (1, 4, 56, 16);
const NOTIFY: (u8, u128, u128, u8) = (2, 2, 2, 20);
const ISR: (u8, u128, u128, u8) = (3, 1, 1, 16);
const DEVICE: (u8, u128, u128, u8) = (4, 4, 1, 16);

fn le32(capability: &Capability, at: usize) -> u32 {
    (0..4).fold(0, |sum, i| sum | u32::from(capability[at + i]) << (8 * i))
}

/// The first capability of a kind that can be used, and whether there is one that counts at all.
fn first(
    capabilities: &[Capability],
    bars: &[Option<u64>; 6],
    (kind, alignment, minimum, needed): (u8, u128, u128, u8),
) -> (Option<(Place, u32)>, bool) {
    let mut seen = false;

    for capability in capabilities {
        let (offset, length) = (le32(capability, 8), le32(capability, 12));

        // Other types and reserved BARs are to be ignored.
        if capability[3] != kind || capability[4] > 5 {
            continue;
        }
        seen = true;

        let Some(end) = bars[usize::from(capability[4])] else {
            continue;
        };
        let there = u128::from(end).min(u128::from(offset) + u128::from(length)) as i128
            - i128::from(offset);

        if capability[2] >= needed
            && u128::from(offset) % alignment == 0
            && there >= minimum as i128
        {
            let place = Place {
                bar: capability[4],
                offset: offset.into(),
                length: u64::try_from(there).unwrap(),
            };
            return (Some((place, le32(capability, 16))), seen);
        }
    }
    (None, seen)
}

/// What [`find`] has to find.
fn expected(capabilities: &[Capability], bars: &[Option<u64>; 6]) -> Option<Layout> {
    let (notify, notify_multiplier) = first(capabilities, bars, NOTIFY).0?;
    let (device, device_seen) = first(capabilities, bars, DEVICE);

    if device_seen && device.is_none() {
        return None;
    }
    if ![0, 2].contains(&notify_multiplier)
        && !(2..32).any(|exponent| notify_multiplier == 1 << exponent)
    {
        return None;
    }
    Some(Layout {
        common: first(capabilities, bars, COMMON).0?.0,
        notify,
        notify_multiplier,
        isr: first(capabilities, bars, ISR).0?.0,
        device: device.map(|(place, _)| place),
    })
}

/// Whether `place` is inside a BAR that exists, aligned, and at least `minimum` bytes long.
fn holds(place: &Place, bars: &[Option<u64>; 6], alignment: u64, minimum: u64) {
    let length = bars[usize::from(place.bar)].expect("the BAR exists");

    assert!(place.length >= minimum, "{place:?} is too short");
    assert_eq!(place.offset % alignment, 0, "{place:?} is not aligned");
    assert!(
        u128::from(place.offset) + u128::from(place.length) <= u128::from(length),
        "{place:?} is not inside its BAR of {length} bytes"
    );
}

/// Each shared memory region has a capability of 24 bytes, is not empty, and wholly inside a BAR that exists.
fn check_regions(capabilities: &[Capability], bars: &[Option<u64>; 6]) {
    for capability in capabilities {
        let wide = |low, high| {
            u128::from(le32(capability, low)) + (u128::from(le32(capability, high)) << 32)
        };
        let (offset, length) = (wide(8, 16), wide(12, 20));
        let bar = usize::from(capability[4]);
        let end = bars.get(bar).copied().flatten().map_or(0, u128::from);
        let usable = capability[2] >= 24 && length != 0 && offset + length <= end;

        match shared_memory::region(capability, |bar| bars[usize::from(bar)]) {
            None => assert_ne!(capability[3], 8),
            Some(Ok(region)) => {
                let found = (
                    region.id,
                    region.place.bar,
                    region.place.offset,
                    region.place.length,
                );
                let said = (capability[5], capability[4], offset as u64, length as u64);

                assert!(capability[3] == 8 && usable, "{region:?}");
                assert_eq!(found, said);
                assert!(shared_memory::has(&[region], region.id));
            }
            Some(Err(bad)) => {
                let line = bad.to_string();

                assert!(capability[3] == 8 && !usable, "{line}");
                assert!(line.is_ascii() && !line.contains('\n'));
            }
        }
        assert_eq!(
            is_config_access(capability),
            capability[3] == 5 && capability[2] >= 20
        );
    }
}

/// Parses `capabilities` and checks all that is promised; gives the layout back.
pub(crate) fn check(
    capabilities: &[Capability],
    bars: &[Option<u64>; 6],
    notify_offs: &[u16],
) -> Option<Layout> {
    check_regions(capabilities, bars);

    let found = find(capabilities.iter().copied(), |bar| bars[usize::from(bar)]);
    let layout = match found {
        Ok(layout) => layout,
        Err(error) => {
            // The message of any error is one line.
            let line = error.to_string();

            assert!(!line.is_empty() && line.is_ascii() && !line.contains('\n'));
            assert_eq!(expected(capabilities, bars), None, "{line}");
            return None;
        }
    };

    holds(&layout.common, bars, 4, 56);
    holds(&layout.notify, bars, 2, 2);
    holds(&layout.isr, bars, 1, 1);
    if let Some(device) = &layout.device {
        holds(device, bars, 4, 1);
    }
    assert_eq!(expected(capabilities, bars), Some(layout));

    for notify_off in notify_offs {
        let at = u128::from(*notify_off) * u128::from(layout.notify_multiplier);
        for bytes in [2, 4] {
            let inside = at + u128::from(bytes) <= u128::from(layout.notify.length);
            let bell = doorbell(&layout, *notify_off, bytes);

            assert_eq!(bell.map(|at| at as u128), inside.then_some(at));
            assert_eq!((layout.notify.offset + bell.unwrap_or(0) as u64) % 2, 0);
        }
    }
    Some(layout)
}
