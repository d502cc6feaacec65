// SPDX-License-Identifier: GPL-2.0

//! What is done to the memory of rings while the driver uses it.
//!
//! What the driver wrote for the device is written over: for a while nonsense stands there. Before the device looks at it again it
//! makes good what the driver has not written anew meanwhile, so it can go on as if nothing had been. The driver may write at the
//! same time. So each field is changed as a whole, if it is still what it was, to a value that no driver writes: one that stands
//! there later is nobody else's.
//!
//! And fields of used elements flicker: a driver that reads one twice may well see two values.

use std::{
    sync::{
        atomic::{
            AtomicBool,
            Ordering::Relaxed, //
        },
        Arc,
    },
    thread::{
        self,
        JoinHandle, //
    },
    time::{
        Duration,
        Instant, //
    },
};

use crate::{
    lie::{
        Lies,
        Spoilt,
        What, //
    },
    memory::{
        Fault,
        Memory, //
    },
    ring::{
        Chain,
        Field,
        Ring,
        Twist,
        INDIRECT,
        NEXT,
        WRITE, //
    },
};

/// How long a field flickers.
const FLICKER: Duration = Duration::from_millis(10);

/// A field that is spoilt.
struct Word {
    at: u64,
    bytes: u8,
    was: u64,
    is: u64,
}

/// Places that are spoilt until some time.
struct Damage {
    due: Instant,
    words: Vec<Word>,
}

/// Bits that mean nothing, in the flags of a descriptor.
const SPLIT_NOTHING: u64 = 0xff00;
const PACKED_NOTHING: u64 = 0x3f00;

impl Damage {
    /// Spoils a place of a ring for so many ms. `chains` are those that are under way.
    fn new(
        memory: &Memory,
        ring: &Ring,
        what: Spoilt,
        ms: u64,
        chains: &[&Chain],
    ) -> Result<Self, Fault> {
        let mut damage = Self {
            due: Instant::now() + Duration::from_millis(ms),
            words: Vec::new(),
        };
        let [(desc, bytes), (driver, driver_bytes), _] = ring.areas();

        match what {
            Spoilt::Descriptors => {
                for at in (desc..desc + bytes).step_by(16) {
                    damage.spoil_descriptor(memory, at, matches!(ring, Ring::Packed(_)))?;
                }
            }
            Spoilt::Driver => {
                for at in (driver..driver + driver_bytes).step_by(2) {
                    damage.spoil(memory, at, 2, |was| was ^ 0x8000)?;
                }
            }
            // They are the device's until it gives them back, and it has read them: nothing is to be made good.
            Spoilt::Tables => {
                for (table, bytes) in chains.iter().filter_map(|chain| chain.table) {
                    memory.write(table, &vec![0xff; bytes as usize])?;
                }
            }
        }
        Ok(damage)
    }

    /// Has it include another one.
    fn and(&mut self, other: Self) {
        self.due = self.due.max(other.due);
        self.words.extend(other.words);
    }

    fn is_due(&self, now: Instant) -> bool {
        self.due <= now
    }

    /// Puts back what was there, where it is still nonsense.
    fn mend(&self, memory: &Memory) -> Result<(), Fault> {
        for word in &self.words {
            memory.exchange(word.at, word.bytes, word.is, word.was)?;
        }
        Ok(())
    }

    /// Each goes on to the next, and leads nowhere. In a packed ring those that are used say what the driver has not taken yet.
    fn spoil_descriptor(&mut self, memory: &Memory, at: u64, packed: bool) -> Result<(), Fault> {
        let flags = memory.load(at + 14, 2)?;

        if packed && flags >> 7 & 1 == flags >> 15 & 1 {
            return Ok(());
        }
        self.spoil(memory, at, 8, |was| !was)?;
        self.spoil(memory, at + 8, 4, |was| !was)?;
        if packed {
            let other = u64::from(NEXT | WRITE | INDIRECT);

            self.spoil(memory, at + 12, 2, |was| was ^ 0x8000)?;
            self.spoil(memory, at + 14, 2, |was| was ^ (PACKED_NOTHING | other))
        } else {
            self.spoil(memory, at + 12, 2, |was| {
                was | SPLIT_NOTHING | u64::from(NEXT)
            })?;
            self.spoil(memory, at + 14, 2, |was| was ^ 0x8000)
        }
    }

