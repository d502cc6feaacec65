// SPDX-License-Identifier: GPL-2.0

//! Devices that lie. The names R1 to R16 are those of the attack catalogue.

mod common;

use common::{
    device::Device,
    ring,
    seg,
    slots,
    world::{
        Step,
        World, //
    },
    FakeMem,
    Rng,
    TestRing, //
};
use vring::{
    AddError,
    Area,
    Ring,
    RingConfig,
    Untrusted,
    Violation, //
};

/// A queue of 8 with three buffers published: heads 0, 1 and 3, with 0, 100 and 50 writable
/// bytes.
fn busy() -> (TestRing<char>, Device) {
    let (mut ring, mem) = ring(8, true);
    ring.add([seg(0x1000, 10)], [], 'a').unwrap();
    ring.add([seg(0x2000, 10)], [seg(0x3000, 100)], 'b')
        .unwrap();
    ring.add([], [seg(0x4000, 50)], 'c').unwrap();
    assert!(ring.kick_prepare());
    (ring, Device::new(mem, 8, true))
}

/// Asserts that the ring is broken for this reason, for good, and that all tokens come back.
fn assert_broken(mut ring: TestRing<char>, violation: Violation, mut left: Vec<char>) {
    assert_eq!(ring.pop().err(), Some(violation));
    assert_eq!(ring.pop().err(), Some(violation));
    assert_eq!(ring.broken(), Some(violation));
    assert!(!violation.to_string().is_empty());
    ring.set_broken(Violation::Closed);
    assert_eq!(ring.broken(), Some(violation), "the first reason stands");
    assert_eq!(ring.add([seg(1, 1)], [], 'x'), Err((AddError::Broken, 'x')));
    assert!(!ring.kick_prepare());
    assert!(!ring.enable_cb());
    assert!(!ring.enable_cb_delayed());
    assert!(!ring.has_used());
    while let Some(token) = ring.drain_one() {
        let at = left
            .iter()
            .position(|t| *t == token)
            .expect("token came twice");
        left.remove(at);
    }
    assert!(left.is_empty(), "token lost");
    assert_eq!((ring.num_free(), ring.in_flight()), (8, 0));
    assert_eq!(ring.broken(), Some(violation));
}

#[test]
fn r1_id_out_of_range() {
    for id in [8, 9, 65535, 65536, 65537, 0x8000_0000, u32::MAX] {
        let (ring, mut device) = busy();
        device.put_used(id, 0);
        device.set_used_idx(1);
        assert_broken(ring, Violation::IdOutOfRange { id }, vec!['a', 'b', 'c']);
    }
}

#[test]
fn r2_id_of_a_free_descriptor() {
    let (ring, mut device) = busy();
    device.put_used(7, 0);
    device.set_used_idx(1);
    let violation = Violation::IdNotInFlight { id: 7 };
    assert_broken(ring, violation, vec!['a', 'b', 'c']);
}

#[test]
fn r2_id_within_a_chain() {
    let (ring, mut device) = busy();
    device.put_used(2, 0);
    device.set_used_idx(1);
    let violation = Violation::IdNotInFlight { id: 2 };
    assert_broken(ring, violation, vec!['a', 'b', 'c']);
}

#[test]
fn r2_id_replayed() {
    let (mut ring, mut device) = busy();
    device.complete(&[(1, 100), (1, 100)]);
    assert_eq!(ring.pop().unwrap().unwrap().into_parts(), ('b', 100));
    let violation = Violation::IdNotInFlight { id: 1 };
    assert_broken(ring, violation, vec!['a', 'c']);
}

#[test]
fn r2_id_not_published_yet() {
    let (mut ring, mut device) = busy();
    ring.add([seg(1, 1)], [], 'd').unwrap();
    device.put_used(4, 0);
    device.set_used_idx(1);
    let violation = Violation::IdNotPublished { id: 4 };
    assert_broken(ring, violation, vec!['a', 'b', 'c', 'd']);
}

