// SPDX-License-Identifier: GPL-2.0

//! A host that wants any balloon, asks for hints under any number, and acknowledges notices when it
//! likes, twice, or never.
//!
//! A step is towards the wish, and of one notice at most; page numbers are the page's; a place has one
//! owner, and whoever waits for one is told once; queues have numbers of their own.

#![no_main]
#![allow(dead_code)]

#[path = "../../../drivers/virtio/rvirtio_balloon/hint.rs"]
mod hint;
#[path = "../input.rs"]
mod input;
#[path = "../../../drivers/virtio/rvirtio_balloon/numbering.rs"]
mod numbering;
#[path = "../../../drivers/virtio/rvirtio_balloon/pace.rs"]
mod pace;
#[path = "../../../drivers/virtio/rvirtio_balloon/places.rs"]
mod places;
#[path = "../../../drivers/virtio/rvirtio_balloon/plan.rs"]
mod plan;

use input::Input;
use libfuzzer_sys::fuzz_target;
use numbering::Numbering;
use pace::Pace;
use places::{
    Fate,
    Handing,
    Places,
    Purpose,
    PLACES, //
};
use plan::{
    Plan,
    Step,
    MOST_NUMBERS, //
};

/// The way to any wish, of which a few steps are looked at.
fn follow(plan: &Plan, wanted: u32, mut have: usize) {
    for _ in 0..8 {
        let before = have;

        match plan.step(wanted, have) {
            Step::Inflate(count) => {
                assert!((1..=plan.most()).contains(&count));
                have = have.checked_add(count).unwrap();
                // Part of a page is a whole one.
                assert!(plan.actual(before) < wanted);
            }
            Step::Deflate(count) => {
                assert!((1..=plan.most()).contains(&count));
                have = have.checked_sub(count).unwrap();
                assert!(plan.actual(have) >= wanted);
            }
            Step::Done => {
                assert_eq!(plan.step(wanted, have), Step::Done, "it is at rest");
                break;
            }
        }
    }
}

fn plan(input: &mut Input<'_>) {
    let order = input.u8() % 12;
    let plan = Plan::new(4096 << order, input.u64());
    let wanted = input.u32();
    let near = plan.most().saturating_mul(input.u8().into());

    follow(&plan, wanted, input.u32() as usize);
    follow(&plan, wanted, wanted as usize >> order.min(8));
    follow(&plan, near as u32, near);

    let pages = input.u16().into();
    let available = input.u64();
    let allowed = plan.allowed(pages, available);

    assert!(allowed <= pages && allowed as u64 <= available);

    let frame = input.u64();

    for frame in [frame, frame.min(plan.highest())] {
        let numbers: Vec<_> = plan.numbers(frame).collect();

        assert!(numbers.len() <= MOST_NUMBERS);
        if frame <= plan.highest() {
            assert_eq!(numbers.len(), MOST_NUMBERS / plan.most());
            assert_eq!(u64::from(numbers[0]), frame * numbers.len() as u64);
        }
        assert!(numbers.windows(2).all(|pair| pair[1] == pair[0] + 1));
    }
}

fn numbers(flags: u8) {
    let has = |bit: u8| flags >> bit & 1 != 0;
    let numbering = Numbering::new(has(0), has(1), has(2));
    let queues = [
        (has(0), numbering.stats),
        (has(1), numbering.hint),
        (has(2), numbering.reporting),
    ];
    let mut next = 2;

    for (wanted, number) in queues {
        assert_eq!(number, wanted.then_some(next));
        next += u16::from(wanted);
    }
}

fn hints(input: &mut Input<'_>) {
    let (command, served) = (input.u32() % 8, input.u32() % 8);

    match hint::step(command, served) {
        hint::Step::Round(round) => {
            assert_eq!(round, command);
            assert!(round != served && round > hint::DONE);
            assert!(!hint::is_over(command, round), "it has just begun");
        }
        hint::Step::Release => assert_eq!(command, hint::DONE),
        hint::Step::Rest => assert!(command == hint::STOP || command == served),
    }
}

