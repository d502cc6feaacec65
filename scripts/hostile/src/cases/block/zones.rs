// SPDX-License-Identifier: GPL-2.0

//! What a disk of zones may say of them (B12): in its configuration, and in its reports.

use super::*;
use crate::device::zone_at as zone;

/// Zones of 4 MiB. The first is conventional, and is what the suite writes to.
const ZONES: &str = "zones=8192";

/// A field of a report.
fn report(field: u8, value: crate::lie::Value) -> Lie {
    Lie::new(Answer(Part::Field(field)), value)
}

pub fn cases() -> Vec<Case> {
    let zoned = |name, does| case("B12", name, does).options(ZONES);
    let refused = |name, does, lie, says| zoned(name, does).lie(lie).ends(Refused, says);
    const ODD: &str = "zone at sector [0-9]+: ";

    vec![
        zoned("zones-honest", "is honest, and made of zones").formats(BOTH),
        refused(
            "zones-of-0",
            "has zones of no sectors",
            device(field::ZONE_SECTORS, 4, Is(0)),
            "zones of 0 sectors are not possible",
        ),
        refused(
            "zones-of-3",
            "has zones of three sectors",
            device(field::ZONE_SECTORS, 4, Is(3)),
            "zones of 3 sectors are not possible",
        ),
        refused(
            "zones-of-1",
            "has zones of one sector, and reports others",
            device(field::ZONE_SECTORS, 4, Is(1)),
            ODD,
        ),
        zoned("zones-of-2g", "has one zone that is larger than it")
            .lie(device(field::ZONE_SECTORS, 4, Is(1 << 31)))
            .ends(Safe, ""),
        refused(
            "zones-without-number",
            "has more zones than can be counted",
            device(field::CAPACITY, 8, Is(u64::MAX)),
            "a disk of [0-9]+ zones is not possible",
        ),
        refused(
            "zones-of-nothing",
            "has zones, and no sectors",
            device(field::CAPACITY, 8, Is(0)),
            "a disk of 0 zones is not possible",
        ),
        refused(
            "zones-written-by-0",
            "is written in pieces of no bytes",
            device(field::WRITE_GRANULARITY, 4, Is(0)),
            "write granularity of 0 bytes is not possible",
        ),
        refused(
            "zones-written-by-3",
            "is written in pieces of three bytes",
            device(field::WRITE_GRANULARITY, 4, Is(3)),
            "write granularity of 3 bytes is not possible",
        ),
        refused(
            "zones-written-by-2g",
            "is written in pieces that are larger than a zone",
            device(field::WRITE_GRANULARITY, 4, Is(1 << 31)),
            "zones of 8192 sectors are not possible",
        ),
        refused(
            "zones-of-a-model",
            "has zones of a model that there is not",
            device(field::ZONE_MODEL, 1, Is(7)),
            "zone model 7 does not exist",
        ),
        zoned("zones-hidden", "has zones, and does not say so").lie(device(
            field::ZONE_MODEL,
            1,
            Is(0),
        )),
        zoned("zones-without-append", "takes appends of no sectors").lie(device(
            field::MAX_APPEND_SECTORS,
            4,
            Is(0),
        )),
        zoned("zones-all-open", "has more open zones than zones")
            .lie(device(field::MAX_OPEN_ZONES, 4, Is(u64::MAX)))
            .lie(device(field::MAX_ACTIVE_ZONES, 4, Is(1))),
        refused(
            "report-of-0",
            "reports no zone",
            report(zone::NUMBER, Is(0)),
            "zones are not right",
        ),
        zoned(
            "report-of-all",
            "says that there are more zones in a report than it has room for",
        )
        .lie(report(zone::NUMBER, Is(u64::MAX))),
        refused(
            "report-starts-wild",
            "reports zones that begin anywhere",
            report(zone::START, Is(u64::MAX)),
            ODD,
        ),
        refused(
            "report-stands-still",
            "reports the first zone again and again",
            report(zone::START, Is(0)),
            ODD,
        ),
        refused(
            "report-type-9",
            "reports zones of a type that there is not",
            report(zone::TYPE, Is(9)),
            ODD,
        ),
        refused(
            "report-state-9",
            "reports zones in a state that there is not",
            report(zone::STATE, Is(9)),
            ODD,
        ),
        refused(
            "report-capacity-0",
            "reports zones of no capacity",
            report(zone::CAPACITY, Is(0)),
            ODD,
        ),
        refused(
            "report-capacity-huge",
            "reports zones that hold more than they are long",
            report(zone::CAPACITY, Is(u64::MAX)),
            ODD,
        ),
        refused(
            "report-pointer-wild",
            "reports zones that are written next where they are not",
            report(zone::POINTER, Is(u64::MAX - 3)),
            ODD,
        ),
        zoned("report-random", "reports nonsense")
            .lie(report(zone::POINTER, Random))
            .lie(report(zone::STATE, Each(&[0, 1, 2, 3, 4, 13, 14, 15])))
            .ends(Refused, ODD),
        refused(
            "report-unwritten",
            "reports nothing, and says that it did",
            Lie::new(Omit(Part::Data), Is(1)),
            "zones are not right",
        ),
        // The block layer has notes of as many zones as there were at first.
        zoned(
            "zones-grow",
            "says that it has grown to 2^40 sectors; then all zones are reset",
        )
        .at(Io)
        .lie(device(field::CAPACITY, 8, Is(1 << 40)).struck())
        .lie(tell(Change).struck().times(3))
        .ends(Works, "larger than its zones"),
        zoned(
            "zones-shrink",
            "says that it has the half of its zones; then all zones are reset",
        )
        .at(Io)
        .formats(PACKED)
        .lie(device(field::CAPACITY, 8, Is(65536)).struck())
        .lie(tell(Change).struck().times(3))
        .ends(Works, "new size: 65536 "),
        zoned(
            "zones-refuse-writes",
            "says that what is written is not where a zone is written next",
        )
        .at(Io)
        .lie(Lie::new(Answer(Part::Status), Is(4)).struck().times(3))
        .ends(Fails, ""),
    ]
}
