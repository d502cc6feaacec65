// SPDX-License-Identifier: GPL-2.0

//! A device that writes anything anywhere in the three areas, between any two operations of the
//! driver.
//!
//! Whatever it does: no panic, no token twice, none lost, no length beyond what was posted, and
//! no more than a bounded number of completions.

#![no_main]

#[path = "../../../rust/vring/tests/common/mod.rs"]
mod common;

use std::collections::HashMap;

use common::{
    ring,
    seg,
    FakeMem,
    FakeTable,
    TestRing, //
};
use libfuzzer_sys::fuzz_target;
use vring::{
    Area,
    IndirectWriter,
    Split, //
};

/// The input, consumed byte by byte.
struct Input<'a>(std::slice::Iter<'a, u8>);

impl Input<'_> {
    fn byte(&mut self) -> Option<u8> {
        self.0.next().copied()
    }

    fn word(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes([self.byte()?, self.byte()?]))
    }
}

/// An answer that the driver of this test does not act on.
fn ignore<T>(_: T) {}

struct Driver {
    ring: TestRing<u32>,
    mem: FakeMem,
    size: u16,
    /// Writable bytes of each buffer in flight.
    posted: HashMap<u32, u32>,
    next: u32,
}

impl Driver {
    fn add(&mut self, readable: u8, writable: u8, indirect: bool) {
        let part = |n: u8| (0..n).map(|i| seg(u64::from(i), 1 + u32::from(i) * 7));
        let bytes = part(writable).map(|s| s.len).sum();
        let token = self.next;
        let result = if indirect {
            let memory = FakeTable::new(16);
            let mut writer = IndirectWriter::<_, Split>::new(&memory, 16);
            part(readable).for_each(|s| ignore(writer.push_readable(s)));
            part(writable).for_each(|s| ignore(writer.push_writable(s)));
            match writer.finish(0x1000) {
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

    fn check(&self) {
        assert_eq!(usize::from(self.ring.in_flight()), self.posted.len());
        assert!(self.ring.num_free() <= self.size);
        assert!(self.ring.in_flight() <= self.size - self.ring.num_free());
    }

    /// One step of the driver or of the device, until the input ends.
    fn step(&mut self, input: &mut Input<'_>) -> Option<()> {
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
            8 => ignore(self.ring.has_used()),
            // A device that nearly behaves, so that runs get far.
            9 | 10 => {
                let idx = self.mem.peek16(Area::Device, 2);
                let at = 4 + 8 * usize::from(idx % self.size);
                let id = u16::from(input.byte()?);
                let len = u16::from(input.byte()?);
                self.mem.poke16(Area::Device, at, id % (self.size * 2));
                self.mem.poke16(Area::Device, at + 2, 0);
                self.mem.poke16(Area::Device, at + 4, len % 128);
                self.mem.poke16(Area::Device, at + 6, 0);
                self.mem.poke16(Area::Device, 2, idx.wrapping_add(1));
            }
            11 => {
                // Uses the head that the available ring names, in order, as it should be.
                let idx = self.mem.peek16(Area::Device, 2);
                let slot = usize::from(idx % self.size);
                let head = self.mem.peek16(Area::Driver, 4 + 2 * slot);
                let at = 4 + 8 * slot;
                self.mem
                    .poke(Area::Device, at, &u32::from(head).to_le_bytes());
                self.mem.poke(Area::Device, at + 4, &[0; 4]);
                self.mem.poke16(Area::Device, 2, idx.wrapping_add(1));
            }
            12 => self.mem.poke16(Area::Device, 2, input.word()?),
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

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data.iter());
    let Some(config) = input.byte() else { return };
    let size = 1 << (config % 6);
    let (ring, mem) = ring(size, config & 64 != 0);
    let mut driver = Driver {
        ring,
        mem,
        size,
        posted: HashMap::new(),
        next: 0,
    };
    while driver.step(&mut input).is_some() {}
    while let Some(token) = driver.ring.drain_one() {
        driver.posted.remove(&token).expect("token came twice");
    }
    assert!(driver.posted.is_empty(), "token lost");
    assert_eq!(driver.ring.num_free(), size);
});
