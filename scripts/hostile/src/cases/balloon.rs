// SPDX-License-Identifier: GPL-2.0

//! What a balloon may do: its own lines of the catalogue (L), and those of ring and transport that strike it in a way of their
//! own.

mod moments;

use super::{
    anew,
    anew_of_all,
    case,
    common,
    device,
    pci,
    power_off,
    ring,
    tell,
    Case,
    Outcome::*,
    Strikes::*,
    BOTH,
    NO_RESET, //
};
use crate::{
    config_space::{
        cap,
        DEVICE_CAP, //
    },
    device::balloon_at as field,
    lie::{
        Area,
        Lie,
        Spoilt,
        Value::*,
        What::*, //
    },
    registers::at,
    ring::Field,
};

const INFLATE: u16 = 0;
const DEFLATE: u16 = 1;
const STATS: u16 = 2;
const HINTS: u16 = 3;
const REPORTS: u16 = 4;

/// More pages than there are.
const MANY_PAGES: u64 = 0x10_0000;

pub fn cases() -> Vec<Case> {
    let mut all = ring_cases();

    all.extend(size_cases());
    all.extend(silent_cases());
    all.extend(free_page_cases());
    all.extend(life_cases());
    all.extend(moments::cases());
    all
}

/// What the driver wrote is nonsense for some time, again and again.
fn spoilt(what: Spoilt) -> Lie {
    Lie::new(Spoil(what), Is(10)).struck().times(30)
}

fn ring_cases() -> Vec<Case> {
    let broken = |line, name, does, lie: Lie, says| {
        case(line, name, does)
            .at(Io)
            .formats(BOTH)
            .lie(lie)
            .ends(Broken, says)
    };

    vec![
        broken(
            "L4",
            "inflate-id-beyond",
            "acknowledges pages that there are not",
            ring(Field::Id, Size(0)).on(INFLATE),
            not_a_head!("0"),
        ),
        broken(
            "L4",
            "deflate-id-beyond",
            "acknowledges pages that there are not when they leave",
            ring(Field::Id, Size(0)).on(DEFLATE),
            not_a_head!("1"),
        ),
        broken(
            "L4",
            "inflate-twice",
            "acknowledges pages twice",
            tell(Twice).struck().on(INFLATE),
            not_a_head!("0"),
        ),
        broken(
            "L4",
            "stats-id-beyond",
            "asks for statistics with a buffer that there is not",
            ring(Field::Id, Size(0)).on(STATS),
            not_a_head!("2"),
        ),
        case(
            "L4",
            "hints-id-beyond",
            "has seen blocks that there are not",
        )
        .at(Io)
        .lie(ring(Field::Id, Size(0)).on(HINTS))
        .ends(Broken, not_a_head!("3")),
        case(
            "L4",
            "inflate-index-jumps",
            "acknowledges more pages than it was told of",
        )
        .at(Io)
        .lie(ring(Field::Idx, Add(100)).on(INFLATE))
        .ends(Broken, not_a_head!("0")),
        case(
            "R4",
            "balloon-lengths-huge",
            "claims to have written what it only reads",
        )
        .at(Io)
        .formats(BOTH)
        .lie(ring(Field::Len, Is(u64::MAX))),
        case(
            "R8",
            "balloon-descriptors-overwritten",
            "overwrites all that the driver has written for it: descriptors, tables, available ring",
        )
        .at(Io)
        .formats(BOTH)
        .lie(spoilt(Spoilt::Descriptors))
        .lie(spoilt(Spoilt::Tables).maybe())
        .lie(spoilt(Spoilt::Driver)),
        case(
            "R13",
            "balloon-used-rings-race",
            "another thread writes random values all over the used rings",
        )
        .at(Io)
        .lie(tell(Race(Area::Device)).struck())
        .ends(Safe, ""),
        case(
            "R14",
            "balloon-interrupts-at-probe",
            "raises every interrupt each millisecond from the start",
        )
        .lie(tell(Storm)),
        case(
            "R14",
            "balloon-interrupts",
            "raises every interrupt each millisecond",
        )
        .at(Io)
        .lie(tell(Storm).struck()),
        case(
            "R16",
            "page-numbers-overwritten",
            "overwrites the page numbers that it is told",
        )
        .at(Io)
        .lie(tell(Scribble).struck()),
    ]
}

fn size_cases() -> Vec<Case> {
    vec![
        case(
            "L1",
            "wants-all",
            "wants more pages than there are, from the start",
        )
        .lie(device(field::NUM_PAGES, 4, Is(u64::MAX)))
        .ends(Safe, "Out of puff"),
        case(
            "L1",
            "wants-all-later",
            "wants more pages than there are, with some in it",
        )
        .at(Io)
        .lie(device(field::NUM_PAGES, 4, Is(MANY_PAGES)).struck())
        .lie(tell(Change).struck().once())
        .ends(Safe, "Out of puff"),
        case(
            "L1",
            "wants-otherwise",
            "wants another number of pages each time it is asked",
        )
        .at(Io)
        .lie(
            device(field::NUM_PAGES, 4, Each(&[0, 4096, 1, 700]))
                .struck()
                .times(60),
        )
        .lie(tell(Change).struck().times(60))
        .ends(Safe, ""),
        case(
            "L1",
            "actual-garbage",
            "does not keep the size that it is told",
        )
        .at(Io)
        .lie(device(field::ACTUAL, 4, Random).struck().maybe()),
    ]
}

