// SPDX-License-Identifier: GPL-2.0

//! What a NIC may do: its own lines of the catalogue (N), and those of ring and transport that strike it in a way of their own.
//!
//! With one pair of queues the receive queue is 0, the transmit queue 1 and the control queue 2.

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
        DEVICE_CAP, //
    },
    device::net_at as field,
    lie::{
        Area,
        Lie,
        Part,
        Spoilt,
        Value::{
            self,
            *, //
        },
        What::*, //
    },
    registers::at,
    ring::Field,
};

const RX: u16 = 0;
const TX: u16 = 1;
const CONTROL: u16 = 2;
/// With two pairs.
const CONTROL_OF_TWO: u16 = 4;

/// Feature bits that the driver does not know.
const DEVICE_STATS: &str = "offer=50 never=50";
const HASH_REPORT: &str = "offer=57 never=57";
const RSS: &str = "offer=60 never=60";

/// A field of a received frame's header.
fn header(offset: u8, value: Value) -> Lie {
    Lie::new(Answer(Part::Field(offset)), value).struck()
}

/// Offsets in that header.
const FLAGS: u8 = 0;
const GSO_TYPE: u8 = 1;
const HDR_LEN: u8 = 2;
const GSO_SIZE: u8 = 4;
const CSUM_START: u8 = 6;
const CSUM_OFFSET: u8 = 8;
const NUM_BUFFERS: u8 = 10;

/// What is said of the first frame that is lost by the device's fault, and of the first command.
const LOST: &str =
    "queue 0: packet came in (with a header that cannot be|in buffers that do not hold it)";
const NOT_DONE: &str = "queue 2: command [0-9]+[.][0-9]+ (is refused|has no valid answer)";

/// How many frames a lie about frames spoils: more than one, and not for ever.
const SOME: u32 = 4;

pub fn cases() -> Vec<Case> {
    let mut all = ring_cases();

    all.extend(frame_cases());
    all.extend(control_cases());
    all.extend(config_cases());
    all.extend(honest_cases());
    all.extend(life_cases());
    all.extend(moments::cases());
    all
}

/// What the driver wrote is nonsense for some time, again and again.
fn spoilt(what: Spoilt) -> Lie {
    Lie::new(Spoil(what), Is(10)).struck().times(30)
}

