// SPDX-License-Identifier: GPL-2.0

use crate::budget::Budget;
use proptest::prelude::*;

/// Waits one after the other, each answered after `takes` ms if it is waited for that long; gives how many were answered before one was
/// not, of `most`, and how long all took.
fn in_a_row(takes: u64, limit: u32, most: u32) -> (u32, u64) {
    let (mut budget, begun) = (Budget::new(), 1_000_000);
    let mut now = begun;

    for answered in 0..most {
        let left = u64::from(budget.left(now, limit));
        let end = now + takes.min(left);

        budget.spend(now, end);
        now = end;
        if takes > left {
            return (answered, now - begun);
        }
    }
    (most, now - begun)
}

#[test]
fn who_is_quick_is_never_given_up() {
    assert_eq!(in_a_row(10, 5000, 100_000).0, 100_000);
    assert_eq!(in_a_row(13, 5000, 100_000).0, 100_000);
    // What takes longer, once in a while, neither.
    let mut budget = Budget::new();
    for round in 1..1000 {
        assert_eq!(budget.left(round * 20_000, 5000), 5000);
        budget.spend(round * 20_000, round * 20_000 + 4999);
    }
}

#[test]
fn who_is_slow_each_time_is_given_up() {
    assert_eq!(in_a_row(4900, 5000, 4096).0, 2);
    let (answered, lasted) = in_a_row(100, 5000, 4096);
    assert!((100..200).contains(&answered), "{answered}");
    assert!(lasted < 16_000, "{lasted}");
}

#[test]
fn who_is_slow_in_a_handful_is_not() {
    // Address, filters, receive mode, offloads and queue pairs, one after the other.
    assert_eq!(in_a_row(2400, 5000, 5).0, 5);
}

#[test]
fn the_end_of_time() {
    let mut budget = Budget::new();
    budget.spend(0, u64::MAX);
    assert_eq!(budget.left(u64::MAX, 5000), 5000);
    assert!(budget.left(0, 5000) >= 10);
    budget.spend(7, 3);
}

proptest! {
    /// Whatever each takes, all together take no longer than is written there.
    #[test]
    fn the_sum_has_an_end(takes in prop::collection::vec(0u64..10_000, 1..300), limit in 1u32..10_000) {
        let (mut budget, mut now, begun) = (Budget::new(), 50, 50);

        for (count, wait) in (1u64..).zip(takes) {
            let end = now + wait.min(budget.left(now, limit).into());

            budget.spend(now, end);
            now = end;
            prop_assert!(now - begun <= u64::from(limit) * 8 / 3 + 14 * count, "{} after {count}", now - begun);
        }
    }
}
