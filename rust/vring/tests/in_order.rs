// SPDX-License-Identifier: GPL-2.0

//! Buffers that are used in order (1.4, 2.7.9 and 2.8.9), and devices that only say so.

mod common;

use common::{
    device::Device,
    packed::PackedDevice,
    seg,
    world::{
        Model,
        WorldRing, //
    },
};
use vring::{
    notification,
    Area,
    Format,
    InOrder,
    Packed,
    Split,
    Violation, //
};

type Ordered = Device<InOrder<Split>>;
type PackedOrdered = PackedDevice<InOrder<Packed>>;

/// A queue of 8 with four buffers published, of one, two, one and one descriptors, with 0, 100, 50 and 10
/// writable bytes. Their heads are 0, 1, 3 and 4.
fn busy<D: Model>() -> (WorldRing<D::Format>, D) {
    let (mut ring, device) = D::start(8, true);
    ring.add([seg(0x1000, 10)], [], 0).unwrap();
    ring.add([seg(0x2000, 10)], [seg(0x3000, 100)], 1).unwrap();
    ring.add([], [seg(0x4000, 50)], 2).unwrap();
    ring.add([], [seg(0x5000, 10)], 3).unwrap();
    assert!(ring.kick_prepare());
    (ring, device)
}

/// What comes out, until nothing does.
fn pop_all<F: Format>(ring: &mut WorldRing<F>) -> Result<Vec<(u32, u32)>, Violation> {
    std::iter::from_fn(|| ring.pop().transpose())
        .map(|done| done.map(|done| done.into_parts()))
        .collect()
}

/// Asserts that the first `popped` of the four buffers come out, that the ring breaks then for this reason,
/// and that the others come back.
fn assert_breaks<F: Format>(mut ring: WorldRing<F>, popped: u32, violation: Violation) {
    for token in 4 - u32::from(ring.in_flight())..popped {
        assert_eq!(*ring.pop().unwrap().unwrap().token(), token);
    }
    assert_eq!(ring.pop().err(), Some(violation));
    assert_eq!(ring.broken(), Some(violation));
    assert!(!ring.has_used() && !ring.enable_cb() && !ring.enable_cb_delayed());
    assert_eq!(drain_all(&mut ring), 4 - popped as usize);
    assert_eq!((ring.num_free(), ring.in_flight()), (8, 0));
}

fn drain_all<F: Format>(ring: &mut WorldRing<F>) -> usize {
    std::iter::from_fn(|| ring.drain_one()).count()
}

#[test]
fn clause_2_7_9_one_entry_for_a_batch() {
    let (mut ring, mut device) = busy::<Ordered>();
    // Three of the four, by the last of them. Those before it were used to the end.
    let _ = device.complete_in_order(3, 3, 7);
    assert!(ring.has_used());
    assert_eq!(pop_all(&mut ring).unwrap(), [(0, 0), (1, 100), (2, 7)]);
    assert_eq!(ring.num_free(), 7);
    let _ = device.complete_in_order(1, 4, 0);
    assert_eq!(pop_all(&mut ring).unwrap(), [(3, 0)]);
}

#[test]
fn clause_2_8_9_one_descriptor_for_a_batch() {
    let (mut ring, mut device) = busy::<PackedOrdered>();
    device.put_used(3, 7, 4);
    // A part of the batch, then a look: the rest of it is known.
    assert_eq!(ring.pop().unwrap().unwrap().into_parts(), (0, 0));
    assert!(ring.has_used() && ring.enable_cb() && ring.enable_cb_delayed());
    assert_eq!(pop_all(&mut ring).unwrap(), [(1, 100), (2, 7)]);
    assert!(!ring.has_used() && !ring.enable_cb());
    device.put_used(4, 0, 1);
    assert_eq!(pop_all(&mut ring).unwrap(), [(3, 0)]);
}

/// 2.7.9: descriptors are used in the order of the table, however long the buffers are.
#[test]
fn clause_2_7_9_descriptors_stand_in_ring_order() {
    let (mut ring, mut device) = Ordered::start(8, false);
    let mut next = 0;
    for token in 0..100 {
        let count = 1 + token % 5;
        let part = (0..count).map(|i| seg(u64::from(i), 1));
        ring.add(part, [], token).unwrap();
        assert!(ring.kick_prepare());
        let buffer = device.fetch().unwrap();
        assert_eq!(u32::from(buffer.head), next);
        next = (next + count) % 8;
        device.complete(&[(buffer.head, 0)]);
        assert_eq!(pop_all(&mut ring).unwrap(), [(token, 0)]);
    }
}

