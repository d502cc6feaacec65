// SPDX-License-Identifier: GPL-2.0

//! The packed virtqueue (1.4, 2.8), clause by clause, and devices of it that lie.

mod common;

use common::{
    fuzzed,
    packed::PackedDevice,
    seg,
    world::{
        Model,
        WorldRing, //
    },
    Rng, //
};
use vring::{
    packed_layout,
    AddError,
    Area,
    AreaSize,
    InOrder,
    Packed,
    SetupError,
    Split,
    Violation, //
};

/// A queue of 7 with three buffers published: ids 0, 1 and 3, with 0, 100 and 50 writable bytes.
fn busy() -> (WorldRing<Packed>, PackedDevice) {
    let (mut ring, device) = PackedDevice::<Packed>::start(7, true);
    ring.add([seg(0x1000, 10)], [], 0).unwrap();
    ring.add([seg(0x2000, 10)], [seg(0x3000, 100)], 1).unwrap();
    ring.add([], [seg(0x4000, 50)], 2).unwrap();
    assert!(ring.kick_prepare());
    (ring, device)
}

/// Asserts that the ring is broken for this reason, and that all tokens come back.
fn assert_broken(mut ring: WorldRing<Packed>, violation: Violation, mut left: Vec<u32>) {
    assert_eq!(ring.pop().err(), Some(violation));
    assert_eq!(ring.broken(), Some(violation));
    assert_eq!(ring.add([seg(1, 1)], [], 9), Err((AddError::Broken, 9)));
    assert!(!ring.kick_prepare() && !ring.enable_cb() && !ring.has_used());
    while let Some(token) = ring.drain_one() {
        left.retain(|t| *t != token);
    }
    assert!(left.is_empty(), "token lost");
    assert_eq!((ring.num_free(), ring.in_flight()), (7, 0));
}

#[test]
fn clause_2_8_sizes() {
    let area = |bytes, align| AreaSize { bytes, align };
    let sizes = packed_layout(7).unwrap();
    assert_eq!(sizes.desc, area(7 * 16, 16));
    assert_eq!((sizes.driver, sizes.device), (area(4, 4), area(4, 4)));
    assert!(packed_layout(1).is_ok() && packed_layout(32768).is_ok());
    for size in [0, 32769, u16::MAX] {
        assert_eq!(packed_layout(size), Err(SetupError::BadSize { size }));
    }
}

#[test]
fn clause_2_8_5_a_buffer_of_three_descriptors() {
    let (mut ring, device) = PackedDevice::<Packed>::start(4, false);
    ring.add([seg(1, 2), seg(3, 4)], [seg(5, 6)], 0).unwrap();
    // 2.8.21.2: nothing is available before the first descriptor is.
    assert_eq!(device.visible(), 0);
    assert!(ring.kick_prepare());
    let flags: Vec<_> = (0..3).map(|at| device.desc(at).flags).collect();
    assert_eq!(flags, [0x81, 0x81, 0x82]);
    assert!((0..3).all(|at| device.desc(at).id == 0));
    assert_eq!((device.desc(2).addr, device.desc(2).len), (5, 6));
}

/// The rest of a buffer that was given up must not become a part of the next one.
#[test]
fn clause_2_8_1_what_was_given_up_is_not_available() {
    let (mut ring, mut device) = PackedDevice::<Packed>::start(4, false);
    let many = || (0..5).map(|i| seg(i, 1));
    assert_eq!(ring.add(many(), [], 0), Err((AddError::TooLong, 0)));
    let broken = [seg(1, 1), seg(2, 1), seg(3, 0)];
    assert_eq!(ring.add(broken, [], 0), Err((AddError::ZeroLength, 0)));
    ring.add([seg(9, 1)], [], 1).unwrap();
    assert!(ring.kick_prepare());
    assert_eq!(device.visible(), 1);
    assert_eq!(device.fetch().unwrap().readable, [seg(9, 1)]);
    assert!(device.fetch().is_none());
}

#[test]
fn clause_2_8_6_used_out_of_order() {
    let (mut ring, mut device) = busy();
    device.put_used(3, 50, 1);
    device.put_used(1, 7, 2);
    assert_eq!(ring.pop().unwrap().unwrap().into_parts(), (2, 50));
    assert_eq!(ring.pop().unwrap().unwrap().into_parts(), (1, 7));
    assert!(ring.pop().unwrap().is_none());
    device.put_used(0, 0, 1);
    assert_eq!(ring.pop().unwrap().unwrap().into_parts(), (0, 0));
    assert_eq!((ring.num_free(), ring.in_flight()), (7, 0));
}

#[test]
fn r1_id_out_of_range() {
    for id in [7, 8, 255, 32768, u16::MAX] {
        let (ring, mut device) = busy();
        device.put_used(id, 0, 1);
        let violation = Violation::IdOutOfRange { id: id.into() };
        assert_broken(ring, violation, vec![0, 1, 2]);
    }
}

#[test]
fn r2_id_of_no_buffer() {
    // Free, and within a buffer.
    for id in [6, 2] {
        let (ring, mut device) = busy();
        device.put_used(id, 0, 1);
        let violation = Violation::IdNotInFlight { id: id.into() };
        assert_broken(ring, violation, vec![0, 1, 2]);
    }
}

#[test]
fn r2_id_replayed() {
    let (mut ring, mut device) = busy();
    device.put_used(1, 100, 2);
    device.put_used(1, 100, 2);
    assert_eq!(ring.pop().unwrap().unwrap().into_parts(), (1, 100));
    assert_broken(ring, Violation::IdNotInFlight { id: 1 }, vec![0, 2]);
}

