// SPDX-License-Identifier: GPL-2.0

//! Disks of zones: reports of their state.
//!
//! C header: [`include/linux/blkdev.h`](srctree/include/linux/blkdev.h), `report_zones`

use super::{
    disk::Private,
    disk_ref::DiskRef,
    operations::Operations, //
};
use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    error::to_result,
    prelude::*, //
};

/// Whether the kernel has zones at all.
pub const HAS_ZONES: bool = cfg!(CONFIG_BLK_DEV_ZONED);

/// A zone, as the block layer wants to know it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Zone {
    /// The first sector.
    pub start: u64,
    /// Sectors from this zone to the next.
    pub length: u64,
    /// Sectors that can be written.
    pub capacity: u64,
    /// Where the next write goes; all-ones where that has no meaning.
    pub write_pointer: u64,
    /// A `BLK_ZONE_TYPE_*`.
    pub kind: u8,
    /// A `BLK_ZONE_COND_*`.
    pub condition: u8,
}

/// A report that the block layer has asked for.
pub struct ZoneReport<'a> {
    disk: NonNull<bindings::gendisk>,
    /// Null where nobody but the block layer itself is told.
    args: *mut bindings::blk_report_zones_args,
    told: u32,
    wanted: u32,
    _call: PhantomData<&'a ()>,
}

impl ZoneReport<'_> {
    /// Whether as many zones are told as are wanted.
    pub fn is_complete(&self) -> bool {
        self.told >= self.wanted
    }

    /// How many zones are told.
    pub fn told(&self) -> u32 {
        self.told
    }

    /// Sectors of the disk.
    pub fn capacity(&self) -> u64 {
        // SAFETY: The disk is valid for the call; the value is read once.
        unsafe { core::ptr::addr_of!((*(*self.disk.as_ptr()).part0).bd_nr_sectors).read_volatile() }
    }

    /// Tells a zone, the one behind the one told before.
    ///
    /// # Errors
    ///
    /// Those of whoever wants to know.
    pub fn tell(&mut self, zone: &Zone) -> Result {
        let mut raw = bindings::blk_zone {
            start: zone.start,
            len: zone.length,
            capacity: zone.capacity,
            wp: zone.write_pointer,
            type_: zone.kind,
            cond: zone.condition,
            ..Default::default()
        };

        #[cfg(CONFIG_BLK_DEV_ZONED)]
        // SAFETY: The disk is valid for the call; `args` are what the block layer has passed for it.
        to_result(unsafe {
            bindings::disk_report_zone(self.disk.as_ptr(), &mut raw, self.told, self.args)
        })?;
        let _ = &mut raw;
        self.told = self.told.saturating_add(1);
        Ok(())
    }
}

/// Has the driver report zones.
///
/// # Safety
///
/// To be called by the block layer alone: with a disk of `O`, which may have been taken away, and what
/// belongs to the report.
pub(super) unsafe extern "C" fn report_zones<O: Operations>(
    disk: *mut bindings::gendisk,
    sector: bindings::sector_t,
    count: c_uint,
    args: *mut bindings::blk_report_zones_args,
) -> c_int {
    // SAFETY: The disk is open or being probed, so its private data are there.
    let private = unsafe { &*(*disk).private_data.cast::<Private<O>>() };
    // Held, so that the driver's object is not dropped meanwhile. The requests of a disk that is being
    // taken away end.
    let served = private.served.lock();

    if served.is_none() {
        return ENODEV.to_errno();
    }
    // SAFETY: As above: the disk is valid, and its queue's object is kept by `served`.
    let (this, disk) = unsafe {
        (
            DiskRef::<O>::from_queue((*disk).queue),
            NonNull::new_unchecked(disk),
        )
    };
    let mut report = ZoneReport {
        disk,
        args,
        told: 0,
        wanted: count,
        _call: PhantomData,
    };

    match O::report_zones(&this, sector, &mut report) {
        // CAST: A disk has fewer zones.
        Ok(()) => report.told as c_int,
        Err(error) => error.to_errno(),
    }
}

/// Has the block layer ask for all zones of a disk, and check them.
///
/// # Safety
///
/// `disk` must be a disk of zones that is not added yet, or added.
pub(super) unsafe fn revalidate(disk: *mut bindings::gendisk) -> Result {
    #[cfg(CONFIG_BLK_DEV_ZONED)]
    // SAFETY: Promised by the caller.
    return to_result(unsafe { bindings::blk_revalidate_disk_zones(disk) });
    #[cfg(not(CONFIG_BLK_DEV_ZONED))]
    {
        let _ = disk;
        to_result(EOPNOTSUPP.to_errno())
    }
}
