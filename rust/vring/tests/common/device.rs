// SPDX-License-Identifier: GPL-2.0

//! A device that keeps to the specification, written without a look at the ring's code.

use std::{
    collections::HashMap,
    marker::PhantomData, //
};

use vring::{
    Area,
    Format,
    RingConfig,
    Segment,
    Split, //
};

use super::{
    seg,
    start,
    world::{
        Model,
        WorldRing, //
    },
    FakeMem, //
};

pub const NEXT: u16 = 1;
pub const WRITE: u16 = 2;
pub const INDIRECT: u16 = 4;

/// A descriptor as the device reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Desc {
    pub addr: u64,
    pub len: u32,
    pub flags: u16,
    pub next: u16,
}

pub fn parse(bytes: [u8; 16]) -> Desc {
    Desc {
        addr: u64::from_le_bytes(bytes[0..8].try_into().unwrap()),
        len: u32::from_le_bytes(bytes[8..12].try_into().unwrap()),
        flags: u16::from_le_bytes(bytes[12..14].try_into().unwrap()),
        next: u16::from_le_bytes(bytes[14..16].try_into().unwrap()),
    }
}

/// A buffer as the device found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buffer {
    pub head: u16,
    /// Descriptors that it takes in the ring.
    pub descs: u16,
    pub readable: Vec<Segment>,
    pub writable: Vec<Segment>,
}

pub struct Device<F = Split> {
    pub mem: FakeMem,
    pub size: u16,
    pub event_idx: bool,
    /// The next available entry to look at.
    pub next_avail: u16,
    /// The next used element to write.
    pub used: u16,
    /// Whether it has found nothing available and waits for a kick.
    pub asleep: bool,
    /// Indirect tables by device address.
    pub tables: HashMap<u64, Vec<u8>>,
    format: PhantomData<F>,
}

impl Device {
    pub fn new(mem: FakeMem, size: u16, event_idx: bool) -> Self {
        Self::of(mem, size, event_idx)
    }
}

impl<F> Device<F> {
    fn of(mem: FakeMem, size: u16, event_idx: bool) -> Self {
        Self {
            mem,
            size,
            event_idx,
            next_avail: 0,
            used: 0,
            asleep: true,
            tables: HashMap::new(),
            format: PhantomData,
        }
    }

    pub fn desc(&self, index: u16) -> Desc {
        parse(self.mem.peek(Area::Desc, usize::from(index) * 16))
    }

    pub fn avail_idx(&self) -> u16 {
        self.mem.peek16(Area::Driver, 2)
    }

    pub fn avail_flags(&self) -> u16 {
        self.mem.peek16(Area::Driver, 0)
    }

    pub fn used_event(&self) -> u16 {
        let at = 4 + 2 * usize::from(self.size);
        self.mem.peek16(Area::Driver, at)
    }

    pub fn set_avail_event(&self, event: u16) {
        let at = 4 + 8 * usize::from(self.size);
        self.mem.poke16(Area::Device, at, event);
    }

    pub fn set_flags(&self, flags: u16) {
        self.mem.poke16(Area::Device, 0, flags);
    }

    pub fn has_available(&self) -> bool {
        self.avail_idx() != self.next_avail
    }

    /// Takes the next available buffer, following 2.7.5 and 2.7.5.3 to the letter.
    pub fn fetch(&mut self) -> Option<Buffer> {
        if !self.has_available() {
            return None;
        }
        let behind = self.avail_idx().wrapping_sub(self.next_avail);
        assert!(behind <= self.size, "avail.idx ran past the ring");
        let entry = 4 + 2 * usize::from(self.next_avail % self.size);
        let head = self.mem.peek16(Area::Driver, entry);
        self.next_avail = self.next_avail.wrapping_add(1);
        let mut buffer = Buffer {
            head,
            descs: 1,
            readable: Vec::new(),
            writable: Vec::new(),
        };
        let first = self.desc(head);
        if first.flags & INDIRECT != 0 {
            assert_eq!(first.flags, INDIRECT, "2.7.5.3.1: INDIRECT stands alone");
            let table = &self.tables[&first.addr];
            assert_eq!(first.len % 16, 0);
            let table = &table[..first.len as usize];
            let entry = |i: u16| {
                let at = usize::from(i) * 16;
                let desc = parse(table[at..at + 16].try_into().unwrap());
                assert_eq!(desc.flags & INDIRECT, 0, "2.7.5.3.1: no table in a table");
                desc
            };
            let count = Self::walk(&mut buffer, 0, self.size, entry);
            assert_eq!(u32::from(count) * 16, first.len);
        } else {
            buffer.descs = Self::walk(&mut buffer, head, self.size, |i| self.desc(i));
        }
        Some(buffer)
    }

