// SPDX-License-Identifier: GPL-2.0

//! Features that need registers: 4.1.4.3.

use crate::{
    feature::transport_feature::*,
    pci_feature::backed,
    Features, //
};

#[test]
fn p8_clause_4_1_4_3_what_has_no_register_is_not_accepted() {
    let both = NOTIF_CONFIG_DATA | RING_RESET;
    let all = both | ADMIN_VQ;
    let rest = VERSION_1 | RING_PACKED | Features::bit(3);

    for (length, left) in [
        (56, Features::NONE),
        (57, Features::NONE),
        (58, NOTIF_CONFIG_DATA),
        (59, NOTIF_CONFIG_DATA),
        (60, both),
        (63, both),
        (64, all),
        (4096, all),
    ] {
        assert_eq!(
            backed(length, true, all | rest),
            left | rest,
            "{length} bytes"
        );
        assert_eq!(backed(length, true, rest), rest);
    }
}

/// 6.3: a driver accepts it only of a function that can have virtual functions.
#[test]
fn p8_clause_6_3_virtual_functions_need_a_capability() {
    let offered = VERSION_1 | SR_IOV | RING_RESET;

    assert_eq!(backed(64, true, offered), offered);
    assert_eq!(backed(64, false, offered), VERSION_1 | RING_RESET);
}
