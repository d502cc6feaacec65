// SPDX-License-Identifier: GPL-2.0

//! Memory for requests that is allocated once: a header, a trailer, an indirect table.

use crate::{
    device::Device,
    memory::{
        write_desc,
        DESC_BYTES, //
    },
    ring::RingFormat, //
};
use kernel::prelude::*;
use kernel_ext::dma::SharedMemory;
use vring::{
    IndirectTable,
    IndirectWriter,
    Layout,
    Packed,
    RawDesc,
    Segment,
    Split,
    TableError,
    TableMem, //
};

/// The largest piece that is asked of the page allocator at once.
const CHUNK_BYTES: usize = 32 << 10;

/// A number of equal places, each with `front` bytes for the driver's headers and an indirect table
/// of `entries` descriptors, in memory that the device can reach. A driver has one place for each
/// request that may be under way, so that nothing is allocated on the data path.
///
/// The device may write to all of it at any time: nothing that matters is read back, other than
/// what the device is there to write.
pub struct Tables {
    chunks: KVec<SharedMemory>,
    /// A chunk has 2 to that power places.
    per_chunk: u32,
    stride: usize,
    front: usize,
    entries: u16,
    packed: bool,
}

impl Tables {
    /// Allocates `count` places for queues of `device`, zeroed.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `EINVAL` when `count` is zero or a place is too large.
    pub fn new(device: &Device, count: usize, front: usize, entries: u16) -> Result<Self> {
        let front = front.checked_next_multiple_of(DESC_BYTES).ok_or(EINVAL)?;
        let stride = usize::from(entries)
            .checked_mul(DESC_BYTES)
            .and_then(|table| table.checked_add(front))
            .ok_or(EINVAL)?;
        // A power of two: no division where a place is looked for.
        let per_chunk = CHUNK_BYTES
            .checked_div(stride)
            .ok_or(EINVAL)?
            .min(count)
            .checked_ilog2()
            .unwrap_or(0);
        let of_chunk = 1usize.wrapping_shl(per_chunk);
        let chunk_bytes = stride.checked_mul(of_chunk).ok_or(EINVAL)?;
        let mut chunks = KVec::new();
        let mut left = count;

        // BOUND: `of_chunk` is at least 1.
        while left != 0 {
            chunks.push(SharedMemory::new(device.master(), chunk_bytes)?, GFP_KERNEL)?;
            left = left.saturating_sub(of_chunk);
        }
        Ok(Self {
            chunks,
            per_chunk,
            stride,
            front,
            entries,
            packed: RingFormat::of(device.features()).packed,
        })
    }

    /// Place `index`, or `None` when there are not as many.
    #[inline]
    pub fn get(&self, index: usize) -> Option<Table<'_>> {
        // Less than the bits of a number, see `new()`.
        let chunk = index.wrapping_shr(self.per_chunk);
        let place = index.wrapping_sub(chunk.wrapping_shl(self.per_chunk));

        Some(Table {
            memory: self.chunks.get(chunk)?,
            offset: place.wrapping_mul(self.stride),
            front: self.front,
            entries: self.entries,
            packed: self.packed,
        })
    }
}

/// One place of [`Tables`].
#[derive(Clone, Copy)]
pub struct Table<'a> {
    memory: &'a SharedMemory,
    offset: usize,
    front: usize,
    entries: u16,
    packed: bool,
}

impl<'a> Table<'a> {
    /// Where descriptor `index` of the table stands in the place, in bytes. What lies behind the
    /// descriptors of a short table is the driver's, as the front is.
    #[inline]
    pub fn behind(&self, index: u16) -> usize {
        self.front
            .wrapping_add(usize::from(index).wrapping_mul(DESC_BYTES))
    }

    /// The device's address of byte `at` of the place.
    #[inline]
    pub fn address(&self, at: usize) -> u64 {
        self.memory
            .address()
            .wrapping_add(self.offset.wrapping_add(at) as u64)
    }

    /// Writes a byte of the place.
    #[inline]
    pub fn write8(&self, at: usize, value: u8) {
        self.memory.write8(self.offset.wrapping_add(at), value);
    }

    /// Writes two little-endian 64-bit words of the place, at a multiple of eight.
    #[inline]
    pub fn write_pair(&self, at: usize, low: u64, high: u64) {
        self.memory
            .write_pair(self.offset.wrapping_add(at), low.to_le(), high.to_le());
    }

    /// Reads a byte of the place, once.
    #[inline]
    pub fn read8(&self, at: usize) -> vring::Untrusted<u8> {
        vring::Untrusted::new(self.memory.read8(self.offset.wrapping_add(at)))
    }

    /// Reads a little-endian 64-bit word of the place, at a multiple of eight, once.
    #[inline]
    pub fn read64(&self, at: usize) -> vring::Untrusted<u64> {
        let raw = self.memory.read64(self.offset.wrapping_add(at));

        vring::Untrusted::new(u64::from_le(raw))
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
        let place = TablePlace {
            memory: self.memory,
            offset: self.offset.wrapping_add(self.front),
        };
        let mut writer = IndirectWriter::<_, L>::new(&place, self.entries);

        // Not a `for`: of a chain each part has a loop of its own so.
        readable.try_for_each(|segment| writer.push_readable(segment))?;
        writable.try_for_each(|segment| writer.push_writable(segment))?;
        writer.finish(self.address(self.front))
    }
}

/// Where a table's descriptors go.
struct TablePlace<'a> {
    memory: &'a SharedMemory,
    offset: usize,
}

impl TableMem for TablePlace<'_> {
    #[inline(always)]
    fn write_desc(&self, index: u16, desc: RawDesc) {
        write_desc(self.memory, self.offset, index, desc);
    }
}
