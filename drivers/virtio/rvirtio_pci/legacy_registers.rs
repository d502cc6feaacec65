// SPDX-License-Identifier: GPL-2.0

//! Offsets in the legacy configuration structure, BAR 0 (virtio 1.4, 4.1.4.10), in bytes. Its multi-byte
//! registers are little-endian. Pure.

/// Features 0 to 31 that the device offers. 32 bits, read-only.
pub(crate) const DEVICE_FEATURES: usize = 0;
/// Features that the driver accepts. 32 bits.
pub(crate) const DRIVER_FEATURES: usize = 4;
/// The page that the queue begins at; zero disables it. 32 bits.
pub(crate) const QUEUE_ADDRESS: usize = 8;
/// The queue's size, which is not to be chosen; zero when there is no such queue. 16 bits, read-only.
pub(crate) const QUEUE_SIZE: usize = 12;
/// Which queue the registers are about. 16 bits.
pub(crate) const QUEUE_SELECT: usize = 14;
/// The doorbell of all queues. 16 bits.
pub(crate) const QUEUE_NOTIFY: usize = 16;
/// Device status. 8 bits.
pub(crate) const DEVICE_STATUS: usize = 18;
/// ISR status, cleared when read. 8 bits, read-only.
pub(crate) const ISR_STATUS: usize = 19;
/// The vector for configuration changes. 16 bits; only while MSI-X is on.
pub(crate) const CONFIG_MSIX_VECTOR: usize = 20;
/// The queue's vector. 16 bits; only while MSI-X is on.
pub(crate) const QUEUE_MSIX_VECTOR: usize = 22;

/// Where the device's own configuration begins: it makes room for the vectors while MSI-X is on.
pub(crate) const fn config_at(msix: bool) -> usize {
    if msix {
        24
    } else {
        20
    }
}

/// How many bytes of it a BAR of `length` bytes has wherever it begins, if the BAR is long enough for all
/// registers; `can_msix`: the function has MSI-X.
pub(crate) fn config_length(length: usize, can_msix: bool) -> Option<usize> {
    length.checked_sub(config_at(can_msix))
}