    fn walk(buffer: &mut Buffer, head: u16, limit: u16, entry: impl Fn(u16) -> Desc) -> u16 {
        let mut index = head;
        for count in 1..=limit {
            let desc = entry(index);
            let segment = seg(desc.addr, desc.len);
            if desc.flags & WRITE != 0 {
                buffer.writable.push(segment);
            } else {
                assert!(
                    buffer.writable.is_empty(),
                    "2.7.4.2: writable before readable"
                );
                buffer.readable.push(segment);
            }
            if desc.flags & NEXT == 0 {
                return count;
            }
            index = desc.next;
        }
        panic!("2.7.5.2: chain longer than the queue");
    }

    /// Looks for work; without any, asks for a kick and looks again (2.7.10.2).
    pub fn sleep(&mut self) {
        if self.event_idx {
            self.set_avail_event(self.next_avail);
        } else {
            self.set_flags(0);
        }
        self.asleep = !self.has_available();
    }

    /// Stops wanting kicks, since it polls now.
    pub fn poll(&mut self) {
        self.asleep = false;
        if !self.event_idx {
            self.set_flags(1);
        }
    }

    /// Whether a kick is due for the entries from `old` to `new`: 2.7.10.1, one by one.
    pub fn wants_kick(&self, old: u16, new: u16) -> bool {
        if !self.event_idx {
            return self.mem.peek16(Area::Device, 0) == 0;
        }
        let at = 4 + 8 * usize::from(self.size);
        let event = self.mem.peek16(Area::Device, at);
        (0..new.wrapping_sub(old)).any(|i| old.wrapping_add(i) == event)
    }

    pub fn put_used(&mut self, id: u32, len: u32) {
        let at = 4 + 8 * usize::from(self.used % self.size);
        self.mem.poke(Area::Device, at, &id.to_le_bytes());
        self.mem.poke(Area::Device, at + 4, &len.to_le_bytes());
        self.used = self.used.wrapping_add(1);
    }

    pub fn set_used_idx(&self, idx: u16) {
        self.mem.poke16(Area::Device, 2, idx);
    }

    /// Uses a batch of buffers. Returns whether an interrupt is due: 2.7.7.2, one by one.
    pub fn complete(&mut self, batch: &[(u16, u32)]) -> bool {
        let old = self.used;
        for (head, len) in batch {
            self.put_used(u32::from(*head), *len);
        }
        self.show(old, batch.len() as u16)
    }

    /// Uses a batch of buffers in order, with one entry for the last of them (2.7.9).
    pub fn complete_in_order(&mut self, batch: u16, last: u16, len: u32) -> bool {
        let old = self.used;
        self.put_used(last.into(), len);
        self.used = old.wrapping_add(batch);
        self.show(old, batch)
    }

    /// Shows `count` used buffers.
    fn show(&mut self, old: u16, count: u16) -> bool {
        self.set_used_idx(self.used);
        if self.event_idx {
            assert_eq!(self.avail_flags(), 0, "2.7.7.1: flags must be 0");
            let event = self.used_event();
            (0..count).any(|i| old.wrapping_add(i) == event)
        } else {
            self.avail_flags() & 1 == 0
        }
    }
}

impl<F: Format<Layout = Split>> Model for Device<F> {
    type Format = F;

    const STAYS: bool = false;

    fn start_with(config: RingConfig) -> (WorldRing<F>, Self) {
        let (ring, mem) = start(FakeMem::new(config.size), config);

        (ring, Self::attach(mem, config))
    }

    fn attach(mem: FakeMem, config: RingConfig) -> Self {
        Self::of(mem, config.size, config.event_idx)
    }

    fn mem(&self) -> &FakeMem {
        &self.mem
    }

    fn asleep(&mut self) -> &mut bool {
        &mut self.asleep
    }

    fn tables(&mut self) -> &mut HashMap<u64, Vec<u8>> {
        &mut self.tables
    }

    fn sleep(&mut self) {
        self.sleep();
    }

    fn poll(&mut self) {
        self.poll();
    }

    fn visible(&self) -> usize {
        self.avail_idx().wrapping_sub(self.next_avail).into()
    }

    fn wants_kick(&mut self, buffers: u16, _descs: u16) -> bool {
        let new = self.avail_idx();

        Self::wants_kick(self, new.wrapping_sub(buffers), new)
    }

    fn fetch(&mut self) -> Option<Buffer> {
        self.fetch()
    }

    fn complete(&mut self, batch: &[(Buffer, u32)]) -> bool {
        let batch: Vec<_> = batch.iter().map(|(b, len)| (b.head, *len)).collect();

        match batch.last() {
            Some((last, len)) if F::IN_ORDER => {
                self.complete_in_order(batch.len() as u16, *last, *len)
            }
            _ => self.complete(&batch),
        }
    }

    fn delayed(waiting: usize, published: usize) -> bool {
        waiting > published * 3 / 4
    }
}
