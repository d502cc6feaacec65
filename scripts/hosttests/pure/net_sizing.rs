// SPDX-License-Identifier: GPL-2.0

//! How large receive buffers are: 5.1.4.2, 5.1.6.3.1.

use crate::sizing::{
    Room,
    Sizing,
    PAGE, //
};
use proptest::prelude::*;

/// As on x86-64: a cache line, `struct skb_shared_info`.
const ROOM: Room = Room {
    headroom: 64,
    overhead: 320,
    header: 12,
};
/// The longest frame of an interface of 1500 bytes, with a VLAN tag.
const FRAME: u32 = 1518;
/// What is taken for the longest packet.
const LONGEST: u32 = 1 << 17;

/// How many bytes the device may write into a piece, as `rx.rs` says it to the device.
fn writable(room: Room, piece: u32) -> u32 {
    piece - room.begin() - room.overhead
}

/// A piece, with what is true of all pieces.
fn piece(sizing: &Sizing, room: Room) -> u32 {
    let piece = sizing.piece();

    assert!(piece <= PAGE);
    assert!(room.capacity(piece) >= FRAME);
    // 5.1.6.3.1: at least 1526 bytes, and at least a header where packets are merged.
    assert!(writable(room, piece) >= 1526);
    assert_eq!(writable(room, piece), room.header + room.capacity(piece));
    piece
}

/// The length of packets that pieces are cut for.
fn length(sizing: &Sizing, room: Room) -> u32 {
    room.capacity(piece(sizing, room))
}

#[test]
fn rings_that_are_too_short_are_found() {
    // A largest packet of 64 KiB, in pieces of a page each.
    assert!(!Sizing::suffices(ROOM, 0));
    assert!(!Sizing::suffices(ROOM, 12));
    assert!(Sizing::suffices(ROOM, 24));
    assert!(Sizing::suffices(ROOM, u16::MAX));
}

#[test]
fn where_the_device_begins() {
    assert_eq!(PAGE, 4096);
    assert_eq!(ROOM.begin(), 52);
    assert_eq!(ROOM.capacity(PAGE), 4096 - 64 - 320);
    assert_eq!(ROOM.largest_mtu(), 4096 - 64 - 320 - 18);
    assert_eq!(ROOM.capacity(0), 0);
    assert_eq!(ROOM.capacity(64 + 320 - 1), 0);
    assert_eq!(ROOM.capacity(64 + 320 + 1), 1);
}

#[test]
fn clause_5_1_4_2_fixed_pieces() {
    // MTU, piece.
    let table = [
        (0, FRAME + 384),
        (68, FRAME + 384),
        (1500, FRAME + 384),
        (1501, FRAME + 1 + 384),
        (ROOM.largest_mtu() - 1, PAGE - 1),
        (ROOM.largest_mtu(), PAGE),
        (ROOM.largest_mtu() + 1, PAGE),
        (65_535, PAGE),
        (u32::MAX, PAGE),
    ];

    for (mtu, expected) in table {
        let mut sizing = Sizing::fixed(ROOM, mtu);

        assert_eq!(piece(&sizing, ROOM), expected, "{mtu}");
        sizing.note(64, 64 * 3000);
        sizing.note(64, 64);
        assert_eq!(piece(&sizing, ROOM), expected, "{mtu}");
    }
}

#[test]
fn following_pieces_begin_with_a_frame() {
    assert_eq!(piece(&Sizing::following(ROOM, 224), ROOM), FRAME + 384);
}

#[test]
fn no_packets_change_nothing() {
    let mut sizing = Sizing::following(ROOM, 224);

    for bytes in [0, 1, u32::MAX] {
        sizing.note(0, bytes);
        assert_eq!(length(&sizing, ROOM), FRAME);
    }
}

#[test]
fn a_whole_weight_is_followed_at_once() {
    let mut sizing = Sizing::following(ROOM, 224);

    for (packets, mean, expected) in [
        (64, 3000, 3000),
        (64, 2000, 2000),
        (1000, 60, FRAME),
        (64, 9000, ROOM.capacity(PAGE)),
        (65, 1519, 1519),
    ] {
        sizing.note(packets, packets * mean);
        assert_eq!(length(&sizing, ROOM), expected);
    }
}

#[test]
fn one_packet_moves_it_by_its_weight() {
    let mut sizing = Sizing::following(ROOM, 224);

    sizing.note(64, 64 * 2000);
    sizing.note(1, 2000 + 640);
    assert_eq!(length(&sizing, ROOM), 2010);
    sizing.note(32, 32 * 3010);
    assert_eq!(length(&sizing, ROOM), 2510);
}

#[test]
fn it_comes_back_from_the_most_that_can_be_said() {
    let mut sizing = Sizing::following(ROOM, 224);

    for packets in [1, 2, 63, 64, u32::MAX] {
        for _ in 0..1000 {
            sizing.note(packets, u32::MAX);
            piece(&sizing, ROOM);
        }
        sizing.note(64, 64 * 1800);
        assert_eq!(length(&sizing, ROOM), 1800);
    }
}

