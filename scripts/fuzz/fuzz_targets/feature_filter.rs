// SPDX-License-Identifier: GPL-2.0

//! Anything that is written to the filter of debugfs, for a device of any type, and features negotiated
//! with it.
//!
//! It is understood, or nothing changes; what is shown of a filter makes the same one again; what became
//! of each bit is said for each bit that somebody has.

#![no_main]
#![allow(dead_code)]

#[path = "../../../rust/virtio/feature.rs"]
mod feature;
#[path = "../../../rust/virtio/filter.rs"]
mod filter;
#[path = "../../../rust/virtio/id.rs"]
mod id;
#[path = "../input.rs"]
mod input;
#[path = "../../../rust/virtio/names.rs"]
mod names;
#[path = "../../../rust/virtio/negotiation.rs"]
mod negotiation;

use feature::Features;
use id::DeviceId;
use input::Input;
use libfuzzer_sys::fuzz_target;
use negotiation::Negotiation;

fn set(input: &mut Input<'_>) -> Features {
    Features::from_words([input.u32(), input.u32(), input.u32(), input.u32()])
}

/// A text of which some bytes are words, so that it is understood now and then.
fn text(device: DeviceId, bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|byte| match byte {
            0 => "none".to_owned(),
            1 => " +".to_owned(),
            2 => " -".to_owned(),
            bit @ 128.. => names::name(device, u32::from(bit - 128))
                .unwrap_or("VIRTIO_")
                .to_owned(),
            letter => char::from(*letter).to_string(),
        })
        .collect()
}

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let kind = input.u8();
    let device = [
        DeviceId::NETWORK,
        DeviceId::BLOCK,
        DeviceId::ENTROPY,
        DeviceId::BALLOON,
    ][usize::from(kind % 4)];
    let before = set(&mut input);
    let negotiation = Negotiation {
        offered: set(&mut input),
        implemented: set(&mut input),
        filtered: before,
        backed: set(&mut input),
        accepted: set(&mut input),
    };
    let shown = negotiation::Shown {
        negotiation,
        device,
        bound: kind & 4 != 0,
    }
    .to_string();
    let all = negotiation.offered | negotiation.implemented;
    let bits = (0..Features::COUNT).filter(|bit| all.contains(Features::bit(*bit)));

    assert_eq!(shown.lines().count(), bits.count(), "{shown}");

    let text = text(device, input.0);

    if let Some(after) = filter::changed(before, device, &text) {
        let shown = filter::Shown(after, device).to_string();

        assert_eq!(
            filter::changed(before, device, &shown),
            Some(after),
            "{shown}"
        );
    }
});
