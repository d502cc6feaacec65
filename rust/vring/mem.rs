// SPDX-License-Identifier: GPL-2.0

//! The memory that a queue shares with the device.

use crate::{
    desc::{
        RawDesc,
        Segment, //
    },
    le::Le16,
    untrusted::Untrusted, //
};

/// The parts of a virtqueue (1.4, "2.6 Virtqueues").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    /// Descriptor Area: describes the buffers. Split: the descriptor table.
    Desc,
    /// Driver Area: what the driver tells the device. Split: the available ring.
    Driver,
    /// Device Area: what the device tells the driver. Split: the used ring.
    Device,
}

/// What the caller names memory by, which becomes a buffer.
///
/// The kernel layer has a type that only mappings and allocations give, so that no driver can make an address up. Tests
/// say where it is.
pub trait Addressing {
    /// A run of memory that is contiguous for the device.
    type Piece: Copy;

    /// Where the device finds it.
    fn segment(piece: Self::Piece) -> Segment;
}

/// The memory of one queue that is shared with the device.
///
/// The kernel layer implements it with volatile accesses on coherent memory, tests with fakes.
/// The device may write all of it at any time, whatever the specification says. Therefore:
///
/// - Each call is exactly one access (two 64-bit stores for a descriptor), not repeated, not torn.
/// - An access that is not wholly within its area is not done: a write has no effect, a read
///   gives 0.
/// - Offsets are in bytes from the start of the area, and are a multiple of the access size.
///
/// Each barrier is also a compiler barrier. They order accesses as the *device* sees them, so
/// they may not be dropped on a machine with one processor.
pub trait RingMem: Addressing {
    /// Writes descriptor `index` of the Descriptor Area.
    fn write_desc(&self, index: u16, desc: RawDesc);

    /// Writes 16 bits.
    fn write16(&self, area: Area, offset: usize, value: Le16);

    /// Reads 16 bits that the device may have written.
    fn read16(&self, area: Area, offset: usize) -> Untrusted<u16>;

    /// Reads 32 bits that the device may have written.
    fn read32(&self, area: Area, offset: usize) -> Untrusted<u32>;

    /// Reads 64 little-endian bits that the device may have written: an id and a length.
    ///
    /// The offset is a multiple of 4 only. It is 4 modulo 8 for a used element of a split
    /// virtqueue, so that the load is aligned if the area starts at 4 modulo 8. Where it is not
    /// aligned, two 32-bit loads do as well, each done once: the halves are checked one by one.
    fn read64(&self, area: Area, offset: usize) -> Untrusted<u64>;

    /// Orders earlier writes before later writes.
    fn write_barrier(&self);

    /// Orders earlier reads before later reads.
    fn read_barrier(&self);

    /// Orders all earlier accesses before all later ones, a write before a read too.
    fn full_barrier(&self);
}

impl<M: Addressing + ?Sized> Addressing for &M {
    type Piece = M::Piece;

    #[inline]
    fn segment(piece: Self::Piece) -> Segment {
        M::segment(piece)
    }
}

impl<M: RingMem + ?Sized> RingMem for &M {
    #[inline]
    fn write_desc(&self, index: u16, desc: RawDesc) {
        (**self).write_desc(index, desc)
    }

    #[inline]
    fn write16(&self, area: Area, offset: usize, value: Le16) {
        (**self).write16(area, offset, value)
    }

    #[inline]
    fn read16(&self, area: Area, offset: usize) -> Untrusted<u16> {
        (**self).read16(area, offset)
    }

    #[inline]
    fn read32(&self, area: Area, offset: usize) -> Untrusted<u32> {
        (**self).read32(area, offset)
    }

    #[inline]
    fn read64(&self, area: Area, offset: usize) -> Untrusted<u64> {
        (**self).read64(area, offset)
    }

    #[inline]
    fn write_barrier(&self) {
        (**self).write_barrier()
    }

    #[inline]
    fn read_barrier(&self) {
        (**self).read_barrier()
    }

    #[inline]
    fn full_barrier(&self) {
        (**self).full_barrier()
    }
}

/// The memory of one indirect table, shared with the device.
///
/// It belongs to the driver while an [`IndirectWriter`](crate::IndirectWriter) fills it, and to
/// the device while the buffer that it describes is in flight.
pub trait TableMem: Addressing {
    /// Writes descriptor `index` of the table, with two 64-bit stores. Out of range: no effect.
    fn write_desc(&self, index: u16, desc: RawDesc);
}
