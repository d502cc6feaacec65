// SPDX-License-Identifier: GPL-2.0

//! Feature bits of a network device: 5.1.3, 5.1.3.1, and offloads: 5.1.6.5.6.1.

use crate::{
    feature::{
        transport_feature,
        Features, //
    },
    net_feature::{
        offloads,
        settle,
        Framing,
        IMPLEMENTED, //
    },
};
use proptest::prelude::*;

/// The numbers of 5.1.3, told a second time.
const CSUM: u32 = 0;
const GUEST_CSUM: u32 = 1;
const CTRL_GUEST_OFFLOADS: u32 = 2;
const MTU: u32 = 3;
const MAC: u32 = 5;
const GUEST_TSO4: u32 = 7;
const GUEST_TSO6: u32 = 8;
const GUEST_ECN: u32 = 9;
const HOST_TSO4: u32 = 11;
const HOST_TSO6: u32 = 12;
const HOST_ECN: u32 = 13;
const MRG_RXBUF: u32 = 15;
const STATUS: u32 = 16;
const CTRL_VQ: u32 = 17;
const CTRL_RX: u32 = 18;
const CTRL_VLAN: u32 = 19;
const GUEST_ANNOUNCE: u32 = 21;
const MQ: u32 = 22;
const CTRL_MAC_ADDR: u32 = 23;
const SPEED_DUPLEX: u32 = 63;

const ALL: [u32; 20] = [
    CSUM,
    GUEST_CSUM,
    CTRL_GUEST_OFFLOADS,
    MTU,
    MAC,
    GUEST_TSO4,
    GUEST_TSO6,
    GUEST_ECN,
    HOST_TSO4,
    HOST_TSO6,
    HOST_ECN,
    MRG_RXBUF,
    STATUS,
    CTRL_VQ,
    CTRL_RX,
    CTRL_VLAN,
    GUEST_ANNOUNCE,
    MQ,
    CTRL_MAC_ADDR,
    SPEED_DUPLEX,
];

/// A bit, and sets of which it needs one bit each: first what 5.1.3.1 says, then what this driver
/// needs besides.
const NEEDS: [(u32, &[u32]); 15] = [
    (GUEST_TSO4, &[GUEST_CSUM]),
    (GUEST_TSO6, &[GUEST_CSUM]),
    (GUEST_ECN, &[GUEST_TSO4, GUEST_TSO6]),
    (HOST_TSO4, &[CSUM]),
    (HOST_TSO6, &[CSUM]),
    (HOST_ECN, &[HOST_TSO4, HOST_TSO6]),
    (CTRL_RX, &[CTRL_VQ]),
    (CTRL_VLAN, &[CTRL_VQ]),
    (GUEST_ANNOUNCE, &[CTRL_VQ]),
    (MQ, &[CTRL_VQ]),
    (CTRL_MAC_ADDR, &[CTRL_VQ]),
    (CTRL_GUEST_OFFLOADS, &[CTRL_VQ]),
    (GUEST_ANNOUNCE, &[STATUS]),
    (GUEST_TSO4, &[MRG_RXBUF]),
    (GUEST_TSO6, &[MRG_RXBUF]),
];
/// Those of the offloads of 5.1.6.5.6.1 that are for segments.
const SEGMENTS: [u32; 3] = [GUEST_TSO4, GUEST_TSO6, GUEST_ECN];

fn of(bits: u128) -> Features {
    // CAST: Each takes 32 of the bits.
    Features::from_words([0, 32, 64, 96].map(|shift| (bits >> shift) as u32))
}

fn bits(features: Features) -> u128 {
    features
        .words()
        .iter()
        .rev()
        .fold(0, |all, word| all << 32 | u128::from(*word))
}

fn set(numbers: &[u32]) -> u128 {
    numbers.iter().fold(0, |all, number| all | 1 << number)
}

/// What is left when bits are taken away for as long as one misses another.
fn settled(mut features: u128) -> u128 {
    loop {
        let missing = NEEDS
            .iter()
            .find(|(bit, needed)| features >> bit & 1 != 0 && features & set(needed) == 0);

        match missing {
            Some((bit, _)) => features &= !(1 << bit),
            None => return features,
        }
    }
}

/// Settles `features`, and panics where a promise is broken.
fn check(features: u128) -> u128 {
    let after = bits(settle(of(features)));

    assert_eq!(after & !features, 0, "bits are added: {features:#x}");
    assert_eq!(
        bits(settle(of(after))),
        after,
        "not idempotent: {features:#x}"
    );
    for (bit, needed) in NEEDS {
        assert!(
            after >> bit & 1 == 0 || after & set(needed) != 0,
            "{bit} without any of {needed:?}: {features:#x}"
        );
    }
    // No more than is missing is taken away, and nothing that is not known here.
    assert_eq!(after, settled(features), "{features:#x}");
    after
}

#[test]
fn clause_5_1_3_numbers() {
    assert_eq!(bits(IMPLEMENTED), set(&ALL));
    assert!((IMPLEMENTED & transport_feature::RESERVED).is_empty());
}