fn ring_cases() -> Vec<Case> {
    let id = |name, does, queue, says| {
        case("R1", name, does)
            .at(Io)
            .formats(BOTH)
            .lie(ring(Field::Id, Size(0)).on(queue))
            .ends(Broken, says)
    };
    let twice = |name, does, queue, says| {
        case("R2", name, does)
            .at(Io)
            .formats(BOTH)
            .lie(tell(Twice).struck().on(queue))
            .ends(Broken, says)
    };
    let index = |name, does, queue, value, says| {
        case("R6", name, does)
            .at(Io)
            .lie(ring(Field::Idx, value).on(queue))
            .ends(Broken, says)
    };
    let order = |name, does, queue, says| {
        case("R9", name, does)
            .at(Io)
            .formats(IN_ORDER)
            .lie(ring(Field::Id, Size(-1)).on(queue))
            .ends(Broken, says)
    };

    vec![
        id(
            "rx-id-beyond",
            "receives into a buffer that there is not",
            RX,
            not_a_head!("0"),
        ),
        id(
            "tx-id-beyond",
            "has sent a buffer that there is not",
            TX,
            not_a_head!("1"),
        ),
        id(
            "control-id-beyond",
            "answers a command that there is not",
            CONTROL,
            not_a_head!("2"),
        ),
        twice(
            "rx-twice",
            "receives twice into each buffer",
            RX,
            not_a_head!("0"),
        ),
        twice(
            "tx-twice",
            "has sent each frame twice",
            TX,
            not_a_head!("1"),
        ),
        twice(
            "control-twice",
            "answers each command twice",
            CONTROL,
            not_a_head!("2"),
        ),
        case(
            "R4",
            "tx-length-huge",
            "claims to have written to what it only sends",
        )
        .at(Io)
        .formats(BOTH)
        .lie(ring(Field::Len, Is(u64::MAX)).on(TX)),
        case(
            "R4",
            "control-length-huge",
            "claims a longer answer than there was room for",
        )
        .at(Io)
        .lie(ring(Field::Len, Is(4096)).on(CONTROL))
        .ends(Broken, too_long!("2")),
        index(
            "rx-index-jumps",
            "moves the used index of what it receives past what is posted",
            RX,
            Add(1000),
            not_a_head!("0"),
        ),
        index(
            "rx-index-back",
            "moves the used index of what it receives backwards",
            RX,
            // Further than the driver may lag behind: less could pass for frames that come late.
            Add(-300),
            not_a_head!("0"),
        ),
        index(
            "tx-index-jumps",
            "moves the used index of what it sends past what is posted",
            TX,
            Add(1000),
            not_a_head!("1"),
        ),
        index(
            "control-index-jumps",
            "moves the used index of commands past what is posted",
            CONTROL,
            Add(1000),
            not_a_head!("2"),
        ),
        case(
            "R8",
            "nic-descriptors-overwritten",
            "overwrites all that the driver has written for it: descriptors, tables, available ring",
        )
        .at(Io)
        .formats(BOTH)
        .lie(spoilt(Spoilt::Descriptors))
        .lie(spoilt(Spoilt::Tables))
        .lie(spoilt(Spoilt::Driver))
        // While nothing is looked at, a frame may be lost above the driver, C's as well.
        .ends(Recovers, ""),
        order(
            "rx-out-of-order",
            "receives into a buffer that is not the next in order",
            RX,
            not_a_head!("0"),
        )
        .formats(&["in-order"]),
        // In a packed ring that is how a batch looks, of which the driver cannot know that it was none: what is lost is lost.
        order(
            "rx-as-one-batch",
            "has all buffers back for one frame",
            RX,
            "",
        )
        .formats(&["packed-in-order"])
        .ends(Safe, ""),
        order(
            "tx-out-of-order",
            "has sent a buffer that is not the next in order",
            TX,
            not_a_head!("1"),
        ),
        case(
            "R10",
            "nic-events-random",
            "asks for notifications at random places",
        )
        .at(Io)
        .formats(BOTH)
        .lie(ring(Field::Event, Random).times(50))
        .ends(Safe, ""),
        case(
            "R13",
            "nic-used-rings-race",
            "another thread writes random values all over the used rings",
        )
        .at(Io)
        .lie(tell(Race(Area::Device)).struck())
        .ends(Safe, ""),
        case(
            "R13",
            "nic-rings-race",
            "another thread writes random values all over the rings",
        )
        .at(Io)
        .formats(PACKED)
        .lie(tell(Race(Area::Desc)).struck())
        .ends(Safe, ""),
        case(
            "R13",
            "rx-length-flickers",
            "another thread changes the length of what it receives to and fro between the right one and one too long",
        )
        .at(Io)
        .formats(BOTH)
        .lie(Lie::new(Flicker(Field::Len), Room(1)).struck().on(RX))
        .ends(Safe, ""),
        case(
            "R14",
            "nic-interrupts",
            "raises every interrupt each millisecond",
        )
        .at(Io)
        .formats(BOTH)
        .lie(tell(Storm).struck()),
        case(
            "R16",
            "tx-header-overwritten",
            "overwrites the headers of what it sends",
        )
        .at(Io)
        .lie(tell(Scribble).struck().on(TX)),
    ]
}