/// Rooms of which a page has one for a frame.
fn any_room() -> impl Strategy<Value = Room> {
    (12u32..=512, 0u32..=1024).prop_map(|(headroom, overhead)| Room {
        headroom,
        overhead,
        header: 12,
    })
}

/// What a poll may have seen, and what it cannot.
fn seen() -> impl Strategy<Value = (u32, u32)> {
    let number = || {
        prop_oneof![
            any::<u32>(),
            0u32..130,
            Just(0),
            Just(u32::MAX),
            (0u32..32).prop_map(|bit| 1 << bit),
        ]
    };

    prop_oneof![
        (number(), number()),
        (1u32..=64, 60u32..65_550).prop_map(|(packets, mean)| (packets, packets * mean)),
    ]
}

proptest! {
    #[test]
    fn clause_5_1_6_3_1_pieces_are_large_enough_whatever_was_seen(
        room in any_room(),
        polls in prop::collection::vec(seen(), 0..300),
    ) {
        let mut sizing = Sizing::following(room, 224);

        for (packets, bytes) in polls {
            let before = length(&sizing, room);

            sizing.note(packets, bytes);
            let after = length(&sizing, room);
            let mean = bytes.checked_div(packets).unwrap_or(before);

            // It moves towards what was seen, and not beyond.
            prop_assert!((before.min(mean)..=before.max(mean)).contains(&after));
        }
    }

    #[test]
    fn clause_5_1_4_2_fixed_pieces_hold_the_mtu(
        room in any_room(),
        mtu: u32,
        near in 0u32..4,
        polls in prop::collection::vec(seen(), 0..20),
    ) {
        let largest = room.largest_mtu();

        for mtu in [mtu % (largest + 1), largest - near, 1500 - near, 1500 + near] {
            let mut sizing = Sizing::fixed(room, mtu);
            let first = piece(&sizing, room);

            if mtu <= largest {
                prop_assert!(room.capacity(first) >= mtu + 18);
            }
            for (packets, bytes) in &polls {
                sizing.note(*packets, *bytes);
                prop_assert_eq!(piece(&sizing, room), first);
            }
        }
        // One more would not fit.
        prop_assert!(room.capacity(PAGE) < largest + 1 + 18);
    }

    #[test]
    fn any_room_at_all_is_cut_at_a_page(
        headroom: u32,
        overhead: u32,
        header: u32,
        mtu: u32,
        seen in seen(),
    ) {
        let room = Room { headroom, overhead, header };
        let mut sizing = Sizing::following(room, 224);

        sizing.note(seen.0, seen.1);
        prop_assert!(sizing.piece() <= PAGE);
        prop_assert!(Sizing::fixed(room, mtu).piece() <= PAGE);
        prop_assert!(room.piece(mtu) <= PAGE);
        prop_assert!(room.capacity(mtu) <= mtu);
        prop_assert!(room.largest_mtu() <= PAGE - 18);
        prop_assert!(room.begin() <= headroom);
    }

    #[test]
    fn the_average_gets_there_from_above_and_from_below(
        from in FRAME..LONGEST,
        to in FRAME..ROOM.capacity(PAGE),
        packets in 1u32..=64,
    ) {
        let mut sizing = Sizing::following(ROOM, 224);

        sizing.note(64, from * 64);
        let mut last = length(&sizing, ROOM);

        // ln(2^17 * 64) * 64 polls of one packet, and some for what is rounded.
        for _ in 0..1100 {
            sizing.note(packets, packets * to);
            let now = length(&sizing, ROOM);

            // It never turns back.
            prop_assert!(now.abs_diff(to) <= last.abs_diff(to));
            last = now;
        }
        prop_assert_eq!(last, to);
    }
}

/// A ring that is made anew: its buffers are as long as those of a new one, whatever it had; the average
/// stays, and buffers that are all alike stay as they are.
#[test]
fn clause_5_1_6_3_1_a_ring_of_another_size() {
    for (before, after) in [(16, 1024), (1024, 16), (224, 224), (64, 0), (1, u16::MAX)] {
        let mut sizing = Sizing::following(ROOM, before);
        let mut fixed = Sizing::fixed(ROOM, 1500);

        sizing.share(after);
        assert_eq!(
            piece(&sizing, ROOM),
            piece(&Sizing::following(ROOM, after), ROOM),
            "{before} to {after}"
        );
        sizing.note(64, 64 * 3000);
        sizing.share(1024);
        assert_eq!(length(&sizing, ROOM), 3000);
        fixed.share(after);
        assert_eq!(piece(&fixed, ROOM), piece(&Sizing::fixed(ROOM, 1500), ROOM));
    }
}

/// 5.1.6.3.1: a ring that is full holds the largest packet, for as long as a buffer fits a page.
#[test]
fn clause_5_1_6_3_1_short_rings_have_longer_buffers() {
    for buffers in 1..=1024u16 {
        let piece = Sizing::following(ROOM, buffers).piece();
        let all = u64::from(ROOM.capacity(piece)) * u64::from(buffers);

        assert!(piece <= PAGE);
        assert!(all >= 65_536 + 14 || piece == PAGE, "{buffers} buffers");
    }
}
