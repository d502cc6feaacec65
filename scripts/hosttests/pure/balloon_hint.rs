// SPDX-License-Identifier: GPL-2.0

//! 5.5.6.4: what follows from the number in the configuration.

use crate::hint::{
    is_over,
    step,
    Step,
    DONE,
    STOP, //
};
use proptest::prelude::*;

#[test]
fn clause_5_5_6_4_reserved_numbers() {
    assert_eq!((STOP, DONE), (0, 1));
    assert_eq!(step(STOP, 7), Step::Rest);
    assert_eq!(step(DONE, 7), Step::Release);
}

#[test]
fn clause_5_5_6_4_1_a_round_is_served_once() {
    assert_eq!(step(0x8000_0000, DONE), Step::Round(0x8000_0000));
    assert_eq!(step(0x8000_0000, 0x8000_0000), Step::Rest);
    assert_eq!(step(0x8000_0001, 0x8000_0000), Step::Round(0x8000_0001));
}

/// QEMU says STOP while a round is under way, so that alone does not end it.
#[test]
fn clause_5_5_6_4_what_ends_a_round() {
    assert!(!is_over(7, 7) && !is_over(STOP, 7));
    assert!(is_over(DONE, 7) && is_over(8, 7));
}

/// What a driver does that looks after each change: what it has set aside, what it served.
fn follow(commands: &[u32]) -> (Vec<u32>, bool) {
    let (mut served, mut rounds, mut aside) = (DONE, Vec::new(), false);

    for &command in commands {
        match step(command, served) {
            Step::Rest => {}
            Step::Release => {
                served = DONE;
                aside = false;
            }
            Step::Round(round) => {
                served = round;
                aside = true;
                rounds.push(round);
            }
        }
    }
    (rounds, aside)
}

proptest! {
    #[test]
    fn clause_5_5_6_4_nothing_is_kept_after_done(commands in prop::collection::vec(0u32..6, 0..50)) {
        let (rounds, aside) = follow(&commands);
        // Since the last DONE, was there a round?
        let since = commands.rsplit(|command| *command == DONE).next().unwrap_or(&[]);

        prop_assert_eq!(aside, since.iter().any(|command| *command > DONE));
        prop_assert!(rounds.iter().all(|round| *round > DONE));
    }
}
