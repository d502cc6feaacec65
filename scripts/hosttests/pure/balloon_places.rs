// SPDX-License-Identifier: GPL-2.0

//! L2: notices that the host acknowledges late, twice or never.

use crate::places::{
    Fate,
    Handing,
    Places,
    Purpose::{
        self,
        Migration,
        OutOfMemory,
        Resize, //
    },
    PLACES, //
};
use proptest::prelude::*;

fn posted(places: &mut Places, purpose: Purpose, awaited: bool) -> usize {
    let place = places.take(purpose).expect("a free place");

    assert_eq!(places.hand_over(place, awaited), Handing::Done);
    place
}

#[test]
fn each_purpose_has_places_of_its_own() {
    let mut places = Places::new();
    let taken: Vec<_> = [Resize, Migration, OutOfMemory, OutOfMemory]
        .into_iter()
        .map(|purpose| places.take(purpose).expect("a free place"))
        .collect();

    for purpose in [Resize, Migration, OutOfMemory] {
        assert_eq!(places.take(purpose), None);
    }
    assert_eq!(taken, [0, 1, 2, 3]);
    places.give_back(1);
    assert_eq!(places.take(Resize), None);
    assert_eq!(places.take(Migration), Some(1));
}

#[test]
fn an_acknowledged_notice() {
    let mut places = Places::new();
    let place = posted(&mut places, Resize, true);

    assert_eq!(places.take(Resize), None);
    assert!(places.acknowledge(place), "somebody waits");
    assert_eq!(places.take(Resize), None, "until it was noticed");
    assert_eq!(places.stop_waiting(place), Fate::Acknowledged);
    assert_eq!(places.take(Resize), Some(place));
}

#[test]
fn l2_a_late_notice_keeps_its_place() {
    let mut places = Places::new();
    let place = posted(&mut places, OutOfMemory, true);

    assert_eq!(places.stop_waiting(place), Fate::Late);
    assert_ne!(places.take(OutOfMemory), Some(place));
    assert!(!places.acknowledge(place), "nobody waits any more");
    assert_eq!(places.take(OutOfMemory), Some(place));
}

#[test]
fn a_notice_that_nobody_waits_for() {
    let mut places = Places::new();
    let place = posted(&mut places, OutOfMemory, false);

    assert!(!places.acknowledge(place));
    assert_eq!(places.take(OutOfMemory), Some(place));
}

#[test]
fn a_place_that_is_not_the_hosts_is_not_acknowledged() {
    let mut places = Places::new();
    let place = places.take(Resize).expect("a free place");

    for place in [place, PLACES, usize::MAX] {
        let before = places;

        assert!(!places.acknowledge(place));
        assert_eq!(places, before);
    }
}

#[test]
fn l4_a_broken_device_lets_all_go() {
    let mut places = Places::new();
    let waits = posted(&mut places, Resize, true);
    let forgotten = posted(&mut places, OutOfMemory, false);
    let writes = places.take(Migration).expect("a free place");

    assert_eq!(places.close(), [true, false, false, false]);
    assert_eq!(places.stop_waiting(waits), Fate::Failed);
    assert_eq!(places.hand_over(writes, true), Handing::Closed, "too late");
    places.give_back(writes);
    for purpose in [Resize, Migration, OutOfMemory] {
        assert_eq!(places.take(purpose), None);
    }
    assert!(!places.acknowledge(forgotten));
    assert_eq!(places.close(), [false; PLACES]);
}

#[test]
fn a_notice_that_could_not_be_posted() {
    let mut places = Places::new();
    let place = posted(&mut places, Resize, true);

    places.refused(place);
    places.give_back(place);
    assert_eq!(places.take(Resize), Some(place));
}

#[test]
fn a_device_that_was_reset_has_forgotten_all() {
    let mut places = Places::new();
    let waits = posted(&mut places, Resize, true);
    let forgotten = posted(&mut places, OutOfMemory, false);
    let writes = places.take(Migration).expect("a free place");

    assert_eq!(places.forget(), [true, false, false, false]);
    assert_eq!(places.take(OutOfMemory), None, "nothing is settled yet");
    places.begin();
    assert_eq!(places.take(OutOfMemory), Some(forgotten), "it is free");
    assert_eq!(places.take(Resize), None, "until it was noticed");
    assert_eq!(places.stop_waiting(waits), Fate::Failed);
    assert_eq!(places.take(Resize), Some(waits));
    assert!(!places.acknowledge(waits), "an answer from before");
    // What was to be said before is not said now.
    assert_eq!(places.hand_over(writes, true), Handing::Old);
    places.give_back(writes);
    assert_eq!(places.take(Migration), Some(writes));
    assert_eq!(places.hand_over(writes, true), Handing::Done);
}

proptest! {
    /// Whatever happens: two never have the same place, and who waits is told once.
    #[test]
    fn no_place_has_two_owners(steps in proptest::collection::vec((0..8u8, 0..PLACES), 1..200)) {
        let mut places = Places::new();
        let mut writers = [false; PLACES];
        let mut waiters = [None; PLACES];
        let mut host = [false; PLACES];
        // The device was reset meanwhile: who waits is told that.
        let mut reset = [false; PLACES];
        let mut old = [false; PLACES];
        let mut resting = false;

        for (step, at) in steps {
            match step {
                0 | 1 => {
                    let purpose = [Resize, Migration, OutOfMemory, OutOfMemory][at];

                    if let Some(place) = places.take(purpose) {
                        prop_assert!(!writers[place] && !host[place] && waiters[place].is_none() && !resting);
                        writers[place] = true;
                        old[place] = false;
                    }
                }
                2 if writers[at] => {
                    places.give_back(at);
                    writers[at] = false;
                }
                3 if writers[at] => {
                    let awaited = at % 2 == 0;

                    let handing = places.hand_over(at, awaited);

                    prop_assert_eq!(handing == Handing::Old, old[at]);
                    if handing == Handing::Done {
                        writers[at] = false;
                        host[at] = true;
                        waiters[at] = awaited.then_some(false);
                        reset[at] = false;
                    }
                }
                4 if host[at] => {
                    host[at] = false;
                    let woken = places.acknowledge(at);

                    prop_assert_eq!(woken, waiters[at] == Some(false));
                    if woken {
                        waiters[at] = Some(true);
                    }
                }
                5 => if let Some(woken) = waiters[at].take() {
                    let fate = match (reset[at], woken) {
                        (true, _) => Fate::Failed,
                        (false, true) => Fate::Acknowledged,
                        (false, false) => Fate::Late,
                    };

                    prop_assert_eq!(places.stop_waiting(at), fate);
                },
                6 => {
                    for (at, awaited) in places.forget().into_iter().enumerate() {
                        prop_assert_eq!(awaited, host[at] && waiters[at] == Some(false));
                        reset[at] |= awaited;
                        host[at] = false;
                        old[at] |= writers[at];
                    }
                    resting = true;
                }
                7 => {
                    places.begin();
                    resting = false;
                }
                _ => {}
            }
        }
    }
}
