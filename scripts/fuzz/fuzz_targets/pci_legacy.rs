// SPDX-License-Identifier: GPL-2.0

//! A legacy device whose BAR has any length, and whose queues have any size; and a common configuration
//! of any length.
//!
//! The configuration is inside the BAR wherever it begins; areas of a queue stand apart, in whole pages,
//! or there is no such queue; an address is told as it is, or not at all; no feature is left whose
//! registers are not there.

#![no_main]
#![allow(dead_code)]

extern crate self as virtio;

#[path = "../../../rust/virtio/areas.rs"]
mod areas;
#[path = "../../../rust/virtio/feature.rs"]
mod feature;
#[path = "../input.rs"]
mod input;
#[path = "../../../drivers/virtio/rvirtio_pci/legacy_queue.rs"]
mod legacy_queue;
#[path = "../../../drivers/virtio/rvirtio_pci/legacy_registers.rs"]
mod legacy_registers;
#[path = "../../../drivers/virtio/rvirtio_pci/feature.rs"]
mod pci_feature;
#[path = "../../../drivers/virtio/rvirtio_pci/registers.rs"]
mod registers;

pub use areas::Areas;
pub use feature::{
    transport_feature,
    Features, //
};
use input::Input;
use libfuzzer_sys::fuzz_target;
pub use vring::RingSizes;
use vring::{
    packed_layout,
    split_layout,
    AreaSize, //
};

/// Areas follow each other, in memory that holds them.
fn stand(areas: &Areas, sizes: &RingSizes) {
    assert!(sizes.desc.bytes <= areas.driver);
    assert!(areas.driver.checked_add(sizes.driver.bytes).unwrap() <= areas.device);
    assert!(areas.device.checked_add(sizes.device.bytes).unwrap() <= areas.bytes);
}

fn queue(size: u16) {
    if let Ok(sizes) = split_layout(size) {
        let legacy = legacy_queue::areas(&sizes).unwrap();

        stand(&legacy, &sizes);
        assert_eq!((legacy.device % 4096, legacy.bytes % 4096), (0, 0));
        stand(&Areas::dense(&sizes).unwrap(), &sizes);
    }
    if let Ok(sizes) = packed_layout(size) {
        stand(&Areas::dense(&sizes).unwrap(), &sizes);
    }
}

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let length = match input.u8() {
        0 => input.u64() as usize,
        small => small.into(),
    };

    for can_msix in [false, true] {
        match legacy_registers::config_length(length, can_msix) {
            Some(config) => {
                for msix in [false, can_msix] {
                    assert!(legacy_registers::config_at(msix) + config <= length);
                }
            }
            None => assert!(length < 24),
        }
    }
    queue(input.u16());

    // Areas that no layout has.
    let mut area = || AreaSize {
        bytes: input.u64() as usize,
        align: 1 << (input.u8() % 13),
    };
    let sizes = RingSizes {
        desc: area(),
        driver: area(),
        device: area(),
    };

    for areas in [legacy_queue::areas(&sizes), Areas::dense(&sizes)] {
        if let Some(areas) = areas {
            stand(&areas, &sizes);
        }
    }

    let address = input.u64();

    for address in [address, address & !4095, address % (1 << 44) & !4095] {
        match legacy_queue::page_number(address) {
            Some(page) => assert_eq!(u64::from(page) << 12, address),
            None => assert!(address == 0 || address % 4096 != 0 || address >> 44 != 0),
        }
    }

    let length = u64::from(input.u8());
    let offered = Features::from_words([input.u32(), input.u32(), input.u32(), input.u32()]);
    let can_sriov = input.u8() % 2 == 0;
    let backed = pci_feature::backed(length, can_sriov, offered);
    let has = |bit| backed.contains(Features::bit(bit));

    assert!(offered.contains(backed));
    assert!(!has(39) || length >= 58);
    assert!(!has(40) || length >= 60);
    assert!(!has(41) || length >= 64);
    assert!(!has(37) || can_sriov);
    assert_eq!(
        backed | (offered & Features::all_of(&[37, 39, 40, 41].map(Features::bit))),
        offered,
        "no other bit is taken away"
    );
});
