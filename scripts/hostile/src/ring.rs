// SPDX-License-Identifier: GPL-2.0

//! The device's side of a virtqueue (virtio 1.4, 2.7 and 2.8).
//!
//! It is honest, and lets itself be lied for: what it is about to write goes through a [`Twist`] first.

mod chain;
mod packed;
mod split;

pub use chain::Chain;

use crate::memory::{
    Fault,
    Memory, //
};
use packed::Packed;
use split::Split;

pub const NEXT: u16 = 1;
pub const WRITE: u16 = 2;
pub const INDIRECT: u16 = 4;

/// Guest addresses of the three areas.
#[derive(Clone, Copy, Debug, Default)]
pub struct Areas {
    pub desc: u64,
    pub driver: u64,
    pub device: u64,
}

/// What was agreed on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Agreed {
    pub packed: bool,
    pub event_idx: bool,
}

/// Why a driver's ring makes no sense.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nonsense(pub String);

impl From<Fault> for Nonsense {
    fn from(fault: Fault) -> Self {
        Self(format!("address {:#x} is no memory", fault.0))
    }
}

/// Fields of a used buffer that can be written wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    Id,
    Len,
    /// Split: the used index.
    Idx,
    /// Packed: the flags of the used descriptor.
    Flags,
    /// Packed: which descriptor is written.
    At,
    /// What the device says about being notified: available event or flags, or the event structure.
    Event,
}

/// What is done to a value before it is written. `size` is the queue's.
pub trait Twist {
    fn twist(&mut self, field: Field, honest: u64, size: u16) -> u64;

    /// What comes is about this buffer.
    fn gives_back(&mut self, _chain: &Chain) {}
}

/// The truth.
pub struct Straight;

impl Twist for Straight {
    fn twist(&mut self, _: Field, honest: u64, _: u16) -> u64 {
        honest
    }
}

/// How far the driver has got, by what a notification of its says (2.9), beside what stands in memory meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// As far as memory says.
    Now,
    /// Less far: more was made available since.
    Before,
    /// Where it has not been, or cannot be.
    Never,
}

/// A ring that is enabled.
pub enum Ring {
    Split(Split),
    Packed(Packed),
}

impl Ring {
    pub fn new(areas: Areas, size: u16, agreed: Agreed) -> Self {
        if agreed.packed {
            Self::Packed(Packed::new(areas, size, agreed.event_idx))
        } else {
            Self::Split(Split::new(areas, size, agreed.event_idx))
        }
    }

    pub fn size(&self) -> u16 {
        match self {
            Self::Split(ring) => ring.size,
            Self::Packed(ring) => ring.size,
        }
    }

    /// Takes the next buffer, if there is one.
    pub fn fetch(&mut self, memory: &Memory) -> Result<Option<Chain>, Nonsense> {
        match self {
            Self::Split(ring) => ring.fetch(memory),
            Self::Packed(ring) => ring.fetch(memory),
        }
    }

    /// Gives buffers back, all at once, with how many bytes were written to each. True when the driver wants an interrupt
    /// for them.
    pub fn put(
        &mut self,
        memory: &Memory,
        buffers: &[(Chain, u32)],
        twist: &mut dyn Twist,
    ) -> Result<bool, Fault> {
        match self {
            Self::Split(ring) => ring.put(memory, buffers, twist),
            Self::Packed(ring) => ring.put(memory, buffers, twist),
        }
    }

    /// Gives a batch back with one used element, that of the last buffer, as a device may that uses buffers in order (2.7.9, 2.8.7).
    pub fn put_batch(
        &mut self,
        memory: &Memory,
        buffers: &[(Chain, u32)],
        twist: &mut dyn Twist,
    ) -> Result<bool, Fault> {
        let Some((before, last)) = buffers.split_last().map(|(last, before)| (before, last)) else {
            return Ok(false);
        };
        let descs = before.iter().map(|(chain, _)| chain.descs).sum();

        match self {
            Self::Split(ring) => ring.put_skipping(memory, last, before.len() as u16, twist),
            Self::Packed(ring) => ring.put_skipping(memory, last, descs, twist),
        }
    }

    /// Where the next used buffer is written: the field's place, and how many bytes it has.
    pub fn place_of(&self, field: Field) -> Option<(u64, u8)> {
        match self {
            Self::Split(ring) => ring.place_of(field),
            Self::Packed(ring) => ring.place_of(field),
        }
    }

    /// Asks to be notified of the next buffer. False when one has come meanwhile.
    pub fn sleep(&mut self, memory: &Memory, twist: &mut dyn Twist) -> Result<bool, Fault> {
        match self {
            Self::Split(ring) => ring.sleep(memory, twist),
            Self::Packed(ring) => ring.sleep(memory, twist),
        }
    }

    /// Judges what a notification says with `NOTIFICATION_DATA`: the available index, or offset and wrap counter (2.9).
    pub fn told(&self, memory: &Memory, said: u16) -> Result<Told, Fault> {
        match self {
            Self::Split(ring) => ring.told(memory, said),
            Self::Packed(ring) => ring.told(memory, said),
        }
    }

    /// The areas with their lengths in bytes: descriptors, driver, device.
    pub fn areas(&self) -> [(u64, u64); 3] {
        let size = u64::from(self.size());

        match self {
            Self::Split(ring) => [
                (ring.areas.desc, 16 * size),
                (ring.areas.driver, 6 + 2 * size),
                (ring.areas.device, 6 + 8 * size),
            ],
            Self::Packed(ring) => [
                (ring.areas.desc, 16 * size),
                (ring.areas.driver, 4),
                (ring.areas.device, 4),
            ],
        }
    }
}

/// 2.7.10.1: whether going from `old` to `new` passes `event`.
fn passes(event: u16, new: u16, old: u16) -> bool {
    new.wrapping_sub(event).wrapping_sub(1) < new.wrapping_sub(old)
}
