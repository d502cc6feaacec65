// SPDX-License-Identifier: GPL-2.0

//! Features that need registers of the transport, and those that the legacy interface can have. Pure.

use crate::registers::{
    ADMIN_QUEUE_LENGTH,
    NOTIF_CONFIG_DATA_LENGTH,
    QUEUE_RESET_LENGTH, //
};
use virtio::{
    transport_feature,
    Features, //
};

/// The reserved features that can be agreed on through the legacy interface (4.1.4.10): there are 32 bits.
/// `VIRTIO_F_NOTIFY_ON_EMPTY` is of no use here, and bit 30 is not to be accepted (6.3).
pub(crate) const LEGACY: Features = Features::all_of(&[
    transport_feature::ANY_LAYOUT,
    transport_feature::INDIRECT_DESC,
    transport_feature::EVENT_IDX,
]);

/// Takes away those of `features` for which a common configuration of `length` bytes is too short
/// (4.1.4.3), and that of virtual functions where the PCI function can have none (6.3).
pub(crate) fn backed(length: u64, can_sriov: bool, features: Features) -> Features {
    let features = if can_sriov {
        features
    } else {
        features & !transport_feature::SR_IOV
    };

    [
        (
            transport_feature::NOTIF_CONFIG_DATA,
            NOTIF_CONFIG_DATA_LENGTH,
        ),
        (transport_feature::RING_RESET, QUEUE_RESET_LENGTH),
        (transport_feature::ADMIN_VQ, ADMIN_QUEUE_LENGTH),
    ]
    .into_iter()
    .filter(|(_, needed)| length < *needed)
    .fold(features, |features, (feature, _)| features & !feature)
}
