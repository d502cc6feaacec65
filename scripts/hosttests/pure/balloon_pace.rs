// SPDX-License-Identifier: GPL-2.0

//! L1: a host that wants more memory than there is.

use crate::pace::{
    Pace,
    AFTER_OOM_MS, //
};

#[test]
fn l1_attempts_become_rarer() {
    let mut pace = Pace::new();
    let mut now = 1_000;
    let mut waits = Vec::new();

    assert_eq!(pace.left(now), 0);
    for attempt in 0..10 {
        assert_eq!(pace.short(now), attempt == 0, "one line in the log");
        waits.push(pace.left(now));
        now += pace.left(now);
        assert_eq!(pace.left(now), 0);
    }
    assert_eq!(waits[..4], [200, 400, 800, 1600]);
    assert_eq!(waits[9], 12_800);
    assert!(waits.iter().all(|wait| *wait <= 12_800));
}

#[test]
fn l1_memory_that_is_had_starts_anew() {
    let mut pace = Pace::new();

    for _ in 0..5 {
        pace.short(0);
    }
    pace.enough();
    assert!(pace.short(100_000), "a line again");
    assert_eq!(pace.left(100_000), 200);
}

#[test]
fn a_new_wish_is_tried_at_once() {
    let mut pace = Pace::new();

    pace.out_of_memory(5);
    assert_eq!(pace.left(5), AFTER_OOM_MS);
    pace.wish(10, 7);
    assert_eq!(pace.left(10), 0);
    // A wish does not make the next wait shorter: a host may have many.
    pace.short(10);
    pace.short(10);
    pace.wish(500, 8);
    assert_eq!(pace.left(500), 0);
    pace.short(500);
    assert_eq!(pace.left(500), 800);
}

#[test]
fn l1_what_is_no_new_wish_is_not_tried() {
    let mut pace = Pace::new();

    pace.wish(0, 7);
    pace.out_of_memory(5);
    // The host has something else to say, or a CPU has come.
    pace.wish(10, 7);
    assert_eq!(pace.left(10), AFTER_OOM_MS - 5);
    // It asks for the same again.
    pace.insists(10);
    assert_eq!(pace.left(10), 0);
}

#[test]
fn l1_a_host_with_a_new_wish_all_the_time() {
    let mut pace = Pace::new();
    let (mut attempts, mut wish) = (0, 0);

    for now in 0..10_000 {
        wish ^= 1;
        pace.wish(now, wish);
        pace.insists(now);
        if pace.left(now) == 0 {
            pace.short(now);
            attempts += 1;
        }
    }
    assert_eq!(attempts, 10_000 / 200);
}

#[test]
fn l1_after_oom_the_balloon_keeps_still() {
    let mut pace = Pace::new();

    pace.out_of_memory(1_000);
    // An attempt that was under way at that moment does not shorten it.
    pace.short(1_001);
    assert_eq!(pace.left(1_001), AFTER_OOM_MS - 1);
    assert_eq!(pace.left(1_000 + AFTER_OOM_MS), 0);
}

#[test]
fn the_end_of_time() {
    let mut pace = Pace::new();

    pace.short(u64::MAX);
    pace.out_of_memory(u64::MAX - 1);
    assert_eq!(pace.left(u64::MAX), 0);
}