#[test]
fn r4_len_longer_than_posted() {
    for (id, len, writable) in [(0, 1, 0), (1, 101, 100), (3, u32::MAX, 50)] {
        let (ring, mut device) = busy();
        device.put_used(id, len);
        device.set_used_idx(1);
        let violation = Violation::LenTooLong { id, len, writable };
        assert_broken(ring, violation, vec!['a', 'b', 'c']);
    }
}

#[test]
fn r6_used_index_jumps() {
    for idx in [4, 5, 8, 9, 0x7fff, 0x8000, 0xfffe, 0xffff] {
        let (ring, device) = busy();
        device.set_used_idx(idx);
        let violation = Violation::IndexJump {
            idx,
            last: 0,
            in_flight: 3,
        };
        assert_broken(ring, violation, vec!['a', 'b', 'c']);
    }
}

#[test]
fn r6_used_index_goes_back() {
    let (mut ring, mut device) = busy();
    device.complete(&[(0, 0), (3, 50)]);
    assert_eq!(ring.pop().unwrap().unwrap().into_token(), 'a');
    assert_eq!(ring.pop().unwrap().unwrap().into_token(), 'c');
    device.set_used_idx(1);
    let violation = Violation::IndexJump {
        idx: 1,
        last: 2,
        in_flight: 1,
    };
    assert_broken(ring, violation, vec!['b']);
}

#[test]
fn r6_used_index_does_not_cover_what_is_not_published() {
    let (mut ring, device) = busy();
    ring.add([seg(1, 1)], [], 'd').unwrap();
    device.set_used_idx(4);
    let violation = Violation::IndexJump {
        idx: 4,
        last: 0,
        in_flight: 3,
    };
    assert_broken(ring, violation, vec!['a', 'b', 'c', 'd']);
}

#[test]
fn r6_nothing_is_popped_before_the_index_is_believed() {
    let (mut ring, mut device) = busy();
    device.put_used(0, 0);
    device.set_used_idx(4);
    assert!(ring.pop().is_err());
    assert_eq!(ring.in_flight(), 3);
}

/// Fills an area with noise.
fn scribble(device: &Device, area: Area, from: usize, rng: &mut Rng) {
    let noise: Vec<u8> = (from..device.mem.len(area))
        .map(|_| rng.next() as u8)
        .collect();
    device.mem.poke(area, from, &noise);
}

#[test]
fn r8_descriptor_table_and_available_ring_scribbled_over() {
    let mut rng = Rng::new(8);
    let (mut ring, mem) = ring::<(u16, u32)>(8, true);
    let mut device = Device::new(mem, 8, true);
    let mut posted: Vec<(u16, (u16, u32))> = Vec::new();
    for round in 0..5_000u16 {
        let count = 1 + rng.next() % 4;
        let writable = vec![seg(1, 9); count as usize];
        let token = (round, 9 * count);
        if ring.add([], writable, token).is_ok() {
            assert!(!ring.has_used());
            let _ = ring.kick_prepare();
            let head = device.fetch().unwrap().head;
            posted.push((head, token));
        } else {
            // The device knows the heads; the memory no longer does.
            scribble(&device, Area::Desc, 0, &mut rng);
            let idx = device.avail_idx();
            scribble(&device, Area::Driver, 0, &mut rng);
            let at = rng.next() as usize % posted.len();
            let (head, token) = posted.swap_remove(at);
            device.put_used(head.into(), token.1);
            device.set_used_idx(device.used);
            assert_eq!(ring.pop().unwrap().unwrap().into_parts(), (token, token.1));
            // What the driver does not write again soon is put back for our own device.
            device.mem.poke16(Area::Driver, 2, idx);
        }
    }
    assert_eq!(usize::from(ring.in_flight()), posted.len());
}

#[test]
fn r10_event_and_flags_garbage_only_affects_kicks() {
    for event_idx in [false, true] {
        let mut world = World::new(8, event_idx);
        let mut rng = Rng::new(10);
        for _ in 0..20_000 {
            let r = rng.next();
            world.step(match r % 4 {
                0 => Step::Add {
                    readable: 1,
                    writable: 1,
                },
                1 => Step::Pop { most: 8 },
                2 => Step::DeviceFetch { most: 8 },
                _ => Step::DeviceComplete {
                    which: 0,
                    batch: 4,
                    len: 0,
                },
            });
            // The device never sleeps here, so that no kick is due to it.
            world.device.asleep = false;
            world.device.set_avail_event((r >> 8) as u16);
            world.device.set_flags((r >> 16) as u16 & 1);
            world.step(Step::Kick);
        }
        assert!(world.popped > 3_000);
        world.drain();
    }
}

