// SPDX-License-Identifier: GPL-2.0

//! What a disk may do: the ring's lines of the catalogue (R), those of the PCI transport and the core (P), and its own (B).

mod again;
mod moments;
mod zones;

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
    ALL,
    BOTH,
    IN_ORDER,
    NO_RESET,
    PACKED,
    SPLIT, //
};
use crate::{
    config_space::{
        cap,
        COMMON_CAP,
        DEVICE_CAP,
        ISR_CAP,
        NOTIFY_CAP,
        SPARE_CAP, //
    },
    device::block_at as field,
    lie::{
        Area,
        Lie,
        Part,
        Space,
        Spoilt,
        Value::*,
        What::*, //
    },
    registers::at,
    ring::Field,
};

const NOT_A_HEAD: &str = not_a_head!("0");
const JUMP: &str = "device is broken: queue 0: used index [0-9]+ is not within [0-9]+ buffers";
const TOO_LONG: &str = too_long!("0");
const SILENT: &str = late!("0");
const NO_ANSWER: &str =
    "queue 0: request came back (without a valid status|with less data than it asked for)";
const ANY_BREAK: &str = "";

pub fn cases() -> Vec<Case> {
    let mut all = ring_cases();

    all.extend(capability_cases());
    all.extend(register_cases());
    all.extend(disk_cases());
    all.extend(two_queue_cases());
    all.extend(zones::cases());
    all.extend(moments::cases());
    all.extend(again::cases());
    all.extend(power_off_cases());
    all
}

/// The configuration's fields behind the capacity: no driver may accept their features where there are none.
const NO_FIELDS: &str =
    "never=1 never=2 never=6 never=10 never=11 never=12 never=13 never=14 never=16";

/// Several requests are under way at once.
const UNDER_WAY: Lie = Lie::new(Late, Is(4)).struck();

/// What the driver wrote is nonsense for some time, again and again.
fn spoilt(what: Spoilt) -> Lie {
    Lie::new(Spoil(what), Is(15)).struck().times(30)
}

