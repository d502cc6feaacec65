// SPDX-License-Identifier: GPL-2.0

//! What else a balloon may do while its driver comes, while it begins anew, while it leaves, and while the machine goes down.

use super::*;
use crate::cases::ALL;

pub fn cases() -> Vec<Case> {
    let mut all = coming();

    all.extend(anew_cases());
    all.extend(leaving());
    all
}

fn coming() -> Vec<Case> {
    vec![
        case("-", "balloon-honest", "is honest").at(Io).formats(ALL),
        case(
            "L4",
            "inflate-id-beyond-at-probe",
            "acknowledges pages that there are not from the start",
        )
        .options("wanted=512")
        .formats(BOTH)
        .lie(Lie::new(Ring(Field::Id), Size(0)).on(INFLATE))
        .ends(Safe, not_a_head!("0")),
        case(
            "L3",
            "report-silent-at-removal",
            "does not acknowledge free blocks that are reported when its driver leaves",
        )
        .at(Removal)
        .lie(tell(Keep).struck().on(REPORTS).maybe())
        .ends(Safe, ""),
        case(
            "P10",
            "balloon-no-reset-at-probe",
            "does not come back from a reset",
        )
        .lie(common(at::STATUS, 1, Or(1)))
        .ends(Refused, NO_RESET),
        case(
            "P11",
            "balloon-generation-at-probe",
            "has a configuration that is never the same",
        )
        .lie(common(at::GENERATION, 1, Count(1)).maybe())
        .ends(Safe, ""),
        case(
            "P11",
            "balloon-generation",
            "has a configuration that is never the same from some time on",
        )
        .at(Io)
        .lie(common(at::GENERATION, 1, Count(1)).struck().maybe())
        .lie(tell(Change).struck().times(2))
        .ends(Safe, ""),
        case("P13", "balloon-vectors-refused", "takes no vector of MSI-X")
            .lie(common(at::CONFIG_VECTOR, 2, Is(0xffff)))
            .lie(common(at::QUEUE_VECTOR, 2, Is(0xffff)).maybe()),
    ]
}

fn anew_cases() -> Vec<Case> {
    let [never, featureless, gone] = anew_of_all([
        "balloon-anew-never",
        "balloon-anew-without-features",
        "balloon-anew-gone",
    ]);

    vec![
        never,
        featureless,
        anew(
            "L2",
            "balloon-anew-silent",
            "acknowledges no page any more after a reset",
            tell(Keep).on(INFLATE),
        )
        .ends(Broken, late!("0")),
        anew(
            "L1",
            "balloon-anew-wants-all",
            "wants more pages than there are after a reset",
            device(field::NUM_PAGES, 4, Is(MANY_PAGES)).times(20),
        )
        .ends(Safe, ""),
        gone,
    ]
}

fn leaving() -> Vec<Case> {
    vec![
        case(
            "L4",
            "deflate-id-beyond-at-removal",
            "acknowledges pages that there are not when its driver leaves",
        )
        .at(Removal)
        .formats(BOTH)
        .lie(ring(Field::Id, Size(0)).on(DEFLATE))
        .ends(Safe, not_a_head!("1")),
        case(
            "R4",
            "balloon-lengths-huge-at-removal",
            "claims to have written what it only reads when its driver leaves",
        )
        .at(Removal)
        .lie(ring(Field::Len, Is(u64::MAX)))
        .ends(Safe, ""),
        case(
            "R6",
            "deflate-index-jumps-at-removal",
            "acknowledges more pages than leave it when its driver leaves",
        )
        .at(Removal)
        .formats(&["in-order"])
        .lie(ring(Field::Idx, Add(100)).on(DEFLATE))
        .ends(Safe, not_a_head!("1")),
        case(
            "R8",
            "balloon-descriptors-overwritten-at-removal",
            "overwrites all that the driver has written for it when that leaves",
        )
        .at(Removal)
        .formats(BOTH)
        .lie(spoilt(Spoilt::Descriptors))
        .lie(spoilt(Spoilt::Driver))
        .ends(Safe, ""),
        case(
            "L4",
            "inflate-id-beyond-at-removal",
            "acknowledges pages that there are not, which go into it when its driver leaves",
        )
        .at(Removal)
        .formats(&["packed"])
        .lie(ring(Field::Id, Size(0)).on(INFLATE))
        .ends(Safe, ""),
        case(
            "L5",
            "stats-always-at-removal",
            "asks for statistics all the time when its driver leaves",
        )
        .at(Removal)
        .options("stats=always"),
        case(
            "R13",
            "balloon-used-rings-race-at-removal",
            "another thread writes random values all over the used rings when the driver leaves",
        )
        .at(Removal)
        .formats(BOTH)
        .lie(tell(Race(Area::Device)).struck())
        .ends(Safe, ""),
        case(
            "R14",
            "balloon-interrupts-at-removal",
            "raises every interrupt each millisecond when its driver leaves",
        )
        .at(Removal)
        .lie(tell(Storm).struck()),
        case(
            "P10",
            "balloon-no-reset-at-removal",
            "does not come back from its last reset",
        )
        .at(Removal)
        .lie(common(at::STATUS, 1, Or(1)).struck())
        .ends(Works, NO_RESET),
        power_off(
            "L8",
            "deflate-silent-at-poweroff",
            "acknowledges no page that leaves it",
            tell(Keep).struck().on(DEFLATE).maybe(),
        ),
        power_off(
            "P10",
            "balloon-no-reset-at-poweroff",
            "does not come back from its last reset",
            common(at::STATUS, 1, Or(1)),
        )
        .ends(Safe, NO_RESET),
        power_off(
            "P14",
            "balloon-gone-at-poweroff",
            "is gone with pages in it",
            tell(Vanish).struck(),
        ),
    ]
}
