// SPDX-License-Identifier: GPL-2.0

//! The parser of PCI capabilities: 4.1.4 and its parts, and P1 to P6 of the hostile catalogue.

use super::pci_promise::{
    self,
    Capability, //
};
use crate::capability::{
    doorbell,
    find,
    Fault,
    Kind,
    Layout,
    LayoutError,
    Place, //
};
use proptest::prelude::*;

const COMMON: u8 = 1;
const NOTIFY: u8 = 2;
const ISR: u8 = 3;
const DEVICE: u8 = 4;

/// BARs as QEMU has them: nothing in most, 4 KiB of MSI-X table, 16 KiB of structures.
const BARS: [Option<u64>; 6] = [None, Some(0x1000), None, None, Some(0x4000), None];

/// A capability in BAR 4; a notification has the multiplier 4, as in QEMU.
fn capability(kind: u8, offset: u32, length: u32) -> Capability {
    let mut bytes = [0; 24];

    bytes[0] = 0x09;
    bytes[2] = if kind == NOTIFY { 20 } else { 16 };
    bytes[3] = kind;
    bytes[4] = 4;
    bytes[8..12].copy_from_slice(&offset.to_le_bytes());
    bytes[12..16].copy_from_slice(&length.to_le_bytes());
    bytes[16..20].copy_from_slice(&4u32.to_le_bytes());
    bytes
}

/// A device as QEMU makes it.
fn device() -> Vec<Capability> {
    vec![
        capability(COMMON, 0, 0x1000),
        capability(ISR, 0x1000, 0x1000),
        capability(DEVICE, 0x2000, 0x1000),
        capability(NOTIFY, 0x3000, 0x1000),
    ]
}

/// The device with the capability of a kind made different.
fn with(kind: u8, change: impl Fn(&mut Capability)) -> Vec<Capability> {
    let mut all = device();

    all.iter_mut().filter(|c| c[3] == kind).for_each(change);
    all
}

/// The device without the capabilities of a kind.
fn without(kind: u8) -> Vec<Capability> {
    device().into_iter().filter(|c| c[3] != kind).collect()
}

