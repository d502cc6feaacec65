// SPDX-License-Identifier: GPL-2.0

//! A network device that offers anything, and whose packets have any length.
//!
//! What is agreed on lacks nothing that it needs (virtio 1.4, 5.1.3.1), and nothing is made up. Receive
//! buffers are a part of a page and hold a frame, whatever was received.

#![no_main]
#![allow(dead_code)]

extern crate self as virtio;

#[path = "../../../rust/virtio/feature.rs"]
mod feature;
#[path = "../input.rs"]
mod input;
#[path = "../../../drivers/net/virtio_net/feature.rs"]
mod net_feature;
#[path = "../../../drivers/net/virtio_net/sizing.rs"]
mod sizing;

pub use feature::{
    transport_feature,
    Features, //
};
use input::Input;
use libfuzzer_sys::fuzz_target;
use sizing::{
    Room,
    Sizing,
    PAGE, //
};

/// Bits, and those that each of them needs: all of the first, one of the second.
const NEEDS: [(u32, &[u32], &[u32]); 14] = [
    (7, &[1, 15], &[]),
    (8, &[1, 15], &[]),
    (9, &[1, 15], &[7, 8]),
    (11, &[0], &[]),
    (12, &[0], &[]),
    (13, &[0], &[11, 12]),
    (18, &[17], &[]),
    (19, &[17], &[]),
    (21, &[17, 16], &[]),
    (22, &[17], &[]),
    (23, &[17], &[]),
    (2, &[17], &[]),
    (63, &[], &[]),
    (3, &[], &[]),
];

fn features(input: &mut Input<'_>) {
    let offered = input.u64();
    let had = |bit: u32| offered >> bit & 1 != 0;
    let set = (0..64)
        .filter(|bit| had(*bit))
        .fold(Features::NONE, |set, bit| set | Features::bit(bit));
    let settled = net_feature::settle(set);
    let has = |bit: u32| settled.contains(Features::bit(bit));

    assert!(set.contains(settled), "nothing is made up");
    assert_eq!(settled, net_feature::settle(settled), "it is settled");
    for (bit, all, one) in NEEDS {
        let met =
            all.iter().all(|bit| has(*bit)) && (one.is_empty() || one.iter().any(|bit| has(*bit)));

        assert!(!has(bit) || met, "bit {bit} without what it needs");
        assert!(has(bit) || !had(bit) || !met, "bit {bit} is missing");
    }

    let framing = net_feature::Framing::of(set);

    assert_eq!(framing.header, if had(32) || had(15) { 12 } else { 10 });
    assert_eq!(framing.apart, !had(32) && !had(27));
    for segments in [false, true] {
        let offloads = net_feature::offloads(settled, segments);

        assert_eq!(offloads & !0x382, 0, "offloads that nobody knows");
        assert_eq!(offloads & !offered, 0, "offloads that were not agreed on");
        assert!(segments || offloads & 0x380 == 0, "no segments were wanted");
    }
}

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);

    features(&mut input);

    let room = Room {
        headroom: input.u8().into(),
        overhead: u32::from(input.u16()) % 1024,
        header: [10, 12][usize::from(input.u8() & 1)],
    };
    let frame = 1518;

    assert_eq!(room.begin() + room.header, room.headroom.max(room.header));

    let mtu = input.u16();
    let buffers = input.u16();
    let fixed = Sizing::fixed(room, mtu.into());
    let mut following = Sizing::following(room, buffers);
    let most = u64::from(room.capacity(PAGE)) * u64::from(buffers);

    // A ring that suffices holds the largest packet (5.1.6.3.1).
    assert!(!Sizing::suffices(room, buffers) || most >= 65_562);
    assert_eq!(following.room().headroom, room.headroom);

    if u32::from(mtu) <= room.largest_mtu() {
        assert!(room.capacity(fixed.piece()) >= u32::from(mtu) + 18);
    }
    while input.more() {
        match input.u8() & 3 {
            0 => following.share(input.u16()),
            1 => following.note(input.u32(), input.u32()),
            _ => {
                let packets = u32::from(input.u8() & 63) + 1;

                following.note(packets, u32::from(input.u16()) * packets);
            }
        }
        for sizing in [&fixed, &following] {
            assert!(sizing.piece() <= PAGE);
            assert!(room.capacity(sizing.piece()) >= frame);
        }
    }
});
