// SPDX-License-Identifier: GPL-2.0

//! Cylinders, heads and sectors of a disk, for old tools that ask for them.

use super::{
    disk::Private,
    operations::Operations, //
};
use crate::bindings;
use kernel::prelude::*;

/// A disk's geometry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Geometry {
    /// How many cylinders.
    pub cylinders: u16,
    /// Heads of a cylinder.
    pub heads: u8,
    /// Sectors of a track.
    pub sectors: u8,
}

impl Geometry {
    /// One of tracks of 32 sectors and 64 heads, for a disk of that many sectors. As with SCSI disks and C's
    /// driver the cylinders are what 16 bits hold of their number.
    const fn made_up(capacity: u64) -> Self {
        Self {
            // CAST: As the comment says.
            cylinders: (capacity >> 11) as u16,
            heads: 64,
            sectors: 32,
        }
    }
}

/// Answers `HDIO_GETGEO`.
///
/// # Safety
///
/// To be called by the block layer alone: with a disk of [`Disk::new`](super::Disk::new), which may have
/// been taken away, and memory for the answer.
pub(super) unsafe extern "C" fn getgeo<O: Operations>(
    disk: *mut bindings::gendisk,
    answer: *mut bindings::hd_geometry,
) -> c_int {
    // SAFETY: The disk is open, so its private data are there; the geometry is constant.
    let said = unsafe { (*(*disk).private_data.cast::<Private<O>>()).geometry };
    // SAFETY: The disk is valid; the value is read once.
    let capacity = unsafe { core::ptr::addr_of!((*(*disk).part0).bd_nr_sectors).read_volatile() };
    let geometry = said.unwrap_or(Geometry::made_up(capacity));

    // SAFETY: The block layer passes memory for the answer, and fills in the start itself.
    unsafe {
        bindings::rvirtio_helper_geometry(
            answer,
            geometry.cylinders,
            geometry.heads,
            geometry.sectors,
        )
    };
    0
}
