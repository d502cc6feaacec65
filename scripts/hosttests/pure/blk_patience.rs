// SPDX-License-Identifier: GPL-2.0

//! B9: requests that the device never answers.

use crate::patience::{
    interval_ms,
    remedy,
    Look,
    Moment,
    Remedy::{
        Coming,
        GiveUp,
        Reset, //
    }, //
};

/// A request that was given when 100 had come back, on a ring of 16.
fn look(before: Option<u32>, now: u32) -> Look {
    Look {
        given: 100,
        before,
        now,
        room: 16,
        silent: false,
    }
}

#[test]
fn b9_a_silent_device_has_lost_it_at_the_first_look() {
    let look = look(None, 100);

    assert!(Look {
        silent: true,
        ..look
    }
    .is_lost());
    assert!(!look.is_lost(), "other queues move");
}

#[test]
fn b9_a_request_that_was_overtaken_by_more_than_were_before_it_is_lost() {
    for now in 100..=116 {
        assert!(!look(None, now).is_lost(), "{now}");
    }
    assert!(look(None, 117).is_lost());
    assert!(look(Some(101), 117).is_lost());
}

#[test]
fn b9_a_queue_that_stands_still_between_two_looks_has_lost_it() {
    assert!(!look(None, 105).is_lost());
    assert!(!look(Some(104), 105).is_lost());
    assert!(look(Some(105), 105).is_lost());
    assert!(look(Some(100), 100).is_lost());
}

#[test]
fn b9_a_slow_device_that_answers_in_turn_loses_nothing() {
    for before in 0..16 {
        assert!(!look(Some(100 + before), 101 + before).is_lost());
    }
}

#[test]
fn b9_counts_that_wrap() {
    let given = u32::MAX - 3;
    let look = |before: Option<u32>, passed: u32| Look {
        given,
        before,
        now: given.wrapping_add(passed),
        room: 16,
        silent: false,
    };

    assert!(!look(None, 16).is_lost());
    assert!(look(None, 17).is_lost());
    assert!(look(Some(given.wrapping_add(9)), 9).is_lost());
}

#[test]
fn b9_any_request_of_any_device_is_lost_in_the_end() {
    // Whatever comes back between two looks, none keeps a request for longer than its ring has room.
    for step in 0..3u32 {
        let (mut before, mut now) = (None, 100u32);
        let looks = (0..40)
            .take_while(|_| {
                let lost = look(before, now).is_lost();

                before = Some(now);
                now += step;
                !lost
            })
            .count();

        assert!(looks <= 17, "step {step}: {looks} looks");
    }
}

const fn moment(completions: u32, epoch: u32) -> Moment {
    Moment { completions, epoch }
}

#[test]
fn b9_a_reset_that_did_not_help_is_the_last() {
    assert_eq!(remedy(moment(7, 4), None, false), Reset);
    assert_eq!(remedy(moment(7, 4), Some(moment(6, 2)), false), Reset);
    assert_eq!(remedy(moment(7, 4), Some(moment(7, 2)), false), GiveUp);
}

#[test]
fn b9_many_requests_that_are_lost_at_once_bring_one_reset() {
    assert_eq!(remedy(moment(7, 4), Some(moment(7, 4)), false), Coming);
    assert_eq!(remedy(moment(8, 4), Some(moment(7, 4)), false), Coming);
    assert_eq!(
        remedy(moment(7, 5), Some(moment(7, 4)), false),
        Coming,
        "it is under way"
    );
    assert_eq!(
        remedy(moment(7, 5), None, false),
        Coming,
        "somebody else's is"
    );
    assert_eq!(
        remedy(moment(7, 2), Some(moment(7, u32::MAX - 1)), false),
        GiveUp,
        "epochs wrap"
    );
}

#[test]
fn b9_unbinding_does_not_try() {
    assert_eq!(remedy(moment(7, 4), None, true), GiveUp);
    assert_eq!(remedy(moment(7, 4), Some(moment(6, 2)), true), GiveUp);
}

#[test]
fn two_looks_make_a_timeout() {
    assert_eq!(interval_ms(30), 15_000);
    assert_eq!(interval_ms(0), 15_000);
    assert_eq!(interval_ms(1), 500);
    assert_eq!(interval_ms(u32::MAX), u32::MAX / 2);
}
