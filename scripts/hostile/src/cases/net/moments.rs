// SPDX-License-Identifier: GPL-2.0

//! What else a NIC may do while its driver comes, while it begins anew, while it leaves, and while the machine goes down.

use super::*;
use crate::lie::Space;

pub fn cases() -> Vec<Case> {
    let mut all = coming();

    all.extend(anew_cases());
    all.extend(leaving());
    all
}

fn coming() -> Vec<Case> {
    vec![
        case(
            "R1",
            "control-id-beyond-at-probe",
            "answers a command that there is not from the start",
        )
        .options("pairs=2")
        .formats(BOTH)
        .lie(Lie::new(Ring(Field::Id), Size(0)).on(CONTROL_OF_TWO))
        .ends(Refused, not_a_head!("4")),
        case(
            "R4",
            "control-length-huge-at-probe",
            "claims a longer answer than there was room for from the start",
        )
        .options("pairs=2")
        .formats(BOTH)
        .lie(Lie::new(Ring(Field::Len), Is(4096)).on(CONTROL_OF_TWO))
        .ends(Refused, too_long!("4")),
        case(
            "R14",
            "nic-interrupts-at-probe",
            "raises every interrupt each millisecond from the start",
        )
        .formats(BOTH)
        .lie(tell(Storm)),
        case(
            "P10",
            "nic-no-reset-at-probe",
            "does not come back from a reset",
        )
        .lie(common(at::STATUS, 1, Or(1)))
        .ends(Refused, NO_RESET),
        case(
            "P11",
            "nic-generation-at-probe",
            "has a configuration that is never the same",
        )
        .lie(common(at::GENERATION, 1, Count(1)))
        .ends(
            Refused,
            "configuration changed [0-9]+ times while it was read",
        ),
        case(
            "P11",
            "nic-generation",
            "has a configuration that is never the same from some time on",
        )
        .at(Io)
        // The status is a single field, which needs no generation.
        .lie(common(at::GENERATION, 1, Count(1)).struck().maybe())
        .lie(tell(Change).struck().times(2))
        .ends(Recovers, ""),
        case("P13", "nic-vectors-refused", "takes no vector of MSI-X")
            .lie(common(at::CONFIG_VECTOR, 2, Is(0xffff)))
            .lie(common(at::QUEUE_VECTOR, 2, Is(0xffff)).maybe()),
    ]
}

fn anew_cases() -> Vec<Case> {
    let [never, featureless, gone] = anew_of_all([
        "nic-anew-never",
        "nic-anew-without-features",
        "nic-anew-gone",
    ]);

    vec![
        never,
        featureless,
        anew(
            "P8",
            "nic-anew-refused",
            "refuses its features after a reset",
            common(at::STATUS, 1, And(0xf7)),
        )
        .ends(Broken, "device refuses features"),
        anew(
            "P7",
            "nic-anew-size-2",
            "has smaller queues after a reset",
            common(at::QUEUE_SIZE, 2, Is(2)),
        )
        .ends(Broken, "queue [0-2]: is smaller after a reset"),
        anew(
            "N7",
            "nic-anew-control-silent",
            "answers no command any more after a reset",
            tell(Keep).on(CONTROL),
        )
        .ends(Broken, late!("2")),
        anew(
            "N7",
            "nic-anew-control-slow",
            "takes 4.5 s for each command after a reset",
            Lie::new(Late, Is(4500)).on(CONTROL),
        )
        .ends(Broken, late!("2")),
        anew(
            "N7",
            "nic-anew-control-refuses",
            "refuses every command after a reset",
            Lie::new(Answer(Part::Status), Is(1)).on(CONTROL),
        )
        .ends(Safe, "device refuses its [a-z ]+ after a reset"),
        anew(
            "N1",
            "nic-anew-mtu-20",
            "has another MTU after a reset",
            // It is not asked again.
            device(field::MTU, 2, Is(20)).maybe(),
        )
        .ends(Recovers, ""),
        gone,
        case(
            "P9",
            "tx-reset-silent",
            "has sent nothing for a while, and does not give the queue back either",
        )
        .at(Io)
        .formats(BOTH)
        .lie(tell(Keep).struck().on(TX))
        .lie(common(at::QUEUE_RESET, 2, Is(1)).struck().on(TX))
        .ends(Broken, "device is broken: queue 1: reset has failed"),
        case(
            "P9",
            "tx-reset-enabled",
            "has sent nothing for a while, and keeps the queue enabled that was reset",
        )
        .at(Io)
        .lie(tell(Keep).struck().on(TX))
        .lie(common(at::QUEUE_ENABLE, 2, Is(1)).struck().on(TX))
        .ends(Broken, "device is broken: queue 1: reset has failed"),
        case(
            "P9",
            "resize-silent",
            "does not give a queue back that is to have another size",
        )
        .at(Io)
        .formats(BOTH)
        .lie(common(at::QUEUE_RESET, 2, Is(1)).struck().on(RX))
        .ends(Broken, "device is broken: queue 0: reset has failed"),
        case(
            "P9",
            "resize-never-enabled",
            "does not take a queue that has another size",
        )
        .at(Io)
        .lie(Lie::new(Deaf(Space::Common, at::QUEUE_ENABLE as u32, 2), Is(1)).struck())
        .ends(Safe, ""),
        case(
            "P14",
            "resize-gone",
            "is gone while a queue is to have another size",
        )
        .at(Io)
        .lie(common(at::STATUS, 1, Is(0xff)).struck())
        .ends(Broken, "device is broken: device is gone"),
        case(
            "R11",
            "control-wrong-lap",
            "writes used flags of the other lap for commands",
        )
        .at(Io)
        .formats(PACKED)
        .lie(ring(Field::Flags, Xor(0x8080)).on(CONTROL))
        .ends(Broken, late!("2")),
        case(
            "R11",
            "tx-wrong-lap",
            "writes used flags of the other lap for what it has sent",
        )
        .at(Io)
        .formats(PACKED)
        .lie(ring(Field::Flags, Xor(0x8080)).on(TX))
        .ends(
            Safe,
            "queue 1: sending (stands still|goes on standing still)",
        ),
    ]
}