fn ring_cases() -> Vec<Case> {
    vec![
        case(
            "R1",
            "used-id-beyond",
            "names a used id that is as large as the queue",
        )
        .at(Io)
        .formats(BOTH)
        .lie(ring(Field::Id, Size(0)))
        .ends(Broken, NOT_A_HEAD),
        case("R1", "used-id-huge", "names the largest id there is")
            .at(Io)
            .formats(BOTH)
            .lie(ring(Field::Id, Is(u64::MAX)))
            .ends(Broken, NOT_A_HEAD),
        case("R2", "used-id-free", "names a descriptor that is free")
            .at(Io)
            .formats(BOTH)
            .lie(ring(Field::Id, Size(-1)))
            .ends(Broken, NOT_A_HEAD),
        case("R2", "used-twice", "gives each buffer back twice")
            .at(Io)
            .formats(ALL)
            .lie(tell(Twice).struck())
            .ends(
                Broken,
                "device is broken: queue 0: used (id|index) [0-9]+ is not",
            ),
        case(
            "R2",
            "used-id-inside",
            "names the second descriptor of a chain",
        )
        .at(Io)
        .options("indirect=off")
        .lie(ring(Field::Id, Inside))
        .ends(Broken, NOT_A_HEAD),
        // Two requests are not done; what comes back in their names is the answer to others, which so never have one.
        case(
            "R2",
            "used-id-of-another",
            "names requests that are under way, and that it has not done, instead of those that it has",
        )
        .at(Io)
        .formats(BOTH)
        .lie(tell(Undone).struck().times(2))
        .ends(Fails, NO_ANSWER),
        case(
            "R4",
            "used-length-one-more",
            "claims one byte more than there was room for",
        )
        .at(Io)
        .formats(ALL)
        .lie(ring(Field::Len, Add(1)))
        .ends(Broken, TOO_LONG),
        case(
            "R4",
            "used-length-huge",
            "claims the largest length there is",
        )
        .at(Io)
        .formats(BOTH)
        .lie(ring(Field::Len, Is(u64::MAX)))
        .ends(Broken, TOO_LONG),
        case(
            "R5",
            "nothing-written",
            "gives requests back without data or status",
        )
        .at(Io)
        .formats(BOTH)
        .lie(tell(Omit(Part::Data)).struck().times(3))
        .lie(tell(Omit(Part::Status)).struck().times(3))
        .ends(Fails, NO_ANSWER),
        case(
            "R5",
            "used-length-zero",
            "claims to have written nothing, with the status of success",
        )
        .at(Io)
        .formats(BOTH)
        .lie(Lie::new(Short, Is(u64::MAX)).struck().times(3))
        .ends(Fails, NO_ANSWER),
        case(
            "R5",
            "used-length-one-less",
            "writes all but the last byte of the data, and says so",
        )
        .at(Io)
        .formats(BOTH)
        .lie(Lie::new(Short, Is(1)).struck().times(3))
        .ends(Fails, NO_ANSWER),
        case(
            "R6",
            "used-index-jumps",
            "moves the used index past what is under way",
        )
        .at(Io)
        .formats(&["split", "in-order"])
        .lie(ring(Field::Idx, Add(100)))
        .ends(Broken, JUMP),
        case(
            "R6",
            "used-index-half-way",
            "moves the used index by half of what it can count",
        )
        .at(Io)
        .lie(ring(Field::Idx, Add(0x8000)))
        .ends(Broken, JUMP),
        // By more than can be under way: less is what a device shows that has done less.
        case("R6", "used-index-back", "moves the used index backwards")
            .at(Io)
            .lie(ring(Field::Idx, Add(-300)))
            .ends(Broken, JUMP),
        case(
            "R8",
            "descriptors-overwritten",
            "overwrites all descriptors while requests are under way: each leads on to a next one",
        )
        .at(Io)
        .formats(ALL)
        .lie(spoilt(Spoilt::Descriptors))
        .lie(UNDER_WAY),
        case(
            "R8",
            "chains-overwritten",
            "the same with chains instead of tables",
        )
        .at(Io)
        .options("indirect=off")
        .formats(BOTH)
        .lie(spoilt(Spoilt::Descriptors))
        .lie(UNDER_WAY),
        case(
            "R8",
            "tables-overwritten",
            "overwrites the indirect tables of all requests that are under way",
        )
        .at(Io)
        .formats(BOTH)
        .lie(spoilt(Spoilt::Tables))
        .lie(UNDER_WAY),
        case(
            "R8",
            "available-overwritten",
            "overwrites the available ring, or the driver's event structure, while requests are under way",
        )
        .at(Io)
        .formats(BOTH)
        .lie(spoilt(Spoilt::Driver))
        .lie(UNDER_WAY),
        case(
            "R9",
            "in-order-id-skips",
            "names a buffer that is not the next in order",
        )
        .at(Io)
        .formats(IN_ORDER)
        .lie(ring(Field::Id, Size(-1)))
        .ends(Broken, NOT_A_HEAD),
        // Such a batch says of its last buffer only how much was written.
        case(
            "R9",
            "in-order-batch-undone",
            "gives several requests back in one batch, and has done only the last one",
        )
        .at(Io)
        .formats(IN_ORDER)
        .lie(tell(Undone).struck().times(2))
        .ends(Fails, NO_ANSWER),
        case(
            "R10",
            "events-random",
            "asks for notifications at random places",
        )
        .at(Io)
        .formats(BOTH)
        .lie(ring(Field::Event, Random).times(50))
        .ends(Safe, ""),
        case(
            "R10",
            "events-off",
            "asks for no notification any more, and waits for one",
        )
        .at(Io)
        .options("event_idx=off")
        .formats(BOTH)
        // In a packed ring the flags are behind the place.
        .lie(ring(Field::Event, Is(0x1_0001)).times(2))
        .ends(Safe, "request was not answered in time"),
        case(
            "R11",
            "packed-wrong-lap",
            "writes used flags of the other lap",
        )
        .at(Io)
        .formats(PACKED)
        .lie(ring(Field::Flags, Xor(0x8080)))
        .ends(Broken, SILENT),
        case(
            "R11",
            "packed-half-used",
            "flips one of the two flags that say that a descriptor is used",
        )
        .at(Io)
        .formats(PACKED)
        .lie(ring(Field::Flags, Xor(0x80)))
        .ends(Broken, SILENT),
        case(
            "R11",
            "packed-wrong-place",
            "writes the used descriptor one further on",
        )
        .at(Io)
        .formats(PACKED)
        .lie(ring(Field::At, Add(1)))
        .ends(Safe, ""),
        case("R12", "packed-size-zero", "has a queue of no entries")
            .formats(PACKED)
            .lie(common(at::QUEUE_SIZE, 2, Is(0)))
            .ends(Refused, "queue 0: size 0 is not possible"),
        case(
            "R12",
            "packed-size-40000",
            "has a queue of more than 32768 entries",
        )
        .formats(PACKED)
        .lie(common(at::QUEUE_SIZE, 2, Is(40000)))
        .ends(Refused, "queue 0: size 40000 is not possible"),
        case(
            "R12",
            "packed-size-100",
            "has a queue of 100 entries, as a packed one may",
        )
        .formats(PACKED)
        .options("queue_size=100"),
        case(
            "R13",
            "used-id-flickers",
            "another thread changes the used id to and fro between a good one and none, while it is read",
        )
        .at(Io)
        .formats(BOTH)
        .lie(Lie::new(Flicker(Field::Id), Size(0)).struck())
        .ends(Safe, ANY_BREAK),
        case(
            "R13",
            "used-length-flickers",
            "another thread changes the used length to and fro between the right one and one too long",
        )
        .at(Io)
        .formats(BOTH)
        .lie(Lie::new(Flicker(Field::Len), Room(1)).struck())
        .ends(Safe, ANY_BREAK),
        case(
            "R13",
            "used-ring-races",
            "another thread writes random values all over the used ring",
        )
        .at(Io)
        .lie(tell(Race(Area::Device)).struck())
        .ends(Safe, ANY_BREAK),
        case(
            "R13",
            "descriptor-ring-races",
            "another thread writes random values all over the ring",
        )
        .at(Io)
        .formats(PACKED)
        .lie(tell(Race(Area::Desc)).struck())
        .ends(Safe, ANY_BREAK),
        case(
            "R14",
            "interrupts-at-probe",
            "raises every interrupt each millisecond from the start",
        )
        .formats(BOTH)
        .lie(tell(Storm)),
        case(
            "R14",
            "line-at-probe",
            "the same with no vector of MSI-X taken",
        )
        .lie(common(at::CONFIG_VECTOR, 2, Is(0xffff)))
        .lie(tell(Storm).maybe()),
        case(
            "R14",
            "interrupts-under-io",
            "raises every interrupt each millisecond",
        )
        .at(Io)
        .formats(BOTH)
        .lie(tell(Storm).struck()),
        case(
            "R15",
            "answers-at-once",
            "answers before the doorbell's write has ended, whatever comes, from both CPUs, without a pause",
        )
        .at(Io)
        .formats(BOTH),
        case(
            "R16",
            "header-overwritten",
            "overwrites the header, which is for reading only",
        )
        .at(Io)
        .formats(BOTH)
        .lie(tell(Scribble).struck()),
    ]
}

