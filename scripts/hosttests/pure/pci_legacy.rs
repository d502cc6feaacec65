// SPDX-License-Identifier: GPL-2.0

//! The legacy interface: 4.1.4.10, 2.7.2, 4.1.5.1.3, 6.3.

use crate::{
    legacy_queue::{
        areas,
        page_number, //
    },
    legacy_registers::*,
    pci_feature::LEGACY,
    transport_feature::*,
    Features, //
};
use vring::split_layout;

/// Queue Align.
const ALIGN: usize = 4096;

#[test]
fn clause_4_1_4_10_offsets_follow_from_the_widths() {
    // Bytes of each field, in the order of the tables.
    let table = [
        (4, DEVICE_FEATURES),
        (4, DRIVER_FEATURES),
        (4, QUEUE_ADDRESS),
        (2, QUEUE_SIZE),
        (2, QUEUE_SELECT),
        (2, QUEUE_NOTIFY),
        (1, DEVICE_STATUS),
        (1, ISR_STATUS),
        (2, CONFIG_MSIX_VECTOR),
        (2, QUEUE_MSIX_VECTOR),
    ];
    let mut at = 0;

    for (width, offset) in table {
        if offset == CONFIG_MSIX_VECTOR {
            assert_eq!(config_at(false), at, "without MSI-X it begins here");
        }
        assert_eq!(offset, at);
        assert_eq!(offset % width, 0);
        at += width;
    }
    assert_eq!(config_at(true), at, "with MSI-X it moves");
}

#[test]
fn clause_4_1_4_10_the_configuration_is_there_wherever_it_begins() {
    for (length, without, with) in [
        (0, None, None),
        (19, None, None),
        (20, Some(0), None),
        (23, Some(3), None),
        (24, Some(4), Some(0)),
        (64, Some(44), Some(40)),
        (usize::MAX, Some(usize::MAX - 20), Some(usize::MAX - 24)),
    ] {
        assert_eq!(config_length(length, false), without, "{length} bytes");
        assert_eq!(config_length(length, true), with, "{length} bytes, MSI-X");
    }
}

/// `ALIGN()` of 2.7.2, whose formula has a slip: it adds `qalign`, and masks with `~qalign`.
fn aligned(bytes: usize) -> usize {
    (bytes + ALIGN - 1) / ALIGN * ALIGN
}

#[test]
fn clause_2_7_2_layout_of_all_sizes() {
    for order in 0..=15 {
        let size = 1u16 << order;
        let n = usize::from(size);
        let sizes = split_layout(size).unwrap();
        let areas = areas(&sizes).unwrap();

        assert_eq!(areas.driver, 16 * n);
        assert_eq!(areas.device, aligned(16 * n + 2 * (3 + n)), "{size}");
        assert_eq!(
            areas.bytes,
            aligned(16 * n + 2 * (3 + n)) + aligned(2 * 3 + 8 * n),
            "virtq_size({size})"
        );
        // Nothing overlaps, nothing stands out.
        assert!(areas.driver + sizes.driver.bytes <= areas.device);
        assert!(areas.device + sizes.device.bytes <= areas.bytes);
        // Two or more pages.
        assert!(areas.bytes >= 2 * ALIGN);
    }
    // As QEMU and C have it.
    assert_eq!(areas(&split_layout(256).unwrap()).unwrap().bytes, 3 * ALIGN);
}

#[test]
fn clause_4_1_5_1_3_the_address_is_told_as_a_page() {
    for (address, page) in [
        (0, None),
        (1, None),
        (4095, None),
        (4096, Some(1)),
        (4097, None),
        (0x1234_5000, Some(0x1_2345)),
        (0xffff_ffff_000, Some(u32::MAX)),
        (0xffff_ffff_001, None),
        (0x1000_0000_0000, None),
        (u64::MAX & !4095, None),
        (u64::MAX, None),
    ] {
        assert_eq!(page_number(address), page, "{address:#x}");
    }
}

#[test]
fn clause_6_3_what_can_be_agreed_on() {
    assert_eq!(
        LEGACY,
        Features::bit(27) | Features::bit(28) | Features::bit(29)
    );
    // Nothing that belongs to a device type, and nothing that version 1 brought.
    assert!(RESERVED.contains(LEGACY));
    assert!((LEGACY & VERSION_1).is_empty());
    assert_eq!(LEGACY.words()[1..], [0; 3]);
    // Modern devices do not get what is legacy alone.
    assert!((IMPLEMENTED & ANY_LAYOUT).is_empty());
}
