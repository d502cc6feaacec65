// SPDX-License-Identifier: GPL-2.0

//! The names of feature bits (virtio 1.4, 5 and 6), for people.

use crate::id::DeviceId;

/// Those that belong to no device type (6), two of them to legacy devices alone.
const COMMON: &[(u32, &str)] = &[
    (24, "VIRTIO_F_NOTIFY_ON_EMPTY"),
    (27, "VIRTIO_F_ANY_LAYOUT"),
    (28, "VIRTIO_F_INDIRECT_DESC"),
    (29, "VIRTIO_F_EVENT_IDX"),
    (32, "VIRTIO_F_VERSION_1"),
    (33, "VIRTIO_F_ACCESS_PLATFORM"),
    (34, "VIRTIO_F_RING_PACKED"),
    (35, "VIRTIO_F_IN_ORDER"),
    (36, "VIRTIO_F_ORDER_PLATFORM"),
    (37, "VIRTIO_F_SR_IOV"),
    (38, "VIRTIO_F_NOTIFICATION_DATA"),
    (39, "VIRTIO_F_NOTIF_CONFIG_DATA"),
    (40, "VIRTIO_F_RING_RESET"),
    (41, "VIRTIO_F_ADMIN_VQ"),
    (43, "VIRTIO_F_SUSPEND"),
];

/// 5.1.3.
const NETWORK: &[(u32, &str)] = &[
    (0, "VIRTIO_NET_F_CSUM"),
    (1, "VIRTIO_NET_F_GUEST_CSUM"),
    (2, "VIRTIO_NET_F_CTRL_GUEST_OFFLOADS"),
    (3, "VIRTIO_NET_F_MTU"),
    (5, "VIRTIO_NET_F_MAC"),
    (6, "VIRTIO_NET_F_GSO"),
    (7, "VIRTIO_NET_F_GUEST_TSO4"),
    (8, "VIRTIO_NET_F_GUEST_TSO6"),
    (9, "VIRTIO_NET_F_GUEST_ECN"),
    (10, "VIRTIO_NET_F_GUEST_UFO"),
    (11, "VIRTIO_NET_F_HOST_TSO4"),
    (12, "VIRTIO_NET_F_HOST_TSO6"),
    (13, "VIRTIO_NET_F_HOST_ECN"),
    (14, "VIRTIO_NET_F_HOST_UFO"),
    (15, "VIRTIO_NET_F_MRG_RXBUF"),
    (16, "VIRTIO_NET_F_STATUS"),
    (17, "VIRTIO_NET_F_CTRL_VQ"),
    (18, "VIRTIO_NET_F_CTRL_RX"),
    (19, "VIRTIO_NET_F_CTRL_VLAN"),
    (20, "VIRTIO_NET_F_CTRL_RX_EXTRA"),
    (21, "VIRTIO_NET_F_GUEST_ANNOUNCE"),
    (22, "VIRTIO_NET_F_MQ"),
    (23, "VIRTIO_NET_F_CTRL_MAC_ADDR"),
    (50, "VIRTIO_NET_F_DEVICE_STATS"),
    (51, "VIRTIO_NET_F_HASH_TUNNEL"),
    (52, "VIRTIO_NET_F_VQ_NOTF_COAL"),
    (53, "VIRTIO_NET_F_NOTF_COAL"),
    (54, "VIRTIO_NET_F_GUEST_USO4"),
    (55, "VIRTIO_NET_F_GUEST_USO6"),
    (56, "VIRTIO_NET_F_HOST_USO"),
    (57, "VIRTIO_NET_F_HASH_REPORT"),
    (59, "VIRTIO_NET_F_GUEST_HDRLEN"),
    (60, "VIRTIO_NET_F_RSS"),
    (61, "VIRTIO_NET_F_RSC_EXT"),
    (62, "VIRTIO_NET_F_STANDBY"),
    (63, "VIRTIO_NET_F_SPEED_DUPLEX"),
    (64, "VIRTIO_NET_F_RSS_CONTEXT"),
    (65, "VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO"),
    (66, "VIRTIO_NET_F_GUEST_UDP_TUNNEL_GSO_CSUM"),
    (67, "VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO"),
    (68, "VIRTIO_NET_F_HOST_UDP_TUNNEL_GSO_CSUM"),
];

/// 5.2.3.
const BLOCK: &[(u32, &str)] = &[
    (0, "VIRTIO_BLK_F_BARRIER"),
    (1, "VIRTIO_BLK_F_SIZE_MAX"),
    (2, "VIRTIO_BLK_F_SEG_MAX"),
    (4, "VIRTIO_BLK_F_GEOMETRY"),
    (5, "VIRTIO_BLK_F_RO"),
    (6, "VIRTIO_BLK_F_BLK_SIZE"),
    (7, "VIRTIO_BLK_F_SCSI"),
    (9, "VIRTIO_BLK_F_FLUSH"),
    (10, "VIRTIO_BLK_F_TOPOLOGY"),
    (11, "VIRTIO_BLK_F_CONFIG_WCE"),
    (12, "VIRTIO_BLK_F_MQ"),
    (13, "VIRTIO_BLK_F_DISCARD"),
    (14, "VIRTIO_BLK_F_WRITE_ZEROES"),
    (15, "VIRTIO_BLK_F_LIFETIME"),
    (16, "VIRTIO_BLK_F_SECURE_ERASE"),
    (17, "VIRTIO_BLK_F_ZONED"),
];

/// 5.5.3.
const BALLOON: &[(u32, &str)] = &[
    (0, "VIRTIO_BALLOON_F_MUST_TELL_HOST"),
    (1, "VIRTIO_BALLOON_F_STATS_VQ"),
    (2, "VIRTIO_BALLOON_F_DEFLATE_ON_OOM"),
    (3, "VIRTIO_BALLOON_F_FREE_PAGE_HINT"),
    (4, "VIRTIO_BALLOON_F_PAGE_POISON"),
    (5, "VIRTIO_BALLOON_F_PAGE_REPORTING"),
];

/// The names of the bits of a device type alone.
const fn own(device: DeviceId) -> &'static [(u32, &'static str)] {
    match device {
        DeviceId::NETWORK => NETWORK,
        DeviceId::BLOCK => BLOCK,
        DeviceId::BALLOON => BALLOON,
        _ => &[],
    }
}

/// All names that the bits of a device have.
fn all(device: DeviceId) -> impl Iterator<Item = (u32, &'static str)> {
    COMMON.iter().chain(own(device)).copied()
}

/// The name of bit `number`, if it is known.
pub(crate) fn name(device: DeviceId, number: u32) -> Option<&'static str> {
    all(device)
        .find(|(other, _)| *other == number)
        .map(|(_, name)| name)
}

/// The bit that is named `name`.
pub(crate) fn number(device: DeviceId, name: &str) -> Option<u32> {
    all(device)
        .find(|(_, other)| *other == name)
        .map(|(number, _)| number)
}
