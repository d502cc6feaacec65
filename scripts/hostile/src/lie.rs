// SPDX-License-Identifier: GPL-2.0

//! The words that a personality is made of: what is lied about, how, and when.

use crate::ring::{
    Chain,
    Field,
    Twist, //
};

/// Where registers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// PCI configuration space.
    Pci,
    /// The common configuration (4.1.4.3).
    Common,
    /// ISR status.
    Isr,
    /// The device's own configuration.
    Device,
}

/// Parts of an answer; what they are is the device type's to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The status byte of a disk, or the acknowledgement of a command.
    Status,
    /// What was asked for.
    Data,
    /// What stands before it: the header of a NIC.
    Header,
    /// A field of that, by its offset.
    Field(u8),
}

/// The areas of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    Desc,
    Driver,
    Device,
}

/// What a driver has written for the device to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoilt {
    /// The whole table of descriptors; of a packed ring all but what says whose turn it is.
    Descriptors,
    /// The indirect tables of all that is under way.
    Tables,
    /// The available ring, or the event structure of a packed one.
    Driver,
}

/// What is lied about. Each says what its occasions are, and what the value means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A read of `size` bytes at `at`: what it gives.
    Read(Space, u32, u8),
    /// A write of `size` bytes at `at`, of a value that the twisted one equals: it is not heard.
    Deaf(Space, u32, u8),
    /// A used buffer: what is written of it.
    Ring(Field),
    /// An answer: what is written in this part of it.
    Answer(Part),
    /// An answer: this part of it is not written.
    Omit(Part),
    /// A request: it is kept for ever.
    Keep,
    /// A request: it is answered so many ms later.
    Late,
    /// A request, before it comes back: its descriptors are overwritten, each with the value twice.
    Overwrite,
    /// A request, before it comes back: all that the driver wrote into this place is nonsense for so many ms, in which the device
    /// looks at nothing.
    Spoil(Spoilt),
    /// A used buffer: for some ms this field is the honest value and the lie in turn.
    Flicker(Field),
    /// A request: it is not done. With the next one that is, it comes back in a batch where buffers are used in order; elsewhere it
    /// comes back instead of that.
    Undone,
    /// A request with room for more than a status: so many bytes of the data are not written, and it says so.
    Short,
    /// A request, before it comes back: nonsense is written over its header, which is for reading only.
    Scribble,
    /// A request: it is given back twice.
    Twice,
    /// A request, after it came back, or a millisecond with a driver: the device sets `DEVICE_NEEDS_RESET`.
    NeedsReset,
    /// A request, after it came back, or the strike: the device is gone.
    Vanish,
    /// A register access: the device is gone.
    VanishOnAccess,
    /// A register access takes so many ms.
    Slow,
    /// A millisecond: every interrupt there is.
    Storm,
    /// A millisecond: the configuration changes, and the driver is told.
    Change,
    /// A millisecond: random values all over an area of each queue.
    Race(Area),
}

/// What is made of the honest value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    Is(u64),
    Add(i64),
    Xor(u64),
    And(u64),
    Or(u64),
    /// The queue's size, and so much.
    Size(i64),
    /// What there is room for in the buffer, and so much.
    Room(i64),
    /// The second descriptor of the buffer's chain.
    Inside,
    /// What was honest the time before.
    Before,
    /// One after the other, and again.
    Each(&'static [u64]),
    /// More each time.
    Count(u64),
    Random,
}

/// From when on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    Always,
    /// From the first `DRIVER_OK`.
    Live,
    /// When the suite says so.
    Struck,
}

/// A lie: the first `skip` occasions go by honestly, then `times` do not.
#[derive(Clone, Copy, Debug)]
pub struct Lie {
    pub what: What,
    pub value: Value,
    pub start: Start,
    pub skip: u32,
    pub times: u32,
    /// Until the queue is reset, or the device.
    pub until_reset: bool,
    /// Of this queue only; register accesses are about the queue that is selected.
    pub queue: Option<u16>,
    /// A driver may well never come near it.
    pub may_be_missed: bool,
    /// A driver has no business there: that it is told is wrong.
    pub is_forbidden: bool,
}

