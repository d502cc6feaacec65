// SPDX-License-Identifier: GPL-2.0

//! L1 and 5.5.6: how far the balloon is from the host's wish.

use crate::plan::{
    Plan,
    Step::{
        Deflate,
        Done,
        Inflate, //
    },
    MOST_NUMBERS, //
};
use proptest::prelude::*;

const GIB: u64 = 1 << 30;

fn plan(page_size: usize) -> Plan {
    Plan::new(page_size, GIB / page_size as u64)
}

#[test]
fn steps_of_one_notice() {
    let plan = plan(4096);

    assert_eq!(plan.step(0, 0), Done);
    assert_eq!(plan.step(7, 7), Done);
    assert_eq!(plan.step(7, 0), Inflate(7));
    assert_eq!(plan.step(0, 7), Deflate(7));
    assert_eq!(plan.step(1 << 20, 0), Inflate(MOST_NUMBERS));
    assert_eq!(plan.step(0, 1 << 20), Deflate(MOST_NUMBERS));
    assert_eq!(plan.step(u32::MAX, 0), Inflate(MOST_NUMBERS));
    assert_eq!(plan.step(0, usize::MAX), Deflate(MOST_NUMBERS));
}

#[test]
fn clause_5_5_6_page_numbers_are_of_4096_bytes() {
    let small = plan(4096);
    let large = plan(65536);

    assert_eq!(small.numbers(5).collect::<Vec<_>>(), [5]);
    assert_eq!(
        large.numbers(2).collect::<Vec<_>>(),
        (32..48).collect::<Vec<_>>()
    );
    assert_eq!((small.most(), large.most()), (256, 16));
    assert_eq!((small.actual(3), large.actual(3)), (3, 48));
    // Part of a page is a page, and then it is enough.
    assert_eq!(large.step(17, 1), Inflate(1));
    assert_eq!(large.step(17, 2), Done);
    assert_eq!(large.step(16, 2), Deflate(1));
}

#[test]
fn page_numbers_have_32_bits() {
    for page_size in [4096, 16384, 65536] {
        let plan = plan(page_size);
        let highest = plan.highest();

        assert_eq!(plan.numbers(highest).last(), Some(u32::MAX));
        assert_eq!(plan.numbers(highest + 1).count(), 0);
        assert_eq!(plan.numbers(u64::MAX).count(), 0);
    }
    assert_eq!(plan(4096).actual(usize::MAX), u32::MAX);
    assert_eq!(plan(65536).actual(usize::MAX), u32::MAX);
}

#[test]
fn l1_some_memory_stays_available() {
    // Bytes that the guest has, and bytes that stay.
    for (total, floor) in [
        (0, 8 << 20),
        (256 << 20, 8 << 20),
        (768 << 20, 12 << 20),
        (GIB, 16 << 20),
        (8 * GIB, 128 << 20),
        (1024 * GIB, 128 << 20),
    ] {
        let floor: u64 = floor / 4096;
        let plan = Plan::new(4096, total / 4096);

        assert_eq!(plan.allowed(256, 0), 0);
        assert_eq!(plan.allowed(256, floor), 0);
        assert_eq!(plan.allowed(256, floor + 1), 1);
        assert_eq!(plan.allowed(256, floor + 10_000), 256);
        assert_eq!(plan.allowed(256, u64::MAX), 256);
    }
}

#[test]
fn page_sizes_that_do_not_exist() {
    assert_eq!(plan(1).most(), MOST_NUMBERS);
    assert_eq!(plan(1 << 30).most(), 1);
    assert_eq!(Plan::new(0, 0).most(), MOST_NUMBERS);
}

proptest! {
    /// Any wish is reached, by steps that fit a notice, and then the balloon comes to rest.
    #[test]
    fn the_balloon_comes_to_rest(wanted in 0..100_000u32, have in 0..100_000usize, order in 0..5u32) {
        let plan = plan(4096 << order);
        let mut have = have;

        for _ in 0..100_000 {
            match plan.step(wanted, have) {
                Inflate(pages) => {
                    prop_assert!(pages <= plan.most());
                    have += pages;
                }
                Deflate(pages) => {
                    prop_assert!(pages <= plan.most() && pages <= have);
                    have -= pages;
                }
                Done => break,
            }
        }
        prop_assert_eq!(plan.step(wanted, have), Done);
        prop_assert!(plan.actual(have) >= wanted);
        prop_assert!(plan.actual(have) - wanted < 1 << order);
    }

    #[test]
    fn a_notice_has_room_for_what_is_promised(order in 0..9u32, frame in 0..1u64 << 22) {
        let plan = plan(4096 << order);
        let numbers: usize = (frame..).take(plan.most()).map(|frame| plan.numbers(frame).count()).sum();

        prop_assert_eq!(numbers, MOST_NUMBERS);
    }
}
