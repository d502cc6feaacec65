// SPDX-License-Identifier: GPL-2.0

//! What a device may do where notifications say more than a queue's number (4.1.5.2), and to features of all four words.
//! The device finds out by itself what is said: it complains of a doorbell that gets anything else than it wanted.

use super::{
    case,
    common,
    pci,
    Case,
    Outcome::*,
    Strikes::*,
    BOTH, //
};
use crate::{
    config_space::{
        cap,
        COMMON_CAP,
        NOTIFY_CAP, //
    },
    lie::Value::*,
    registers::at,
};

const NAMED: &str = "notif_config_data=on";
const PLACED: &str = "notification_data=on";
const BOTH_OF_THEM: &str = "notification_data=on notif_config_data=on";

/// Those of any device.
fn any() -> Vec<Case> {
    vec![
        case(
            "P6",
            "notified-with-place",
            "wants to know how far the driver has got",
        )
        .at(Io)
        .formats(BOTH)
        .options(PLACED),
        case(
            "P6",
            "notified-by-name",
            "has names for its queues, and wants to know how far the driver has got",
        )
        .at(Io)
        .formats(BOTH)
        .options(BOTH_OF_THEM),
        case(
            "P6",
            "names-random",
            "has another name for a queue each time it is asked",
        )
        .formats(BOTH)
        .options(NAMED)
        .lie(common(at::QUEUE_NOTIF_CONFIG_DATA, 2, Random)),
        case(
            "P6",
            "names-out-of-range",
            "calls all queues by the largest number there is",
        )
        .options(BOTH_OF_THEM)
        .lie(common(at::QUEUE_NOTIF_CONFIG_DATA, 2, Is(0xffff))),
        case(
            "P6",
            "no-room-for-names",
            "has names for its queues, and half of the register for them",
        )
        .options(NAMED)
        .lie(pci(COMMON_CAP, cap::LENGTH, 4, Is(57))),
        case(
            "P6",
            "no-room-for-queue-reset",
            "can reset queues, and has no register for it",
        )
        .options(NAMED)
        .lie(pci(COMMON_CAP, cap::LENGTH, 4, Is(58))),
        case(
            "P6",
            "doorbell-too-short",
            "wants to know how far the driver has got, through a doorbell of 16 bits",
        )
        .options(PLACED)
        .lie(pci(NOTIFY_CAP, cap::LENGTH, 4, Is(2)))
        .ends(
            Refused,
            "queue 0: notification offset 0 x 4 is outside the notification area",
        ),
        case(
            "P6",
            "doorbell-unaligned",
            "wants to know how far the driver has got, through a doorbell that is not aligned",
        )
        .options(PLACED)
        .lie(pci(NOTIFY_CAP, cap::OFFSET, 4, Is(0x3002)))
        .ends(Refused, "queue 0: cannot be opened"),
        case(
            "P8",
            "features-above-64",
            "offers features that nobody knows, in the upper words",
        )
        .options("offer=64 offer=95 offer=96 offer=127"),
    ]
}

pub fn of_block() -> Vec<Case> {
    any()
}

pub fn of_net() -> Vec<Case> {
    let mut all = any();

    all.push(
        case(
            "P6",
            "doorbells-too-near",
            "wants to know how far the driver has got, through doorbells two bytes apart",
        )
        .options(PLACED)
        .lie(pci(NOTIFY_CAP, cap::MORE, 4, Is(2)))
        .ends(Refused, "queue 1: cannot be opened"),
    );
    all
}
