// SPDX-License-Identifier: GPL-2.0

//! Feature bits: 2.2 and 6.

use crate::feature::{
    transport_feature::*,
    Features, //
};
use proptest::prelude::*;

#[test]
fn clause_6_numbers() {
    let table = [
        (ANY_LAYOUT, 27),
        (INDIRECT_DESC, 28),
        (EVENT_IDX, 29),
        (VERSION_1, 32),
        (ACCESS_PLATFORM, 33),
        (RING_PACKED, 34),
        (IN_ORDER, 35),
        (ORDER_PLATFORM, 36),
        (NOTIFICATION_DATA, 38),
        (NOTIF_CONFIG_DATA, 39),
        (RING_RESET, 40),
        (ADMIN_VQ, 41),
    ];

    for (feature, number) in table {
        assert_eq!(feature, Features::bit(number));
        assert!(RESERVED.contains(feature));
    }
}

#[test]
fn clause_2_2_what_belongs_to_device_types() {
    for number in 0..Features::COUNT {
        // Bit 41 is both a network device's and `VIRTIO_F_ADMIN_VQ`; only the latter counts here.
        let device_type = matches!(number, 0..=23 | 42 | 50..=127);

        assert_eq!(
            RESERVED.contains(Features::bit(number)),
            !device_type,
            "bit {number}"
        );
    }
}

#[test]
fn p8_p16_what_is_not_implemented_is_not_accepted() {
    // The formula of the bus, for a driver that wants everything.
    let supported = (!Features::NONE & !RESERVED) | IMPLEMENTED;

    assert!(RESERVED.contains(IMPLEMENTED));
    for (name, number) in [
        ("NOTIFY_ON_EMPTY", 24),
        ("ANY_LAYOUT", 27),
        ("SUSPEND", 43),
        ("future", 44),
        ("future", 49),
    ] {
        let bit = Features::bit(number);

        // A feature joins `IMPLEMENTED` with its code and its tests; then it leaves this table.
        assert!(!supported.contains(bit), "{name} ({number})");
    }
    assert!(supported.contains(VERSION_1));
}

#[test]
fn a_bit_that_is_none() {
    for number in [128, 129, 255, 256, u32::MAX] {
        assert_eq!(Features::bit(number), Features::NONE);
    }
    assert_ne!(Features::bit(127), Features::NONE);
}

proptest! {
    #[test]
    fn clause_4_1_4_3_words_are_the_lowest_first(words in any::<[u32; 4]>()) {
        let set = Features::from_words(words);

        prop_assert_eq!(set.words(), words);
        for number in 0..Features::COUNT {
            let word = words[number as usize / 32];

            prop_assert_eq!(set.contains(Features::bit(number)), word >> (number % 32) & 1 == 1);
        }
    }

    #[test]
    fn sets_are_sets(a in any::<[u32; 4]>(), b in any::<[u32; 4]>()) {
        let (a, b) = (Features::from_words(a), Features::from_words(b));

        prop_assert_eq!(Features::all_of(&[a, b]), a | b);
        prop_assert_eq!(Features::all_of(&[]), Features::NONE);
        prop_assert!((a | b).contains(a) && a.contains(a & b));
        prop_assert_eq!(a.contains(b), a & b == b);
        prop_assert!((a & !a).is_empty());
        prop_assert_eq!(a.is_empty(), a == Features::NONE);
    }
}