#[test]
fn r2_id_not_published_yet() {
    let (mut ring, mut device) = busy();
    ring.add([seg(1, 1)], [], 3).unwrap();
    device.put_used(4, 0, 1);
    let violation = Violation::IdNotPublished { id: 4 };
    assert_broken(ring, violation, vec![0, 1, 2, 3]);
}

#[test]
fn r4_len_longer_than_posted() {
    for (id, len, writable) in [(1, 101, 100), (3, u32::MAX, 50)] {
        let (ring, mut device) = busy();
        device.put_used(id, len, 1);
        let id = id.into();
        let violation = Violation::LenTooLong { id, len, writable };
        assert_broken(ring, violation, vec![0, 1, 2]);
    }
}

/// What is said of the length of a buffer without writable bytes is reserved.
#[test]
fn clause_2_8_6_no_length_without_write() {
    let (mut ring, mut device) = busy();
    device.put_used(0, 1234, 1);
    assert_eq!(ring.pop().unwrap().unwrap().into_parts(), (0, 0));
}

/// Used descriptors without end: each lap needs what was in flight.
#[test]
fn r3_an_empty_ring_that_is_said_to_be_used() {
    let (mut ring, mut device) = busy();
    for (id, len, descs) in [(0, 0, 1), (1, 0, 2), (3, 0, 1)] {
        device.put_used(id, len, descs);
        assert!(ring.pop().unwrap().is_some());
    }
    device.put_used(0, 0, 1);
    assert_broken(ring, Violation::IdNotInFlight { id: 0 }, vec![]);
}

#[test]
fn r10_event_garbage_only_affects_kicks() {
    let (mut ring, mut device) = PackedDevice::<Packed>::start(5, true);
    let mut rng = Rng::new(10);
    for token in 0..20_000 {
        let noise = rng.next();
        device.set_event(noise as u16, (noise >> 16) as u16);
        ring.add([seg(1, 1)], [], token).unwrap();
        let _ = ring.kick_prepare();
        let buffer = device.fetch().unwrap();
        device.put_used(buffer.head, 0, 1);
        assert_eq!(ring.pop().unwrap().unwrap().into_parts(), (token, 0));
    }
}

/// A device that went on without saying where it wants to be notified next is notified all the same.
#[test]
fn clause_2_8_10_an_event_that_was_passed() {
    for lap in 0..3u16 {
        let (mut ring, mut device) = PackedDevice::<Packed>::start(4, true);
        for token in 0..u32::from(lap) * 3 {
            ring.add([seg(1, 1)], [], token).unwrap();
            let _ = ring.kick_prepare();
            let buffer = device.fetch().unwrap();
            device.put_used(buffer.head, 0, 1);
            assert!(ring.pop().unwrap().is_some());
        }
        // It asks for the next one, and gets two.
        device.sleep();
        ring.add([seg(1, 1)], [], 100).unwrap();
        assert!(ring.kick_prepare());
        ring.add([seg(1, 1)], [], 101).unwrap();
        assert!(!ring.kick_prepare(), "it knows that there are buffers");
        for _ in 0..2 {
            let buffer = device.fetch().unwrap();
            device.put_used(buffer.head, 0, 1);
        }
        // What it has used is not known yet.
        ring.add([seg(1, 1)], [], 102).unwrap();
        assert!(!ring.kick_prepare());
        while ring.pop().unwrap().is_some() {}
        ring.add([seg(1, 1)], [], 103).unwrap();
        assert!(ring.kick_prepare(), "it will never look");
        while let Some(buffer) = device.fetch() {
            device.put_used(buffer.head, 0, 1);
        }
        while ring.pop().unwrap().is_some() {}
        // One that asks for the next but one is left in peace.
        let mut later = device.next;
        later.step(1, 4);
        device.set_event(later.0 | u16::from(later.1) << 15, 2);
        ring.add([seg(1, 1)], [], 104).unwrap();
        assert!(!ring.kick_prepare(), "it asked for a later one");
    }
}

/// As the fuzz targets, for a while, so that `cargo test` knows that they work.
#[test]
fn r8_anything_anywhere() {
    let mut rng = Rng::new(8);
    for _ in 0..3_000 {
        let data: Vec<u8> = (0..400).map(|_| (rng.next() >> 7) as u8).collect();
        fuzzed::split::<Split>(&data);
        fuzzed::split::<InOrder<Split>>(&data);
        fuzzed::packed::<Packed>(&data);
        fuzzed::packed::<InOrder<Packed>>(&data);
    }
}

#[test]
fn clause_2_8_10_callbacks_off_and_on() {
    let (mut ring, mut device) = PackedDevice::<Packed>::start(4, true);
    let flags = |device: &PackedDevice| device.mem.peek16(Area::Driver, 2);
    assert_eq!(flags(&device), 2);
    ring.disable_cb();
    assert_eq!(flags(&device), 1);
    ring.add([seg(1, 1)], [], 0).unwrap();
    assert!(ring.kick_prepare());
    let buffer = device.fetch().unwrap();
    assert!(
        !device.complete(&[(buffer, 0)]),
        "an interrupt that nobody wants"
    );
    assert!(ring.enable_cb(), "a used buffer that nobody sees");
    assert_eq!(flags(&device), 2);
    assert!(ring.pop().unwrap().is_some());
    assert!(ring.pop().unwrap().is_none());
    ring.add([seg(1, 1)], [], 1).unwrap();
    let _ = ring.kick_prepare();
    let buffer = device.fetch().unwrap();
    assert!(device.complete(&[(buffer, 0)]), "lost interrupt");
}
