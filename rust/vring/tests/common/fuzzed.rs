// SPDX-License-Identifier: GPL-2.0

//! A driver beside a device that writes anything anywhere, for fuzz targets and tests of any layout.
//!
//! Whatever the device does: no panic, no token twice, none lost, no length beyond what was posted, and
//! no more than a bounded number of completions.

use std::collections::HashMap;

use vring::{
    Area,
    Format,
    Packed,
    Split, //
};

use super::{
    device::Device,
    packed::PackedDevice,
    seg,
    world::{
        Model,
        WorldRing,
        Writer, //
    },
    FakeMem,
    FakeTable, //
};

/// The input, consumed byte by byte.
pub struct Input<'a>(std::slice::Iter<'a, u8>);

impl Input<'_> {
    pub fn byte(&mut self) -> Option<u8> {
        self.0.next().copied()
    }

    pub fn word(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes([self.byte()?, self.byte()?]))
    }
}

/// An answer that the driver of this test does not act on.
fn ignore<T>(_: T) {}

pub struct Driver<F: Format> {
    ring: WorldRing<F>,
    pub mem: FakeMem,
    pub size: u16,
    /// Writable bytes of each buffer in flight.
    posted: HashMap<u32, u32>,
    next: u32,
}

impl<F: Format> Driver<F> {
    fn add(&mut self, readable: u8, writable: u8, indirect: bool) {
        let part = |n: u8| (0..n).map(|i| seg(u64::from(i), 1 + u32::from(i) * 7));
        let bytes = part(writable).map(|s| s.len).sum();
        let token = self.next;
        let result = if indirect {
            let memory = FakeTable::new(16);
            let mut writer = Writer::<F>::new(&memory, 16);
            part(readable).for_each(|s| ignore(writer.push_readable(s)));
            part(writable).for_each(|s| ignore(writer.push_writable(s)));
            match writer.finish(seg(0x1000, 16)) {
                Ok(table) => {
                    assert_eq!(table.writable(), bytes);
                    self.ring.add_indirect(table, token)
                }
                Err(_) => return,
            }
        } else {
            self.ring.add(part(readable), part(writable), token)
        };
        match result {
            Ok(()) => {
                assert!(self.ring.broken().is_none());
                self.next += 1;
                self.posted.insert(token, bytes);
            }
            Err((_, back)) => assert_eq!(back, token),
        }
    }

    fn pop(&mut self) -> bool {
        match self.ring.pop() {
            Ok(Some(done)) => {
                let (token, written) = done.into_parts();
                let posted = self.posted.remove(&token).expect("token came twice");
                assert!(written <= posted);
                true
            }
            Ok(None) => false,
            Err(violation) => {
                assert_eq!(self.ring.broken(), Some(violation));
                assert!(!violation.to_string().is_empty());
                false
            }
        }
    }

    /// The device is reset, and the ring begins anew in the same memory, whatever that holds.
    fn reset(&mut self) {
        self.mem.reset();
        self.drain();
        self.ring.renew();
        self.mem.go_live();
        assert!(self.ring.broken().is_none());
    }

    /// Takes back all that is in flight.
    fn drain(&mut self) {
        while let Some(token) = self.ring.drain_one() {
            self.posted.remove(&token).expect("token came twice");
        }
        assert!(self.posted.is_empty(), "token lost");
        assert_eq!(self.ring.num_free(), self.size);
    }

    /// What is shown of a ring.
    fn look(&mut self, now: u64) {
        ignore(self.ring.next_avail());
        ignore(self.ring.next_used());
        ignore(self.ring.oldest_age(now));
        self.ring.set_clock(now);
        assert_eq!(self.ring.oldest_age(now).is_some(), !self.posted.is_empty());
        assert!(self.ring.added().wrapping_sub(self.ring.published()) <= u32::from(self.size));
    }

    fn check(&self) {
        assert_eq!(usize::from(self.ring.in_flight()), self.posted.len());
        assert!(self.ring.num_free() <= self.size);
        assert!(self.ring.in_flight() <= self.size - self.ring.num_free());
    }

