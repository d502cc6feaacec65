// SPDX-License-Identifier: GPL-2.0

//! The packed ring (virtio 1.4, 2.8).

use super::{
    chain::Desc,
    Areas,
    Chain,
    Field,
    Nonsense,
    Told,
    Twist,
    INDIRECT,
    NEXT, //
};
use crate::memory::{
    Fault,
    Memory, //
};

const AVAIL: u16 = 1 << 7;
const USED: u16 = 1 << 15;

/// Flags of an event structure (2.8.10).
const ENABLE: u16 = 0;
const DISABLE: u16 = 1;
const DESC: u16 = 2;

/// A position and its wrap counter (2.8.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Spot {
    at: u16,
    wrap: bool,
}

impl Spot {
    const START: Self = Self { at: 0, wrap: true };

    fn step(&mut self, count: u16, size: u16) {
        let at = u32::from(self.at) + u32::from(count);

        if at >= size.into() {
            self.wrap = !self.wrap;
            self.at = (at - u32::from(size)) as u16;
        } else {
            self.at = at as u16;
        }
    }

    /// What [`Self::word`] says.
    fn of(word: u16) -> Self {
        Self {
            at: word & 0x7fff,
            wrap: word >> 15 != 0,
        }
    }

    /// As an event structure or a notification says it.
    fn word(self) -> u16 {
        self.at | u16::from(self.wrap) << 15
    }
}

pub struct Packed {
    pub(super) areas: Areas,
    pub(super) size: u16,
    event_idx: bool,
    /// The next descriptor to look at, and the next one to write as used.
    next: Spot,
    used: Spot,
}

impl Packed {
    pub(super) fn new(areas: Areas, size: u16, event_idx: bool) -> Self {
        Self {
            areas,
            size,
            event_idx,
            next: Spot::START,
            used: Spot::START,
        }
    }

    /// A notification comes late where the device looks by itself meanwhile: laps cannot be told apart then, so any place is one
    /// where the driver has been.
    pub(super) fn told(&self, memory: &Memory, said: u16) -> Result<Told, Fault> {
        let said = Spot::of(said);
        let mut end = self.next;

        for _ in 0..self.size {
            if !self.is_available(memory, end)? {
                break;
            }
            end.step(1, self.size);
        }
        if said.at >= self.size {
            return Ok(Told::Never);
        }
        Ok(if said == end { Told::Now } else { Told::Before })
    }

    fn place(&self, at: u16) -> u64 {
        self.areas.desc + 16 * u64::from(at)
    }

    /// 2.8.1: available to the device in this lap.
    fn is_available(&self, memory: &Memory, spot: Spot) -> Result<bool, Fault> {
        let flags = memory.load16(self.place(spot.at) + 14)?;

        Ok((flags & AVAIL != 0) == spot.wrap && (flags & USED != 0) != spot.wrap)
    }

    pub(super) fn fetch(&mut self, memory: &Memory) -> Result<Option<Chain>, Nonsense> {
        if !self.is_available(memory, self.next)? {
            return Ok(None);
        }
        let mut chain = Chain::default();

        loop {
            if chain.descs == self.size {
                return Err(Nonsense("a buffer longer than the ring (2.8.5)".into()));
            }
            if !self.is_available(memory, self.next)? {
                return Err(Nonsense("a buffer that is not all available".into()));
            }
            let desc = Desc::read(memory, self.areas.desc, self.next.at.into())?;
            let flags = desc.fourth;

            chain.indices.push(self.next.at);
            self.next.step(1, self.size);
            chain.descs += 1;
            // 2.8.5: the id is that of the last descriptor.
            chain.id = desc.third;
            if flags & INDIRECT != 0 {
                chain.push_table(memory, &desc, self.size, true)?;
                return Ok(Some(chain));
            }
            chain.push(&desc, flags)?;
            if flags & NEXT == 0 {
                return Ok(Some(chain));
            }
        }
    }

    pub(super) fn place_of(&self, field: Field) -> Option<(u64, u8)> {
        let place = self.place(self.used.at);

        match field {
            Field::Id => Some((place + 12, 2)),
            Field::Len => Some((place + 8, 4)),
            _ => None,
        }
    }

    /// As `put` for one buffer, with so many descriptors before it that are used too.
    pub(super) fn put_skipping(
        &mut self,
        memory: &Memory,
        buffer: &(Chain, u32),
        descs: u16,
        twist: &mut dyn Twist,
    ) -> Result<bool, Fault> {
        let mut whole = buffer.clone();

        whole.0.descs += descs;
        self.put(memory, &[whole], twist)
    }

    pub(super) fn put(
        &mut self,
        memory: &Memory,
        buffers: &[(Chain, u32)],
        twist: &mut dyn Twist,
    ) -> Result<bool, Fault> {
        let old = self.used;
        let mut first = None;
        let mut descs = 0;
        let mut is_moved = false;

        for (chain, len) in buffers {
            twist.gives_back(chain);
            let here = self.used;
            let at = twist.twist(Field::At, here.at.into(), self.size) as u16 % self.size;
            let place = self.place(at);
            let id = twist.twist(Field::Id, chain.id.into(), self.size) as u16;
            let len = twist.twist(Field::Len, (*len).into(), self.size) as u32;
            let flags = if here.wrap { AVAIL | USED } else { 0 };
            let flags = twist.twist(Field::Flags, flags.into(), self.size) as u16;

            memory.write(place + 8, &len.to_le_bytes())?;
            memory.write(place + 12, &id.to_le_bytes())?;
            // The first one shows them all (2.8.6).
            if first.is_none() {
                first = Some((place, flags));
            } else {
                memory.store16(place + 14, flags)?;
            }
            is_moved |= at != here.at;
            descs += chain.descs;
            self.used.step(chain.descs, self.size);
        }
        if let Some((place, flags)) = first {
            memory.store16(place + 14, flags)?;
        }

        let event = memory.load16(self.areas.driver)?;

        Ok(match memory.load16(self.areas.driver + 2)? & 3 {
            ENABLE => true,
            DISABLE => false,
            _ => {
                let mut spot = old;

                // A lie is heard of.
                is_moved
                    || (0..descs).any(|_| {
                        let here = spot.word();

                        spot.step(1, self.size);
                        here == event
                    })
            }
        })
    }

    pub(super) fn sleep(&mut self, memory: &Memory, twist: &mut dyn Twist) -> Result<bool, Fault> {
        let (event, flags) = if self.event_idx {
            (self.next.word(), DESC)
        } else {
            (0, ENABLE)
        };
        let word = u64::from(flags) << 16 | u64::from(event);
        let word = twist.twist(Field::Event, word, self.size) as u32;

        memory.store16(self.areas.device, word as u16)?;
        memory.store16(self.areas.device + 2, (word >> 16) as u16)?;
        Ok(!self.is_available(memory, self.next)?)
    }
}
