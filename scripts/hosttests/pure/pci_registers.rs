// SPDX-License-Identifier: GPL-2.0

//! The offsets of the common configuration against the structure of 4.1.4.3.

use crate::registers::*;

#[test]
fn clause_4_1_4_3_offsets_follow_from_the_widths() {
    // Bytes of each field, in the order of `struct virtio_pci_common_cfg`.
    let table = [
        (4, DEVICE_FEATURE_SELECT),
        (4, DEVICE_FEATURE),
        (4, DRIVER_FEATURE_SELECT),
        (4, DRIVER_FEATURE),
        (2, CONFIG_MSIX_VECTOR),
        (2, NUM_QUEUES),
        (1, DEVICE_STATUS),
        (1, CONFIG_GENERATION),
        (2, QUEUE_SELECT),
        (2, QUEUE_SIZE),
        (2, QUEUE_MSIX_VECTOR),
        (2, QUEUE_ENABLE),
        (2, QUEUE_NOTIFY_OFF),
        (8, QUEUE_DESC),
        (8, QUEUE_DRIVER),
        (8, QUEUE_DEVICE),
    ];
    let mut at = 0;

    for (width, offset) in table {
        assert_eq!(offset, at);
        assert_eq!(offset % width, 0);
        at += width;
    }
    assert_eq!(COMMON_LENGTH, at as u64);
}

#[test]
fn clause_4_1_4_5_isr_bits() {
    assert_eq!((ISR_QUEUE, ISR_CONFIG), (0b01, 0b10));
}

#[test]
fn clause_4_1_5_1_2_no_vector() {
    assert_eq!(NO_VECTOR, 0xffff);
}
