// SPDX-License-Identifier: GPL-2.0

//! The header before each packet: 5.1.6, 5.1.6.2 (sending), 5.1.6.4 (receiving).

use super::net_promise::{
    agreed,
    check, //
};
use crate::header::{
    receive,
    send,
    Agreed,
    Nonsense,
    Received,
    BYTES,
    OFFLOAD_BYTES, //
};
use proptest::prelude::*;

/// Everything that there is to agree on.
const ALL: Agreed = Agreed {
    mergeable: true,
    checksum: true,
    tcp4: true,
    tcp6: true,
    ecn: true,
};
/// Agreements that there are, as bits.
const AGREEMENTS: u8 = 1 << 5;
/// Of one packet in one buffer, without anything.
const PLAIN: [u8; BYTES] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0];

fn header(flags: u8, kind: u8, size: u16, buffers: u16) -> [u8; BYTES] {
    let ([s0, s1], [b0, b1]) = (size.to_le_bytes(), buffers.to_le_bytes());

    [
        flags, kind, 0x42, 0x01, s0, s1, 0x22, 0x02, 0x10, 0x03, b0, b1,
    ]
}

#[test]
fn clause_5_1_6_the_layout() {
    let offload = [1, 0x81, 66, 0, 0xb4, 5, 34, 0, 16, 0];
    let bytes = [1, 0x81, 66, 0, 0xb4, 5, 34, 0, 16, 0, 0x34, 0x12];

    assert_eq!((BYTES, OFFLOAD_BYTES), (12, 10));
    assert_eq!(
        receive(bytes, ALL),
        Ok(Received {
            offload,
            buffers: 0x1234
        })
    );
}

#[test]
fn clause_5_1_6_4_every_flag_and_kind_under_every_agreement() {
    let mut accepted = 0;

    for agreement in 0..AGREEMENTS {
        for flags in 0..=u8::MAX {
            for kind in 0..=u8::MAX {
                for size in [0, 1, 0x100, 1448, u16::MAX] {
                    for buffers in [0, 1, 2, 0x100, u16::MAX] {
                        let bytes = header(flags, kind, size, buffers);

                        accepted += u32::from(check(bytes, agreed(agreement)).is_ok());
                    }
                }
            }
        }
    }
    // Flags; kinds, by agreement; sizes and buffers that are possible. Without segments all sizes
    // are possible, and there are 0, 1, 1, 2 kinds, twice as many with ECN.
    let by_agreement =
        |buffers: u32| 2 * 256 * buffers * (8 * 5 + 4 * (1 + 1 + 2) + 4 * 2 * (1 + 1 + 2));

    assert_eq!(accepted, by_agreement(4) + by_agreement(5));
}

#[test]
fn clause_5_1_6_4_1_flags_are_zero_without_guest_csum() {
    let without = Agreed {
        checksum: false,
        ..ALL
    };

    for flags in 0..=u8::MAX {
        let received = check(header(flags, 0, 0, 1), without).unwrap();

        assert_eq!(received.offload[0], 0, "{flags:#x}");
    }
}

#[test]
fn clause_5_1_6_4_2_flags() {
    // Said, believed: NEEDS_CSUM, DATA_VALID, RSC_INFO, UDP_TUNNEL_CSUM, and those to come.
    let table = [
        (0, 0),
        (1, 1),
        (2, 2),
        (3, 1),
        (4, 0),
        (5, 1),
        (6, 2),
        (8, 0),
        (0x10, 0),
        (0x80, 0),
        (0xff, 1),
        (0xfe, 2),
    ];

    for (said, believed) in table {
        let received = check(header(said, 0, 0, 1), ALL).unwrap();

        assert_eq!(received.offload[0], believed, "{said:#x}");
    }
}

#[test]
fn clause_5_1_6_4_1_kinds_of_segments() {
    let none = Agreed {
        mergeable: true,
        checksum: true,
        tcp4: false,
        tcp6: false,
        ecn: false,
    };
    let tcp4 = Agreed { tcp4: true, ..none };
    let tcp6 = Agreed { tcp6: true, ..none };
    let ecn = |agreed| Agreed {
        ecn: true,
        ..agreed
    };
    // Agreed on, the kinds that are possible.
    let table: [(_, &[u8]); 7] = [
        (none, &[]),
        (ecn(none), &[]),
        (tcp4, &[1]),
        (tcp6, &[4]),
        (ecn(tcp4), &[1, 0x81]),
        (ecn(tcp6), &[4, 0x84]),
        (ALL, &[1, 4, 0x81, 0x84]),
    ];

    for (agreed, kinds) in table {
        assert!(check(header(0, 0, 0, 1), agreed).is_ok());
        // UDP is 3 and 5; tunnels are 0x20 and 0x40; congestion alone is no kind.
        for kind in 1..=u8::MAX {
            assert_eq!(
                check(header(1, kind, 1448, 1), agreed).is_ok(),
                kinds.contains(&kind),
                "{kind:#x} under {agreed:?}"
            );
        }
    }
}

