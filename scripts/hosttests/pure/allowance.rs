// SPDX-License-Identifier: GPL-2.0

use crate::allowance::Allowance;
use proptest::prelude::*;

/// Five in a row, then one a minute.
type Minutes = Allowance<5, 60_000>;

#[test]
fn five_at_once_then_one_a_minute() {
    let mut allowance = Minutes::new();
    let now = 1_000_000;
    assert!((0..5).all(|_| allowance.take(now).is_ok()));
    assert_eq!(allowance.take(now), Err(60_000));
    assert_eq!(allowance.take(now + 59_999), Err(1));
    assert_eq!(allowance.take(now + 60_000), Ok(()));
    assert_eq!(allowance.take(now + 60_000), Err(60_000));
    assert_eq!(allowance.take(now + 120_000), Ok(()));
    // Left alone for long, it is whole again, and not more than that.
    let later = now + 100_000_000;
    assert_eq!((0..9).filter(|_| allowance.take(later).is_ok()).count(), 5);
}

#[test]
fn the_end_of_time() {
    let mut allowance = Minutes::new();
    let taken = (0..9).filter(|_| allowance.take(u64::MAX).is_ok()).count();
    assert!(taken <= 9);
}

proptest! {
    /// In any stretch of time there are no more than five and one for each minute begun.
    #[test]
    fn never_more(waits in prop::collection::vec(0u64..100_000, 1..200)) {
        let (mut allowance, mut now, mut taken) = (Minutes::new(), 0, Vec::new());
        for wait in waits {
            now += wait;
            match allowance.take(now) {
                Ok(()) => taken.push(now),
                // Then it is there, and not before.
                Err(wait) => {
                    prop_assert!(allowance.clone().take(now + wait - 1).is_err());
                    prop_assert!(allowance.clone().take(now + wait).is_ok());
                }
            }
        }
        for (first, from) in taken.iter().enumerate() {
            for (last, to) in taken.iter().enumerate().skip(first) {
                let minutes = (to - from) / 60_000;
                prop_assert!((last - first + 1) as u64 <= 5 + minutes, "{from} to {to}");
            }
        }
    }
}