impl Lie {
    pub const fn new(what: What, value: Value) -> Self {
        Self {
            what,
            value,
            start: Start::Always,
            skip: 0,
            times: u32::MAX,
            until_reset: false,
            queue: None,
            may_be_missed: false,
            is_forbidden: false,
        }
    }

    pub const fn live(mut self) -> Self {
        self.start = Start::Live;
        self
    }

    pub const fn struck(mut self) -> Self {
        self.start = Start::Struck;
        self
    }

    pub const fn after(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    pub const fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    pub const fn on(mut self, queue: u16) -> Self {
        self.queue = Some(queue);
        self
    }

    pub const fn until_reset(mut self) -> Self {
        self.until_reset = true;
        self
    }

    pub const fn once(self) -> Self {
        self.times(1)
    }

    pub const fn maybe(mut self) -> Self {
        self.may_be_missed = true;
        self
    }

    pub const fn never(mut self) -> Self {
        self.is_forbidden = true;
        self.maybe()
    }
}

/// A small generator (xorshift).
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 16) % limit.max(1)
    }
}

struct Teller {
    lie: Lie,
    occasions: u32,
    told: u32,
    before: u64,
}

/// The lies of a personality, and how often each was told.
pub struct Lies {
    tellers: Vec<Teller>,
    live: bool,
    struck: bool,
    /// What is going on is about this queue.
    queue: Option<u16>,
    /// Of the buffer that is being given back: how much may be written to it, and its second descriptor.
    room: u64,
    inside: Option<u16>,
    random: Random,
}

impl Lies {
    pub fn new(lies: &[Lie], seed: u64) -> Self {
        let teller = |lie: &Lie| Teller {
            lie: *lie,
            occasions: 0,
            told: 0,
            before: 0,
        };

        Self {
            tellers: lies.iter().map(teller).collect(),
            live: false,
            struck: false,
            queue: None,
            room: 0,
            inside: None,
            random: Random::new(seed),
        }
    }

    pub fn go_live(&mut self) {
        self.live = true;
    }

    pub fn strike(&mut self) {
        self.struck = true;
    }

    /// The queue is reset; without a number, all are.
    pub fn queue_reset(&mut self, queue: Option<u16>) {
        for teller in &mut self.tellers {
            let meant = queue.is_none() || teller.lie.queue == queue;

            if teller.lie.until_reset && meant && teller.told != 0 {
                teller.lie.times = 0;
            }
        }
    }

    /// What comes is about this queue, or about none.
    pub fn about(&mut self, queue: Option<u16>) {
        self.queue = queue;
    }

    /// How often the lie was told that was told least: zero means that a case has proved nothing. `None` when there is
    /// none that has to be told.
    pub fn told(&self) -> Option<u32> {
        let needed = self
            .tellers
            .iter()
            .filter(|teller| !teller.lie.may_be_missed);

        needed.map(|teller| teller.told).min()
    }

    /// Whether one was told that a driver has no business to hear.
    pub fn is_betrayed(&self) -> bool {
        self.tellers
            .iter()
            .any(|teller| teller.lie.is_forbidden && teller.told != 0)
    }

    /// How many lies were told.
    pub fn told_in_all(&self) -> u32 {
        self.tellers
            .iter()
            .fold(0, |all, teller| all.saturating_add(teller.told))
    }

    /// Whether there is such a lie at all.
    pub fn has(&self, what: impl Fn(&What) -> bool) -> bool {
        self.tellers.iter().any(|teller| what(&teller.lie.what))
    }

    /// Whether one was told.
    pub fn has_told(&self, what: impl Fn(&What) -> bool) -> bool {
        self.tellers
            .iter()
            .any(|teller| teller.told != 0 && what(&teller.lie.what))
    }

