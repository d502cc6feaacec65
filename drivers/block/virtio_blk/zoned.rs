// SPDX-License-Identifier: GPL-2.0

//! Reports the zones of a zoned device.

use crate::{
    disk::BlkDisk,
    limits::Checked,
    request::command,
    zone_report::{
        self,
        HEAD_BYTES,
        ZONE_BYTES, //
    },
    zones::Zones, //
};
use kernel::prelude::*;
use kernel_ext::block::{
    DiskRef,
    Zone,
    ZoneReport,
    SECTOR_SIZE, //
};

/// The most bytes that are asked for at once: head and 255 zones.
const MAX_BYTES: u32 = 16 << 10;

/// What a report needs to know.
#[derive(Clone, Copy)]
pub(crate) struct Zoned {
    pub(crate) zones: Zones,
    /// Bytes of a report that any request can hold: whole sectors, with room for a zone.
    bytes: usize,
}

impl Zoned {
    pub(crate) fn new(zones: Zones, checked: &Checked) -> Self {
        // A segment holds a page at least, so this is not less.
        let bytes = checked
            .max_segment_size
            .saturating_mul(checked.max_segments.into())
            .min(MAX_BYTES);

        Self {
            zones,
            // CAST: Small.
            bytes: (bytes & !(SECTOR_SIZE - 1)) as usize,
        }
    }

    /// Reports the zones from the one that holds `sector` on, as many as are wanted.
    ///
    /// # Errors
    ///
    /// `EIO` when the device says of a zone what cannot be, which leaves a line in the log, or says nothing
    /// of one; else as for [`DiskRef::driver_read`] and [`ZoneReport::tell`].
    pub(crate) fn report(
        &self,
        disk: &DiskRef<'_, BlkDisk>,
        sector: u64,
        report: &mut ZoneReport<'_>,
    ) -> Result {
        let capacity = report.capacity();
        let size = self.zones.zone_sectors;
        // A power of two.
        let mut start = sector & !u64::from(size).wrapping_sub(1);
        let mut answer = KVec::from_elem(0u8, self.bytes, GFP_KERNEL)?;

        // BOUND: Each turn tells a zone at least, and the zones end where the disk does.
        while start < capacity && !report.is_complete() {
            answer.fill(0);
            disk.driver_read(command::ZONE_REPORT, start, &mut answer)?;

            let claimed = zone_report::claimed(&answer).ok_or(EIO)?;

            match zone_report::count(claimed, answer.len()) {
                0 => return Err(EIO),
                count => {
                    for index in 0..count {
                        if start >= capacity || report.is_complete() {
                            break;
                        }
                        let zone = zone_report::zone(&answer, index, start, size, capacity)
                            .map_err(|error| {
                                dev_err!(
                                    disk.operations().device().node(),
                                    "zone at sector {}: {:?}\n",
                                    start,
                                    error
                                );
                                EIO
                            })?;

                        report.tell(&Zone {
                            start: zone.start,
                            length: zone.length,
                            capacity: zone.capacity,
                            write_pointer: zone.write_pointer,
                            // CAST: The numbers of the specification, which are Linux's.
                            kind: zone.kind as u8,
                            condition: zone.state as u8,
                        })?;
                        start = start.saturating_add(zone.length);
                    }
                }
            }
        }
        Ok(())
    }
}

const _: () = assert!(MAX_BYTES as usize >= HEAD_BYTES + ZONE_BYTES);
