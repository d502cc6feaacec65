// SPDX-License-Identifier: GPL-2.0

//! How many hardware queues a disk has.

use crate::blk_plan::{
    Plan,
    Wish, //
};

fn plan(offered: u16, cpus: u32, queues: u32, polled: u32) -> Option<(u16, u16)> {
    Plan::new(offered, cpus, Wish { queues, polled }).map(|plan| (plan.default, plan.polled))
}

#[test]
fn b10_no_queue_is_refused() {
    assert_eq!(plan(0, 4, 0, 0), None);
    assert_eq!(plan(0, 4, 7, 2), None);
}

#[test]
fn b10_more_queues_than_cpus_are_cut() {
    assert_eq!(plan(u16::MAX, 4, 0, 0), Some((4, 0)));
    assert_eq!(plan(u16::MAX, 4, u32::MAX, u32::MAX), Some((4, 4)));
    assert_eq!(
        plan(u16::MAX, u32::MAX, 0, u32::MAX),
        Some((1, u16::MAX - 1))
    );
}

#[test]
fn each_cpu_has_a_queue_where_there_are_as_many() {
    for cpus in 1..=16 {
        for offered in 1..=32 {
            assert_eq!(
                plan(offered, cpus, 0, 0),
                Some((offered.min(cpus as u16), 0))
            );
        }
    }
}

#[test]
fn the_administrator_says_how_many_there_are() {
    assert_eq!(plan(8, 8, 3, 0), Some((3, 0)));
    assert_eq!(plan(2, 8, 3, 0), Some((2, 0)));
    assert_eq!(plan(8, 8, 4, 1), Some((3, 1)));
}

#[test]
fn polled_queues_come_from_what_the_cpus_leave_over() {
    assert_eq!(plan(4, 2, 0, 2), Some((2, 2)));
    assert_eq!(plan(4, 4, 0, 2), Some((2, 2)));
    assert_eq!(plan(5, 4, 0, 2), Some((3, 2)));
}

#[test]
fn one_queue_has_interrupts_whatever_is_asked_for() {
    assert_eq!(plan(1, 4, 0, 9), Some((1, 0)));
    assert_eq!(plan(2, 4, 0, 9), Some((1, 1)));
    assert_eq!(plan(9, 0, 1, 9), Some((1, 0)));
}

#[test]
fn no_plan_exceeds_what_there_is() {
    for offered in [1, 2, 3, 4, 7, 64, u16::MAX] {
        for cpus in [0, 1, 2, 3, 64, u32::MAX] {
            for queues in [0, 1, 2, 5, u32::MAX] {
                for polled in [0, 1, 2, 5, u32::MAX] {
                    let wish = Wish { queues, polled };
                    let plan = Plan::new(offered, cpus, wish).unwrap();
                    let most = if queues == 0 { u32::MAX } else { queues };
                    let cpus = cpus.max(1);

                    assert!(plan.default >= 1, "{plan:?}");
                    assert!(plan.count() <= offered, "{plan:?}");
                    assert!(u32::from(plan.count()) <= most, "{plan:?}");
                    assert!(u32::from(plan.default) <= cpus, "{plan:?}");
                    assert!(u32::from(plan.polled) <= cpus.min(polled), "{plan:?}");
                }
            }
        }
    }
}

#[test]
fn a_plan_that_is_cut_keeps_the_kind_of_each_queue() {
    let plan = Plan {
        default: 3,
        polled: 2,
    };

    for count in 0..=5 {
        let cut = plan.cut(count);

        assert_eq!(cut.count(), count.max(1));
        for index in 0..cut.count() {
            assert_eq!(cut.is_polled(index), plan.is_polled(index));
        }
    }
    assert_eq!(plan.cut(9), plan);
}