#[test]
fn n6_segments_of_no_size() {
    for kind in [1, 4, 0x81, 0x84] {
        assert_eq!(
            check(header(1, kind, 0, 3), ALL),
            Err(Nonsense::Segments { buffers: 3 })
        );
        assert!(check(header(1, kind, 1, 3), ALL).is_ok());
    }
}

#[test]
fn n5_clause_5_1_6_4_num_buffers() {
    let single = Agreed {
        mergeable: false,
        ..ALL
    };

    for buffers in 0..=u16::MAX {
        let bytes = header(0, 0, 0, buffers);

        // "this will always be 1 if VIRTIO_NET_F_MRG_RXBUF was not negotiated".
        assert_eq!(check(bytes, single).map(|header| header.buffers), Ok(1));
        assert_eq!(
            check(bytes, ALL).map(|header| header.buffers),
            match buffers {
                0 => Err(Nonsense::Buffers),
                buffers => Ok(buffers),
            }
        );
    }
}

#[test]
fn clause_5_1_6_4_a_refused_packet_says_which_buffers_go_with_it() {
    let nothing = agreed(0);
    let mergeable = agreed(1);

    assert_eq!(
        check(header(0, 1, 1448, 17), mergeable),
        Err(Nonsense::Segments { buffers: 17 })
    );
    assert_eq!(
        check(header(0, 1, 1448, 17), nothing),
        Err(Nonsense::Segments { buffers: 1 })
    );
    // Where that is not known either, it comes first.
    assert_eq!(
        check(header(0, 1, 1448, 0), mergeable),
        Err(Nonsense::Buffers)
    );
}

#[test]
fn a_plain_packet_is_one_under_every_agreement() {
    for agreement in 0..AGREEMENTS {
        assert_eq!(
            check(PLAIN, agreed(agreement)),
            Ok(Received {
                offload: [0; OFFLOAD_BYTES],
                buffers: 1
            })
        );
    }
}

proptest! {
    #[test]
    fn clause_5_1_6_4_any_header_under_any_agreement(
        mut bytes: [u8; BYTES],
        agreement in 0..AGREEMENTS,
        kind in prop::option::of(prop::sample::select(vec![0, 1, 3, 4, 5, 0x80, 0x81, 0x84])),
    ) {
        bytes[1] = kind.unwrap_or(bytes[1]);
        let agreed = agreed(agreement);

        // What was believed once is believed again, and says the same.
        if let Ok(Received { offload, buffers }) = check(bytes, agreed) {
            let mut again = send(offload);

            again[OFFLOAD_BYTES..].copy_from_slice(&buffers.to_le_bytes());
            prop_assert_eq!(check(again, agreed), Ok(Received { offload, buffers }));
        }
    }

    #[test]
    fn clause_5_1_6_2_1_what_is_sent_is_what_was_asked_and_num_buffers_is_zero(
        offload: [u8; OFFLOAD_BYTES],
    ) {
        let bytes = send(offload);

        prop_assert_eq!(&bytes[..OFFLOAD_BYTES], &offload[..]);
        prop_assert_eq!(&bytes[OFFLOAD_BYTES..], &[0, 0]);
    }

    #[test]
    fn clause_5_1_6_2_what_is_sent_can_be_received(
        flag in 0u8..3,
        kind in prop::sample::select(vec![0, 1, 4, 0x81, 0x84]),
        rest: [u8; 8],
        size in 1u16..,
    ) {
        let mut offload = [0; OFFLOAD_BYTES];

        offload[..2].copy_from_slice(&[flag, kind]);
        offload[2..].copy_from_slice(&rest);
        offload[4..6].copy_from_slice(&size.to_le_bytes());
        let mut bytes = send(offload);

        // A device in between counts the buffers.
        prop_assert_eq!(check(bytes, ALL), Err(Nonsense::Buffers));
        bytes[10] = 1;
        prop_assert_eq!(check(bytes, ALL), Ok(Received { offload, buffers: 1 }));
    }
}
