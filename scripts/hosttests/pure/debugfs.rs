// SPDX-License-Identifier: GPL-2.0

//! What debugfs shows of features, and what its filter takes.

use crate::{
    feature::Features,
    filter,
    id::DeviceId,
    names,
    negotiation::{
        self,
        Negotiation,
        Verdict, //
    }, //
};
use proptest::prelude::*;

const TYPES: [DeviceId; 4] = [
    DeviceId::NETWORK,
    DeviceId::BLOCK,
    DeviceId::ENTROPY,
    DeviceId::BALLOON,
];

fn set(numbers: &[u32]) -> Features {
    numbers
        .iter()
        .fold(Features::NONE, |set, number| set | Features::bit(*number))
}

fn changed(text: &str) -> Option<Features> {
    filter::changed(set(&[29, 97]), DeviceId::BLOCK, text)
}

#[test]
fn clause_5_and_6_names() {
    assert_eq!(names::name(DeviceId::BLOCK, 29), Some("VIRTIO_F_EVENT_IDX"));
    assert_eq!(names::name(DeviceId::BLOCK, 9), Some("VIRTIO_BLK_F_FLUSH"));
    assert_eq!(
        names::name(DeviceId::NETWORK, 9),
        Some("VIRTIO_NET_F_GUEST_ECN")
    );
    assert_eq!(names::name(DeviceId::ENTROPY, 9), None);
    assert_eq!(names::name(DeviceId::BLOCK, 97), None);
    for device in TYPES {
        for number in 0..200 {
            if let Some(name) = names::name(device, number) {
                assert!(number < Features::COUNT);
                assert!(name.starts_with("VIRTIO_") && !name.contains(' '));
                // A name is that of one bit.
                assert_eq!(names::number(device, name), Some(number));
            }
        }
    }
}

#[test]
fn words_are_taken_one_after_the_other() {
    assert_eq!(changed("none"), Some(Features::NONE));
    assert_eq!(changed("-97"), Some(set(&[29])));
    assert_eq!(changed("-VIRTIO_F_EVENT_IDX\n"), Some(set(&[97])));
    assert_eq!(changed("+9 +VIRTIO_BLK_F_MQ"), Some(set(&[9, 12, 29, 97])));
    assert_eq!(changed("  +127\tnone +0  "), Some(set(&[0])));
    assert_eq!(changed("+9 -9 -29 +29"), Some(set(&[29, 97])));
}

#[test]
fn nonsense_is_not_taken() {
    for text in [
        "",
        " ",
        "\n",
        "29",
        "+",
        "-",
        "+ 9",
        "+128",
        "+-1",
        "++1",
        "-+1",
        "+0x1",
        "+4294967297",
        "+9,12",
        "None",
        "VIRTIO_F_EVENT_IDX",
        "+VIRTIO_F_NONE",
        "+virtio_f_event_idx",
        "+VIRTIO_NET_F_MAC",
        "+9 12",
        "none what",
        "+9\0",
        "+\u{663}",
    ] {
        assert_eq!(changed(text), None, "{text:?}");
    }
}

#[test]
fn verdicts() {
    let negotiation = Negotiation {
        offered: set(&[0, 1, 2, 3, 4]),
        implemented: set(&[1, 2, 3, 4, 5]),
        filtered: set(&[0, 1, 5, 6]),
        backed: set(&[3, 4]),
        accepted: set(&[4]),
    };

    assert_eq!(negotiation.wanted(), set(&[2, 3, 4]));
    for (number, verdict) in [
        (0, Some(Verdict::NotImplemented)),
        (1, Some(Verdict::Filtered)),
        (2, Some(Verdict::NoRegisters)),
        (3, Some(Verdict::Driver)),
        (4, Some(Verdict::Accepted)),
        (5, Some(Verdict::NotOffered)),
        (6, None),
        (500, None),
    ] {
        assert_eq!(negotiation.verdict(number), verdict, "bit {number}");
    }
    let shown = |bound| {
        negotiation::Shown {
            negotiation,
            device: DeviceId::BLOCK,
            bound,
        }
        .to_string()
    };

    assert_eq!(
        shown(true),
        "0 VIRTIO_BLK_F_BARRIER refused: not implemented\n\
         1 VIRTIO_BLK_F_SIZE_MAX refused: filtered\n\
         2 VIRTIO_BLK_F_SEG_MAX refused: transport has no registers\n\
         3 3 refused: driver: dependency or config\n\
         4 VIRTIO_BLK_F_GEOMETRY accepted\n\
         5 VIRTIO_BLK_F_RO not offered\n"
    );
    assert!(shown(false).contains("4 VIRTIO_BLK_F_GEOMETRY offered\n"));
}

proptest! {
    /// What is read makes the same filter of any other, and never adds a bit that nobody wrote.
    #[test]
    fn what_is_read_can_be_written(words in any::<[u32; 4]>(), other in any::<[u32; 4]>(), which in 0..TYPES.len()) {
        let filter = Features::from_words(words);
        let text = filter::Shown(filter, TYPES[which]).to_string();

        prop_assert_eq!(filter::changed(Features::from_words(other), TYPES[which], &text), Some(filter));
    }

    #[test]
    fn any_text_is_judged(text in ".{0,40}") {
        let _ = changed(&text);
    }
}