#[test]
fn clause_5_1_3_1_everything_that_is_implemented_fits_together() {
    assert_eq!(settle(IMPLEMENTED), IMPLEMENTED);
    assert_eq!(settle(Features::NONE), Features::NONE);
    assert_eq!(settle(!Features::NONE), !Features::NONE);
}

#[test]
fn clause_5_1_3_1_without_one_bit() {
    let all = set(&ALL);
    let guest_segments = set(&SEGMENTS);
    let table = [
        (CSUM, set(&[HOST_TSO4, HOST_TSO6, HOST_ECN])),
        (GUEST_CSUM, guest_segments),
        (MRG_RXBUF, guest_segments),
        (
            CTRL_VQ,
            set(&[
                CTRL_RX,
                CTRL_VLAN,
                GUEST_ANNOUNCE,
                MQ,
                CTRL_MAC_ADDR,
                CTRL_GUEST_OFFLOADS,
            ]),
        ),
        (STATUS, set(&[GUEST_ANNOUNCE])),
        (GUEST_TSO4, 0),
        (GUEST_TSO6, 0),
        (HOST_TSO4, 0),
        (HOST_TSO6, 0),
        (MAC, 0),
        (MTU, 0),
        (MQ, 0),
    ];

    for (bit, lost) in table {
        assert_eq!(check(all & !(1 << bit)), all & !(1 << bit) & !lost, "{bit}");
    }
}

#[test]
fn clause_5_1_3_1_ecn_needs_either_kind_of_segments() {
    for (ecn, four, six, checksum) in [
        (GUEST_ECN, GUEST_TSO4, GUEST_TSO6, GUEST_CSUM),
        (HOST_ECN, HOST_TSO4, HOST_TSO6, CSUM),
    ] {
        let base = set(&[checksum, MRG_RXBUF]);

        for (kinds, left) in [
            (set(&[four]), true),
            (set(&[six]), true),
            (set(&[four, six]), true),
            (0, false),
        ] {
            let after = check(base | kinds | 1 << ecn);

            assert_eq!(after >> ecn & 1 != 0, left);
        }
        // Both kinds are lost with the checksum, and then so is it.
        assert_eq!(check(set(&[ecn, four, six, MRG_RXBUF])), set(&[MRG_RXBUF]));
    }
}

#[test]
fn clause_5_1_3_1_all_subsets_of_what_is_implemented() {
    for subset in 0u32..1 << ALL.len() {
        check(
            ALL.iter()
                .enumerate()
                .filter(|(at, _)| subset >> at & 1 != 0)
                .fold(0, |all, (_, number)| all | 1 << number),
        );
    }
}

#[test]
fn clause_5_1_6_5_6_1_numbers() {
    assert_eq!(offloads(IMPLEMENTED, true), 0x382);
    assert_eq!(offloads(IMPLEMENTED, false), 0x002);
    assert_eq!(offloads(Features::NONE, true), 0);
    for (number, value) in [
        (GUEST_CSUM, 1 << 1),
        (GUEST_TSO4, 1 << 7),
        (GUEST_TSO6, 1 << 8),
        (GUEST_ECN, 1 << 9),
        (CSUM, 0),
        (HOST_TSO4, 0),
        (MRG_RXBUF, 0),
    ] {
        assert_eq!(offloads(Features::bit(number), true), value, "{number}");
    }
}

proptest! {
    #[test]
    fn clause_5_1_3_1_any_set(features: u128) {
        check(features);
    }

    #[test]
    fn clause_5_1_3_1_nearly_all(
        missing in prop::collection::vec(prop::sample::select(ALL.to_vec()), 0..5),
    ) {
        check(!set(&missing));
    }

    /// "A driver MUST NOT enable an offload for which the appropriate feature has not been
    /// negotiated."
    #[test]
    fn clause_5_1_6_5_6_1_1_offloads_are_agreed_on(features: u128, wanted: bool) {
        let on = u128::from(offloads(of(features), wanted));
        let segments = set(&SEGMENTS);

        prop_assert_eq!(on & !features, 0);
        prop_assert_eq!(on & !segments, features & 1 << GUEST_CSUM);
        prop_assert_eq!(on & segments, if wanted { features & segments } else { 0 });
    }
}

#[test]
fn clause_5_1_legacy_framing() {
    const ANY_LAYOUT: u32 = 27;
    const VERSION_1: u32 = 32;

    for (bits, header, apart) in [
        (&[VERSION_1][..], 12, false),
        (&[VERSION_1, MRG_RXBUF], 12, false),
        // Bit 27 says nothing from version 1 on.
        (&[VERSION_1, ANY_LAYOUT], 12, false),
        (&[MRG_RXBUF, ANY_LAYOUT], 12, false),
        (&[ANY_LAYOUT], 10, false),
        (&[MRG_RXBUF], 12, true),
        (&[], 10, true),
    ] {
        let features = bits
            .iter()
            .fold(Features::NONE, |all, bit| all | Features::bit(*bit));

        assert_eq!(
            Framing::of(features),
            Framing { header, apart },
            "bits {bits:?}"
        );
    }
}
