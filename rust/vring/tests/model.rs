// SPDX-License-Identifier: GPL-2.0

//! Random walks of a driver and a device that both keep to the rules.

mod common;

use common::{
    config,
    device::Device,
    packed::PackedDevice,
    world::{
        Model,
        Step,
        Walk, //
    },
    Rng, //
};
use proptest::prelude::*;
use vring::{
    InOrder,
    Packed,
    RingConfig,
    Split, //
};

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0u8..5, 0u8..5).prop_map(|(readable, writable)| Step::Add { readable, writable }),
        3 => (0u8..9, 0u8..9)
            .prop_map(|(readable, writable)| Step::AddIndirect { readable, writable }),
        6 => Just(Step::Kick),
        6 => (1u8..12).prop_map(|most| Step::Pop { most }),
        1 => Just(Step::DisableCb),
        1 => Just(Step::EnableCb),
        1 => Just(Step::EnableCbDelayed),
        6 => (1u8..12).prop_map(|most| Step::DeviceFetch { most }),
        6 => (any::<u8>(), 1u8..6, any::<u32>())
            .prop_map(|(which, batch, len)| Step::DeviceComplete { which, batch, len }),
        2 => Just(Step::DeviceSleep),
        1 => Just(Step::DevicePoll),
        1 => Just(Step::Reset),
    ]
}

/// A driver and a device that take these steps.
fn any_order<D: Model>(size: u16, event_idx: bool, kept: u16, steps: Vec<Step>) {
    let mut world = Walk::<D>::with(RingConfig {
        kept,
        ..config(size, event_idx)
    });
    for step in steps {
        world.step(step);
    }
    world.drain();
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1500,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// 2.7.13 and 2.7.14: nothing is lost, doubled or changed on the way there and back.
    #[test]
    fn clause_2_7_any_order_of_events(
        order in 0u32..8,
        event_idx in any::<bool>(),
        kept in 0u16..5,
        steps in prop::collection::vec(step(), 1..800),
    ) {
        any_order::<Device>(1 << order, event_idx, kept, steps);
    }

    /// 2.8.21 and 2.8.22: the same for a packed virtqueue, of any size.
    #[test]
    fn clause_2_8_any_order_of_events(
        size in 1u16..40,
        event_idx in any::<bool>(),
        kept in 0u16..5,
        steps in prop::collection::vec(step(), 1..800),
    ) {
        any_order::<PackedDevice>(size, event_idx, kept, steps);
    }

    /// 2.7.9: the same in order, with batches that are told of by their last buffer.
    #[test]
    fn clause_2_7_9_any_order_of_events(
        order in 0u32..8,
        event_idx in any::<bool>(),
        kept in 0u16..5,
        steps in prop::collection::vec(step(), 1..800),
    ) {
        any_order::<Device<InOrder<Split>>>(1 << order, event_idx, kept, steps);
    }

    /// 2.8.9: the same for a packed virtqueue.
    #[test]
    fn clause_2_8_9_any_order_of_events(
        size in 1u16..40,
        event_idx in any::<bool>(),
        kept in 0u16..5,
        steps in prop::collection::vec(step(), 1..800),
    ) {
        any_order::<PackedDevice<InOrder<Packed>>>(size, event_idx, kept, steps);
    }
}

/// A step of a long walk: with indirect tables now and then, always, or never.
fn wander(rng: &mut Rng, indirect: Option<bool>) -> Step {
    let r = rng.next();
    let (a, b) = ((r >> 8) as u8, (r >> 16) as u8);
    match r % 16 {
        which @ 0..=4 if indirect.unwrap_or(which == 4) => Step::AddIndirect {
            readable: a % 4,
            writable: b % 4,
        },
        0..=4 => Step::Add {
            readable: a % 3,
            writable: b % 2,
        },
        5 | 6 => Step::Kick,
        7 | 8 => Step::Pop { most: a % 32 },
        9 => [Step::DisableCb, Step::EnableCb, Step::EnableCbDelayed][usize::from(a % 3)],
        10 | 11 => Step::DeviceFetch { most: a % 32 },
        12 | 13 => Step::DeviceComplete {
            which: a,
            batch: b % 32,
            len: rng.next(),
        },
        14 => Step::DeviceSleep,
        // Seldom, so that indices wrap between two of them.
        _ if a == 7 && b % 16 == 7 => Step::Reset,
        _ => Step::DevicePoll,
    }
}

