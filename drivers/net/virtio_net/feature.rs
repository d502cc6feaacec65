// SPDX-License-Identifier: GPL-2.0

//! Feature bits of a network device (virtio 1.4, 5.1.3).

use virtio::{
    transport_feature,
    Features, //
};

/// The device fills in checksums of what is sent.
pub(crate) const CSUM: Features = Features::bit(0);
/// The device may leave checksums of what is received to be filled in.
pub(crate) const GUEST_CSUM: Features = Features::bit(1);
/// The offloads of what is received can be switched.
pub(crate) const CTRL_GUEST_OFFLOADS: Features = Features::bit(2);
/// The device says how large packets are.
pub(crate) const MTU: Features = Features::bit(3);
/// The device has an address.
pub(crate) const MAC: Features = Features::bit(5);
/// The device may put segments of TCP over IPv4 together.
pub(crate) const GUEST_TSO4: Features = Features::bit(7);
/// The device may put segments of TCP over IPv6 together.
pub(crate) const GUEST_TSO6: Features = Features::bit(8);
/// It may do so with explicit congestion notification.
pub(crate) const GUEST_ECN: Features = Features::bit(9);
/// The device cuts TCP over IPv4.
pub(crate) const HOST_TSO4: Features = Features::bit(11);
/// The device cuts TCP over IPv6.
pub(crate) const HOST_TSO6: Features = Features::bit(12);
/// It does so with explicit congestion notification.
pub(crate) const HOST_ECN: Features = Features::bit(13);
/// A packet may be received in several buffers.
pub(crate) const MRG_RXBUF: Features = Features::bit(15);
/// The device says whether there is a link.
pub(crate) const STATUS: Features = Features::bit(16);
/// There is a control queue.
pub(crate) const CTRL_VQ: Features = Features::bit(17);
/// What is received can be chosen.
pub(crate) const CTRL_RX: Features = Features::bit(18);
/// VLANs can be chosen.
pub(crate) const CTRL_VLAN: Features = Features::bit(19);
/// The device asks for the interface to be announced.
pub(crate) const GUEST_ANNOUNCE: Features = Features::bit(21);
/// There are several queues for each direction.
pub(crate) const MQ: Features = Features::bit(22);
/// The address can be set.
pub(crate) const CTRL_MAC_ADDR: Features = Features::bit(23);
/// The device says how fast it is.
pub(crate) const SPEED_DUPLEX: Features = Features::bit(63);

/// What this driver has code and tests for.
pub(crate) const IMPLEMENTED: Features = Features::all_of(&[
    CSUM,
    GUEST_CSUM,
    CTRL_GUEST_OFFLOADS,
    MTU,
    MAC,
    GUEST_TSO4,
    GUEST_TSO6,
    GUEST_ECN,
    HOST_TSO4,
    HOST_TSO6,
    HOST_ECN,
    MRG_RXBUF,
    STATUS,
    CTRL_VQ,
    CTRL_RX,
    CTRL_VLAN,
    GUEST_ANNOUNCE,
    MQ,
    CTRL_MAC_ADDR,
    SPEED_DUPLEX,
]);

/// Which bits need which others (5.1.3.1). Segments are put together only where a packet may be in
/// several buffers: without that each buffer would have to hold 64 KiB.
const NEEDS: [(Features, Features); 13] = [
    (GUEST_TSO4, GUEST_CSUM),
    (GUEST_TSO6, GUEST_CSUM),
    (GUEST_TSO4, MRG_RXBUF),
    (GUEST_TSO6, MRG_RXBUF),
    (HOST_TSO4, CSUM),
    (HOST_TSO6, CSUM),
    (CTRL_RX, CTRL_VQ),
    (CTRL_VLAN, CTRL_VQ),
    (GUEST_ANNOUNCE, CTRL_VQ),
    (MQ, CTRL_VQ),
    (CTRL_MAC_ADDR, CTRL_VQ),
    (CTRL_GUEST_OFFLOADS, CTRL_VQ),
    (GUEST_ANNOUNCE, STATUS),
];

/// Takes away the bits that others are missing for.
pub(crate) fn settle(features: Features) -> Features {
    let mut features = NEEDS.iter().fold(features, |features, (bit, needed)| {
        if features.contains(*needed) {
            features
        } else {
            features & !*bit
        }
    });

    if !features.contains(GUEST_TSO4) && !features.contains(GUEST_TSO6) {
        features = features & !GUEST_ECN;
    }
    if !features.contains(HOST_TSO4) && !features.contains(HOST_TSO6) {
        features = features & !HOST_ECN;
    }
    features
}

/// The offloads of what is received, as `VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET` has them (5.1.6.5.6.1):
/// those that were agreed on, without segments if they are not `wanted`.
pub(crate) fn offloads(features: Features, segments: bool) -> u64 {
    let bits = [
        (GUEST_CSUM, 1 << 1, true),
        (GUEST_TSO4, 1 << 7, segments),
        (GUEST_TSO6, 1 << 8, segments),
        (GUEST_ECN, 1 << 9, segments),
    ];

    bits.iter().fold(0, |all, (bit, value, wanted)| {
        if *wanted && features.contains(*bit) {
            all | value
        } else {
            all
        }
    })
}

/// How the header before a packet goes to the device.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Framing {
    /// Bytes of it.
    pub(crate) header: u32,
    /// It is a segment of its own, and so is each part of a command.
    pub(crate) apart: bool,
}

impl Framing {
    /// What was agreed on (virtio 1.4, 5.1, "Legacy Interface: Device Operation" and "Legacy Interface:
    /// Framing Requirements").
    ///
    /// Before version 1 `num_buffers` was there only with mergeable buffers, and segments were only
    /// to be chosen where the device says so.
    pub(crate) const fn of(features: Features) -> Self {
        let modern = features.contains(transport_feature::VERSION_1);

        Self {
            header: if modern || features.contains(MRG_RXBUF) {
                12
            } else {
                10
            },
            apart: !modern && !features.contains(transport_feature::ANY_LAYOUT),
        }
    }
}
