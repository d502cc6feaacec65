// SPDX-License-Identifier: GPL-2.0

use crate::admin_queue::{
    admin_queue,
    AdminQueueError, //
};
use proptest::prelude::*;

/// P16: one that is an ordinary queue is none.
#[test]
fn p16_an_ordinary_queue_is_not_for_administration() {
    assert_eq!(admin_queue(3, 3, 1), Ok(3));
    assert_eq!(admin_queue(3, 65535, 1), Ok(65535));
    assert_eq!(admin_queue(0, 0, 65535), Ok(0));
    for index in 0..3 {
        assert_eq!(
            admin_queue(3, index, 1),
            Err(AdminQueueError::Ordinary { index, queues: 3 })
        );
    }
}

#[test]
fn p16_none_and_too_many() {
    assert_eq!(admin_queue(3, 3, 0), Err(AdminQueueError::None));
    assert_eq!(
        admin_queue(3, 65535, 2),
        Err(AdminQueueError::TooMany {
            index: 65535,
            count: 2
        })
    );
}

proptest! {
    /// What is taken is as the device says, behind its ordinary queues, and has a number.
    #[test]
    fn p16_whatever_is_claimed(queues: u16, index: u16, count: u16) {
        match admin_queue(queues, index, count) {
            Ok(taken) => {
                prop_assert_eq!(taken, index);
                prop_assert!(index >= queues && count != 0 && u32::from(index) + u32::from(count) <= 65536);
            }
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}