fn pace(input: &mut Input<'_>) {
    let mut pace = Pace::new();
    let mut now = 0u64;

    for _ in 0..input.u8() % 16 {
        now = now.saturating_add(input.u32().into());
        match input.u8() & 3 {
            0 => pace.enough(),
            1 => {
                pace.short(now);
                assert!(pace.left(now) > 0 || now == u64::MAX);
            }
            2 => pace.out_of_memory(now),
            _ => {
                let before = pace.left(now);
                pace.wish(now, input.u8().into());
                assert!(pace.left(now) <= before);
                // The host insists: soon after the last attempt, if not at once.
                pace.insists(now);
                assert!(pace.left(now) <= 200);
            }
        }
        assert!(pace.left(now) <= pace::AFTER_OOM_MS);
    }
}

/// Who has a place, beside what `Places` thinks.
#[derive(Default)]
struct Owner {
    writer: bool,
    /// The device was reset since.
    old: bool,
    host: bool,
    /// Somebody waits, and was woken or not.
    waiter: Option<bool>,
}

fn notices(input: &mut Input<'_>) {
    let mut places = Places::new();
    let mut owners: [Owner; PLACES] = Default::default();
    let (mut closed, mut resting) = (false, false);

    while input.more() {
        let byte = input.u8();
        let at = usize::from(byte >> 4) % PLACES;
        let owner = &mut owners[at];

        match byte & 15 {
            0..=3 => {
                let purpose = [
                    Purpose::Resize,
                    Purpose::Migration,
                    Purpose::OutOfMemory,
                    Purpose::OutOfMemory,
                ][at];

                if let Some(place) = places.take(purpose) {
                    let owner = &mut owners[place];

                    assert!(
                        !closed
                            && !resting
                            && !owner.writer
                            && !owner.host
                            && owner.waiter.is_none()
                    );
                    owner.writer = true;
                    owner.old = false;
                }
            }
            4 if owner.writer => {
                places.give_back(at);
                owner.writer = false;
            }
            5..=8 if owner.writer => {
                let awaited = byte & 1 != 0;
                let handing = places.hand_over(at, awaited);
                let wanted = match (closed, owner.old) {
                    (true, _) => Handing::Closed,
                    (false, true) => Handing::Old,
                    (false, false) => Handing::Done,
                };

                assert_eq!(handing, wanted);
                if handing == Handing::Done {
                    owner.writer = false;
                    owner.host = true;
                    owner.waiter = awaited.then_some(false);
                }
            }
            // Also what was never sent, or twice.
            9..=11 => {
                let woken = places.acknowledge(at);

                assert!(!woken || (owner.host && owner.waiter == Some(false)));
                owner.host = false;
                if woken {
                    owner.waiter = Some(true);
                }
            }
            12..=13 => {
                if let Some(woken) = owner.waiter.take() {
                    match places.stop_waiting(at) {
                        Fate::Acknowledged => assert!(woken),
                        Fate::Late => assert!(!woken && owner.host),
                        Fate::Failed => assert!(!owner.host),
                    }
                }
            }
            // It could not be posted after all.
            14 if byte >> 4 != 15 && owner.host && owner.waiter == Some(false) => {
                places.refused(at);
                *owner = Owner {
                    writer: true,
                    ..Owner::default()
                };
            }
            14 if byte >> 4 == 15 => {
                let awaited = places.close();

                closed = true;
                for (owner, awaited) in owners.iter_mut().zip(awaited) {
                    assert_eq!(awaited, owner.host && owner.waiter == Some(false));
                    owner.host = false;
                }
            }
            15 if byte >> 4 == 15 => {
                let awaited = places.forget();

                for (owner, awaited) in owners.iter_mut().zip(awaited) {
                    assert_eq!(awaited, owner.host && owner.waiter == Some(false));
                    owner.host = false;
                    owner.old |= owner.writer;
                }
                resting = true;
            }
            15 if byte >> 4 == 14 => {
                places.begin();
                resting = false;
            }
            _ => {}
        }
    }
}

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);

    numbers(input.u8());
    plan(&mut input);
    hints(&mut input);
    pace(&mut input);
    notices(&mut input);
});
