// SPDX-License-Identifier: GPL-2.0

//! A device of a packed virtqueue that keeps to the specification (1.4, 2.8), written without a look at
//! the ring's code.

use std::{
    collections::HashMap,
    marker::PhantomData, //
};

use vring::{
    Area,
    Format,
    Packed,
    RingConfig, //
};

use super::{
    device::{
        Buffer,
        INDIRECT,
        NEXT,
        WRITE, //
    },
    seg,
    start,
    world::{
        Model,
        WorldRing, //
    },
    FakeMem, //
};

const AVAIL: u16 = 1 << 7;
const USED: u16 = 1 << 15;

/// A descriptor as the device reads it.
#[derive(Clone, Copy, Debug)]
pub struct Desc {
    pub addr: u64,
    pub len: u32,
    pub id: u16,
    pub flags: u16,
}

fn parse(bytes: [u8; 16]) -> Desc {
    Desc {
        addr: u64::from_le_bytes(bytes[0..8].try_into().unwrap()),
        len: u32::from_le_bytes(bytes[8..12].try_into().unwrap()),
        id: u16::from_le_bytes(bytes[12..14].try_into().unwrap()),
        flags: u16::from_le_bytes(bytes[14..16].try_into().unwrap()),
    }
}

/// A position and its wrap counter (2.8.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot(pub u16, pub bool);

impl Spot {
    pub fn step(&mut self, count: u16, size: u16) {
        for _ in 0..count {
            self.0 += 1;
            if self.0 == size {
                *self = Spot(0, !self.1);
            }
        }
    }
}

pub struct PackedDevice<F = Packed> {
    pub mem: FakeMem,
    pub size: u16,
    pub event_idx: bool,
    /// The next descriptor to look at, and the next one to write as used.
    pub next: Spot,
    pub used: Spot,
    /// Where the driver had got to at its last kick.
    kicked: Spot,
    asleep: bool,
    tables: HashMap<u64, Vec<u8>>,
    format: PhantomData<F>,
}

impl<F> PackedDevice<F> {
    fn of(mem: FakeMem, size: u16, event_idx: bool) -> Self {
        Self {
            mem,
            size,
            event_idx,
            next: Spot(0, true),
            used: Spot(0, true),
            kicked: Spot(0, true),
            asleep: true,
            tables: HashMap::new(),
            format: PhantomData,
        }
    }

    pub fn desc(&self, at: u16) -> Desc {
        parse(self.mem.peek(Area::Desc, usize::from(at) * 16))
    }

    /// 2.8.1: available to the device in this lap.
    fn is_available(&self, at: Spot) -> bool {
        let flags = self.desc(at.0).flags;

        (flags & AVAIL != 0) == at.1 && (flags & USED != 0) != at.1
    }

    /// Reads the buffer at `at`, and steps over it.
    fn read(&self, at: &mut Spot) -> Option<Buffer> {
        if !self.is_available(*at) {
            return None;
        }
        let mut buffer = Buffer {
            head: 0,
            descs: 0,
            readable: Vec::new(),
            writable: Vec::new(),
        };
        loop {
            assert!(
                buffer.descs < self.size,
                "2.8.5: buffer longer than the ring"
            );
            let desc = self.desc(at.0);

            // The rest of a buffer is available with its first descriptor.
            assert!(self.is_available(*at), "2.8.1: a buffer in two laps");
            at.step(1, self.size);
            buffer.descs += 1;
            // 2.8.5: the id is that of the last descriptor.
            buffer.head = desc.id;
            if desc.flags & INDIRECT != 0 {
                assert_eq!(
                    desc.flags & (NEXT | WRITE),
                    0,
                    "2.8.7: INDIRECT stands alone"
                );
                assert_eq!(buffer.descs, 1);
                let table = &self.tables[&desc.addr];

                assert_eq!(desc.len as usize, table.len());
                for entry in table.chunks(16) {
                    let entry = parse(entry.try_into().unwrap());

                    // 2.8.7: only WRITE has a meaning there.
                    assert_eq!(entry.flags & !WRITE, 0);
                    Self::segment(&mut buffer, entry);
                }
                return Some(buffer);
            }
            Self::segment(&mut buffer, desc);
            if desc.flags & NEXT == 0 {
                return Some(buffer);
            }
        }
    }

