// SPDX-License-Identifier: GPL-2.0

//! What `receive` of the network driver promises of a header (5.1.6.4), read from the specification
//! a second time. Shared with the fuzz target.

use crate::header::{
    receive,
    Agreed,
    Nonsense,
    Received,
    BYTES,
    OFFLOAD_BYTES, //
};

const NEEDS_CSUM: u8 = 1;
const DATA_VALID: u8 = 2;
const TCPV4: u8 = 1;
const TCPV6: u8 = 4;
const ECN: u8 = 0x80;

/// An agreement of the five lowest bits.
pub fn agreed(bits: u8) -> Agreed {
    let has = |bit: u8| bits >> bit & 1 != 0;

    Agreed {
        mergeable: has(0),
        checksum: has(1),
        tcp4: has(2),
        tcp6: has(3),
        ecn: has(4),
    }
}

/// A kind of segments that a device may name, after 5.1.6.4.1.
fn may_be(kind: u8, agreed: Agreed) -> bool {
    [(agreed.tcp4, TCPV4), (agreed.tcp6, TCPV6)]
        .into_iter()
        .any(|(may, tcp)| may && (kind == tcp || agreed.ecn && kind == tcp | ECN))
}

/// Looks at a header, and panics where the answer is not what is promised.
pub fn check(bytes: [u8; BYTES], agreed: Agreed) -> Result<Received, Nonsense> {
    let said = u16::from_le_bytes([bytes[10], bytes[11]]);
    let buffers = if agreed.mergeable { said } else { 1 };
    let (kind, size) = (bytes[1], u16::from_le_bytes([bytes[4], bytes[5]]));
    let answer = receive(bytes, agreed);

    match answer {
        Err(Nonsense::Buffers) => assert!(agreed.mergeable && said == 0),
        Err(Nonsense::Segments { buffers: refused }) => {
            assert!(kind != 0 && (!may_be(kind, agreed) || size == 0));
            // All of them are to be dropped: 5.1.6.4, "The other buffers will not begin with a
            // struct virtio_net_hdr".
            assert_eq!(refused, buffers);
            assert_ne!(refused, 0);
        }
        Ok(Received {
            offload,
            buffers: accepted,
        }) => {
            assert_eq!(accepted, buffers);
            assert_ne!(accepted, 0);
            assert!(kind == 0 || may_be(kind, agreed) && size != 0);
            flags(bytes[0], offload[0], agreed);
            // Nothing else is changed.
            assert_eq!(offload[1..], bytes[1..OFFLOAD_BYTES]);
        }
    }
    answer
}

/// What becomes of the flags.
fn flags(said: u8, believed: u8, agreed: Agreed) {
    let has = |flag| said & flag != 0;

    if !agreed.checksum {
        assert_eq!(believed, 0);
        return;
    }
    assert_eq!(believed & !(NEEDS_CSUM | DATA_VALID), 0);
    assert_eq!(believed & NEEDS_CSUM != 0, has(NEEDS_CSUM));
    assert_eq!(
        believed & DATA_VALID != 0,
        has(DATA_VALID) && !has(NEEDS_CSUM)
    );
}