fn silent_cases() -> Vec<Case> {
    let silent = |line, name, does, queue, says| {
        case(line, name, does)
            .at(Io)
            .formats(BOTH)
            .lie(tell(Keep).struck().on(queue))
            .ends(Broken, says)
    };

    vec![
        silent(
            "L2",
            "inflate-silent",
            "acknowledges no page that goes into it",
            INFLATE,
            late!("0"),
        ),
        silent(
            "L2",
            "deflate-silent",
            "acknowledges no page that leaves it",
            DEFLATE,
            late!("1"),
        ),
        case(
            "L2",
            "inflate-silent-at-probe",
            "acknowledges no page from the start",
        )
        .options("wanted=512")
        .lie(tell(Keep).on(INFLATE))
        .ends(Safe, late!("0")),
        case(
            "L2",
            "inflate-silent-at-removal",
            "acknowledges no page that goes into it when its driver leaves",
        )
        .at(Removal)
        .lie(tell(Keep).struck().on(INFLATE))
        .lie(device(field::NUM_PAGES, 4, Is(4096)).struck().maybe())
        .lie(tell(Change).struck().once())
        .ends(Safe, ""),
        case(
            "L2",
            "acknowledges-late",
            "takes 50 ms to acknowledge pages",
        )
        .at(Io)
        .lie(Lie::new(Late, Is(50)).struck()),
        case(
            "L8",
            "deflate-silent-at-removal",
            "acknowledges no page that leaves it when its driver leaves",
        )
        .at(Removal)
        .formats(BOTH)
        .lie(tell(Keep).struck().on(DEFLATE))
        .ends(Safe, late!("1")),
        case(
            "L8",
            "balloon-gone-at-removal",
            "is gone, with pages in it, when its driver leaves",
        )
        .at(Removal)
        .lie(tell(Vanish).struck())
        .ends(Safe, "device is broken: device is gone"),
        case(
            "L8",
            "balloon-needs-reset-at-removal",
            "asks for a reset, with pages in it, when its driver leaves",
        )
        .at(Removal)
        .lie(tell(NeedsReset).struck().once())
        .ends(Safe, ""),
        case("L5", "stats-always", "asks for statistics all the time")
            .at(Io)
            .formats(BOTH)
            .options("stats=always"),
        case(
            "L5",
            "stats-always-at-probe",
            "asks for statistics all the time from the start",
        )
        .options("stats=always")
        .lie(tell(Storm)),
    ]
}

fn free_page_cases() -> Vec<Case> {
    vec![
        case(
            "L3",
            "report-silent",
            "does not acknowledge free blocks that are reported",
        )
        .at(Io)
        .formats(BOTH)
        .lie(tell(Keep).struck().on(REPORTS))
        .ends(Broken, late!("4")),
        case("L3", "report-twice", "acknowledges free blocks twice")
            .at(Io)
            .lie(tell(Twice).struck().on(REPORTS))
            .ends(Broken, not_a_head!("4")),
        case("L6", "hints-silent", "asks for hints, and takes none")
            .at(Io)
            .formats(BOTH)
            .lie(tell(Keep).struck().on(HINTS))
            .ends(Broken, late!("3")),
        case(
            "L6",
            "hints-silent-at-removal",
            "asks for hints, and takes none when its driver leaves",
        )
        .at(Removal)
        .lie(tell(Keep).struck().on(HINTS))
        .lie(device(field::HINT_COMMAND, 4, Is(9)).struck())
        .lie(tell(Change).struck().times(2))
        .ends(Safe, ""),
        case(
            "L6",
            "hint-command-changes",
            "asks for other hints each time it is asked",
        )
        .at(Io)
        .lie(
            device(field::HINT_COMMAND, 4, Each(&[7, 0, 8, 1, 9, 2]))
                .struck()
                .times(60),
        )
        .lie(tell(Change).struck().times(60))
        .ends(Safe, ""),
        case(
            "L6",
            "hint-command-huge",
            "asks for hints with the largest number there is",
        )
        .at(Io)
        .lie(device(field::HINT_COMMAND, 4, Is(0xffff_ffff)).struck())
        .lie(tell(Change).struck().times(2)),
        // An honest device spoils all that it may: data that are not the guest's would differ.
        case(
            "L7",
            "spoils-pages",
            "writes over whatever it is told is free",
        )
        .at(Io)
        .formats(BOTH),
    ]
}

fn life_cases() -> Vec<Case> {
    vec![
        case(
            "P4",
            "balloon-config-of-8",
            "has a configuration of sizes only",
        )
        .options("never=3 never=4")
        .lie(pci(DEVICE_CAP, cap::LENGTH, 4, Is(8))),
        case(
            "P4",
            "balloon-config-of-4",
            "has a configuration of half of what it needs",
        )
        .lie(pci(DEVICE_CAP, cap::LENGTH, 4, Is(4)))
        .ends(Refused, "configuration is too short"),
        case("P7", "balloon-size-1", "has queues of one entry").lie(common(
            at::QUEUE_SIZE,
            2,
            Is(1),
        )),
        case(
            "P12",
            "balloon-needs-reset",
            "asks for a reset once, with pages in it",
        )
        .at(Io)
        .formats(BOTH)
        .lie(tell(NeedsReset).struck().once())
        .ends(Recovers, "device asks for a reset"),
        case(
            "P12",
            "balloon-needs-reset-always",
            "asks for a reset with each notice",
        )
        .at(Io)
        .lie(tell(NeedsReset).struck())
        .ends(Broken, "device is broken: device asks for a reset"),
        case("P14", "balloon-gone", "is gone with pages in it")
            .at(Io)
            .lie(tell(Vanish).struck())
            .ends(
                Broken,
                "device is broken: (queue [0-4]: request was not answered in time|device is gone)",
            ),
        case(
            "P14",
            "balloon-gone-in-probe",
            "is gone in the middle of a probe",
        )
        .lie(tell(VanishOnAccess).after(60))
        .ends(Refused, "device is gone"),
    ]
}