fn frame_cases() -> Vec<Case> {
    let lost = |line, name, does| case(line, name, does).at(Io).ends(Fails, LOST);
    let runt = |name, does, length| {
        lost("N4", name, does).lie(ring(Field::Len, Is(length)).on(RX).times(SOME))
    };

    vec![
        case(
            "N2",
            "rx-length-one-more",
            "receives a byte more than there was room for",
        )
        .at(Io)
        .formats(BOTH)
        .lie(ring(Field::Len, Room(1)).on(RX))
        .ends(Broken, too_long!("0")),
        case(
            "N2",
            "rx-length-beyond-small",
            "receives more than there was room for, where a frame is in one buffer",
        )
        .at(Io)
        .options("hide=15")
        .lie(ring(Field::Len, Is(4096)).on(RX))
        .ends(Broken, too_long!("0")),
        // More than a packet has fragments: what was right to be, and what overflows who does not count.
        case(
            "N2",
            "rx-in-20-pieces",
            "receives long frames into 20 buffers, one byte in all but the first",
        )
        .at(Io)
        .formats(BOTH)
        .options("pieces=20")
        // A frame or two may be lost where a socket has no more room.
        .ends(Recovers, ""),
        case(
            "N2",
            "rx-in-100-pieces",
            "receives long frames into 100 buffers",
        )
        .at(Io)
        .options("pieces=100 queue_size=256")
        // A socket has room for one or two of them: each is counted with the whole of its buffers.
        .ends(Recovers, ""),
        case(
            "N5",
            "rx-in-empty-pieces",
            "receives long frames into 20 buffers, all but the first of them empty",
        )
        .at(Io)
        .formats(BOTH)
        .options("pieces=20 piece=empty")
        .ends(Fails, LOST),
        case(
            "N3",
            "rx-length-huge-mapped",
            "receives 4 GiB at once, where memory is mapped for it",
        )
        .at(Io)
        .options("offer=33")
        .formats(BOTH)
        .lie(ring(Field::Len, Is(u64::MAX)).on(RX))
        .ends(Broken, too_long!("0")),
        runt("rx-length-0", "receives nothing at all", 0),
        runt("rx-no-header", "receives less than a header", 5).formats(BOTH),
        runt("rx-no-frame", "receives a header only", 12),
        runt(
            "rx-no-ethernet",
            "receives less than an Ethernet header",
            25,
        ),
        lost("N5", "rx-buffers-0", "says that a frame is in no buffer")
            .formats(BOTH)
            .lie(header(NUM_BUFFERS, Is(0)).times(SOME)),
        lost(
            "N5",
            "rx-buffers-65535",
            "says that a frame is in as many buffers as it can say",
        )
        .formats(BOTH)
        .lie(header(NUM_BUFFERS, Is(0xffff)).times(SOME)),
        lost(
            "N5",
            "rx-buffers-one-more",
            "says that a frame is in one buffer more than it is",
        )
        .lie(header(NUM_BUFFERS, Add(1)).times(SOME)),
        lost(
            "N5",
            "rx-buffers-one-less",
            "says that a frame is in one buffer less than it is",
        )
        .options("mtu=9000")
        .lie(header(NUM_BUFFERS, Add(-1)).times(SOME)),
        case(
            "N5",
            "rx-buffers-small",
            "says that a frame is in many buffers, where that cannot be",
        )
        .at(Io)
        .options("hide=15")
        .lie(header(NUM_BUFFERS, Is(0xffff))),
        lost(
            "N6",
            "rx-gso-unknown",
            "says that a frame is segments of a kind that there is not",
        )
        .formats(BOTH)
        .lie(header(GSO_TYPE, Is(0x7f)).times(SOME)),
        lost(
            "N6",
            "rx-gso-udp",
            "says that a frame is segments of a kind that was not agreed on",
        )
        .lie(header(GSO_TYPE, Is(5)).times(SOME))
        .lie(header(GSO_SIZE, Is(100)).times(SOME)),
        lost(
            "N6",
            "rx-gso-size-0",
            "says that a frame is segments of no bytes",
        )
        .lie(header(GSO_TYPE, Is(1)).times(SOME)),
        lost(
            "N6",
            "rx-gso-not-tcp",
            "says that a frame of another protocol is segments of TCP",
        )
        .lie(header(GSO_TYPE, Is(1)).times(SOME))
        .lie(header(FLAGS, Is(1)).times(SOME))
        .lie(header(CSUM_START, Is(34)).times(SOME))
        .lie(header(CSUM_OFFSET, Is(16)).times(SOME))
        .lie(header(GSO_SIZE, Is(500)).times(SOME))
        // The kernel believes it as long as nobody cuts the packet, which is what a sender that is not trusted is checked for.
        .ends(Safe, ""),
        lost(
            "N6",
            "rx-gso-by-frags",
            "gives segments the size that the kernel has a meaning of its own for",
        )
        .lie(header(GSO_TYPE, Is(4)).times(SOME))
        .lie(header(FLAGS, Is(1)).times(SOME))
        .lie(header(CSUM_START, Is(34)).times(SOME))
        .lie(header(CSUM_OFFSET, Is(16)).times(SOME))
        .lie(header(GSO_SIZE, Is(0xffff)).times(SOME)),
        lost("N6", "rx-csum-beyond", "leaves a checksum behind the frame")
            .lie(header(FLAGS, Is(1)).times(SOME))
            .lie(header(CSUM_START, Is(0xfff0)).times(SOME)),
        lost(
            "N6",
            "rx-csum-offset-beyond",
            "leaves a checksum behind the frame, by its offset",
        )
        .lie(header(FLAGS, Is(1)).times(SOME))
        .lie(header(CSUM_START, Is(34)).times(SOME))
        .lie(header(CSUM_OFFSET, Is(0xffff)).times(SOME)),
        case(
            "N6",
            "rx-flags-unknown",
            "sets all flags that there are not",
        )
        .at(Io)
        .lie(header(FLAGS, Is(0xfc))),
        case("N6", "rx-hdr-len", "gives a length of headers of its own")
            .at(Io)
            .lie(header(HDR_LEN, Is(0xffff))),
        case("N6", "rx-header-random", "has random headers")
            .at(Io)
            .formats(BOTH)
            .options("mtu=9000")
            .lie(header(FLAGS, Random).times(60))
            .lie(header(GSO_TYPE, Each(&[0, 1, 4, 0x81, 0x84, 3, 5, 0xff])).times(60))
            .lie(header(HDR_LEN, Random).times(60))
            .lie(header(GSO_SIZE, Random).times(60))
            .lie(header(CSUM_START, Each(&[14, 34, 0xffff, 20, 0])).times(60))
            .lie(header(CSUM_OFFSET, Each(&[16, 2, 6, 0xffff, 0])).times(60))
            .lie(header(NUM_BUFFERS, Each(&[1, 2, 0, 9, 0xffff])).times(60))
            .ends(Safe, ""),
    ]
}