#[test]
fn r2_a_batch_beyond_the_used_index() {
    let (ring, mut device) = busy::<Ordered>();
    // The last of the batch is the fourth buffer; two are counted.
    let _ = device.complete_in_order(2, 4, 0);
    assert_breaks(ring, 2, Violation::BatchTooLong { id: 4 });
}

#[test]
fn r2_a_batch_that_ends_before_the_used_index() {
    let (ring, mut device) = busy::<Ordered>();
    // Two buffers by the last of them, but three are counted: the third has an entry of its own, with
    // whatever stands there.
    device.put_used(1, 0);
    device.used = 3;
    device.set_used_idx(3);
    device
        .mem
        .poke(Area::Device, 4 + 8 * 2, &77u32.to_le_bytes());
    assert_breaks(ring, 2, Violation::IdOutOfRange { id: 77 });
}

#[test]
fn r2_ids_of_no_batch() {
    for id in [2, 5, 7] {
        let (ring, mut device) = busy::<Ordered>();
        let _ = device.complete_in_order(1, id, 0);
        assert_breaks(ring, 0, Violation::IdNotInFlight { id: id.into() });

        let (ring, mut device) = busy::<PackedOrdered>();
        device.put_used(id, 0, 1);
        assert_breaks(ring, 0, Violation::IdNotInFlight { id: id.into() });
    }
}

#[test]
fn r2_a_batch_that_ends_with_what_is_not_published() {
    let (mut ring, mut device) = busy::<PackedOrdered>();
    ring.add([seg(1, 1)], [], 4).unwrap();
    device.put_used(5, 0, 6);
    assert_eq!(ring.pop().err(), Some(Violation::IdNotPublished { id: 5 }));
    assert_eq!(drain_all(&mut ring), 5);
}

#[test]
fn r2_a_buffer_that_came_back_before() {
    let (mut ring, mut device) = busy::<PackedOrdered>();
    device.put_used(1, 0, 3);
    assert_eq!(pop_all(&mut ring).unwrap().len(), 2);
    device.put_used(0, 0, 1);
    assert_breaks(ring, 2, Violation::IdNotInFlight { id: 0 });
}

#[test]
fn r4_the_length_of_the_last_one_is_checked() {
    let (ring, mut device) = busy::<Ordered>();
    let _ = device.complete_in_order(3, 3, 51);
    let violation = Violation::LenTooLong {
        id: 3,
        len: 51,
        writable: 50,
    };
    assert_breaks(ring, 2, violation);
}

/// 2.9: what a notification says of the place of the next buffer.
#[test]
fn clause_2_9_next_off_and_next_wrap() {
    let (mut ring, mut device) = Ordered::start(4, false);
    for token in 0..5 {
        assert_eq!(u32::from(ring.next_avail()), token);
        ring.add([seg(1, 1)], [], token).unwrap();
        let _ = ring.kick_prepare();
        let buffer = device.fetch().unwrap();
        device.complete(&[(buffer.head, 0)]);
        assert_eq!(pop_all(&mut ring).unwrap(), [(token, 0)]);
    }

    // `vqn` or what the device gave for it, `next_off`, `next_wrap`.
    assert_eq!(notification(5, 0x8002), 5 | 2 << 16 | 1 << 31);

    let (mut ring, mut device) = PackedOrdered::start(3, false);
    for (token, place) in (0..7).zip([0x8000, 0x8002, 1, 0x8000, 0x8002, 1, 0x8000]) {
        assert_eq!(ring.next_avail(), place);
        ring.add([seg(1, 1), seg(2, 1)], [], token).unwrap();
        let _ = ring.kick_prepare();
        let buffer = device.fetch().unwrap();
        device.put_used(buffer.head, 0, 2);
        assert_eq!(pop_all(&mut ring).unwrap(), [(token, 0)]);
    }
}

/// A ring that was drained begins anew, whatever its slots were.
#[test]
fn renewed() {
    let (mut ring, mut device) = busy::<Ordered>();
    let _ = device.complete_in_order(1, 0, 0);
    assert_eq!(pop_all(&mut ring).unwrap(), [(0, 0)]);
    assert_eq!(drain_all(&mut ring), 3);
    ring.mem().reset();
    ring.renew();
    let part = (0..8).map(|i| seg(i, 1));
    ring.add(part, [], 1).unwrap();
    assert_eq!(ring.num_free(), 0);
}