fn capability_cases() -> Vec<Case> {
    let missing = |name, capability, says| {
        case("P1", name, "lacks a structure")
            .lie(pci(capability, cap::TYPE, 1, Is(0xee)))
            .ends(Refused, says)
    };
    let bad = |line, name, does, lie, says| case(line, name, does).lie(lie).ends(Refused, says);

    vec![
        missing(
            "no-common",
            COMMON_CAP,
            "no common configuration among the PCI capabilities",
        ),
        missing(
            "no-notify",
            NOTIFY_CAP,
            "no notification area among the PCI capabilities",
        ),
        missing(
            "no-isr",
            ISR_CAP,
            "no ISR status among the PCI capabilities",
        ),
        case("P1", "common-twice", "has two common configurations").lie(pci(
            SPARE_CAP,
            cap::TYPE,
            1,
            Is(1),
        )),
        bad(
            "P1",
            "bar-6",
            "names a BAR that cannot be",
            pci(COMMON_CAP, cap::BAR, 1, Is(6)),
            "no usable common configuration: BAR 6 is reserved",
        ),
        bad(
            "P1",
            "bar-missing",
            "names a BAR that it does not have",
            pci(COMMON_CAP, cap::BAR, 1, Is(1)),
            "no usable common configuration: BAR 1 does not exist",
        ),
        bad(
            "P1",
            "capability-short",
            "has a capability of four bytes",
            pci(COMMON_CAP, cap::LEN, 1, Is(4)),
            "no usable common configuration: capability of 4 bytes is too short",
        ),
        case(
            "P2",
            "offset-changes",
            "gives another offset when it is read again",
        )
        .lie(
            pci(COMMON_CAP, cap::OFFSET, 4, Is(0xffff_0000))
                .after(4)
                .never(),
        ),
        case(
            "P2",
            "bar-changes",
            "gives another BAR when it is read again",
        )
        .lie(pci(COMMON_CAP, cap::BAR, 1, Is(5)).after(1).never()),
        case(
            "P2",
            "length-changes",
            "gives another length when it is read again",
        )
        .lie(
            pci(DEVICE_CAP, cap::LENGTH, 4, Is(0x10_0000))
                .after(4)
                .never(),
        ),
        bad(
            "P3",
            "common-past-bar",
            "has a common configuration that begins at the end of its BAR",
            pci(COMMON_CAP, cap::OFFSET, 4, Is(0x7ff0)),
            "no usable common configuration: .*",
        ),
        case(
            "P3",
            "device-past-bar",
            "has a configuration that begins at the end of its BAR",
        )
        .lie(pci(DEVICE_CAP, cap::OFFSET, 4, Is(0x7ff0)))
        .lie(pci(DEVICE_CAP, cap::LENGTH, 4, Is(0x1000)))
        .ends(Safe, ""),
        bad(
            "P3",
            "isr-past-bar",
            "has its ISR status behind the end of its BAR",
            pci(ISR_CAP, cap::OFFSET, 4, Is(0x8000)),
            "no usable ISR status: .*",
        ),
        case(
            "P3",
            "notify-past-bar",
            "has doorbells past the end of its BAR",
        )
        .lie(pci(NOTIFY_CAP, cap::LENGTH, 4, Is(0x1000_0000))),
        case(
            "P4",
            "config-of-8",
            "has a configuration of a capacity only",
        )
        .options(NO_FIELDS)
        .lie(pci(DEVICE_CAP, cap::LENGTH, 4, Is(8))),
        bad(
            "P4",
            "config-of-4",
            "has a configuration of half a capacity",
            pci(DEVICE_CAP, cap::LENGTH, 4, Is(4)),
            "configuration cannot be read: [A-Z]+",
        ),
        bad(
            "P4",
            "config-absent",
            "has no configuration",
            pci(DEVICE_CAP, cap::TYPE, 1, Is(0xee)),
            "configuration cannot be read: [A-Z]+",
        ),
        bad(
            "P5",
            "offset-odd",
            "has a common configuration that is not aligned",
            pci(COMMON_CAP, cap::OFFSET, 4, Is(2)),
            "no usable common configuration: offset 0x2 is not aligned",
        ),
        bad(
            "P5",
            "offset-wraps",
            "has a common configuration whose end is past 32 bits",
            pci(COMMON_CAP, cap::OFFSET, 4, Is(0xffff_fffc)),
            "no usable common configuration: .* outside the BAR",
        ),
        bad(
            "P6",
            "notify-offset",
            "has a doorbell outside of the notification area",
            common(at::QUEUE_NOTIFY_OFF, 2, Is(0xffff)),
            "queue 0: notification offset 65535 x 4 is outside the notification area",
        ),
        bad(
            "P6",
            "multiplier-3",
            "has doorbells three bytes apart",
            pci(NOTIFY_CAP, cap::MORE, 4, Is(3)),
            "notification multiplier 3 is not possible",
        ),
        case("P6", "multiplier-0", "has one doorbell for all queues").lie(pci(
            NOTIFY_CAP,
            cap::MORE,
            4,
            Is(0),
        )),
    ]
}

