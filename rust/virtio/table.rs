// SPDX-License-Identifier: GPL-2.0

//! Memory for requests that is allocated once: a header, a trailer, an indirect table.

use crate::{
    device::Device,
    memory::{
        segment,
        write_desc,
        DESC_BYTES, //
    },
    ring::RingFormat, //
};
use kernel::prelude::*;
use kernel_ext::dma::{
    Place,
    Places,
    Segment,
    SharedMemory, //
};
use vring::{
    Addressing,
    IndirectTable,
    IndirectWriter,
    Layout,
    Packed,
    RawDesc,
    Split,
    TableError,
    TableMem, //
};

/// A number of equal places, each with `FRONT` bytes for the driver's headers and an indirect table
/// of `entries` descriptors, in memory that the device can reach. A driver has one place for each
/// request that may be under way, so that nothing is allocated on the data path.
///
/// The device may write to all of it at any time: nothing that matters is read back, other than
/// what the device is there to write.
pub struct Tables<const FRONT: usize> {
    places: Places<FRONT>,
    entries: u16,
    packed: bool,
}

impl<const FRONT: usize> Tables<FRONT> {
    /// Allocates `count` places for queues of `device`, zeroed.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `EINVAL` when `count` is zero or a place is too large.
    pub fn new(device: &Device, count: usize, entries: u16) -> Result<Self> {
        // CAST: A small constant; and at most 16 * 65535.
        let table = u32::from(entries).wrapping_mul(DESC_BYTES as u32);

        Ok(Self {
            places: Places::new(device.master(), count, table)?,
            entries,
            packed: RingFormat::of(device.features()).packed,
        })
    }

    /// Place `index`, or `None` when there are not as many.
    #[inline]
    pub fn get(&self, index: usize) -> Option<Table<'_, FRONT>> {
        Some(Table {
            place: self.places.get(index)?,
            entries: self.entries,
            packed: self.packed,
        })
    }
}

/// One place of [`Tables`].
#[derive(Clone, Copy)]
pub struct Table<'a, const FRONT: usize> {
    place: Place<'a, FRONT>,
    entries: u16,
    packed: bool,
}

impl<'a, const FRONT: usize> Table<'a, FRONT> {
    /// `LENGTH` bytes at `AT` of the front, as the device addresses them.
    #[inline]
    pub fn front<const AT: usize, const LENGTH: u32>(&self) -> Segment {
        self.place.front::<AT, LENGTH>()
    }

    /// Where descriptor `index` of the table stands in the place, in bytes. What lies behind the
    /// descriptors of a short table is the driver's, as the front is.
    #[inline]
    pub fn behind(&self, index: u16) -> usize {
        FRONT.wrapping_add(usize::from(index).wrapping_mul(DESC_BYTES))
    }

    /// What there is of `length` bytes behind the first `index` descriptors, as the device addresses them.
    #[inline]
    pub fn room(&self, index: u16, length: u32) -> Segment {
        // CAST: A small constant; the product is at most 16 * 65535.
        let at = u32::from(index).wrapping_mul(DESC_BYTES as u32);

        self.place.room().part(at, length)
    }

    /// Writes a byte of the place.
    #[inline]
    pub fn write8(&self, at: usize, value: u8) {
        let (memory, offset) = self.place.memory();

        memory.write8(offset.wrapping_add(at), value);
    }

    /// Writes two little-endian 64-bit words of the place, at a multiple of eight.
    #[inline]
    pub fn write_pair(&self, at: usize, low: u64, high: u64) {
        let (memory, offset) = self.place.memory();

        memory.write_pair(offset.wrapping_add(at), low.to_le(), high.to_le());
    }

    /// Reads a byte of the place, once.
    #[inline]
    pub fn read8(&self, at: usize) -> vring::Untrusted<u8> {
        let (memory, offset) = self.place.memory();

        vring::Untrusted::new(memory.read8(offset.wrapping_add(at)))
    }

    /// Reads a little-endian 64-bit word of the place, at a multiple of eight, once.
    #[inline]
    pub fn read64(&self, at: usize) -> vring::Untrusted<u64> {
        let (memory, offset) = self.place.memory();

        vring::Untrusted::new(u64::from_le(memory.read64(offset.wrapping_add(at))))
    }

    /// Writes the indirect table: `readable` segments, then `writable` ones.
    ///
    /// # Errors
    ///
    /// See [`TableError`].
    #[inline]
    pub fn describe(
        &self,
        readable: impl Iterator<Item = Segment>,
        writable: impl Iterator<Item = Segment>,
    ) -> Result<IndirectTable, TableError> {
        if self.packed {
            self.describe_as::<Packed>(readable, writable)
        } else {
            self.describe_as::<Split>(readable, writable)
        }
    }

    #[inline]
    fn describe_as<L: Layout>(
        &self,
        mut readable: impl Iterator<Item = Segment>,
        mut writable: impl Iterator<Item = Segment>,
    ) -> Result<IndirectTable, TableError> {
        let (memory, offset) = self.place.memory();
        let place = TablePlace {
            memory,
            offset: offset.wrapping_add(FRONT),
        };
        let mut writer = IndirectWriter::<_, L>::new(&place, self.entries);

        // Not a `for`: of a chain each part has a loop of its own so.
        readable.try_for_each(|segment| writer.push_readable(segment))?;
        writable.try_for_each(|segment| writer.push_writable(segment))?;
        writer.finish(self.place.room())
    }
}

/// Where a table's descriptors go.
struct TablePlace<'a> {
    memory: &'a SharedMemory,
    offset: usize,
}

impl Addressing for TablePlace<'_> {
    type Piece = Segment;

    #[inline(always)]
    fn segment(piece: Segment) -> vring::Segment {
        segment(piece)
    }
}

impl TableMem for TablePlace<'_> {
    #[inline(always)]
    fn write_desc(&self, index: u16, desc: RawDesc) {
        write_desc(self.memory, self.offset, index, desc);
    }
}
