// SPDX-License-Identifier: GPL-2.0

//! 5.5.2: which queue has which number.

use crate::numbering::{
    Numbering,
    DEFLATE,
    INFLATE, //
};

#[test]
fn clause_5_5_2_the_first_two_are_fixed() {
    assert_eq!((INFLATE, DEFLATE), (0, 1));
}

#[test]
fn clause_5_5_2_queues_that_do_not_exist_are_not_counted() {
    // Offered: statistics, free page hint, reporting. As QEMU and C's driver have it, which the
    // specification, with 2, 3 and 4 for all, has not.
    let table = [
        ((false, false, false), (None, None, None)),
        ((true, false, false), (Some(2), None, None)),
        ((false, true, false), (None, Some(2), None)),
        ((false, false, true), (None, None, Some(2))),
        ((true, false, true), (Some(2), None, Some(3))),
        ((false, true, true), (None, Some(2), Some(3))),
        ((true, true, false), (Some(2), Some(3), None)),
        ((true, true, true), (Some(2), Some(3), Some(4))),
    ];

    for (offered, wanted) in table {
        let (stats, hint, reporting) = offered;
        let numbering = Numbering::new(stats, hint, reporting);

        assert_eq!(
            (numbering.stats, numbering.hint, numbering.reporting),
            wanted,
            "{offered:?}"
        );
    }
}
