// SPDX-License-Identifier: GPL-2.0

//! Shared memory regions among the PCI capabilities: 4.1.4.7.

use super::pci_promise::{
    self,
    Capability, //
};
use crate::{
    capability::{
        Fault,
        Place, //
    },
    shared_memory::{
        has,
        region,
        BadRegion,
        Region, //
    }, //
};
use proptest::prelude::*;

/// A small BAR, and one of 8 GiB.
const BARS: [Option<u64>; 6] = [None, Some(0x1000), None, None, Some(2 << 32), None];

fn capability(bar: u8, id: u8, offset: u64, length: u64) -> Capability {
    let mut bytes = [0; 24];

    bytes[0] = 0x09;
    bytes[2] = 24;
    bytes[3] = 8;
    bytes[4] = bar;
    bytes[5] = id;
    bytes[8..12].copy_from_slice(&offset.to_le_bytes()[..4]);
    bytes[12..16].copy_from_slice(&length.to_le_bytes()[..4]);
    bytes[16..20].copy_from_slice(&offset.to_le_bytes()[4..]);
    bytes[20..24].copy_from_slice(&length.to_le_bytes()[4..]);
    bytes
}

fn parse(capability: &Capability) -> Option<Result<Region, BadRegion>> {
    pci_promise::check(&[*capability], &BARS, &[]);
    region(capability, |bar| BARS[usize::from(bar)])
}

fn good(bar: u8, id: u8, offset: u64, length: u64) {
    let found = parse(&capability(bar, id, offset, length)).unwrap();
    let place = Place {
        bar,
        offset,
        length,
    };

    assert_eq!(found, Ok(Region { id, place }));
}

fn bad(capability: &Capability, fault: Fault) {
    let id = capability[5];

    assert_eq!(parse(capability), Some(Err(BadRegion { id, fault })));
}

#[test]
fn clause_4_1_4_7_offset_and_length_have_64_bits() {
    good(4, 1, 0, 0x400_0000);
    good(4, 255, 0x1_2345_6000, 0xdcba_a000);
    good(4, 0, 0, 2 << 32);
    good(1, 3, 0xfff, 1);
}

/// Unlike a structure it is not cut to what is there.
#[test]
fn p4_clause_4_1_4_7_a_region_is_wholly_inside_its_bar() {
    for (bar, offset, length) in [
        (1, 0, 0x1001),
        (1, 0x1000, 1),
        (1, 0, 1 << 32),
        (1, 1 << 32, 1),
        (4, 1, 2 << 32),
        (4, u64::MAX, 1),
        (4, u64::MAX, u64::MAX),
        (4, 0, u64::MAX),
    ] {
        bad(
            &capability(bar, 2, offset, length),
            Fault::OutOfBar {
                offset,
                length,
                bar_length: BARS[usize::from(bar)].unwrap(),
            },
        );
    }
    bad(&capability(1, 2, 0, 0), Fault::TooShort { length: 0 });
}

#[test]
fn p3_a_region_in_no_bar() {
    for bar in [0, 2, 3, 5] {
        bad(&capability(bar, 1, 0, 16), Fault::NoBar { bar });
    }
    for bar in [6, 7, 255] {
        bad(&capability(bar, 1, 0, 16), Fault::ReservedBar { bar });
    }
}

#[test]
fn p2_a_capability_without_the_upper_halves() {
    for length in [0, 16, 20, 23] {
        let mut short = capability(1, 9, 0, 16);

        short[2] = length;
        bad(&short, Fault::Truncated { length });
    }
}

#[test]
fn clause_4_1_4_7_other_kinds_are_none() {
    for kind in (0..=255).filter(|kind| *kind != 8) {
        let mut other = capability(1, 1, 0, 16);

        other[3] = kind;
        assert_eq!(parse(&other), None);
    }
}

#[test]
fn clause_4_1_4_7_a_number_counts_once() {
    let place = Place {
        bar: 1,
        offset: 0,
        length: 1,
    };
    let regions = [Region { id: 3, place }, Region { id: 0, place }];

    assert!(has(&regions, 3) && has(&regions, 0));
    assert!(!has(&regions, 1) && !has(&[], 0));
}

proptest! {
    #[test]
    fn anything(bytes in any::<[u8; 24]>(), kind in prop_oneof![Just(8u8), any::<u8>()], bar in 0u8..8) {
        let mut bytes = bytes;

        bytes[3] = kind;
        bytes[4] = bar;
        parse(&bytes);
        // With few bits, so that many are inside.
        for upper in 16..24 {
            bytes[upper] = 0;
        }
        parse(&bytes);
    }
}