fn register_cases() -> Vec<Case> {
    let size = |name, size, says| {
        case("P7", name, "has a queue of a size that cannot be")
            .lie(common(at::QUEUE_SIZE, 2, Is(size)))
            .ends(Refused, says)
    };

    vec![
        size("size-0", 0, "queue 0: size 0 is not possible"),
        size(
            "size-1",
            1,
            "a queue of 1 entries has no room for a request",
        ),
        size("size-3", 3, "queue 0: size 3 is not possible"),
        size("size-65535", 65535, "queue 0: size 65535 is not possible"),
        case("P7", "size-32768", "has a queue of the largest size").options("queue_size=32768"),
        case("P8", "no-queues", "has no queue at all")
            .lie(common(at::NUM_QUEUES, 2, Is(0)))
            .ends(Refused, "queue 0: cannot be opened"),
        case(
            "P8",
            "enabled-already",
            "has a queue that is enabled already",
        )
        .lie(common(at::QUEUE_ENABLE, 2, Is(1)))
        .ends(Refused, "queue 0: cannot be opened"),
        case(
            "P8",
            "features-refused",
            "refuses the features that it offered",
        )
        .lie(common(at::STATUS, 1, And(!8)))
        .ends(Refused, "device refuses features"),
        case("P8", "all-features", "offers every feature, and means few")
            .lie(common(at::DEVICE_FEATURE, 4, Is(u64::MAX)))
            .ends(Refused, "device refuses features"),
        case(
            "P10",
            "no-reset-at-probe",
            "does not come back from a reset",
        )
        .lie(common(at::STATUS, 1, Or(1)))
        .ends(Refused, NO_RESET),
        case(
            "P10",
            "no-reset-at-removal",
            "does not come back from its last reset",
        )
        .at(Removal)
        .lie(common(at::STATUS, 1, Or(1)).struck())
        .ends(Works, NO_RESET),
        case(
            "P11",
            "generation-at-probe",
            "has a configuration that is never the same",
        )
        .lie(common(at::GENERATION, 1, Count(1)))
        .ends(
            Refused,
            "configuration changed [0-9]+ times while it was read",
        ),
        case("P11", "generation-under-io", "the same, from some time on")
            .at(Io)
            .lie(common(at::GENERATION, 1, Count(1)).struck())
            .lie(tell(Change).struck().times(3))
            .ends(
                Broken,
                "device is broken: configuration changed [0-9]+ times while it was read",
            ),
        case("P12", "needs-reset", "asks for a reset")
            .at(Io)
            .formats(BOTH)
            .lie(tell(NeedsReset).struck().once())
            .ends(
                Works,
                "device asks for a reset .*; it gets one, and goes on",
            ),
        case("P12", "needs-reset-always", "asks for a reset all the time")
            .at(Io)
            .lie(tell(NeedsReset).struck())
            .ends(Broken, "device is broken: device asks for a reset"),
        case(
            "P12",
            "needs-reset-at-probe",
            "asks for a reset from the start",
        )
        .lie(common(at::STATUS, 1, Or(64)).after(2).maybe())
        .ends(Safe, ""),
        case(
            "P12",
            "needs-reset-at-removal",
            "asks for a reset when its driver leaves",
        )
        .at(Removal)
        .lie(tell(NeedsReset).struck().once()),
        case("P13", "vectors-refused", "takes no vector of MSI-X")
            .lie(common(at::CONFIG_VECTOR, 2, Is(0xffff)))
            .lie(common(at::QUEUE_VECTOR, 2, Is(0xffff)).maybe()),
        case(
            "P13",
            "queue-vector-refused",
            "takes no vector for its queue",
        )
        .lie(common(at::QUEUE_VECTOR, 2, Is(0xffff))),
        case(
            "P14",
            "gone-at-first",
            "is gone before its first register is read",
        )
        .lie(tell(VanishOnAccess))
        .ends(Refused, "device is gone"),
        case("P14", "gone-in-probe", "is gone in the middle of a probe")
            .lie(tell(VanishOnAccess).after(60))
            .ends(Refused, "device is gone"),
        case("P14", "gone-late-in-probe", "is gone late in a probe")
            .lie(tell(VanishOnAccess).after(120))
            .ends(Safe, ""),
        case("P14", "gone-under-io", "is gone with requests under way")
            .at(Io)
            .formats(BOTH)
            .lie(tell(Vanish).struck())
            .ends(
                Broken,
                "device is broken: (queue 0: request was not answered in time|device is gone)",
            ),
        case("P14", "gone-at-removal", "is gone when its driver leaves")
            .at(Removal)
            .formats(BOTH)
            .lie(tell(Vanish).struck())
            .ends(Works, "device is broken: device is gone"),
        case("P15", "no-version-1", "does not offer VERSION_1")
            .options("version_1=off")
            .ends(Refused, "device does not offer VIRTIO_F_VERSION_1"),
        case(
            "P17",
            "isr-random",
            "shows random ISR bits, and takes no vector of MSI-X",
        )
        .at(Io)
        .lie(common(at::CONFIG_VECTOR, 2, Is(0xffff)))
        .lie(Lie::new(
            Read(Space::Isr, 0, 1),
            Each(&[0xff, 0x7f, 3, 1, 0xfd]),
        )),
        case(
            "P18",
            "cache-without-flush",
            "can switch a cache that it cannot flush",
        )
        .options("hide=9"),
        case(
            "-",
            "slow-registers",
            "takes 10 ms for each access to a register",
        )
        .lie(Lie::new(Slow, Is(10))),
    ]
}