    /// One step of the driver, or of the device, until the input ends. `nearly` is what a device does
    /// that nearly behaves, so that runs get far: three kinds of it.
    fn step(
        &mut self,
        input: &mut Input<'_>,
        nearly: &mut impl FnMut(&Self, u8, &mut Input<'_>) -> Option<()>,
    ) -> Option<()> {
        let op = input.byte()?;
        match op % 16 {
            0 | 1 => {
                let shape = input.byte()?;
                self.add(shape % 6, (shape >> 4) % 6, op & 16 != 0);
            }
            2 => ignore(self.ring.kick_prepare()),
            3 => ignore(self.pop()),
            4 => {
                // The device cannot write meanwhile, so this ends.
                let limit = self.size;
                let count = (0..=limit).take_while(|_| self.pop()).count();
                assert!(count <= usize::from(limit), "endless completions");
            }
            5 => ignore(self.ring.enable_cb()),
            6 => ignore(self.ring.enable_cb_delayed()),
            7 => self.ring.disable_cb(),
            8 if op & 0xe0 == 0xe0 => self.reset(),
            8 if op & 0x80 != 0 => self.look(input.word()?.into()),
            8 => ignore(self.ring.has_used()),
            which @ 9..=12 => nearly(self, which - 9, input)?,
            which => {
                let area = [Area::Desc, Area::Driver, Area::Device][usize::from(which - 13)];
                let at = usize::from(input.word()?) % (self.mem.len(area) - 1);
                self.mem.poke16(area, at, input.word()?);
            }
        }
        self.check();
        Some(())
    }
}

/// Runs what `data` says, for a ring of `D`'s format, whose size `size` makes of six bits.
pub fn run<D: Model>(
    data: &[u8],
    size: impl FnOnce(u8) -> u16,
    mut nearly: impl FnMut(&Driver<D::Format>, u8, &mut Input<'_>) -> Option<()>,
) {
    let mut input = Input(data.iter());
    let Some(config) = input.byte() else { return };
    let size = size(config % 64);
    let (ring, mem) = D::start(size, config & 64 != 0);
    let mem = mem.mem().clone();
    let mut driver = Driver {
        ring,
        mem,
        size,
        posted: HashMap::new(),
        next: 0,
    };
    while driver.step(&mut input, &mut nearly).is_some() {}
    driver.drain();
}

/// A split device: used elements at its index.
pub fn split<F: Format<Layout = Split>>(data: &[u8]) {
    run::<Device<F>>(
        data,
        |bits| 1 << (bits % 6),
        |driver, which, input| {
            let mem = &driver.mem;
            let idx = mem.peek16(Area::Device, 2);
            let at = 4 + 8 * usize::from(idx % driver.size);
            match which {
                0 | 1 => {
                    let id = u16::from(input.byte()?);
                    let len = u16::from(input.byte()?);
                    mem.poke16(Area::Device, at, id % (driver.size * 2));
                    mem.poke16(Area::Device, at + 2, 0);
                    mem.poke16(Area::Device, at + 4, len % 128);
                    mem.poke16(Area::Device, at + 6, 0);
                    mem.poke16(Area::Device, 2, idx.wrapping_add(1));
                }
                2 => {
                    // The head that the available ring names, in order, as it should be; or the head
                    // of a few further on.
                    let skipped = if F::IN_ORDER {
                        u16::from(input.byte()? % 4)
                    } else {
                        0
                    };
                    let last = idx.wrapping_add(skipped);
                    let entry = 4 + 2 * usize::from(last % driver.size);
                    let head = mem.peek16(Area::Driver, entry);
                    mem.poke(Area::Device, at, &u32::from(head).to_le_bytes());
                    mem.poke(Area::Device, at + 4, &[0; 4]);
                    mem.poke16(Area::Device, 2, last.wrapping_add(1));
                }
                _ => mem.poke16(Area::Device, 2, input.word()?),
            }
            Some(())
        },
    );
}

/// A packed device: used descriptors where it believes to be.
pub fn packed<F: Format<Layout = Packed>>(data: &[u8]) {
    let (mut at, mut wrap) = (0u16, true);
    run::<PackedDevice<F>>(
        data,
        |bits| u16::from(bits % 40) + 1,
        |driver, which, input| {
            let mem = &driver.mem;
            let desc = 16 * usize::from(at % driver.size);
            let used = if wrap { 0x8080 } else { 0 };
            match which {
                0 | 1 => {
                    let id = u16::from(input.byte()?);
                    let len = u16::from(input.byte()?);
                    mem.poke16(Area::Desc, desc + 8, len % 128);
                    mem.poke16(Area::Desc, desc + 10, 0);
                    mem.poke16(Area::Desc, desc + 12, id % (driver.size * 2));
                    mem.poke16(Area::Desc, desc + 14, used);
                }
                2 => {
                    // The id that stands there, as it should be where a buffer is one descriptor.
                    mem.poke(Area::Desc, desc + 8, &[0; 4]);
                    mem.poke16(Area::Desc, desc + 14, used);
                }
                _ => mem.poke16(Area::Desc, desc + 14, input.word()?),
            }
            // Steps over as many descriptors as it likes.
            let count = if which < 3 {
                u16::from(input.byte()? % 4)
            } else {
                0
            };
            for _ in 0..count {
                at += 1;
                if at >= driver.size {
                    (at, wrap) = (0, !wrap);
                }
            }
            Some(())
        },
    );
}