fn leaving() -> Vec<Case> {
    let leaves = |line, name, does, lie: Lie, says| {
        case(line, name, does)
            .at(Removal)
            .formats(BOTH)
            .lie(lie)
            .ends(Safe, says)
    };
    vec![
        leaves(
            "R1",
            "rx-id-beyond-at-removal",
            "receives into a buffer that there is not when its driver leaves",
            ring(Field::Id, Size(0)).on(RX),
            "",
        ),
        leaves(
            "R1",
            "tx-id-beyond-at-removal",
            "has sent a buffer that there is not when its driver leaves",
            ring(Field::Id, Size(0)).on(TX),
            "",
        ),
        leaves(
            "R2",
            "tx-twice-at-removal",
            "has sent each frame twice when its driver leaves",
            tell(Twice).struck().on(TX),
            "",
        )
        .formats(&["in-order"]),
        leaves(
            "R6",
            "rx-index-jumps-at-removal",
            "moves the used index of what it receives past what is posted when its driver leaves",
            ring(Field::Idx, Add(1000)).on(RX),
            "",
        )
        .formats(SPLIT),
        leaves(
            "R8",
            "nic-descriptors-overwritten-at-removal",
            "overwrites all that the driver has written for it when that leaves",
            spoilt(Spoilt::Descriptors),
            "",
        )
        .lie(spoilt(Spoilt::Tables))
        .lie(spoilt(Spoilt::Driver)),
        leaves(
            "R9",
            "tx-out-of-order-at-removal",
            "has sent a buffer that is not the next in order when its driver leaves",
            ring(Field::Id, Size(-1)).on(TX),
            "",
        )
        .formats(&["packed-in-order"]),
        leaves(
            "R11",
            "rx-wrong-lap-at-removal",
            "writes used flags of the other lap for what it receives when its driver leaves",
            ring(Field::Flags, Xor(0x8080)).on(RX),
            "",
        )
        .formats(PACKED),
        leaves(
            "N2",
            "rx-length-one-more-at-removal",
            "receives a byte more than there was room for when its driver leaves",
            ring(Field::Len, Room(1)).on(RX),
            "",
        )
        .formats(SPLIT),
        leaves(
            "N5",
            "rx-buffers-65535-at-removal",
            "says that a frame is in as many buffers as it can say when its driver leaves",
            header(NUM_BUFFERS, Is(0xffff)),
            "",
        )
        .formats(PACKED),
        leaves(
            "N6",
            "rx-header-random-at-removal",
            "has random headers when its driver leaves",
            header(FLAGS, Random),
            "",
        )
        .formats(SPLIT)
        .lie(header(GSO_TYPE, Random))
        .lie(header(GSO_SIZE, Random))
        .lie(header(CSUM_START, Random))
        .lie(header(NUM_BUFFERS, Random)),
        leaves(
            "N13",
            "tx-never-completes-at-removal",
            "has sent nothing when its driver leaves",
            tell(Keep).struck().on(TX),
            "",
        ),
        leaves(
            "R13",
            "nic-used-rings-race-at-removal",
            "another thread writes random values all over the used rings when the driver leaves",
            tell(Race(Area::Device)).struck(),
            "",
        ),
        leaves(
            "R14",
            "nic-interrupts-at-removal",
            "raises every interrupt each millisecond when its driver leaves",
            tell(Storm).struck(),
            "",
        ),
        leaves(
            "N13",
            "link-flaps-at-removal",
            "has its cable pulled each millisecond when its driver leaves",
            tell(Change).struck(),
            "",
        ),
        case(
            "P10",
            "nic-no-reset-at-removal",
            "does not come back from its last reset",
        )
        .at(Removal)
        .lie(common(at::STATUS, 1, Or(1)).struck())
        .ends(Works, NO_RESET),
        power_off(
            "N7",
            "control-silent-at-poweroff",
            "answers no command any more",
            tell(Keep).struck().on(CONTROL),
        ),
        power_off(
            "P10",
            "nic-no-reset-at-poweroff",
            "does not come back from its last reset",
            common(at::STATUS, 1, Or(1)),
        )
        .ends(Safe, NO_RESET),
        power_off(
            "P14",
            "nic-gone-at-poweroff",
            "is gone",
            tell(Vanish).struck(),
        ),
    ]
}