fn disk_cases() -> Vec<Case> {
    let bad = |line, name, does, lie, says| case(line, name, does).lie(lie).ends(Refused, says);

    vec![
        case("B1", "capacity-huge", "has more sectors than there can be")
            .lie(device(field::CAPACITY, 8, Is(u64::MAX)))
            // As many as the block layer can count.
            .ends(
                Works,
                "\\[vd[a-z]+\\] 18014398509481983 512-byte logical blocks",
            ),
        case(
            "B1",
            "capacity-odd",
            "has a capacity that is not a whole number of blocks",
        )
        .options("block_size=4096")
        .lie(device(field::CAPACITY, 8, Add(-1))),
        case("B1", "capacity-0", "has no sectors")
            .lie(device(field::CAPACITY, 8, Is(0)))
            .ends(Safe, "\\[vd[a-z]+\\] 0 512-byte logical blocks"),
        case("B1", "shrinks-under-io", "has no sectors any more")
            .at(Io)
            .lie(device(field::CAPACITY, 8, Is(0)).struck())
            .lie(tell(Change).struck().times(3))
            .ends(Safe, "new size: 0 "),
        bad(
            "B2",
            "block-size-0",
            "has blocks of no bytes",
            device(field::BLK_SIZE, 4, Is(0)),
            "block size 0 is not possible",
        ),
        bad(
            "B2",
            "block-size-3",
            "has blocks of three bytes",
            device(field::BLK_SIZE, 4, Is(3)),
            "block size 3 is not possible",
        ),
        bad(
            "B2",
            "block-size-2g",
            "has blocks of 2 GiB",
            device(field::BLK_SIZE, 4, Is(1 << 31)),
            "block size 2147483648 is not possible",
        ),
        bad(
            "B3",
            "segment-size-512",
            "allows no segment of a page",
            device(field::SIZE_MAX, 4, Is(512)),
            "segments of 512 bytes at most are too small",
        ),
        bad(
            "B3",
            "segment-size-0",
            "allows no segment of a byte",
            device(field::SIZE_MAX, 4, Is(0)),
            "segments of 0 bytes at most are too small",
        ),
        case("B4", "segments-0", "allows no segment").lie(device(field::SEG_MAX, 4, Is(0))),
        case(
            "B4",
            "segments-huge",
            "allows more segments than its queue has room for",
        )
        .options("indirect=off queue_size=16")
        .lie(device(field::SEG_MAX, 4, Is(u64::MAX))),
        case(
            "B5",
            "physical-exponent",
            "has physical blocks of 2^200 blocks",
        )
        .lie(device(field::PHYSICAL_BLOCK_EXP, 1, Is(200)))
        .ends(Works, "topology makes no sense"),
        case("B5", "optimal-huge", "has a best size that overflows")
            .lie(device(field::OPT_IO_SIZE, 4, Is(u64::MAX)))
            .ends(Works, "topology makes no sense"),
        case(
            "B5",
            "minimum-odd",
            "has a least size that is no power of two",
        )
        .lie(device(field::MIN_IO_SIZE, 2, Is(3))),
        case("B6", "discard-segments-0", "discards no range at all")
            .lie(device(field::MAX_DISCARD_SEG, 4, Is(0)).maybe())
            .lie(device(field::MAX_WRITE_ZEROES_SEG, 4, Is(0)).maybe())
            .lie(device(field::MAX_SECURE_ERASE_SEG, 4, Is(0)).maybe()),
        case(
            "B6",
            "discard-alignment-huge",
            "has an alignment of discards that overflows",
        )
        .lie(device(field::DISCARD_ALIGNMENT, 4, Is(u64::MAX)).maybe())
        .lie(device(field::MAX_DISCARD_SECTORS, 4, Is(u64::MAX)).maybe()),
        case(
            "B7",
            "cache-mode-7",
            "has a cache mode that is neither on nor off",
        )
        .lie(device(field::WRITEBACK, 1, Is(7))),
        case("B7", "cache-mode-changes", "says otherwise each time").lie(device(
            field::WRITEBACK,
            1,
            Each(&[0, 0xff, 2, 1]),
        )),
        case(
            "B8",
            "status-77",
            "gives requests back with a status that there is not",
        )
        .at(Io)
        .formats(BOTH)
        .lie(Lie::new(Answer(Part::Status), Is(77)).struck().times(3))
        .ends(Fails, NO_ANSWER),
        case("B9", "never-answers", "answers no request any more")
            .at(Io)
            .formats(BOTH)
            .lie(tell(Keep).struck())
            .ends(Broken, SILENT),
        case(
            "B9",
            "never-answers-at-removal",
            "answers no request any more when its driver leaves",
        )
        .at(Removal)
        .lie(tell(Keep).struck().maybe())
        .ends(Works, ""),
        case("B9", "answers-late", "takes 30 ms for each request")
            .at(Io)
            .lie(Lie::new(Late, Is(30)).struck()),
        case("B10", "queues-0", "has no request queue")
            .lie(device(field::NUM_QUEUES, 2, Is(0)))
            .ends(Refused, "device offers several queues, and none"),
        case("B10", "queues-65535", "has more queues than it has")
            .options("queues=2")
            .lie(device(field::NUM_QUEUES, 2, Is(65535))),
        case(
            "B11",
            "serial-unending",
            "has a serial number without an end",
        )
        .lie(tell(Answer(Part::Header))),
        case(
            "B13",
            "changes-under-io",
            "changes its capacity each millisecond",
        )
        .at(Io)
        .lie(tell(Change).struck()),
        case(
            "B13",
            "changes-at-probe",
            "changes its capacity each millisecond from the start",
        )
        .lie(tell(Change)),
    ]
}

