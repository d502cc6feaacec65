// SPDX-License-Identifier: GPL-2.0

//! Sharing out vectors: 4.1.5.1.2.

use crate::sharing::{
    Sharing,
    CONFIG_VECTOR,
    FEWEST, //
};
use proptest::prelude::*;

/// The vectors of queues, by whether each is slow.
fn vectors(count: u16, queues: &[bool]) -> Vec<u16> {
    let slow = queues.iter().filter(|slow| **slow).count() as u16;
    let sharing = Sharing::new(count, slow, queues.len() as u16 - slow);

    (0..queues.len())
        .map(|at| {
            let slow_before = queues[..at].iter().filter(|slow| **slow).count() as u16;

            sharing.vector(slow_before, at as u16 - slow_before, queues[at])
        })
        .collect()
}

#[test]
fn a_nic_of_two_pairs_with_a_control_queue() {
    let queues = [false, false, false, false, true];

    assert_eq!(Sharing::most(1, 4), 6);
    assert_eq!(vectors(6, &queues), [1, 2, 3, 4, 5]);
    assert_eq!(vectors(9, &queues), [1, 2, 3, 4, 5]);
    // The control queue is the first to share.
    assert_eq!(vectors(5, &queues), [1, 2, 3, 4, 4]);
    assert_eq!(vectors(4, &queues), [1, 1, 2, 3, 3]);
    // Those of a pair share with each other.
    assert_eq!(vectors(3, &queues), [1, 1, 2, 2, 2]);
    assert_eq!(vectors(2, &queues), [1, 1, 1, 1, 1]);
}

#[test]
fn a_device_without_queues() {
    assert_eq!(Sharing::most(0, 0), FEWEST);
    assert_eq!(vectors(2, &[]), []);
}

#[test]
fn only_slow_ones() {
    assert_eq!(vectors(2, &[true]), [1]);
    assert_eq!(vectors(2, &[true, true]), [1, 1]);
    assert_eq!(vectors(3, &[false, true, true]), [1, 2, 2]);
}

proptest! {
    #[test]
    fn all_vectors_are_there_and_none_is_idle(
        count in 0u16..40,
        queues in prop::collection::vec(any::<bool>(), 0..40),
    ) {
        let count = count.max(FEWEST);
        let got = vectors(count, &queues);

        prop_assert!(got.iter().all(|vector| *vector < count));
        // None shares with the configuration, and neighbours are not mixed up.
        prop_assert!(got.iter().all(|vector| *vector != CONFIG_VECTOR));
        let fast: Vec<_> = queues.iter().zip(&got).filter(|(slow, _)| !**slow).map(|(_, v)| *v).collect();
        prop_assert!(fast.windows(2).all(|w| w[0] <= w[1]));
        // As many are used as there are, or as many as there are queues for.
        let used: std::collections::BTreeSet<_> = fast.iter().collect();
        prop_assert_eq!(used.len(), fast.len().min(usize::from(count) - 1));
        if usize::from(count) > queues.len() {
            let all: std::collections::BTreeSet<_> = got.iter().collect();
            prop_assert_eq!(all.len(), queues.len());
        }
    }
}
