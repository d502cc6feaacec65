// SPDX-License-Identifier: GPL-2.0

//! The segments of buffers as the device addresses them, where they have to be kept: for the DMA
//! API, which wants them back, and for a ring without indirect tables.
//!
//! The memory is private and allocated once, a row for each buffer that may be under way.

use kernel::prelude::*;
use kernel_ext::dma::{
    Direction,
    Mapping,
    Master,
    Run, //
};

/// Rows of segments, each mapped for the device between [`Self::fill`] and [`Self::release`].
pub struct Staging {
    rows: KVec<KVec<Mapping>>,
    master: Master,
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
            all.push(KVec::with_capacity(width.into(), GFP_KERNEL)?, GFP_KERNEL)?;
        }
        Ok(Self {
            rows: all,
            master: master.clone(),
        })
    }

    /// Maps `runs` into row `tag`, and gives them as the device sees them.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when the platform has no room for a mapping now, `EIO` when there are more than
    /// the row holds. Nothing stays mapped.
    pub fn fill(
        &mut self,
        tag: usize,
        runs: impl Iterator<Item = Run>,
        direction: Direction,
    ) -> Result<&[Mapping]> {
        let Self { rows, master } = self;
        let row = rows.get_mut(tag).ok_or(EIO)?;

        unmap_all(row, master);
        let filled = map_all(row, master, runs, direction);
        if let Err(error) = filled {
            unmap_all(row, master);
            return Err(error);
        }
        Ok(row)
    }

    /// Takes back the mappings of row `tag`.
    pub fn release(&mut self, tag: usize) {
        if let Some(row) = self.rows.get_mut(tag) {
            unmap_all(row, &self.master);
        }
    }
}

fn map_all(
    row: &mut KVec<Mapping>,
    master: &Master,
    mut runs: impl Iterator<Item = Run>,
    direction: Direction,
) -> Result {
    runs.try_for_each(|run| {
        // Within the capacity: nothing is allocated here.
        row.push_within_capacity(master.map(run, direction)?)
            .map_err(|full| {
                master.unmap(full.0);
                EIO
            })
    })
}

fn unmap_all(row: &mut KVec<Mapping>, master: &Master) {
    // BOUND: Each turn takes one out.
    while let Some(mapping) = row.pop() {
        master.unmap(mapping);
    }
}

impl Drop for Staging {
    /// Takes back what is left; the device was reset.
    fn drop(&mut self) {
        let Self { rows, master } = self;

        for row in rows.iter_mut() {
            unmap_all(row, master);
        }
    }
}
