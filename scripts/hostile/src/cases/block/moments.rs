// SPDX-License-Identifier: GPL-2.0

//! What else a disk may do with its rings while its driver comes and while it leaves.

use super::*;

/// A lie that strikes at both moments.
struct Lied {
    line: &'static str,
    /// Of the case at probe, and of that at removal.
    names: [&'static str; 2],
    does: &'static str,
    formats: &'static [&'static str],
    /// Told from the start.
    lie: Lie,
    says: &'static str,
}

fn lied() -> Vec<Lied> {
    let ring = |field, value| Lie::new(Ring(field), value);

    vec![
        Lied {
            line: "R1",
            names: ["used-id-beyond-at-probe", "used-id-beyond-at-removal"],
            does: "names a used id that is as large as the queue",
            formats: ALL,
            lie: ring(Field::Id, Size(0)),
            says: NOT_A_HEAD,
        },
        Lied {
            line: "R2",
            names: ["used-twice-at-probe", "used-twice-at-removal"],
            does: "gives each buffer back twice",
            formats: BOTH,
            lie: tell(Twice),
            says: NOT_A_HEAD,
        },
        Lied {
            line: "R4",
            names: ["used-length-huge-at-probe", "used-length-huge-at-removal"],
            does: "claims the largest length there is",
            formats: BOTH,
            lie: ring(Field::Len, Is(u64::MAX)),
            says: TOO_LONG,
        },
        Lied {
            line: "R5",
            names: ["status-unwritten-at-probe", "status-unwritten-at-removal"],
            does: "gives requests back without a status",
            formats: BOTH,
            lie: tell(Omit(Part::Status)),
            says: NO_ANSWER,
        },
        Lied {
            line: "R6",
            names: ["used-index-jumps-at-probe", "used-index-jumps-at-removal"],
            does: "moves the used index past what is under way",
            formats: SPLIT,
            lie: ring(Field::Idx, Add(100)),
            says: JUMP,
        },
        Lied {
            line: "R8",
            names: [
                "descriptors-overwritten-at-probe",
                "descriptors-overwritten-at-removal",
            ],
            does: "overwrites all descriptors while requests are under way",
            formats: BOTH,
            lie: Lie::new(Spoil(Spoilt::Descriptors), Is(15)).times(30),
            says: "",
        },
        Lied {
            line: "R9",
            names: ["in-order-id-skips-at-probe", "in-order-id-skips-at-removal"],
            does: "names a buffer that is not the next in order",
            formats: IN_ORDER,
            lie: ring(Field::Id, Size(-1)),
            says: NOT_A_HEAD,
        },
        Lied {
            line: "R10",
            names: ["events-random-at-probe", "events-random-at-removal"],
            does: "asks for notifications at random places",
            formats: BOTH,
            lie: ring(Field::Event, Random).times(20),
            says: "",
        },
        Lied {
            line: "R11",
            names: ["packed-wrong-lap-at-probe", "packed-wrong-lap-at-removal"],
            does: "writes used flags of the other lap",
            formats: PACKED,
            lie: ring(Field::Flags, Xor(0x8080)),
            says: "",
        },
        Lied {
            line: "R13",
            names: ["used-ring-races-at-probe", "used-ring-races-at-removal"],
            does: "another thread writes random values all over the used ring",
            formats: BOTH,
            lie: tell(Race(Area::Device)),
            says: "",
        },
        Lied {
            line: "B8",
            names: ["status-77-at-probe", "status-77-at-removal"],
            does: "gives requests back with a status that there is not",
            formats: BOTH,
            lie: Lie::new(Answer(Part::Status), Is(77)),
            says: NO_ANSWER,
        },
    ]
}

pub fn cases() -> Vec<Case> {
    let both = |lied: Lied| {
        let [probe, removal] = lied.names;
        let made = |name| {
            case(lied.line, name, lied.does)
                .formats(lied.formats)
                .ends(Safe, lied.says)
        };

        [
            made(probe).lie(lied.lie),
            made(removal).at(Removal).lie(lied.lie.struck()),
        ]
    };
    let mut all: Vec<_> = lied().into_iter().flat_map(both).collect();

    all.extend([
        case(
            "R14",
            "interrupts-at-removal",
            "raises every interrupt each millisecond when its driver leaves",
        )
        .at(Removal)
        .formats(BOTH)
        .lie(tell(Storm).struck()),
        case(
            "R14",
            "line-at-removal",
            "the same with no vector of MSI-X taken",
        )
        .at(Removal)
        .lie(common(at::CONFIG_VECTOR, 2, Is(0xffff)))
        .lie(tell(Storm).struck()),
        case(
            "B9",
            "never-answers-at-probe",
            "answers no request from the start",
        )
        .formats(BOTH)
        .lie(tell(Keep))
        .ends(Safe, SILENT),
        case(
            "B1",
            "shrinks-at-removal",
            "has no sectors any more when its driver leaves",
        )
        .at(Removal)
        .lie(device(field::CAPACITY, 8, Is(0)).struck())
        .lie(tell(Change).struck().times(3))
        .ends(Safe, ""),
        case(
            "B13",
            "changes-at-removal",
            "changes its capacity each millisecond when its driver leaves",
        )
        .at(Removal)
        .lie(tell(Change).struck()),
    ]);
    all
}
