// SPDX-License-Identifier: GPL-2.0

//! Where areas stand that the device is told of one by one: 2.6.

use crate::areas::Areas;
use vring::{
    packed_layout,
    split_layout,
    RingSizes, //
};

fn stands(sizes: &RingSizes, what: &str) -> Areas {
    let areas = Areas::dense(sizes).unwrap();

    assert!(sizes.desc.bytes <= areas.driver, "{what}");
    assert!(areas.driver + sizes.driver.bytes <= areas.device, "{what}");
    assert_eq!(areas.device + sizes.device.bytes, areas.bytes, "{what}");
    assert_eq!(areas.driver % sizes.driver.align, 0, "{what}");
    assert_eq!(areas.device % sizes.device.align, 0, "{what}");
    areas
}

#[test]
fn clause_2_7_areas_of_all_split_rings() {
    for order in 0..=15 {
        let size = 1u16 << order;
        let areas = stands(&split_layout(size).unwrap(), &format!("split, {size}"));

        // `flags` and `idx` stand before the elements.
        assert_eq!((areas.device + 4) % 8, 0, "elements of {size} are aligned");
    }
}

#[test]
fn clause_2_8_areas_of_all_packed_rings() {
    for size in 1..=32768 {
        stands(&packed_layout(size).unwrap(), &format!("packed, {size}"));
    }
}