    fn segment(buffer: &mut Buffer, desc: Desc) {
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
    }

    /// Writes a used descriptor (2.8.6).
    pub fn put_used(&mut self, id: u16, len: u32, descs: u16) {
        let at = usize::from(self.used.0) * 16;
        let flags = if self.used.1 { AVAIL | USED } else { 0 };

        self.mem.poke(Area::Desc, at + 8, &len.to_le_bytes());
        self.mem.poke16(Area::Desc, at + 12, id);
        self.mem.poke16(Area::Desc, at + 14, flags);
        self.used.step(descs, self.size);
    }

    /// 2.8.10: what it wants to be notified of.
    pub fn set_event(&self, off_wrap: u16, flags: u16) {
        self.mem.poke16(Area::Device, 0, off_wrap);
        self.mem.poke16(Area::Device, 2, flags);
    }

    /// Whether going from `old` on by `descs` descriptors passes what an event structure names.
    fn passes(&self, area: Area, old: Spot, descs: u16) -> bool {
        match self.mem.peek16(area, 2) {
            0 => true,
            1 => false,
            2 => {
                assert!(self.event_idx, "2.8.10: without EVENT_IDX");
                let event = self.mem.peek16(area, 0);
                let mut at = old;

                (0..descs).any(|_| {
                    let here = at;

                    at.step(1, self.size);
                    here == Spot(event & 0x7fff, event >> 15 != 0)
                })
            }
            flags => panic!("2.8.10: flags {flags}"),
        }
    }
}

impl<F: Format<Layout = Packed>> Model for PackedDevice<F> {
    type Format = F;

    const STAYS: bool = true;

    fn start_with(config: RingConfig) -> (WorldRing<F>, Self) {
        let (ring, mem) = start(FakeMem::packed(config.size), config);

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
        if self.event_idx {
            self.set_event(self.next.0 | u16::from(self.next.1) << 15, 2);
        } else {
            self.set_event(0, 0);
        }
        self.asleep = !self.is_available(self.next);
    }

    fn poll(&mut self) {
        self.asleep = false;
        self.set_event(0, 1);
    }

    fn visible(&self) -> usize {
        let mut at = self.next;
        let mut count = 0;
        let mut descs = 0;

        while let Some(buffer) = self.read(&mut at) {
            count += 1;
            descs += buffer.descs;
            // A full lap on, what is there is what was there.
            if descs >= self.size {
                break;
            }
        }
        count
    }

    fn wants_kick(&mut self, _buffers: u16, descs: u16) -> bool {
        let old = self.kicked;

        self.kicked.step(descs, self.size);
        self.passes(Area::Device, old, descs)
    }

    fn fetch(&mut self) -> Option<Buffer> {
        let mut next = self.next;
        let buffer = self.read(&mut next);

        self.next = next;
        buffer
    }

    fn complete(&mut self, batch: &[(Buffer, u32)]) -> bool {
        let old = self.used;
        let descs = batch.iter().map(|(buffer, _)| buffer.descs).sum();

        match batch.last() {
            // 2.8.9: one descriptor, where the batch begins, with the id of its last buffer.
            Some((last, len)) if F::IN_ORDER => self.put_used(last.head, *len, descs),
            _ => {
                for (buffer, len) in batch {
                    self.put_used(buffer.head, *len, buffer.descs);
                }
            }
        }
        self.passes(Area::Driver, old, descs)
    }

    fn delayed(waiting: usize, _published: usize) -> bool {
        waiting > 0
    }
}
