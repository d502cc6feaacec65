// SPDX-License-Identifier: GPL-2.0

//! Features that need registers of the transport. Pure.

use crate::registers::{
    NOTIF_CONFIG_DATA_LENGTH,
    QUEUE_RESET_LENGTH, //
};
use virtio::{
    transport_feature,
    Features, //
};

/// Takes away those of `features` for which a common configuration of `length` bytes is too short
/// (4.1.4.3).
pub(crate) fn backed(length: u64, features: Features) -> Features {
    [
        (
            transport_feature::NOTIF_CONFIG_DATA,
            NOTIF_CONFIG_DATA_LENGTH,
        ),
        (transport_feature::RING_RESET, QUEUE_RESET_LENGTH),
    ]
    .into_iter()
    .filter(|(_, needed)| length < *needed)
    .fold(features, |features, (feature, _)| features & !feature)
}
