// SPDX-License-Identifier: GPL-2.0

//! Lives made of a number: the same number makes the same device and the same lies.
//!
//! What is left out: lies that no driver can see through, such as data that are not written, said to be; and those by which the
//! device itself would use memory that is not its own, since a guest cannot be blamed for that.

use crate::{
    config_space::{
        cap,
        COMMON_CAP,
        DEVICE_CAP,
        ISR_CAP,
        NOTIFY_CAP,
        SPARE_CAP, //
    },
    device::zone_at,
    lie::{
        Area,
        Lie,
        Part,
        Random,
        Space,
        Value,
        What, //
    },
    registers::at,
    ring::Field,
};

const CAPABILITIES: [usize; 5] = [COMMON_CAP, NOTIFY_CAP, ISR_CAP, DEVICE_CAP, SPARE_CAP];
const CAPABILITY_FIELDS: [(usize, u8); 6] = [
    (cap::LEN, 1),
    (cap::TYPE, 1),
    (cap::BAR, 1),
    (cap::OFFSET, 4),
    (cap::LENGTH, 4),
    (cap::MORE, 4),
];
const COMMON_FIELDS: [(usize, u8); 13] = [
    (at::DEVICE_FEATURE, 4),
    (at::CONFIG_VECTOR, 2),
    (at::NUM_QUEUES, 2),
    (at::STATUS, 1),
    (at::GENERATION, 1),
    (at::QUEUE_SIZE, 2),
    (at::QUEUE_VECTOR, 2),
    (at::QUEUE_ENABLE, 2),
    (at::QUEUE_NOTIFY_OFF, 2),
    (at::QUEUE_RESET, 2),
    (at::ADMIN_QUEUE_INDEX, 2),
    (at::ADMIN_QUEUE_NUM, 2),
    (at::QUEUE_NOTIF_CONFIG_DATA, 2),
];
const RING_FIELDS: [Field; 6] = [
    Field::Id,
    Field::Len,
    Field::Idx,
    Field::Flags,
    Field::At,
    Field::Event,
];
/// Fields of a report of zones.
const ZONE_FIELDS: [u8; 6] = [
    zone_at::NUMBER,
    zone_at::CAPACITY,
    zone_at::START,
    zone_at::POINTER,
    zone_at::TYPE,
    zone_at::STATE,
];
/// What differs from kind to kind: how many bytes of a device's own configuration are lied about, how many queues it has,
/// fields of an answer, with the option that they need, and options with what they may be.
struct Kind {
    config_bytes: u64,
    queues: u64,
    fields: &'static [u8],
    fields_need: &'static str,
    options: &'static [&'static [&'static str]],
}

const BLOCK: Kind = Kind {
    config_bytes: 96,
    queues: 3,
    fields: &ZONE_FIELDS,
    fields_need: "zones=",
    options: &[
        &["queues=1", "queues=2"],
        &["", "", "zones=8192"],
        &["", "", "lifetime=1:2:3"],
    ],
};
const NET: Kind = Kind {
    config_bytes: 24,
    queues: 6,
    fields: &[0, 1, 2, 4, 6, 8, 10],
    fields_need: "",
    options: &[
        &["pairs=1", "pairs=2"],
        &["mtu=1500", "mtu=9000"],
        &["", "hide=15"],
    ],
};
const BALLOON: Kind = Kind {
    config_bytes: 16,
    queues: 6,
    fields: &[],
    fields_need: "",
    options: &[
        &["wanted=0", "wanted=100", "wanted=3000"],
        &["stats=on", "stats=always"],
        &["", "hints=off", "reports=off"],
    ],
};
/// Options that any kind has.
const COMMON: [&[&str]; 3] = [
    &["", "", "admin=self", "admin=both"],
    &[
        "",
        "",
        "notification_data=on",
        "notif_config_data=on",
        "notification_data=on notif_config_data=on",
    ],
    &["", "", "offer=33"],
];
const TURNS: [&[u64]; 3] = [&[0, u64::MAX], &[1, 2, 3, 4], &[0, 0xff, 2, 0x8000]];

fn pick<T: Copy>(random: &mut Random, of: &[T]) -> T {
    of[random.below(of.len() as u64) as usize]
}

fn register(random: &mut Random, kind: &Kind) -> What {
    match random.below(3) {
        0 => {
            let (offset, size) = pick(random, &CAPABILITY_FIELDS);

            What::Read(
                Space::Pci,
                (pick(random, &CAPABILITIES) + offset) as u32,
                size,
            )
        }
        1 => {
            let (offset, size) = pick(random, &COMMON_FIELDS);

            What::Read(Space::Common, offset as u32, size)
        }
        _ => {
            let size = pick(random, &[1u8, 2, 4, 8]);
            let offset = random.below(kind.config_bytes) / u64::from(size) * u64::from(size);

            What::Read(Space::Device, offset as u32, size)
        }
    }
}

fn deed(random: &mut Random, kind: &Kind, options: &str) -> What {
    let has_fields = !kind.fields.is_empty() && options.contains(kind.fields_need);

    if has_fields && random.below(3) == 0 {
        return What::Answer(Part::Field(pick(random, kind.fields)));
    }
    match random.below(64) {
        // What has to be waited for is rare, or there is time for little else.
        0 => What::Keep,
        1 => What::Deaf(Space::Common, at::STATUS as u32, 1),
        2 => What::Deaf(Space::Common, at::QUEUE_ENABLE as u32, 2),
        3..8 => What::Late,
        8..16 => What::Omit(Part::Status),
        16..24 => What::Answer(Part::Status),
        24..28 => What::Answer(Part::Header),
        28..34 => What::Overwrite,
        34..40 => What::Scribble,
        40..46 => What::Twice,
        46..50 => What::NeedsReset,
        50..52 => What::Vanish,
        52..56 => What::VanishOnAccess,
        56..58 => What::Storm,
        58..61 => What::Change,
        _ => What::Race(Area::Device),
    }
}

fn value(random: &mut Random, what: What) -> Value {
    if what == What::Late {
        return Value::Is(random.below(20));
    }
    match random.below(12) {
        0 => Value::Is(0),
        1 => Value::Is(1),
        2 => Value::Is(u64::MAX),
        3 => Value::Is(1 << random.below(64)),
        4 => Value::Add(1),
        5 => Value::Add(-1),
        6 => Value::Size(random.below(3) as i64 - 1),
        7 => Value::Xor(1 << random.below(16)),
        8 => Value::Before,
        9 => Value::Each(pick(random, &TURNS)),
        10 => Value::Count(1 + random.below(3)),
        _ => Value::Random,
    }
}

fn lie(random: &mut Random, kind: &Kind, options: &str) -> Lie {
    let what = match random.below(8) {
        0..3 => register(random, kind),
        3..6 => What::Ring(pick(random, &RING_FIELDS)),
        _ => deed(random, kind, options),
    };
    let mut lie = Lie::new(what, value(random, what));

    // What waits for the strike is told under I/O, to a driver that has met an honest device so far.
    lie = match random.below(6) {
        0 | 1 => lie.live(),
        2 => lie.struck(),
        _ => lie,
    };
    if random.below(2) == 0 {
        lie = lie.after(random.below(40) as u32);
    }
    if what == What::Keep || random.below(2) == 0 {
        lie = lie.times(pick(random, &[1, 1, 3]));
    }
    if random.below(3) == 0 {
        lie = lie.on(random.below(kind.queues) as u16);
    }
    lie
}

/// A life of a device of that kind: its options, and its lies.
pub fn life(kind: &str, seed: u64) -> Result<(String, Vec<Lie>), String> {
    let kind = match kind {
        "block" => &BLOCK,
        "net" => &NET,
        "balloon" => &BALLOON,
        _ => return Err(format!("there are no lives of a {kind}")),
    };
    let mut random = Random::new(seed);
    let ring = pick(
        &mut random,
        &["split", "in-order", "packed", "packed-in-order"],
    );
    let size = pick(&mut random, &[4, 8, 64, 128, 256]);
    let mut on = || pick(&mut random, &["on", "off"]);
    let mut options = format!(
        "ring={ring} queue_size={size} indirect={} event_idx={} queue_reset={}",
        on(),
        on(),
        on()
    );

    for choices in kind.options.iter().chain(&COMMON) {
        options += " ";
        options += pick(&mut random, choices);
    }
    let count = 1 + random.below(5);
    let lies = (0..count).map(|_| lie(&mut random, kind, &options));
    let lies = lies.collect();

    Ok((options, lies))
}

/// A life in words, for the log.
pub fn describe(options: &str, lies: &[Lie]) -> String {
    let words = lies.iter().map(|lie| {
        format!(
            "{:?} {:?} from {:?} after {} times {} of queue {:?}",
            lie.what, lie.value, lie.start, lie.skip, lie.times, lie.queue
        )
    });

    format!("{options}: {}", words.collect::<Vec<_>>().join("; "))
}
