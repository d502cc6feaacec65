// SPDX-License-Identifier: GPL-2.0

//! What the administration queue may be and do: whatever it is, the device is used.

use super::{
    case,
    common,
    pci,
    tell,
    Case,
    Outcome::*,
    Strikes::*,
    BOTH, //
};
use crate::{
    config_space::{
        cap,
        COMMON_CAP, //
    },
    lie::{
        Lie,
        Part,
        Value::*,
        What::*, //
    },
    registers::at,
    ring::Field,
};

/// The queue's number: a disk has one ordinary queue.
const QUEUE: u16 = 1;
const ANY: &str = "admin=both";

pub fn of_block() -> Vec<Case> {
    let index = |index| common(at::ADMIN_QUEUE_INDEX, 2, Is(index));
    let count = |count| common(at::ADMIN_QUEUE_NUM, 2, Is(count));
    let p16 = |name, does| case("P16", name, does).options(ANY);
    let answers = |name, does, part, value, says| {
        case("P16", name, does)
            .options(ANY)
            .lie(Lie::new(Answer(part), value).on(QUEUE))
            .ends(Works, says)
    };

    vec![
        p16("admin-honest", "has an administration queue")
            .at(Io)
            .formats(BOTH),
        p16(
            "admin-queue-0",
            "offers an administration queue that is the request queue",
        )
        .lie(index(0))
        .ends(Works, "administration queue 0 is one of 1 ordinary queues"),
        p16("admin-none", "offers administration queues, none of them")
            .lie(count(0))
            .ends(Works, "device has no administration queue"),
        p16(
            "admin-too-many",
            "has administration queues past the last number",
        )
        .lie(index(0xffff))
        .lie(count(2))
        .ends(
            Works,
            "2 administration queues from 65535 on are not possible",
        ),
        p16(
            "admin-absent",
            "has an administration queue where there is none",
        )
        .lie(index(40))
        .ends(Works, "queue 40: size 0 is not possible"),
        p16(
            "admin-enabled-already",
            "has an administration queue that is enabled already",
        )
        .lie(common(at::QUEUE_ENABLE, 2, Is(1)).on(QUEUE))
        .ends(Works, "queue 1: cannot be opened"),
        p16(
            "admin-notify-offset",
            "has the doorbell of its administration queue outside of the notification area",
        )
        .lie(common(at::QUEUE_NOTIFY_OFF, 2, Is(0xffff)).on(QUEUE))
        .ends(Works, "queue 1: notification offset 65535 x 4 is outside"),
        p16(
            "admin-no-room",
            "offers an administration queue, and has no register for it",
        )
        .lie(pci(COMMON_CAP, cap::LENGTH, 4, Is(63))),
        // That nobody waits for it, and that it is said, is looked at by the selftest `admin`.
        p16("admin-silent", "answers no administration command")
            .formats(BOTH)
            .lie(tell(Keep).on(QUEUE)),
        p16("admin-late", "takes its time for administration commands")
            .lie(Lie::new(Late, Is(150)).on(QUEUE)),
        p16("admin-no-groups", "knows no group").options("admin=none"),
        answers(
            "admin-status-random",
            "answers administration commands with any status",
            Part::Status,
            Random,
            "",
        ),
        answers(
            "admin-list-empty",
            "knows no administration commands",
            Part::Data,
            Is(0),
            "queue 1: group self: its list lacks LIST_QUERY or LIST_USE",
        ),
        p16("admin-list-full", "knows every administration command")
            .lie(Lie::new(Answer(Part::Data), Is(u64::MAX)).on(QUEUE)),
        p16(
            "admin-no-status",
            "gives administration commands back without a status",
        )
        .lie(tell(Omit(Part::Status)).on(QUEUE)),
        p16("admin-short", "has written half a head of an answer")
            .lie(Lie::new(Ring(Field::Len), Is(4)).on(QUEUE))
            .ends(Works, "queue 1: group self: an answer of 4 bytes"),
        p16("admin-long", "has written more than there was room for")
            .lie(Lie::new(Ring(Field::Len), Is(u64::MAX)).on(QUEUE))
            .ends(Safe, "device is broken: queue 1: used length"),
        p16(
            "admin-id",
            "gives back administration commands that there are not",
        )
        .lie(Lie::new(Ring(Field::Id), Size(0)).on(QUEUE))
        .ends(Safe, "device is broken: queue 1: used id"),
        p16(
            "admin-needs-reset",
            "asks for a reset, and has an administration queue",
        )
        .at(Io)
        .formats(BOTH)
        .lie(tell(NeedsReset).struck().once())
        .ends(
            Works,
            "device asks for a reset .*; it gets one, and goes on",
        ),
        p16(
            "admin-moves",
            "asks for a reset, and has its administration queue elsewhere then",
        )
        .at(Io)
        .lie(index(9).struck())
        .lie(tell(NeedsReset).struck().once())
        .ends(Broken, "queue 1: cannot be opened after a reset"),
    ]
}