/// Tables whose buffers are done pile up; the live ones are the newest.
fn clear<D: Model>(world: &mut Walk<D>) {
    let tables = world.device.tables();
    if tables.len() > 4096 {
        let newest = *tables.keys().max().unwrap();
        tables.retain(|addr, _| addr + 2048 > newest);
    }
}

/// A driver and a device that keep going, until the indices have wrapped several times.
fn long_run<D: Model>(size: u16, event_idx: bool, buffers: u64) {
    let mut world = Walk::<D>::new(size, event_idx);
    let mut rng = Rng::new((u64::from(size) << 8) + 7);
    while world.popped < buffers {
        world.step(wander(&mut rng, None));
        clear(&mut world);
    }
    assert!(world.kicks > 0 && world.interrupts > 0);
    world.drain();
}

/// A driver and a device that take so many steps.
fn walk<D: Model>(name: &str, size: u16, event_idx: bool, indirect: bool, steps: u64) {
    let mut world = Walk::<D>::new(size, event_idx);
    let mut rng = Rng::new(u64::from(size) + 4 * u64::from(indirect) + u64::from(event_idx));
    for _ in 0..steps {
        world.step(wander(&mut rng, Some(indirect)));
        clear(&mut world);
    }
    println!(
        "{name}, indirect {indirect}, event index {event_idx}: {steps} steps, {} buffers, {} kicks, {} interrupts",
        world.popped, world.kicks, world.interrupts
    );
    assert!(world.popped > steps / 100, "hardly anything moved");
    assert!(world.kicks > 0 && world.interrupts > 0);
    world.drain();
}

#[test]
fn clause_2_7_13_3_indices_wrap_with_event_idx() {
    long_run::<Device>(16, true, 200_000);
}

#[test]
fn clause_2_7_13_3_indices_wrap_without_event_idx() {
    long_run::<Device>(16, false, 200_000);
}

#[test]
fn clause_2_7_smallest_queue_wraps() {
    long_run::<Device>(1, true, 140_000);
    long_run::<Device>(2, true, 140_000);
}

#[test]
fn clause_2_8_1_wrap_counters() {
    for size in [1, 2, 3, 16, 17, 255] {
        long_run::<PackedDevice>(size, true, 100_000);
        long_run::<PackedDevice>(size, false, 100_000);
    }
}

#[test]
fn clause_2_7_9_in_order() {
    for event_idx in [true, false] {
        for size in [1, 2, 16, 128] {
            long_run::<Device<InOrder<Split>>>(size, event_idx, 140_000);
        }
        for size in [1, 2, 3, 17, 255] {
            long_run::<PackedDevice<InOrder<Packed>>>(size, event_idx, 100_000);
        }
    }
}

/// Every format, indirect and not, with and without event index, for as many steps as
/// `RVIRTIO_WALK_STEPS` says; a few by default. In one line each, so that a long run shows its progress.
#[test]
fn walks_of_every_format() {
    let steps = match std::env::var("RVIRTIO_WALK_STEPS") {
        Ok(steps) => steps.parse().expect("RVIRTIO_WALK_STEPS is not a number"),
        Err(_) => 50_000,
    };
    for indirect in [false, true] {
        for event_idx in [false, true] {
            walk::<Device>("split", 64, event_idx, indirect, steps);
            walk::<Device<InOrder<Split>>>("split, in order", 64, event_idx, indirect, steps);
            walk::<PackedDevice>("packed", 61, event_idx, indirect, steps);
            walk::<PackedDevice<InOrder<Packed>>>(
                "packed, in order",
                61,
                event_idx,
                indirect,
                steps,
            );
        }
    }
}