#[test]
fn r13_one_read_decides() {
    // The value is private once it is read: two questions get the same answer.
    let value = Untrusted::new(7u32);
    assert_eq!(value.below(8), Some(7));
    assert_eq!(value.below(7), None);
    assert_eq!(value.at_most(7), Some(7));
    assert_eq!(value.at_most(6), None);
    assert_eq!(
        value.validate(|v| if v == 7 { Ok(()) } else { Err(v) }),
        Ok(())
    );
}

#[test]
fn r15_index_is_read_again_only_when_the_batch_is_consumed() {
    let (mut ring, mut device) = busy();
    device.complete(&[(0, 0)]);
    assert!(ring.pop().unwrap().is_some());
    device.complete(&[(1, 0), (3, 0)]);
    assert!(ring.pop().unwrap().is_some());
    // A jump after the batch was believed does not matter before it is consumed.
    device.set_used_idx(77);
    assert_eq!(ring.pop().unwrap().unwrap().into_token(), 'c');
    assert!(ring.pop().is_err());
}

#[test]
fn closed_queue_gives_back_all() {
    let (mut ring, _device) = busy();
    assert_eq!(ring.drain_one(), Some('a'));
    assert_eq!(ring.broken(), Some(Violation::Closed));
    assert_eq!(ring.pop().err(), Some(Violation::Closed));
    assert_eq!(ring.drain_one(), Some('b'));
    assert_eq!(ring.drain_one(), Some('c'));
    assert_eq!(ring.drain_one(), None);
    assert_eq!(ring.drain_one(), None);
}

#[test]
fn closed_queue_is_reopened_as_it_was() {
    let (mut ring, mut device) = busy();
    device.complete(&[(0, 0)]);
    ring.add([seg(0x5000, 1)], [], 'd').unwrap();
    ring.set_broken(Violation::Closed);
    assert_eq!(ring.add([seg(1, 1)], [], 'x'), Err((AddError::Broken, 'x')));
    assert!(!ring.kick_prepare());
    assert_eq!(ring.published(), 3, "a closed queue shows nothing");
    ring.reopen();
    assert_eq!(ring.broken(), None);
    assert_eq!(ring.pop().unwrap().unwrap().into_token(), 'a');
    ring.add([seg(1, 1)], [], 'x').unwrap();
    let _ = ring.kick_prepare();
    assert_eq!(ring.published(), 5);
}

#[test]
fn queue_that_was_drained_or_broke_is_not_reopened() {
    let (mut ring, _device) = busy();
    assert_eq!(ring.drain_one(), Some('a'));
    ring.reopen();
    assert_eq!(ring.broken(), Some(Violation::Closed));
    let (mut ring, device) = busy();
    device.set_used_idx(77);
    let violation = ring.pop().unwrap_err();
    ring.reopen();
    assert_broken(ring, violation, vec!['a', 'b', 'c']);
}

#[test]
fn clause_2_7_8_3_length_of_a_known_liar_is_cut() {
    let mem = FakeMem::new(4);
    let config = RingConfig {
        size: 4,
        event_idx: false,
        cut_len: true,
        kept: 0,
    };
    let mut ring: TestRing<char> = Ring::new(config, mem.clone(), slots(4)).unwrap();
    mem.go_live();
    let mut device = Device::new(mem, 4, false);
    let mut idx = 0;

    for (claimed, written) in [(0, 0), (7, 7), (8, 8), (9, 8), (u32::MAX, 8)] {
        ring.add([seg(1, 4)], [seg(2, 8)], 'x').unwrap();
        let _ = ring.kick_prepare();
        device.put_used(0, claimed);
        idx += 1;
        device.set_used_idx(idx);
        let completion = ring.pop().unwrap().unwrap();
        assert_eq!(completion.written(), written, "claimed {claimed}");
    }
    assert_eq!(ring.broken(), None);
}