fn control_cases() -> Vec<Case> {
    let answer = |name, does, value| {
        case("N7", name, does)
            .at(Io)
            .lie(
                Lie::new(Answer(Part::Status), Is(value))
                    .struck()
                    .on(CONTROL),
            )
            .ends(Fails, NOT_DONE)
    };

    vec![
        case("N7", "control-silent", "answers no command any more")
            .at(Io)
            .formats(BOTH)
            .lie(tell(Keep).struck().on(CONTROL))
            .ends(Broken, late!("2")),
        case(
            "N7",
            "control-silent-at-probe",
            "answers no command from the start",
        )
        .options("pairs=2")
        .lie(tell(Keep).on(CONTROL_OF_TWO))
        .ends(Refused, "device refuses its settings"),
        case(
            "N7",
            "control-silent-at-removal",
            "answers no command when its driver leaves",
        )
        .at(Removal)
        .lie(tell(Keep).struck().on(CONTROL).maybe())
        .ends(Safe, ""),
        case("N7", "control-late", "takes 20 ms for a command")
            .at(Io)
            .lie(Lie::new(Late, Is(20)).struck().on(CONTROL)),
        answer("control-refuses", "refuses every command", 1),
        answer("control-answer-77", "gives an answer that there is not", 77),
        case(
            "N7",
            "control-unwritten",
            "gives commands back without an answer",
        )
        .at(Io)
        .lie(tell(Omit(Part::Status)).struck().on(CONTROL))
        .ends(Fails, NOT_DONE),
        case(
            "N7",
            "control-refuses-at-probe",
            "refuses the number of queues",
        )
        .options("pairs=2")
        .lie(Lie::new(Answer(Part::Status), Is(1)).on(CONTROL_OF_TWO))
        .ends(Refused, "device refuses its settings"),
    ]
}

