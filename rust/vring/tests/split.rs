// SPDX-License-Identifier: GPL-2.0

//! The split virtqueue, clause by clause (virtio 1.4).

mod common;

use common::{
    device::{
        Desc,
        Device,
        NEXT,
        WRITE, //
    },
    ring,
    seg,
    slots,
    FakeMem,
    Op, //
};
use vring::{
    need_event,
    split_layout,
    AddError,
    Area,
    AreaSize,
    DescFlags,
    Le16,
    Le32,
    Le64,
    RawDesc,
    Ring,
    RingConfig,
    SetupError,
    Slot, //
};

#[test]
fn clause_1_4_wire_integers_are_little_endian() {
    assert_eq!(Le16::new(0x0102).to_bytes(), [2, 1]);
    assert_eq!(Le32::new(0x01020304).to_bytes(), [4, 3, 2, 1]);
    assert_eq!(Le64::new(1).to_bytes(), [1, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(Le16::from_bytes([2, 1]).get(), 0x0102);
    assert_eq!(size_of::<Le64>(), 8);
    assert_eq!(align_of::<Le64>(), align_of::<u64>());
}

#[test]
fn clause_2_7_5_descriptor_fields() {
    let flags = DescFlags::NEXT.with(DescFlags::WRITE);
    let [low, high] = RawDesc::split(seg(0x1122334455667788, 0x99aabbcc), flags, 0xddee).words();
    assert_eq!(low.to_bytes(), 0x1122334455667788u64.to_le_bytes());
    assert_eq!(
        high.to_bytes(),
        [0xcc, 0xbb, 0xaa, 0x99, 0x03, 0x00, 0xee, 0xdd]
    );
}

#[test]
fn clause_2_7_area_sizes() {
    let size = |bytes, align| AreaSize { bytes, align };
    let sizes = split_layout(256).unwrap();
    assert_eq!(sizes.area(Area::Desc), size(4096, 16));
    assert_eq!(sizes.area(Area::Driver), size(6 + 512, 2));
    assert_eq!(sizes.area(Area::Device), size(6 + 2048, 4));
    assert_eq!(split_layout(32768).unwrap().desc.bytes, 1 << 19);
    assert_eq!(split_layout(1).unwrap().device.bytes, 14);
}

#[test]
fn clause_2_7_queue_size_is_a_power_of_two_up_to_32768() {
    for size in 0..=u16::MAX {
        let valid = [
            1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768,
        ]
        .contains(&size);
        assert_eq!(split_layout(size).is_ok(), valid);
    }
    for size in [0, 3, 65535] {
        let config = RingConfig {
            size,
            event_idx: true,
            cut_len: false,
            kept: 0,
        };
        let made = Ring::<u8, _, Vec<Slot<u8>>>::new(config, FakeMem::new(4), slots(size));
        assert_eq!(made.err(), Some(SetupError::BadSize { size }));
    }
    let config = RingConfig {
        size: 4,
        event_idx: true,
        cut_len: false,
        kept: 0,
    };
    let made = Ring::<u8, _, Vec<Slot<u8>>>::new(config, FakeMem::new(4), slots(5));
    assert_eq!(made.err(), Some(SetupError::BadSlots { slots: 5, size: 4 }));
}

#[test]
fn clause_2_7_descriptors_are_kept_back() {
    for (size, kept, room) in [
        (8, 0, 8),
        (8, 1, 7),
        (8, 6, 2),
        (8, 7, 1),
        (8, 8, 1),
        (8, u16::MAX, 1),
        (1, 1, 1),
        (32768, 31744, 1024),
    ] {
        let config = RingConfig {
            size,
            event_idx: false,
            cut_len: false,
            kept,
        };
        assert_eq!(config.room(), room, "{kept} of {size}");
        let mut ring: Ring<u16, _, Vec<Slot<u16>>> =
            Ring::new(config, FakeMem::new(size), slots(size)).unwrap();
        assert_eq!(ring.num_free(), room);
        for i in 0..room {
            ring.add([seg(1, 1)], [], i).unwrap();
        }
        assert_eq!(ring.add([seg(1, 1)], [], 7), Err((AddError::Full, 7)));
    }
}

#[test]
fn clause_2_7_largest_queue_fills() {
    let (mut ring, mem) = ring::<u16>(32768, true);
    let mut device = Device::new(mem, 32768, true);
    device.sleep();
    for round in 0..3 {
        for i in 0..32768u32 {
            ring.add([seg(1 + u64::from(i), 1)], [], i as u16).unwrap();
        }
        assert_eq!(ring.add([seg(1, 1)], [], 7), Err((AddError::Full, 7)));
        assert!(ring.kick_prepare(), "round {round}");
        let mut used = Vec::new();
        while let Some(buffer) = device.fetch() {
            used.push((buffer.head, 0));
        }
        device.complete(&used);
        device.sleep();
        let mut count = 0;
        while ring.pop().unwrap().is_some() {
            count += 1;
        }
        assert_eq!((count, ring.num_free()), (32768, 32768));
    }
}

#[test]
fn clause_2_7_10_1_flags_and_fields_start_at_zero() {
    let (_ring, mem) = ring::<u8>(4, true);
    assert_eq!(mem.peek::<4>(Area::Driver, 0), [0; 4]);
    assert_eq!(mem.peek16(Area::Driver, 4 + 8), 0);
    assert_eq!(mem.peek::<4>(Area::Device, 0), [0; 4]);
    assert_eq!(mem.peek16(Area::Device, 4 + 32), 0);
}

#[test]
fn clause_2_7_13_1_chain_is_readable_then_writable() {
    let (mut ring, mem) = ring::<&str>(4, false);
    let device = Device::new(mem, 4, false);
    let readable = [seg(0x1000, 16), seg(0x2000, 512)];
    ring.add(readable, [seg(0x3000, 1)], "request").unwrap();
    let desc = |addr, len, flags, next| Desc {
        addr,
        len,
        flags,
        next,
    };
    assert_eq!(device.desc(0), desc(0x1000, 16, NEXT, 1));
    assert_eq!(device.desc(1), desc(0x2000, 512, NEXT, 2));
    assert_eq!(device.desc(2), desc(0x3000, 1, WRITE, 0));
    assert_eq!((ring.num_free(), ring.in_flight()), (1, 1));
}

#[test]
fn clause_2_7_13_order_of_a_batch() {
    let (mut ring, mem) = ring::<u8>(4, true);
    mem.start_trace();
    ring.add([seg(1, 1)], [], 0).unwrap();
    ring.add([seg(2, 1)], [seg(3, 1)], 1).unwrap();
    assert!(ring.kick_prepare());
    assert_eq!(
        mem.take_trace(),
        [
            Op::WriteDesc(0),
            Op::Write(Area::Driver, 4, 0),
            Op::WriteDesc(1),
            Op::WriteDesc(2),
            Op::Write(Area::Driver, 6, 1),
            // 2.7.13.3.1, then one index for both, then 2.7.13.4.1.
            Op::WriteBarrier,
            Op::Write(Area::Driver, 2, 2),
            Op::FullBarrier,
            Op::Read(Area::Device, 4 + 32),
        ]
    );
    // Nothing new: the memory is not touched.
    mem.start_trace();
    assert!(!ring.kick_prepare());
    assert_eq!(mem.take_trace(), []);
}

#[test]
fn clause_2_7_14_each_used_element_is_read_once() {
    let (mut ring, mem) = ring::<u8>(4, false);
    let mut device = Device::new(mem.clone(), 4, false);
    ring.add([], [seg(1, 10)], 10).unwrap();
    ring.add([], [seg(2, 20)], 20).unwrap();
    assert!(ring.kick_prepare());
    device.complete(&[(1, 20), (0, 3)]);
    mem.start_trace();
    assert_eq!(ring.pop().unwrap().unwrap().into_parts(), (20, 20));
    assert_eq!(ring.pop().unwrap().unwrap().into_parts(), (10, 3));
    assert!(ring.pop().unwrap().is_none());
    assert_eq!(
        mem.take_trace(),
        [
            Op::Read(Area::Device, 2),
            Op::ReadBarrier,
            Op::Read(Area::Device, 4),
            Op::Read(Area::Device, 12),
            Op::Read(Area::Device, 2),
        ]
    );
}

#[test]
fn clause_2_7_5_2_errors_leave_the_ring_as_it_was() {
    let (mut ring, _mem) = ring::<u8>(4, true);
    let one = || std::iter::repeat_n(seg(1, 1), 1);
    let endless = || std::iter::repeat(seg(1, 1));
    ring.add(one(), [], 1).unwrap();
    ring.add(one(), one(), 2).unwrap();
    let check = |ring: &common::TestRing<u8>| {
        assert_eq!((ring.num_free(), ring.in_flight()), (1, 2));
        assert_eq!(ring.broken(), None);
    };
    assert_eq!(ring.add([], [], 3), Err((AddError::Empty, 3)));
    check(&ring);
    assert_eq!(ring.add(one(), one(), 3), Err((AddError::Full, 3)));
    check(&ring);
    assert_eq!(ring.add(endless(), [], 3), Err((AddError::Full, 3)));
    check(&ring);
    assert_eq!(ring.add([], endless(), 3), Err((AddError::Full, 3)));
    check(&ring);
    assert_eq!(ring.add([seg(1, 0)], [], 3), Err((AddError::ZeroLength, 3)));
    check(&ring);
    ring.add(one(), [], 4).unwrap();
    assert_eq!(ring.num_free(), 0);
    assert!(ring.kick_prepare());
}

#[test]
fn clause_2_7_5_2_chain_is_shorter_than_4_gib() {
    let (mut ring, _mem) = ring::<u8>(4, true);
    let half = seg(0, 1 << 31);
    assert_eq!(
        ring.add([half], [half], 1),
        Err((AddError::TooLong, 1)),
        "2^32 bytes do not fit `len` of a used element"
    );
    ring.add([half], [seg(0, (1 << 31) - 1)], 1).unwrap();
}

#[test]
fn clause_2_7_5_2_chain_is_not_longer_than_the_queue() {
    let (mut ring, _mem) = ring::<u8>(4, true);
    let five = std::iter::repeat_n(seg(1, 1), 5);
    assert_eq!(ring.add(five, [], 1), Err((AddError::TooLong, 1)));
    let endless = std::iter::repeat(seg(1, 1));
    assert_eq!(ring.add(endless, [], 1), Err((AddError::TooLong, 1)));
    ring.add(std::iter::repeat_n(seg(1, 1), 4), [], 1).unwrap();
}

#[test]
fn clause_2_7_10_1_event_index_decides_over_kicks() {
    let (mut ring, mem) = ring::<u16>(8, true);
    let device = Device::new(mem, 8, true);
    // The lower bit of flags must be ignored.
    device.set_flags(1);
    for (event, adds, kick) in [(0, 1, true), (0, 1, false), (4, 2, false), (5, 2, true)] {
        device.set_avail_event(event);
        for _ in 0..adds {
            ring.add([seg(1, 1)], [], 0).unwrap();
        }
        assert_eq!(ring.kick_prepare(), kick, "event {event}");
    }
}

#[test]
fn clause_2_7_10_1_flags_decide_over_kicks_without_event_index() {
    let (mut ring, mem) = ring::<u16>(8, false);
    let device = Device::new(mem, 8, false);
    // avail_event must be ignored.
    device.set_avail_event(0x5555);
    for (flags, kick) in [(0, true), (1, false), (0, true), (2, true), (3, false)] {
        device.set_flags(flags);
        ring.add([seg(1, 1)], [], 0).unwrap();
        assert_eq!(ring.kick_prepare(), kick);
    }
}

#[test]
fn clause_2_7_7_1_flags_suppress_callbacks_without_event_index() {
    let (mut ring, mem) = ring::<u16>(8, false);
    let device = Device::new(mem.clone(), 8, false);
    ring.disable_cb();
    assert_eq!(device.avail_flags(), 1);
    mem.start_trace();
    ring.disable_cb();
    assert_eq!(mem.take_trace(), [], "said once is enough");
    assert!(!ring.enable_cb());
    assert_eq!(device.avail_flags(), 0);
}

#[test]
fn clause_2_7_7_1_enable_is_fenced_before_the_second_look() {
    let (mut ring, mem) = ring::<u16>(8, true);
    ring.disable_cb();
    mem.start_trace();
    assert!(!ring.enable_cb());
    assert_eq!(
        mem.take_trace(),
        [
            Op::Write(Area::Driver, 4 + 16, 0),
            Op::FullBarrier,
            Op::Read(Area::Device, 2),
        ]
    );
}

#[test]
fn clause_2_7_7_1_suppressed_event_is_as_far_away_as_can_be() {
    let (mut ring, mem) = ring::<u16>(4, true);
    let mut device = Device::new(mem, 4, true);
    ring.disable_cb();
    let mut quiet = 0u32;
    loop {
        ring.add([seg(1, 1)], [], 0).unwrap();
        let _ = ring.kick_prepare();
        let head = device.fetch().unwrap().head;
        let interrupt = device.complete(&[(head, 0)]);
        assert!(ring.pop().unwrap().is_some());
        if interrupt {
            break;
        }
        quiet += 1;
    }
    assert_eq!(quiet, 65535);
}

#[test]
fn clause_2_7_7_1_delayed_callback_comes_after_three_quarters() {
    let (mut ring, mem) = ring::<u16>(16, true);
    let mut device = Device::new(mem, 16, true);
    ring.disable_cb();
    for _ in 0..16 {
        ring.add([seg(1, 1)], [], 0).unwrap();
    }
    let _ = ring.kick_prepare();
    assert!(!ring.enable_cb_delayed());
    for i in 0..16 {
        assert_eq!(device.complete(&[(i, 0)]), i == 12);
        // A look in between does not move the event forward.
        if i < 6 {
            assert!(ring.pop().unwrap().is_some());
            assert!(ring.pop().unwrap().is_none());
        }
    }
    assert!(
        ring.enable_cb_delayed(),
        "ten are waiting, seven were asked for"
    );
}

#[test]
fn clause_2_7_7_1_delayed_callback_is_not_asked_for_at_each_buffer() {
    let (mut ring, mem) = ring::<u16>(64, true);
    let mut device = Device::new(mem.clone(), 64, true);
    let mut asked = 0;
    for _ in 0..64 {
        ring.add([seg(1, 1)], [], 0).unwrap();
        let _ = ring.kick_prepare();
        mem.start_trace();
        assert!(!ring.enable_cb_delayed());
        let is_write = |op: &Op| matches!(op, Op::Write(..));
        asked += u32::from(mem.take_trace().iter().any(is_write));
    }
    assert!((1..=8).contains(&asked), "{asked} times");
    let first = (0..64).find(|i| device.complete(&[(*i, 0)])).unwrap();
    assert!((32..=48).contains(&first), "callback at {first}");
}

#[test]
fn clause_2_7_7_2_event_follows_a_driver_that_pops_one_at_a_time() {
    let (mut ring, mem) = ring::<u16>(4, true);
    let mut device = Device::new(mem, 4, true);
    for _ in 0..10 {
        ring.add([seg(1, 1)], [], 0).unwrap();
        assert!(ring.kick_prepare());
        let head = device.fetch().unwrap().head;
        device.sleep();
        assert!(device.complete(&[(head, 0)]), "interrupt is due");
        assert!(ring.pop().unwrap().is_some());
    }
}

#[test]
fn clause_2_7_7_1_moved_event_is_fenced_before_the_last_look() {
    let (mut ring, mem) = ring::<u16>(4, true);
    let mut device = Device::new(mem.clone(), 4, true);
    ring.add([seg(1, 1)], [], 0).unwrap();
    assert!(ring.kick_prepare());
    assert!(device.complete(&[(0, 0)]));
    mem.start_trace();
    assert!(ring.pop().unwrap().is_some());
    assert!(ring.pop().unwrap().is_none());
    assert!(ring.pop().unwrap().is_none());
    assert_eq!(
        mem.take_trace(),
        [
            Op::Read(Area::Device, 2),
            Op::ReadBarrier,
            Op::Read(Area::Device, 4),
            // The batch is consumed: the event moves, once.
            Op::Write(Area::Driver, 4 + 8, 1),
            Op::Read(Area::Device, 2),
            Op::FullBarrier,
            Op::Read(Area::Device, 2),
            // Nothing has changed since.
            Op::Read(Area::Device, 2),
        ]
    );
}

#[test]
fn clause_2_7_7_event_formula_agrees_with_counting() {
    for old in [0u16, 1, 0x7fff, 0x8000, 0xfff0, 0xffff] {
        for count in [0u16, 1, 2, 17, 300] {
            let new = old.wrapping_add(count);
            for event in 0..=u16::MAX {
                let counted = event.wrapping_sub(old) < count;
                assert_eq!(need_event(event, new, old), counted);
            }
        }
    }
}

#[test]
fn clause_2_6_1_drained_queue_starts_again_in_the_same_memory() {
    let (mut first, mem) = ring::<u16>(4, true);
    let mut device = Device::new(mem.clone(), 4, true);
    for token in 0..3 {
        first.add([seg(1, 1)], [], token).unwrap();
    }
    assert!(first.kick_prepare());
    let head = device.fetch().unwrap().head;
    device.complete(&[(head, 0)]);
    let mut tokens: Vec<u16> = std::iter::from_fn(|| first.drain_one()).collect();
    tokens.sort();
    assert_eq!(tokens, [0, 1, 2]);
    assert_eq!(first.add([seg(1, 1)], [], 9), Err((AddError::Broken, 9)));

    mem.reset();
    first.renew();
    let mut second = first;
    mem.go_live();
    assert!(
        second.pop().unwrap().is_none(),
        "used.idx starts at 0 again"
    );
    second.add([seg(1, 1)], [], 5).unwrap();
    assert!(second.kick_prepare());
    let mut device = Device::new(mem, 4, true);
    let head = device.fetch().unwrap().head;
    assert!(device.complete(&[(head, 0)]));
    assert_eq!(second.pop().unwrap().unwrap().into_token(), 5);
    assert_eq!((second.in_flight(), second.num_free()), (0, 4));
}

#[test]
fn dropping_the_ring_drops_the_tokens() {
    let token = std::rc::Rc::new(());
    let (mut ring, _mem) = ring(4, true);
    ring.add([seg(1, 1)], [], token.clone()).unwrap();
    ring.add([seg(1, 1)], [], token.clone()).unwrap();
    assert_eq!(std::rc::Rc::strong_count(&token), 3);
    drop(ring);
    assert_eq!(std::rc::Rc::strong_count(&token), 1);
}

#[test]
fn age_is_that_of_the_oldest_in_flight() {
    let (mut ring, mem) = ring(8, true);
    let mut device = Device::new(mem, 8, true);

    assert_eq!(ring.oldest_age(1_000), None);
    for now in [70_000, 70_010, 70_500] {
        ring.set_clock(now);
        ring.add([seg(now, 1)], [], now).unwrap();
        assert!(ring.kick_prepare() || now != 70_000);
    }
    assert_eq!(ring.oldest_age(70_500), Some(500));
    // Far more than a slot can count, since nothing was added meanwhile.
    assert_eq!(ring.oldest_age(10_070_000), Some(10_000_000));
    // A clock that stands still or goes back.
    assert_eq!(ring.oldest_age(70_000), Some(500));

    let heads = [device.fetch().unwrap().head, device.fetch().unwrap().head];
    // The second one is used first: the oldest stays.
    device.complete(&[(heads[1], 0)]);
    assert_eq!(ring.pop().unwrap().unwrap().into_token(), 70_010);
    assert_eq!(ring.oldest_age(70_600), Some(600));
    device.complete(&[(heads[0], 0)]);
    assert_eq!(ring.pop().unwrap().unwrap().into_token(), 70_000);
    assert_eq!(ring.oldest_age(70_600), Some(100));
    assert_eq!((ring.added(), ring.published()), (3, 3));
    assert_eq!((ring.next_avail(), ring.next_used()), (3, 2));
}

#[test]
fn age_fits_the_padding_of_a_slot() {
    assert_eq!(size_of::<Slot<Box<u8>>>(), 24);
}
