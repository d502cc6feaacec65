// SPDX-License-Identifier: GPL-2.0

//! What a disk may do when it begins anew under I/O: it asks for a reset, and is another one after it.

use super::*;
use crate::lie::Value;

/// What it says of queue 0.
fn queue(offset: usize, value: Value) -> Lie {
    common(offset, 2, value)
}

pub fn cases() -> Vec<Case> {
    let [never, featureless, gone] =
        anew_of_all(["anew-never", "anew-without-features", "anew-gone"]);

    vec![
        never,
        anew(
            "P8",
            "anew-refuses-features",
            "refuses after a reset what it agreed to before",
            common(at::STATUS, 1, And(!8)),
        )
        .ends(Broken, "device refuses features"),
        featureless,
        anew(
            "P8",
            "anew-without-queues",
            "has no queue any more after a reset",
            queue(at::NUM_QUEUES, Is(0)),
        )
        .ends(Broken, "queue 0: cannot be opened after a reset"),
        anew(
            "P8",
            "anew-enabled",
            "has its queue enabled after a reset",
            queue(at::QUEUE_ENABLE, Is(1)),
        )
        .ends(Broken, "queue 0: cannot be opened after a reset"),
        anew(
            "P7",
            "anew-size-0",
            "has a queue of no entries after a reset",
            queue(at::QUEUE_SIZE, Is(0)),
        )
        .ends(
            Broken,
            "queue 0: (cannot be opened|is smaller) after a reset",
        ),
        anew(
            "P7",
            "anew-size-2",
            "has a smaller queue after a reset",
            queue(at::QUEUE_SIZE, Is(2)),
        )
        .ends(Broken, "queue 0: is smaller after a reset"),
        anew(
            "P6",
            "anew-notify-offset",
            "has a doorbell outside of the notification area after a reset",
            queue(at::QUEUE_NOTIFY_OFF, Is(0xffff)),
        )
        .ends(
            Broken,
            "queue 0: (cannot be opened|is notified elsewhere) after a reset",
        ),
        anew(
            "P13",
            "anew-vectors-refused",
            "takes no vector of MSI-X after a reset",
            queue(at::QUEUE_VECTOR, Is(0xffff)),
        )
        .ends(Broken, "queue 0: cannot be enabled after a reset"),
        anew(
            "P11",
            "anew-generation",
            "has a configuration that is never the same after a reset",
            common(at::GENERATION, 1, Count(1)),
        )
        .ends(Safe, ""),
        gone,
        anew(
            "R1",
            "anew-used-id-beyond",
            "names a used id that is as large as the queue, after a reset",
            Lie::new(Ring(Field::Id), Size(0)).after(1),
        )
        .ends(Broken, NOT_A_HEAD),
        anew(
            "B9",
            "anew-never-answers",
            "answers no request any more after a reset",
            tell(Keep),
        )
        .ends(Broken, SILENT),
        anew(
            "B1",
            "anew-smaller",
            "has no sectors any more after a reset",
            device(field::CAPACITY, 8, Is(0)),
        )
        .ends(Safe, ""),
        anew(
            "B13",
            "anew-read-only",
            "can only be read after a reset",
            common(at::DEVICE_FEATURE, 4, Or(1 << 5)).times(1),
        )
        .ends(Recovers, ""),
    ]
}
