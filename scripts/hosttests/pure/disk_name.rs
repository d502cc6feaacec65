// SPDX-License-Identifier: GPL-2.0

//! Names of disks, as `sd_format_disk_name()` and `virtblk_name_format()` make them.

use crate::letters::spell;
use proptest::prelude::*;

/// The kernel's `DISK_NAME_LEN`.
const LENGTH: usize = 32;

fn name(prefix: &str, index: u32) -> Option<String> {
    named::<LENGTH>(prefix, index)
}

fn named<const N: usize>(prefix: &str, index: u32) -> Option<String> {
    // What was there before does not show.
    let mut bytes = [b'#'; N];

    spell(&mut bytes, prefix, index)?;
    let end = bytes.iter().position(|byte| *byte == 0).expect("a NUL");

    assert!(bytes[end..].iter().all(|byte| *byte == 0));
    Some(String::from_utf8(bytes[..end].to_vec()).unwrap())
}

#[test]
fn the_first_and_the_last_of_each_length() {
    let table = [
        (0, "vda"),
        (1, "vdb"),
        (25, "vdz"),
        (26, "vdaa"),
        (27, "vdab"),
        (51, "vdaz"),
        (52, "vdba"),
        (701, "vdzz"),
        (702, "vdaaa"),
        (18_277, "vdzzz"),
        (18_278, "vdaaaa"),
        // The last one that has a minor number.
        (65_535, "vdcrxp"),
        (475_253, "vdzzzz"),
        (475_254, "vdaaaaa"),
        (12_356_629, "vdzzzzz"),
        (12_356_630, "vdaaaaaa"),
        (321_272_405, "vdzzzzzz"),
        (321_272_406, "vdaaaaaaa"),
        (u32::MAX, "vdmwlqkwv"),
    ];

    for (index, expected) in table {
        assert_eq!(name("vd", index).as_deref(), Some(expected), "{index}");
    }
}

#[test]
fn a_name_leaves_room_for_its_nul() {
    assert_eq!(named::<4>("vd", 25).as_deref(), Some("vdz"));
    assert_eq!(named::<4>("vd", 26), None);
    assert_eq!(named::<5>("vd", 26).as_deref(), Some("vdaa"));
    assert_eq!(named::<3>("vd", 0), None);
    assert_eq!(named::<2>("vd", 0), None);
    assert_eq!(named::<1>("vd", 0), None);
    assert_eq!(named::<0>("vd", 0), None);
    assert_eq!(named::<0>("", 0), None);
    assert_eq!(named::<1>("", 0), None);
    assert_eq!(named::<2>("", 0).as_deref(), Some("a"));
    assert_eq!(name(&"x".repeat(30), 25), Some("x".repeat(30) + "z"));
    assert_eq!(name(&"x".repeat(30), 26), None);
    assert_eq!(name(&"x".repeat(31), 0), None);
    assert_eq!(name(&"x".repeat(33), 0), None);
}

#[test]
fn the_names_of_all_minors_are_in_order() {
    // Shorter ones first, then by the alphabet: so no two are alike.
    let all: Vec<String> = (0..65_536)
        .map(|index| name("vd", index).unwrap())
        .collect();

    for pair in all.windows(2) {
        assert!((pair[0].len(), &pair[0]) < (pair[1].len(), &pair[1]));
    }
}

proptest! {
    #[test]
    fn a_name_tells_its_number(index: u32) {
        let name = name("vd", index).unwrap();
        let number = name.strip_prefix("vd").unwrap().bytes().fold(0u64, |sum, letter| {
            assert!(letter.is_ascii_lowercase());
            sum * 26 + u64::from(letter - b'a') + 1
        });

        prop_assert_eq!(number, u64::from(index) + 1);
    }
}
