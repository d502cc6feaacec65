// SPDX-License-Identifier: GPL-2.0

//! What stands before each packet (virtio 1.4, 5.1.6, `struct virtio_net_hdr`).
//!
//! | offset | field |
//! |---:|---|
//! | 0 | flags |
//! | 1 | gso_type |
//! | 2 | hdr_len |
//! | 4 | gso_size |
//! | 6 | csum_start |
//! | 8 | csum_offset |
//! | 10 | num_buffers |
//!
//! All are little-endian. The last one may be missing, see [`Framing`](crate::feature::Framing); what is
//! read in its place is not looked at then, since there are no mergeable buffers.

/// Bytes of the header, if all of it is there.
pub(crate) const BYTES: usize = 12;
/// Bytes of its first part, which is about checksum and segments.
pub(crate) const OFFLOAD_BYTES: usize = 10;

/// Flags that a device may set: `NEEDS_CSUM`, `DATA_VALID`.
const KNOWN_FLAGS: u8 = 0b11;
/// Of a packet whose checksum is to be filled in.
const NEEDS_CSUM: u8 = 1;
/// Of a packet whose checksum was looked at.
const DATA_VALID: u8 = 2;
/// `gso_type` of a packet that is no more than that.
const GSO_NONE: u8 = 0;
/// `gso_type` of TCP over IPv4.
const GSO_TCP4: u8 = 1;
/// `gso_type` of TCP over IPv6.
const GSO_TCP6: u8 = 4;
/// Set in `gso_type` besides a kind of TCP.
const GSO_ECN: u8 = 0x80;

/// A header as two words of 64 bits, with four zeros behind it.
#[inline]
pub(crate) fn words(header: [u8; BYTES]) -> (u64, u64) {
    let [a, b, c, d, e, f, g, h, i, j, k, l] = header;

    (
        u64::from_le_bytes([a, b, c, d, e, f, g, h]),
        u64::from_le_bytes([i, j, k, l, 0, 0, 0, 0]),
    )
}

/// What a queue has agreed on with the device.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Agreed {
    /// A packet may be in several buffers (`VIRTIO_NET_F_MRG_RXBUF`).
    pub(crate) mergeable: bool,
    /// The device may say things about checksums (`VIRTIO_NET_F_GUEST_CSUM`).
    pub(crate) checksum: bool,
    /// The device may put segments of TCP over IPv4 together (`VIRTIO_NET_F_GUEST_TSO4`).
    pub(crate) tcp4: bool,
    /// The device may put segments of TCP over IPv6 together (`VIRTIO_NET_F_GUEST_TSO6`).
    pub(crate) tcp6: bool,
    /// It may do so with explicit congestion notification (`VIRTIO_NET_F_GUEST_ECN`).
    pub(crate) ecn: bool,
}

impl Agreed {
    /// Whether `kind` is a `gso_type` of segments that was agreed on.
    fn segments(self, kind: u8) -> bool {
        let tcp = match kind & !GSO_ECN {
            GSO_TCP4 => self.tcp4,
            GSO_TCP6 => self.tcp6,
            _ => false,
        };

        tcp && (self.ecn || kind & GSO_ECN == 0)
    }
}

/// A header that was received and makes sense; whether it fits the packet is for the packet to say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Received {
    /// What is said about checksum and segments.
    pub(crate) offload: [u8; OFFLOAD_BYTES],
    /// In how many buffers the packet is.
    pub(crate) buffers: u16,
}

/// Why a header makes no sense.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Nonsense {
    /// A packet in no buffer.
    Buffers,
    /// Segments of a kind that was not agreed on, or of a size of zero.
    Segments {
        /// In how many buffers the packet is. None but the first has a header.
        buffers: u16,
    },
}

/// Looks at a header that the device wrote (5.1.6.4.2).
///
/// What was not agreed on is not believed: flags are taken away, since the packet is right without
/// them or is found wrong by the stack; segments cannot be, and the packet is refused.
///
/// # Errors
///
/// See [`Nonsense`].
pub(crate) fn receive(bytes: [u8; BYTES], agreed: Agreed) -> Result<Received, Nonsense> {
    let [flags, kind, l0, l1, s0, s1, c0, c1, o0, o1, b0, b1] = bytes;
    let buffers = u16::from_le_bytes([b0, b1]);
    let buffers = match (agreed.mergeable, buffers) {
        (true, 0) => return Err(Nonsense::Buffers),
        (true, buffers) => buffers,
        // 5.1.6.4: the device sets it to one; there is nothing else that it could be.
        (false, _) => 1,
    };

    if kind != GSO_NONE && (!agreed.segments(kind) || u16::from_le_bytes([s0, s1]) == 0) {
        return Err(Nonsense::Segments { buffers });
    }
    let mut flags = if agreed.checksum {
        flags & KNOWN_FLAGS
    } else {
        0
    };

    // 5.1.6.4.2: a driver looks at the first, and ignores the second then.
    if flags & NEEDS_CSUM != 0 {
        flags &= !DATA_VALID;
    }
    Ok(Received {
        offload: [flags, kind, l0, l1, s0, s1, c0, c1, o0, o1],
        buffers,
    })
}

/// The header of a packet to be sent: `num_buffers` is zero (5.1.6.2.1).
pub(crate) fn send(offload: [u8; OFFLOAD_BYTES]) -> [u8; BYTES] {
    let [flags, kind, l0, l1, s0, s1, c0, c1, o0, o1] = offload;

    [flags, kind, l0, l1, s0, s1, c0, c1, o0, o1, 0, 0]
}