    /// An occasion for the lies that match: what is made of the honest value, if one of them is told.
    pub fn tell_if(&mut self, what: impl Fn(&What) -> bool, honest: u64, size: u16) -> Option<u64> {
        let mut value = None;

        for teller in &mut self.tellers {
            let begun = match teller.lie.start {
                Start::Always => true,
                Start::Live => self.live,
                Start::Struck => self.struck,
            };
            let meant = teller.lie.queue.is_none() || teller.lie.queue == self.queue;

            if !begun || !meant || !what(&teller.lie.what) {
                continue;
            }
            let before = std::mem::replace(&mut teller.before, honest);
            let occasion = teller.occasions;

            teller.occasions = occasion.saturating_add(1);
            if occasion < teller.lie.skip || teller.told >= teller.lie.times {
                continue;
            }
            let round = u64::from(teller.told);
            let base = value.unwrap_or(honest);

            teller.told += 1;
            value = Some(match teller.lie.value {
                Value::Is(value) => value,
                Value::Add(more) => base.wrapping_add(more as u64),
                Value::Xor(bits) => base ^ bits,
                Value::And(bits) => base & bits,
                Value::Or(bits) => base | bits,
                Value::Room(more) => self.room.wrapping_add(more as u64),
                Value::Inside => self.inside.map_or(base, u64::from),
                Value::Size(more) => u64::from(size).wrapping_add(more as u64),
                Value::Before => before,
                Value::Each(values) => values[(round % values.len() as u64) as usize],
                Value::Count(step) => base.wrapping_add(step.wrapping_mul(round)),
                Value::Random => self.random.next(),
            });
        }
        value
    }

    pub fn tell(&mut self, what: What, honest: u64) -> Option<u64> {
        self.tell_if(|other| *other == what, honest, 0)
    }

    /// What a field is said to be from the start on, whenever it is read.
    pub fn claim(&self, space: Space, at: usize, size: u8) -> Option<u64> {
        self.tellers.iter().find_map(|teller| match teller.lie {
            Lie {
                what: What::Read(of, from, bytes),
                value: Value::Is(value),
                start: Start::Always,
                skip: 0,
                times: u32::MAX,
                ..
            } if (of, from, bytes) == (space, at as u32, size) => Some(value),
            _ => None,
        })
    }

    pub fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// Twists what `bytes`, all of a space, give when `length` of them are read at `at`.
    pub fn twist_read(
        &mut self,
        space: Space,
        bytes: &mut [u8],
        at: usize,
        length: usize,
        size: u16,
    ) {
        let fields: Vec<_> = self
            .tellers
            .iter()
            .filter_map(|teller| match teller.lie.what {
                What::Read(where_, from, bytes) if where_ == space => {
                    Some((from as usize, usize::from(bytes)))
                }
                _ => None,
            })
            .filter(|(from, bytes)| *from < at + length && at < from + bytes)
            .collect();

        for (from, count) in fields {
            let Some(field) = bytes.get_mut(from..from + count) else {
                continue;
            };
            let mut word = [0; 8];

            word[..count].copy_from_slice(field);
            let what = What::Read(space, from as u32, count as u8);

            if let Some(value) = self.tell_if(|w| *w == what, u64::from_le_bytes(word), size) {
                field.copy_from_slice(&value.to_le_bytes()[..count]);
            }
        }
    }

    /// Whether a write is not heard.
    pub fn is_deaf(&mut self, space: Space, at: usize, bytes: &[u8]) -> bool {
        let mut word = [0; 8];

        word[..bytes.len().min(8)].copy_from_slice(&bytes[..bytes.len().min(8)]);
        let written = u64::from_le_bytes(word);
        let what = What::Deaf(space, at as u32, bytes.len() as u8);
        // Only writes that are meant are occasions.
        let meant = self.tellers.iter().any(|teller| {
            teller.lie.what == what
                && match teller.lie.value {
                    Value::Is(value) => value == written,
                    _ => true,
                }
        });

        meant && self.tell(what, written).is_some()
    }
}

impl Twist for Lies {
    fn twist(&mut self, field: Field, honest: u64, size: u16) -> u64 {
        self.tell_if(|what| *what == What::Ring(field), honest, size)
            .unwrap_or(honest)
    }

    fn gives_back(&mut self, chain: &Chain) {
        self.room = chain.writable_len();
        self.inside = chain.indices.get(1).copied();
    }
}