fn config_cases() -> Vec<Case> {
    let works = |line, name, does, lie| case(line, name, does).lie(lie);
    let refused = |name, does, pairs, says| {
        case("N8", name, does)
            .options("pairs=2")
            .lie(device(field::MAX_PAIRS, 2, Is(pairs)))
            .ends(Refused, says)
    };
    const RANDOM_ADDRESS: &str = "address makes no sense; a random one is used";

    vec![
        works(
            "N1",
            "mtu-0",
            "has frames without a byte",
            device(field::MTU, 2, Is(0)),
        ),
        works(
            "N1",
            "mtu-67",
            "has frames too short for IPv4",
            device(field::MTU, 2, Is(67)),
        ),
        works(
            "N1",
            "mtu-65535",
            "has the largest frames there are",
            device(field::MTU, 2, Is(65535)),
        ),
        works(
            "N1",
            "mtu-65535-small",
            "the same, where a frame is in one buffer",
            device(field::MTU, 2, Is(65535)),
        )
        .options("hide=15"),
        works(
            "N1",
            "mtu-changes",
            "has another MTU when it is read again",
            device(field::MTU, 2, Each(&[1500, 20])),
        )
        .ends(Refused, "MTU is another one"),
        works(
            "N8",
            "pairs-0",
            "has no pair of queues",
            device(field::MAX_PAIRS, 2, Is(0)),
        )
        .options("offer=22"),
        refused(
            "pairs-7",
            "has more pairs of queues than it has",
            7,
            "queue [0-9]+: cannot be opened",
        ),
        refused(
            "pairs-32768",
            "has as many pairs of queues as can be said",
            32768,
            "32768 pairs of queues are not possible",
        ),
        refused(
            "pairs-65535",
            "has more pairs of queues than can be",
            65535,
            "65535 pairs of queues are not possible",
        ),
        works(
            "N9",
            "address-0",
            "has the address of all zeroes",
            device(field::MAC, 6, Is(0)),
        )
        .ends(Works, RANDOM_ADDRESS),
        works(
            "N9",
            "address-multicast",
            "has the address of a group",
            device(field::MAC, 1, Or(1)),
        )
        .ends(Works, RANDOM_ADDRESS),
        works(
            "N10",
            "rss-key-255",
            "hashes with a key of 255 bytes",
            device(field::RSS_MAX_KEY_SIZE, 1, Is(255)).never(),
        )
        .options(RSS),
        works(
            "N10",
            "rss-table-0",
            "hashes into a table of no entries",
            device(field::RSS_MAX_TABLE_LENGTH, 2, Is(0)).never(),
        )
        .options(RSS),
        case(
            "N11",
            "device-stats",
            "has statistics that it can lie about",
        )
        .options(DEVICE_STATS),
        works(
            "N12",
            "hash-report",
            "reports hashes of kinds that there are not",
            device(field::SUPPORTED_HASH_TYPES, 4, Is(u64::MAX)).never(),
        )
        .options(HASH_REPORT),
        works(
            "N12",
            "speed-unknown",
            "has a speed and a duplex mode that cannot be",
            device(field::SPEED, 4, Is(0xffff_fffe)),
        )
        .lie(device(field::DUPLEX, 1, Is(77))),
        works(
            "P4",
            "nic-config-of-8",
            "has a configuration of address and status only",
            pci(DEVICE_CAP, cap::LENGTH, 4, Is(8)),
        )
        .options("offer=22 never=3 never=22 never=63"),
        works(
            "P4",
            "nic-config-absent",
            "has no configuration",
            pci(DEVICE_CAP, cap::TYPE, 1, Is(0xee)),
        )
        .options("never=3 never=5 never=16 never=63"),
        case(
            "P18",
            "segments-without-checksums",
            "cuts and joins segments, and cannot fill in checksums",
        )
        .options("hide=0 hide=1 never=7 never=8 never=9 never=11 never=12 never=13"),
        case(
            "P18",
            "ecn-without-segments",
            "knows congestion notification in segments, and no segments",
        )
        .options("hide=7 hide=8 hide=11 hide=12 never=9 never=13"),
        case(
            "P18",
            "commands-without-queue",
            "knows commands, and has no queue for them",
        )
        .options("hide=17 offer=22 never=2 never=18 never=19 never=21 never=22 never=23"),
        works(
            "P7",
            "nic-size-1",
            "has queues of one entry",
            common(at::QUEUE_SIZE, 2, Is(1)),
        )
        .ends(
            Refused,
            "queue 2: room for 1 descriptors, 2 are needed|queue [01]: .*",
        ),
        works(
            "P7",
            "nic-size-2",
            "has queues of two entries",
            common(at::QUEUE_SIZE, 2, Is(2)),
        )
        .ends(Safe, ""),
    ]
}

