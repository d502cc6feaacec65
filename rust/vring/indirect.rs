// SPDX-License-Identifier: GPL-2.0

//! Indirect tables: many segments behind one descriptor (1.4, "2.7.5.3 Indirect Descriptors").

use core::marker::PhantomData;

use crate::{
    desc::{
        DescFlags,
        RawDesc,
        Segment, //
    },
    error::TableError,
    layout::Layout,
    mem::TableMem,
    split::Split, //
};

/// A finished table: where it is, and what it describes.
///
/// Only an [`IndirectWriter`] makes one. It does not own the memory of the table; the caller
/// keeps that, usually beside the token, until the buffer comes back.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndirectTable {
    addr: u64,
    entries: u16,
    writable: u32,
}

impl IndirectTable {
    /// Returns the device address of the table.
    #[inline]
    pub const fn addr(&self) -> u64 {
        self.addr
    }

    /// Returns the number of entries, at least 1.
    #[inline]
    pub const fn entries(&self) -> u16 {
        self.entries
    }

    /// Returns how many bytes of the buffer the device may write.
    #[inline]
    pub const fn writable(&self) -> u32 {
        self.writable
    }

    /// Returns the size of the table in bytes, at most 16 * 65535.
    #[inline]
    pub(crate) const fn bytes(&self) -> u32 {
        // CAST: Two widening casts; `From` is not available in a `const fn`.
        (self.entries as u32).wrapping_mul(RawDesc::SIZE as u32)
    }
}

/// Fills preallocated memory with an indirect table.
///
/// An entry is written when the one after it is known, so that nothing is read back or written
/// twice. A writer that is dropped without [`finish`](Self::finish) leaves a table that nobody
/// was told of.
pub struct IndirectWriter<'a, TM: TableMem, L: Layout = Split> {
    mem: &'a TM,
    capacity: u16,
    /// The number of entries, the held one included.
    entries: u16,
    /// The last entry, not written yet. It means something from the first entry on.
    held: Segment,
    held_flags: DescFlags,
    /// The bytes of all entries.
    total: u64,
    /// The bytes of the readable entries.
    readable: u64,
    _layout: PhantomData<L>,
}

impl<'a, TM: TableMem, L: Layout> IndirectWriter<'a, TM, L> {
    /// Starts an empty table in memory that has room for `capacity` entries.
    #[inline]
    pub fn new(mem: &'a TM, capacity: u16) -> Self {
        Self {
            mem,
            capacity,
            entries: 0,
            held: Segment::default(),
            held_flags: DescFlags::NONE,
            total: 0,
            readable: 0,
            _layout: PhantomData,
        }
    }

    /// Adds a segment that the device reads.
    ///
    /// # Errors
    ///
    /// The table is as before.
    ///
    /// - [`TableError::Order`]: a writable segment was added before (1.4, "2.7.4.2 Driver
    ///   Requirements: Message Framing").
    /// - [`TableError::Full`]: no room.
    /// - [`TableError::ZeroLength`]: a segment without bytes.
    #[inline]
    pub fn push_readable(&mut self, piece: TM::Piece) -> Result<(), TableError> {
        if self.held_flags.contains(DescFlags::WRITE) {
            return Err(TableError::Order);
        }
        self.push(TM::segment(piece), DescFlags::NONE)?;
        self.readable = self.total;
        Ok(())
    }

    /// Adds a segment that the device writes.
    ///
    /// # Errors
    ///
    /// The table is as before.
    ///
    /// - [`TableError::Full`]: no room.
    /// - [`TableError::ZeroLength`]: a segment without bytes.
    #[inline]
    pub fn push_writable(&mut self, piece: TM::Piece) -> Result<(), TableError> {
        self.push(TM::segment(piece), DescFlags::WRITE)
    }

    #[inline]
    fn push(&mut self, segment: Segment, flags: DescFlags) -> Result<(), TableError> {
        if segment.len == 0 {
            return Err(TableError::ZeroLength);
        }
        if self.entries >= self.capacity {
            return Err(TableError::Full);
        }
        if self.entries != 0 {
            self.write_held(false);
        }
        self.held = segment;
        self.held_flags = flags;
        self.entries = self.entries.wrapping_add(1);
        // At most 65535 times 2^32 - 1: it does not wrap.
        self.total = self.total.wrapping_add(segment.len.into());
        Ok(())
    }

    /// Returns the number of entries so far.
    #[inline]
    pub const fn entries(&self) -> u16 {
        self.entries
    }

    /// Finishes the table, which stands where `place` begins for the device.
    ///
    /// # Errors
    ///
    /// - [`TableError::Empty`]: nothing was added.
    /// - [`TableError::TooLong`]: more than 2^32 - 1 bytes (1.4, "2.7.5.2 Driver Requirements:
    ///   The Virtqueue Descriptor Table").
    #[inline]
    pub fn finish(self, place: TM::Piece) -> Result<IndirectTable, TableError> {
        if self.entries == 0 {
            return Err(TableError::Empty);
        }
        if u32::try_from(self.total).is_err() {
            return Err(TableError::TooLong);
        }
        self.write_held(true);
        Ok(IndirectTable {
            addr: TM::segment(place).addr,
            entries: self.entries,
            // CAST: A part of the total, which fits 32 bits.
            writable: self.total.wrapping_sub(self.readable) as u32,
        })
    }

    /// Writes the held entry.
    #[inline]
    fn write_held(&self, last: bool) {
        let index = self.entries.wrapping_sub(1);
        let desc = L::table_entry(index, self.held, self.held_flags, last);
        self.mem.write_desc(index, desc);
    }
}
