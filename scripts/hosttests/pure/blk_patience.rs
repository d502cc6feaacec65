// SPDX-License-Identifier: GPL-2.0

//! B9: requests that the device never answers.

use crate::patience::{
    Finding::{
        GiveUp,
        Progress,
        Stalled,
        Waiting, //
    },
    Patience,
    GRACE_MS, //
};

#[test]
fn b9_nothing_at_all_is_given_up_after_the_grace() {
    let mut patience = Patience::new();

    assert_eq!(patience.look(0, 1_000), Stalled);
    assert_eq!(
        patience.look(0, 1_000),
        Waiting,
        "another late request of the same moment"
    );
    assert_eq!(patience.look(0, 1_000 + GRACE_MS - 1), Waiting);
    assert_eq!(patience.look(0, 1_000 + GRACE_MS), GiveUp);
}

#[test]
fn b9_progress_starts_the_wait_anew() {
    let mut patience = Patience::new();

    assert_eq!(patience.look(7, 0), Progress);
    assert_eq!(patience.look(7, 1), Stalled);
    assert_eq!(patience.look(8, 1 + GRACE_MS), Progress);
    assert_eq!(patience.look(8, 2 + GRACE_MS), Stalled);
    assert_eq!(patience.look(8, 2 + 2 * GRACE_MS), GiveUp);
}

#[test]
fn b9_a_slow_device_is_never_given_up() {
    let mut patience = Patience::new();

    // One completion between two looks, for as long as the counter needs to wrap twice.
    for step in 0..200_000u64 {
        let completions = u32::MAX.wrapping_sub(100_000).wrapping_add(step as u32);

        assert_eq!(patience.look(completions, step * 3 * GRACE_MS), Progress);
    }
}

#[test]
fn b9_a_clock_that_stands_still_gives_nobody_up() {
    let mut patience = Patience::new();

    assert_eq!(patience.look(0, 5), Stalled);
    for _ in 0..1_000 {
        assert_eq!(patience.look(0, 5), Waiting);
        assert_eq!(patience.look(0, 4), Waiting);
    }
}
