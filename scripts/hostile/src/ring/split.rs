// SPDX-License-Identifier: GPL-2.0

//! The split ring (virtio 1.4, 2.7).

use super::{
    chain::Desc,
    passes,
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

pub struct Split {
    pub(super) areas: Areas,
    pub(super) size: u16,
    event_idx: bool,
    /// The next available entry to look at, and the next used element to write.
    next_avail: u16,
    used: u16,
}

impl Split {
    pub(super) fn new(areas: Areas, size: u16, event_idx: bool) -> Self {
        Self {
            areas,
            size,
            event_idx,
            next_avail: 0,
            used: 0,
        }
    }

    pub(super) fn told(&self, memory: &Memory, said: u16) -> Result<Told, Fault> {
        let index = memory.load16(self.areas.driver + 2)?;

        Ok(match index.wrapping_sub(said) {
            0 => Told::Now,
            1..0x8000 => Told::Before,
            _ => Told::Never,
        })
    }

    pub(super) fn fetch(&mut self, memory: &Memory) -> Result<Option<Chain>, Nonsense> {
        let waiting = memory
            .load16(self.areas.driver + 2)?
            .wrapping_sub(self.next_avail);

        if waiting == 0 {
            return Ok(None);
        }
        if waiting > self.size {
            return Err(Nonsense(format!("{waiting} buffers available at once")));
        }
        let entry = 4 + 2 * u64::from(self.next_avail % self.size);
        let head = memory.load16(self.areas.driver + entry)?;
        let mut chain = Chain {
            id: head,
            ..Chain::default()
        };
        let mut index = head;

        self.next_avail = self.next_avail.wrapping_add(1);
        loop {
            if index >= self.size || chain.descs == self.size {
                return Err(Nonsense(format!(
                    "descriptor {index}, {} before",
                    chain.descs
                )));
            }
            let desc = Desc::read(memory, self.areas.desc, index.into())?;

            chain.descs += 1;
            chain.indices.push(index);
            if desc.third & INDIRECT != 0 {
                chain.push_table(memory, &desc, self.size, false)?;
                return Ok(Some(chain));
            }
            chain.push(&desc, desc.third)?;
            if desc.third & NEXT == 0 {
                return Ok(Some(chain));
            }
            index = desc.fourth;
        }
    }

    pub(super) fn place_of(&self, field: Field) -> Option<(u64, u8)> {
        let element = self.areas.device + 4 + 8 * u64::from(self.used % self.size);

        match field {
            Field::Id => Some((element, 4)),
            Field::Len => Some((element + 4, 4)),
            _ => None,
        }
    }

    /// As `put` for one buffer, with so many before it that are used too.
    pub(super) fn put_skipping(
        &mut self,
        memory: &Memory,
        buffer: &(Chain, u32),
        skipped: u16,
        twist: &mut dyn Twist,
    ) -> Result<bool, Fault> {
        self.put_all(memory, std::slice::from_ref(buffer), skipped, twist)
    }

    pub(super) fn put(
        &mut self,
        memory: &Memory,
        buffers: &[(Chain, u32)],
        twist: &mut dyn Twist,
    ) -> Result<bool, Fault> {
        self.put_all(memory, buffers, 0, twist)
    }

    fn put_all(
        &mut self,
        memory: &Memory,
        buffers: &[(Chain, u32)],
        skipped: u16,
        twist: &mut dyn Twist,
    ) -> Result<bool, Fault> {
        let old = self.used;

        for (chain, len) in buffers {
            twist.gives_back(chain);
            let at = self.areas.device + 4 + 8 * u64::from(self.used % self.size);
            let id = twist.twist(Field::Id, chain.id.into(), self.size) as u32;
            let len = twist.twist(Field::Len, (*len).into(), self.size) as u32;

            memory.write(at, &id.to_le_bytes())?;
            memory.write(at + 4, &len.to_le_bytes())?;
            self.used = self.used.wrapping_add(1);
        }
        self.used = self.used.wrapping_add(skipped);
        let idx = twist.twist(Field::Idx, self.used.into(), self.size) as u16;

        memory.store16(self.areas.device + 2, idx)?;
        if self.event_idx {
            let event = memory.load16(self.areas.driver + 4 + 2 * u64::from(self.size))?;

            Ok(idx != self.used || passes(event, self.used, old))
        } else {
            Ok(memory.load16(self.areas.driver)? & 1 == 0)
        }
    }

    pub(super) fn sleep(&mut self, memory: &Memory, twist: &mut dyn Twist) -> Result<bool, Fault> {
        if self.event_idx {
            let event = twist.twist(Field::Event, self.next_avail.into(), self.size) as u16;

            memory.store16(self.areas.device + 4 + 8 * u64::from(self.size), event)?;
        } else {
            let flags = twist.twist(Field::Event, 0, self.size) as u16;

            memory.store16(self.areas.device, flags)?;
        }
        Ok(memory.load16(self.areas.driver + 2)? == self.next_avail)
    }
}