/// With two queues: what is said names the right one, and what is under way in the other ends too.
fn two_queue_cases() -> Vec<Case> {
    let of_two = |line, name, does| case(line, name, does).at(Io).options("queues=2");

    vec![
        of_two(
            "R1",
            "second-queue-id-beyond",
            "names a used id that is as large as the queue, in the second of two",
        )
        .lie(ring(Field::Id, Size(0)).on(1))
        .ends(Broken, not_a_head!("1")),
        of_two(
            "R4",
            "second-queue-length-huge",
            "claims the largest length there is, in the second of two queues",
        )
        .formats(PACKED)
        .lie(ring(Field::Len, Is(u64::MAX)).on(1))
        .ends(Broken, too_long!("1")),
        of_two(
            "B9",
            "second-queue-never-answers",
            "answers no request of the second of two queues any more",
        )
        .lie(tell(Keep).struck().on(1))
        .ends(Broken, late!("1")),
        of_two(
            "P12",
            "two-queues-need-reset",
            "asks for a reset with requests under way in two queues",
        )
        .formats(PACKED)
        .lie(tell(NeedsReset).struck().once())
        .ends(
            Works,
            "device asks for a reset .*; it gets one, and goes on",
        ),
        of_two(
            "P14",
            "two-queues-gone",
            "is gone with requests under way in two queues",
        )
        .lie(tell(Vanish).struck())
        .ends(
            Broken,
            "device is broken: (queue [01]: request was not answered in time|device is gone)",
        ),
    ]
}

fn power_off_cases() -> Vec<Case> {
    vec![
        power_off(
            "R1",
            "used-id-at-poweroff",
            "names a used id that is as large as the queue",
            ring(Field::Id, Size(0)),
        )
        .ends(Safe, NOT_A_HEAD),
        power_off(
            "B9",
            "never-answers-at-poweroff",
            "answers no request any more",
            tell(Keep),
        ),
        power_off(
            "P10",
            "no-reset-at-poweroff",
            "does not come back from its last reset",
            common(at::STATUS, 1, Or(1)),
        )
        .ends(Safe, NO_RESET),
        power_off("P14", "gone-at-poweroff", "is gone", tell(Vanish)),
    ]
}