fn honest_cases() -> Vec<Case> {
    let honest = |name, does, options| case("-", name, does).at(Io).options(options);

    vec![
        honest(
            "nic-honest",
            "is honest, with long frames and several pairs of queues",
            "mtu=9000 pairs=2",
        )
        .formats(ALL),
        case(
            "R15",
            "rx-floods",
            "receives a frame into each buffer as soon as it is there, without end",
        )
        .formats(BOTH)
        .options("flood=on"),
        honest(
            "nic-honest-small",
            "is honest, with each frame in one buffer",
            "hide=15",
        )
        .formats(BOTH),
        honest(
            "nic-honest-plain",
            "is honest, and knows neither event index nor indirect tables",
            "mtu=9000 event_idx=off indirect=off",
        )
        .formats(BOTH),
        honest(
            "nic-honest-poor",
            "is honest, and offers no more than a NIC has to",
            "hide=0 hide=1 hide=2 hide=3 hide=5 hide=15 hide=16 hide=17 hide=63",
        ),
    ]
}

fn life_cases() -> Vec<Case> {
    vec![
        case("N13", "link-flaps", "has its cable pulled each millisecond")
            .at(Io)
            .lie(tell(Change).struck().times(100))
            .ends(Recovers, ""),
        case(
            "N13",
            "link-flaps-at-probe",
            "has its cable pulled each millisecond from the start",
        )
        .lie(tell(Change).times(100)),
        case(
            "N13",
            "announces-always",
            "asks for announcements all the time",
        )
        .at(Io)
        .options("cable=steady")
        .lie(device(field::STATUS, 2, Is(3)).struck())
        .lie(tell(Change).struck().times(400)),
        // One is enough to have the queue stand still: what may be under way is counted in bytes.
        case("N13", "tx-forgets", "never has sent a frame")
            .at(Io)
            .lie(tell(Keep).struck().on(TX).once())
            .ends(Fails, ""),
        case(
            "N13",
            "tx-never-completes",
            "has sent nothing for a while, until its queue is reset",
        )
        .at(Io)
        .formats(BOTH)
        .lie(tell(Keep).struck().on(TX).until_reset())
        .ends(Fails, "queue 1: .*reset"),
        case(
            "P12",
            "nic-needs-reset",
            "asks for a reset once, with frames under way",
        )
        .at(Io)
        .formats(BOTH)
        .lie(tell(NeedsReset).struck().once())
        .ends(Recovers, "device asks for a reset"),
        case(
            "P12",
            "nic-needs-reset-always",
            "asks for a reset with each frame",
        )
        .at(Io)
        .lie(tell(NeedsReset).struck())
        .ends(Broken, "device is broken: device asks for a reset"),
        case(
            "P12",
            "nic-needs-reset-silent-at-probe",
            "asks for a reset while it is set up, and answers no command before",
        )
        .options("cable=steady")
        .lie(device(field::STATUS, 2, Is(3)))
        .lie(tell(NeedsReset).live().once())
        .lie(tell(Keep).on(CONTROL).until_reset())
        .ends(Works, "device asks for a reset"),
        case(
            "P12",
            "nic-needs-reset-at-removal",
            "asks for a reset when its driver leaves",
        )
        .at(Removal)
        .lie(tell(NeedsReset).struck().once())
        .ends(Safe, ""),
        case("P14", "nic-gone-at-first", "is gone before it is looked at")
            .lie(tell(VanishOnAccess))
            .ends(Refused, "device is gone"),
        case(
            "P14",
            "nic-gone-in-probe",
            "is gone in the middle of a probe",
        )
        .lie(tell(VanishOnAccess).after(100))
        .ends(Refused, "device is gone"),
        case("P14", "nic-gone-late", "is gone when its link is set up")
            .lie(tell(VanishOnAccess).after(190).maybe())
            .ends(Safe, ""),
        case("P14", "nic-gone", "is gone with frames under way")
            .at(Io)
            .formats(BOTH)
            .lie(tell(Vanish).struck())
            .ends(
                Broken,
                "device is broken: (queue 2: request was not answered in time|device is gone)",
            ),
        case(
            "P14",
            "nic-gone-at-removal",
            "is gone when its driver leaves",
        )
        .at(Removal)
        .lie(tell(Vanish).struck())
        .ends(
            Safe,
            "device is broken: (queue 2: request was not answered in time|device is gone)",
        ),
    ]
}