fn set32(capability: &mut Capability, at: usize, value: u32) {
    capability[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

fn parse(capabilities: &[Capability]) -> Result<Layout, LayoutError> {
    let notify_offs: Vec<u16> = (0..16).map(|bit| 1 << bit).chain([0, 0xffff]).collect();

    pci_promise::check(capabilities, &BARS, &notify_offs);
    find(capabilities.iter().copied(), |bar| BARS[usize::from(bar)])
}

/// What is said of a required structure whose only capability has this fault.
fn missing(kind: Kind, fault: Fault) -> Result<Layout, LayoutError> {
    Err(LayoutError::Missing {
        kind,
        fault: Some(fault),
    })
}

fn place(offset: u64, length: u64) -> Place {
    Place {
        bar: 4,
        offset,
        length,
    }
}

#[test]
fn clause_4_1_4_a_device_as_of_qemu() {
    assert_eq!(
        parse(&device()),
        Ok(Layout {
            common: place(0, 0x1000),
            notify: place(0x3000, 0x1000),
            notify_multiplier: 4,
            isr: place(0x1000, 0x1000),
            device: Some(place(0x2000, 0x1000)),
        })
    );
}

#[test]
fn clause_4_1_4_fields_are_little_endian() {
    let all = with(NOTIFY, |c| {
        c[8..12].copy_from_slice(&[0x34, 0x12, 0, 0]);
        c[12..16].copy_from_slice(&[0x02, 0x01, 0, 0]);
        c[16..20].copy_from_slice(&[0, 0, 1, 0]);
    });
    let layout = parse(&all).unwrap();

    assert_eq!(layout.notify, place(0x1234, 0x0102));
    assert_eq!(layout.notify_multiplier, 0x1_0000);
}

#[test]
fn clause_4_1_4_1_reserved_types_are_ignored() {
    for kind in [0, 5, 6, 7, 8, 9, 10, 0x80, 0xff] {
        let mut all = vec![[kind; 24]];

        all.extend(device());
        assert_eq!(parse(&all), parse(&device()), "type {kind}");
        assert_eq!(
            parse(&with(COMMON, |c| c[3] = kind)),
            Err(LayoutError::Missing {
                kind: Kind::Common,
                fault: None
            })
        );
    }
}

#[test]
fn clause_4_1_4_1_reserved_bars_are_ignored() {
    for bar in [6, 7, 0x7f, 0xff] {
        // In front of the right one, it does not count.
        for kind in [COMMON, NOTIFY, ISR, DEVICE] {
            let mut all = with(kind, |c| c[4] = bar);

            all.extend(device());
            assert_eq!(parse(&all), parse(&device()));
        }
        // Alone, it is as if there were none; what is missing then is said.
        assert_eq!(
            parse(&with(COMMON, |c| c[4] = bar)),
            missing(Kind::Common, Fault::ReservedBar { bar })
        );
        assert_eq!(
            parse(&with(DEVICE, |c| c[4] = bar)),
            parse(&without(DEVICE))
        );
        // It does not hide that another one is bad.
        let mut all = with(DEVICE, |c| set32(c, 12, 0));

        all.push(capability(DEVICE, 0x2000, 0x1000));
        all.last_mut().unwrap()[4] = bar;
        assert_eq!(
            parse(&all),
            Err(LayoutError::BadDevice(Fault::TooShort { length: 0 }))
        );
    }
}

#[test]
fn clause_4_1_4_1_the_first_usable_one_counts() {
    let mut all = with(NOTIFY, |c| c[4] = 0);

    // The first is in a BAR without resource, as an I/O BAR may be.
    all.push(capability(NOTIFY, 0x100, 0x10));
    set32(all.last_mut().unwrap(), 16, 8);
    all.push(capability(NOTIFY, 0x200, 0x20));

    let layout = parse(&all).unwrap();

    assert_eq!(layout.notify, place(0x100, 0x10));
    assert_eq!(layout.notify_multiplier, 8);
}

#[test]
fn clause_4_1_4_1_a_longer_capability_is_accepted() {
    for kind in [COMMON, NOTIFY, ISR, DEVICE] {
        for cap_len in [20, 21, 24, 64, 255] {
            assert_eq!(parse(&with(kind, |c| c[2] = cap_len)), parse(&device()));
        }
    }
}

#[test]
fn clause_4_1_4_a_capability_has_room_for_its_fields() {
    let table = [
        (COMMON, Kind::Common, 15),
        (ISR, Kind::Isr, 15),
        (NOTIFY, Kind::Notify, 19),
    ];

    for (kind, name, longest) in table {
        for length in [0, 1, longest] {
            assert_eq!(
                parse(&with(kind, |c| c[2] = length)),
                missing(name, Fault::Truncated { length })
            );
        }
        assert!(parse(&with(kind, |c| c[2] = longest + 1)).is_ok());
    }
    assert_eq!(
        parse(&with(DEVICE, |c| c[2] = 15)),
        Err(LayoutError::BadDevice(Fault::Truncated { length: 15 }))
    );
}

#[test]
fn clause_4_1_4_1_an_unexpectedly_large_length_is_handled() {
    // P3: what is beyond the BAR's end is not there.
    for length in [0x1001, 0x4000, 0x8000_0000, u32::MAX] {
        let layout = parse(&with(NOTIFY, |c| set32(c, 12, length))).unwrap();
        let common = parse(&with(COMMON, |c| set32(c, 12, length)))
            .unwrap()
            .common;

        assert_eq!(layout.notify, place(0x3000, 0x1000));
        assert_eq!(common, place(0, u64::from(length).min(0x4000)));
    }
}

#[test]
fn clause_4_1_4_3_the_common_configuration_is_whole() {
    let too_short = |length| missing(Kind::Common, Fault::TooShort { length });

    assert_eq!(parse(&with(COMMON, |c| set32(c, 12, 0))), too_short(0));
    assert_eq!(parse(&with(COMMON, |c| set32(c, 12, 55))), too_short(55));
    assert!(parse(&with(COMMON, |c| set32(c, 12, 56))).is_ok());
    // The BAR ends before it does.
    let offset = 0x4000 - 52;

    assert_eq!(
        parse(&with(COMMON, |c| set32(c, 8, offset))),
        missing(
            Kind::Common,
            Fault::OutOfBar {
                offset: offset.into(),
                length: 0x1000,
                bar_length: 0x4000
            }
        )
    );
    assert_eq!(
        parse(&with(COMMON, |c| set32(c, 8, 0x4000 - 56)))
            .unwrap()
            .common,
        place(0x4000 - 56, 56)
    );
}

#[test]
fn p1_a_structure_that_is_not_there() {
    let table = [
        (COMMON, Kind::Common),
        (NOTIFY, Kind::Notify),
        (ISR, Kind::Isr),
    ];

    for (number, kind) in table {
        assert_eq!(
            parse(&without(number)),
            Err(LayoutError::Missing { kind, fault: None })
        );
        assert_eq!(
            parse(&with(number, |c| c[4] = 3)),
            missing(kind, Fault::NoBar { bar: 3 })
        );
    }
    assert!(parse(&[]).is_err());
    // 4.1.4.6: not every device type has a configuration; but a bad one is not none.
    assert_eq!(parse(&without(DEVICE)).unwrap().device, None);
    assert_eq!(
        parse(&with(DEVICE, |c| c[4] = 3)),
        Err(LayoutError::BadDevice(Fault::NoBar { bar: 3 }))
    );
}

#[test]
fn p5_clause_4_1_4_offsets_are_aligned() {
    let table = [
        (COMMON, &[1, 2, 3, 5, 6][..], &[4, 8][..]),
        (NOTIFY, &[1, 3][..], &[2, 4, 6][..]),
        (ISR, &[][..], &[1, 2, 3, 4, 5][..]),
        (DEVICE, &[1, 2, 3, 6][..], &[4, 8][..]),
    ];

    for (kind, bad, good) in table {
        for offset in bad {
            let fault = Fault::Misaligned {
                offset: (*offset).into(),
            };

            match parse(&with(kind, |c| set32(c, 8, *offset))) {
                Err(LayoutError::Missing { fault: Some(f), .. } | LayoutError::BadDevice(f)) => {
                    assert_eq!(f, fault);
                }
                other => panic!("type {kind} at {offset}: {other:?}"),
            }
        }
        for offset in good {
            assert!(parse(&with(kind, |c| set32(c, 8, *offset))).is_ok());
        }
    }
}

#[test]
fn p5_offsets_beyond_the_bar_or_wrapping() {
    for kind in [COMMON, NOTIFY, ISR, DEVICE] {
        for offset in [0x4000, 0x8000_0000, 0xffff_fffc] {
            let result = parse(&with(kind, |c| set32(c, 8, offset)));

            assert!(result.is_err(), "type {kind} at {offset:#x}: {result:?}");
            // Offset and length wrap in 32 bits to something inside.
            let wrapping = with(kind, |c| {
                set32(c, 8, offset);
                set32(c, 12, 0u32.wrapping_sub(offset).wrapping_add(0x100));
            });
            assert!(parse(&wrapping).is_err());
        }
    }
}

#[test]
fn clause_4_1_4_4_the_multiplier_is_zero_or_an_even_power_of_two() {
    for exponent in 1..32 {
        let multiplier = 1 << exponent;
        let layout = parse(&with(NOTIFY, |c| set32(c, 16, multiplier))).unwrap();

        assert_eq!(layout.notify_multiplier, multiplier);
    }
    assert!(parse(&with(NOTIFY, |c| set32(c, 16, 0))).is_ok());
    for multiplier in [1, 3, 5, 6, 7, 12, 0x7fff_ffff, 0x8000_0001, u32::MAX] {
        assert_eq!(
            parse(&with(NOTIFY, |c| set32(c, 16, multiplier))),
            Err(LayoutError::BadMultiplier(multiplier))
        );
    }
}

#[test]
fn p6_clause_4_1_4_4_doorbells_are_in_the_area() {
    // Length of the area, multiplier, offset of the queue, place of its doorbell.
    let table = [
        (2, 0, 0, Some(0)),
        (2, 0, 0xffff, Some(0)),
        (2, 2, 0, Some(0)),
        (2, 2, 1, None),
        (3, 2, 1, None),
        (4, 2, 1, Some(2)),
        (0x1000, 4, 0x3ff, Some(0xffc)),
        (0x1000, 4, 0x400, None),
        (0x1000, 0x1000, 1, None),
        (0x1000, 0x8000_0000, 0, Some(0)),
        (0x1000, 0x8000_0000, 2, None),
        (0x1000, 0x8000_0000, 0xffff, None),
    ];

    for (length, multiplier, notify_off, at) in table {
        let all = with(NOTIFY, |c| {
            set32(c, 12, length);
            set32(c, 16, multiplier);
        });

        assert_eq!(
            doorbell(&parse(&all).unwrap(), notify_off, 2),
            at,
            "{length:#x} bytes, {notify_off:#x} x {multiplier:#x}"
        );
    }
}

/// `VIRTIO_F_NOTIFICATION_DATA`: four bytes are written.
#[test]
fn p6_clause_4_1_4_4_1_wide_doorbells_are_in_the_area() {
    for (length, notify_off, at) in [(4, 0, Some(0)), (3, 0, None), (7, 1, None), (8, 1, Some(4))] {
        let all = with(NOTIFY, |c| {
            set32(c, 12, length);
            set32(c, 16, 4);
        });
        let layout = parse(&all).unwrap();

        assert_eq!(doorbell(&layout, notify_off, 4), at, "{length} bytes");
    }
}

#[test]
fn p14_a_device_that_is_gone() {
    assert_eq!(
        parse(&[[0xff; 24]; 8]),
        Err(LayoutError::Missing {
            kind: Kind::Common,
            fault: None
        })
    );
}

#[test]
fn messages_say_what_and_why() {
    let table = [
        (
            without(COMMON),
            "no common configuration among the PCI capabilities",
        ),
        (
            with(NOTIFY, |c| c[4] = 6),
            "no usable notification area: BAR 6 is reserved",
        ),
        (
            with(ISR, |c| c[4] = 0),
            "no usable ISR status: BAR 0 does not exist",
        ),
        (
            with(DEVICE, |c| set32(c, 8, 0x4000)),
            "no usable device configuration: 0x1000 bytes at 0x4000 are outside the BAR of 0x4000 bytes",
        ),
        (
            with(COMMON, |c| set32(c, 8, 2)),
            "no usable common configuration: offset 0x2 is not aligned",
        ),
        (
            with(COMMON, |c| set32(c, 12, 16)),
            "no usable common configuration: 0x10 bytes are too few",
        ),
        (
            with(NOTIFY, |c| c[2] = 16),
            "no usable notification area: capability of 16 bytes is too short",
        ),
        (
            with(NOTIFY, |c| set32(c, 16, 3)),
            "notification multiplier 3 is not possible",
        ),
    ];

    for (capabilities, message) in table {
        assert_eq!(parse(&capabilities).unwrap_err().to_string(), message);
    }
}

/// Numbers that are near what matters.
fn edge() -> impl Strategy<Value = u32> {
    prop_oneof![
        any::<u32>(),
        0u32..80,
        (0u32..32, 0u32..5).prop_map(|(bit, off)| (1u32 << bit).wrapping_add(off).wrapping_sub(2)),
        Just(u32::MAX),
    ]
}

prop_compose! {
    fn any_capability()(
        noise in any::<[u8; 24]>(),
        cap_len in prop_oneof![1 => any::<u8>(), 1 => 14u8..24, 3 => Just(20)],
        kind in prop_oneof![1 => any::<u8>(), 1 => 0u8..6, 6 => 1u8..5],
        bar in prop_oneof![1 => any::<u8>(), 2 => 0u8..8, 3 => 0u8..2],
        offset in prop_oneof![1 => edge(), 3 => (0u32..64).prop_map(|i| i * 4)],
        length in prop_oneof![1 => edge(), 1 => 0u32..80, 2 => 50u32..5000],
        multiplier in prop_oneof![1 => edge(), 2 => Just(0), 3 => (1u32..8).prop_map(|bit| 1 << bit)],
    ) -> Capability {
        let mut bytes = noise;

        bytes[2] = cap_len;
        bytes[3] = kind;
        bytes[4] = bar;
        set32(&mut bytes, 8, offset);
        set32(&mut bytes, 12, length);
        set32(&mut bytes, 16, multiplier);
        bytes
    }
}

fn any_bar() -> impl Strategy<Value = Option<u64>> {
    prop_oneof![
        1 => Just(None),
        1 => any::<u64>().prop_map(Some),
        1 => (0u64..200).prop_map(Some),
        3 => (0u32..64).prop_map(|bit| Some(1 << bit)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30_000))]

    #[test]
    fn whatever_the_device_says(
        capabilities in prop::collection::vec(any_capability(), 0..20),
        bars in prop::array::uniform6(any_bar()),
        notify_offs in prop::array::uniform4(any::<u16>()),
    ) {
        pci_promise::check(&capabilities, &bars, &notify_offs);
    }

    /// One capability of a good device is anything.
    #[test]
    fn whatever_one_capability_says(
        odd in any_capability(),
        at in 0usize..4,
        notify_offs in prop::array::uniform4(any::<u16>()),
    ) {
        let mut capabilities = device();
        let kind = capabilities[at][3];

        capabilities[at] = odd;
        capabilities[at][3] = kind;
        pci_promise::check(&capabilities, &BARS, &notify_offs);
    }
}

#[test]
fn random_devices_are_both_accepted_and_refused() {
    // The properties above are worth something only if their inputs get through at times.
    const COUNT: usize = 5_000;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let strategy = (
        prop::collection::vec(any_capability(), 0..20),
        prop::array::uniform6(any_bar()),
    );
    let accepted = (0..COUNT)
        .filter(|_| {
            let tree = strategy.new_tree(&mut runner).unwrap();
            let (capabilities, bars) = proptest::strategy::ValueTree::current(&tree);

            pci_promise::check(&capabilities, &bars, &[]).is_some()
        })
        .count();

    assert!(
        (COUNT / 20..COUNT / 20 * 19).contains(&accepted),
        "{accepted} accepted"
    );
}
