// SPDX-License-Identifier: GPL-2.0

//! Wear of the medium: 5.2.6, `VIRTIO_BLK_T_GET_LIFETIME`.

use crate::lifetime::{
    parse,
    Lifetime,
    BYTES, //
};

fn answer(fields: [u16; 3]) -> Vec<u8> {
    fields
        .iter()
        .flat_map(|field| field.to_le_bytes())
        .collect()
}

#[test]
fn clause_5_2_6_lifetime() {
    assert_eq!(BYTES, 6);
    assert_eq!(
        parse(&answer([2, 11, 3])),
        Some(Lifetime {
            pre_eol_info: 2,
            type_a: 11,
            type_b: 3
        })
    );
    // Nothing was written: undefined, all of it.
    assert_eq!(
        parse(&[0; BYTES]),
        Some(Lifetime {
            pre_eol_info: 0,
            type_a: 0,
            type_b: 0
        })
    );
}

#[test]
fn clause_5_2_6_reserved_values_have_no_meaning() {
    for value in 0..=u16::MAX {
        assert_eq!(parse(&answer([value, 0, 0])).is_some(), value <= 3);
        assert_eq!(parse(&answer([0, value, 0])).is_some(), value <= 11);
        assert_eq!(parse(&answer([0, 0, value])).is_some(), value <= 11);
    }
}

#[test]
fn a_short_answer_is_none() {
    for length in 0..BYTES {
        assert_eq!(parse(&vec![0; length]), None);
    }
}