    fn spoil(
        &mut self,
        memory: &Memory,
        at: u64,
        bytes: u8,
        nonsense: impl Fn(u64) -> u64,
    ) -> Result<(), Fault> {
        let was = memory.load(at, bytes)?;
        let mask = u64::MAX >> (64 - 8 * u32::from(bytes));
        let is = nonsense(was) & mask;

        if memory.exchange(at, bytes, was, is)? {
            self.words.push(Word { at, bytes, was, is });
        }
        Ok(())
    }
}

/// All that is going on.
#[derive(Default)]
pub struct Tampering {
    damage: Option<Damage>,
    /// Of this queue.
    queue: u16,
    flickering: Vec<JoinHandle<()>>,
}

impl Tampering {
    pub fn is_over(&self) -> bool {
        self.damage.is_none() && self.flickering.is_empty()
    }

    /// Whether what the driver says of interrupts may be nonsense.
    pub fn is_damaging(&self) -> bool {
        self.damage.is_some()
    }

    /// Writes over what the driver has written in a queue, if there is a lie about that. `chains` are those that are under way.
    pub fn spoil(
        &mut self,
        memory: &Memory,
        lies: &mut Lies,
        queue: u16,
        ring: &Ring,
        chains: &[&Chain],
    ) -> Result<(), Fault> {
        if self.damage.is_some() {
            return Ok(());
        }
        for what in [Spoilt::Descriptors, Spoilt::Tables, Spoilt::Driver] {
            let Some(ms) = lies.tell(What::Spoil(what), 0) else {
                continue;
            };
            let damage = Damage::new(memory, ring, what, ms, chains)?;

            match &mut self.damage {
                Some(all) => all.and(damage),
                none => *none = Some(damage),
            }
            self.queue = queue;
        }
        Ok(())
    }

    /// Has fields of the next used element, which is to be of `chain`, be one thing and another while the driver may look.
    pub fn flicker(
        &mut self,
        memory: &Arc<Memory>,
        lies: &mut Lies,
        ring: &Ring,
        chain: &Chain,
        written: u32,
    ) {
        let fields = [
            (Field::Id, u64::from(chain.id)),
            (Field::Len, written.into()),
        ];

        lies.gives_back(chain);
        for (field, honest) in fields {
            let lie = lies.tell_if(|what| *what == What::Flicker(field), honest, ring.size());
            let (Some(lie), Some((at, bytes))) = (lie, ring.place_of(field)) else {
                continue;
            };
            let memory = memory.clone();
            let begun = Arc::new(AtomicBool::new(false));
            let begins = begun.clone();

            self.flickering.push(thread::spawn(move || {
                begins.store(true, Relaxed);
                // Memory that is none has been complained of.
                let _ = memory.flicker(at, bytes, honest, lie, Instant::now() + FLICKER);
            }));
            while !begun.load(Relaxed) {
                thread::yield_now();
            }
        }
    }

    /// Ends what is done to the memory of a queue, or of all, without putting anything right: it is the driver's again.
    pub fn end(&mut self, queue: Option<u16>) {
        if queue.is_none() || queue == Some(self.queue) {
            self.damage = None;
        }
        for thread in self.flickering.drain(..) {
            let _ = thread.join();
        }
    }

    /// Looks what is over, and puts right what is, if the device may write. True when the last of it has just ended.
    pub fn look(&mut self, now: Instant, memory: &Memory, may_write: bool) -> bool {
        let was_over = self.is_over();

        self.flickering.retain(|thread| !thread.is_finished());
        if let Some(damage) = self.damage.take_if(|damage| damage.is_due(now)) {
            if may_write {
                // As above.
                let _ = damage.mend(memory);
            }
        }
        !was_over && self.is_over()
    }
}
