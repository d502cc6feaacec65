// SPDX-License-Identifier: GPL-2.0

//! Offsets in the common configuration structure (virtio 1.4, 4.1.4.3), in bytes. Multi-byte
//! registers are little-endian.

/// Which 32 bits of the features [`DEVICE_FEATURE`] shows. 32 bits.
pub(crate) const DEVICE_FEATURE_SELECT: usize = 0;
/// Features that the device offers. 32 bits, read-only.
pub(crate) const DEVICE_FEATURE: usize = 4;
/// Which 32 bits of the features [`DRIVER_FEATURE`] takes. 32 bits.
pub(crate) const DRIVER_FEATURE_SELECT: usize = 8;
/// Features that the driver accepts. 32 bits.
pub(crate) const DRIVER_FEATURE: usize = 12;
/// The vector for configuration changes. 16 bits.
pub(crate) const CONFIG_MSIX_VECTOR: usize = 16;
/// How many queues the device has. 16 bits, read-only.
pub(crate) const NUM_QUEUES: usize = 18;
/// Device status. 8 bits.
pub(crate) const DEVICE_STATUS: usize = 20;
/// Changes with the device configuration. 8 bits, read-only.
pub(crate) const CONFIG_GENERATION: usize = 21;
/// Which queue the following registers are about. 16 bits.
pub(crate) const QUEUE_SELECT: usize = 22;
/// The queue's size: at reset the largest possible one. 16 bits.
pub(crate) const QUEUE_SIZE: usize = 24;
/// The queue's vector. 16 bits.
pub(crate) const QUEUE_MSIX_VECTOR: usize = 26;
/// One enables the queue. 16 bits.
pub(crate) const QUEUE_ENABLE: usize = 28;
/// Where the queue's doorbell is, in units of the multiplier. 16 bits, read-only.
pub(crate) const QUEUE_NOTIFY_OFF: usize = 30;
/// Address of the descriptor area. 64 bits, written as two halves.
pub(crate) const QUEUE_DESC: usize = 32;
/// Address of the driver area. 64 bits, written as two halves.
pub(crate) const QUEUE_DRIVER: usize = 40;
/// Address of the device area. 64 bits, written as two halves.
pub(crate) const QUEUE_DEVICE: usize = 48;
/// How long the structure is at least.
pub(crate) const COMMON_LENGTH: u64 = 56;
/// By which number notifications name the queue. 16 bits, read-only; only with
/// `VIRTIO_F_NOTIF_CONFIG_DATA`.
pub(crate) const QUEUE_NOTIF_CONFIG_DATA: usize = 56;
/// How long the structure is if it has that.
pub(crate) const NOTIF_CONFIG_DATA_LENGTH: u64 = 58;
/// One resets the queue; zero when that is done. 16 bits; only with `VIRTIO_F_RING_RESET`.
pub(crate) const QUEUE_RESET: usize = 58;
/// How long the structure is if it has that.
pub(crate) const QUEUE_RESET_LENGTH: u64 = 60;
/// The first administration queue. 16 bits, read-only; only with `VIRTIO_F_ADMIN_VQ`.
pub(crate) const ADMIN_QUEUE_INDEX: usize = 60;
/// How many there are. 16 bits, read-only; only with `VIRTIO_F_ADMIN_VQ`.
pub(crate) const ADMIN_QUEUE_NUM: usize = 62;
/// How long the structure is if it has these.
pub(crate) const ADMIN_QUEUE_LENGTH: u64 = 64;

/// A vector register that has no vector.
pub(crate) const NO_VECTOR: u16 = 0xffff;

/// The ISR bit for "a queue has used buffers" (4.1.4.5).
pub(crate) const ISR_QUEUE: u8 = 1;
/// The ISR bit for "the configuration changed".
pub(crate) const ISR_CONFIG: u8 = 2;
