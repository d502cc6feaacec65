// SPDX-License-Identifier: GPL-2.0

//! The segments of buffers as the device addresses them, where they have to be kept: for the DMA
//! API, which wants them back, and for a ring without indirect tables.
//!
//! The memory is private and allocated once, a row for each buffer that may be under way.

use kernel::prelude::*;
use kernel_ext::dma::{
    Direction,
    Master, //
};
use vring::Segment;

/// Rows of segments, each mapped for the device between [`Self::fill`] and [`Self::release`].
pub struct Staging {
    rows: KVec<Row>,
    master: Master,
}

struct Row {
    segments: KVec<Segment>,
    direction: Direction,
}

impl Staging {
    /// Makes `rows` rows of up to `width` segments.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(master: &Master, rows: usize, width: u16) -> Result<Self> {
        let mut all = KVec::with_capacity(rows, GFP_KERNEL)?;

        for _ in 0..rows {
            all.push(
                Row {
                    segments: KVec::with_capacity(width.into(), GFP_KERNEL)?,
                    direction: Direction::ToDevice,
                },
                GFP_KERNEL,
            )?;
        }
        Ok(Self {
            rows: all,
            master: master.clone(),
        })
    }

    /// Maps `segments` (guest-physical) into row `tag`, and gives them as the device sees them.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when the platform has no room for a mapping now, `EIO` when there are more than
    /// the row holds. Nothing stays mapped.
    pub fn fill(
        &mut self,
        tag: usize,
        segments: impl Iterator<Item = Segment>,
        direction: Direction,
    ) -> Result<&[Segment]> {
        let row = self.rows.get_mut(tag).ok_or(EIO)?;

        row.direction = direction;
        let filled = Self::map_all(row, &self.master, segments);
        if let Err(error) = filled {
            Self::unmap_all(row, &self.master);
            return Err(error);
        }
        Ok(&row.segments)
    }

    fn map_all(row: &mut Row, master: &Master, segments: impl Iterator<Item = Segment>) -> Result {
        row.segments.clear();
        for segment in segments {
            let addr = master.map(segment.addr, segment.len, row.direction)?;
            let mapped = Segment { addr, ..segment };

            // Within the capacity: nothing is allocated here.
            if row.segments.push_within_capacity(mapped).is_err() {
                master.unmap(addr, segment.len, row.direction);
                return Err(EIO);
            }
        }
        Ok(())
    }

    /// Takes back the mappings of row `tag`.
    pub fn release(&mut self, tag: usize) {
        if let Some(row) = self.rows.get_mut(tag) {
            Self::unmap_all(row, &self.master);
        }
    }

    fn unmap_all(row: &mut Row, master: &Master) {
        for segment in &row.segments {
            master.unmap(segment.addr, segment.len, row.direction);
        }
        row.segments.clear();
    }
}

impl Drop for Staging {
    /// Takes back what is left; the device was reset.
    fn drop(&mut self) {
        let Self { rows, master } = self;

        for row in rows.iter_mut() {
            Self::unmap_all(row, master);
        }
    }
}
