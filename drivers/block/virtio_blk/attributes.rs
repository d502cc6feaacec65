// SPDX-License-Identifier: GPL-2.0

//! The disk's own files in sysfs: `/sys/block/vdX/{serial,cache_type}`, as C has them.

use crate::{
    queue::BlkQueue,
    request::SERIAL_BYTES, //
};
use kernel::prelude::*;
use kernel_ext::{
    block::{
        DiskAttribute,
        DiskAttributes,
        DiskRef,
        ShowDisk, //
    },
    bus::Output, //
};

/// The serial number, without a newline.
struct Serial;
/// `write back` or `write through`.
struct CacheType;

impl ShowDisk<BlkQueue> for Serial {
    const NAME: &'static CStr = c"serial";

    fn show(disk: &DiskRef<'_, BlkQueue>, out: &mut Output<'_>) -> Result {
        let mut serial = KVec::from_elem(0u8, SERIAL_BYTES, GFP_KERNEL)?;

        match disk.driver_read(&mut serial) {
            Ok(()) => {
                let length = serial
                    .iter()
                    .position(|byte| *byte == 0)
                    .unwrap_or(serial.len());

                out.bytes(serial.get(..length).unwrap_or_default());
                Ok(())
            }
            // A device without a serial number says so in different ways.
            Err(error) if error == EIO || error == EOPNOTSUPP => Ok(()),
            Err(error) => Err(error),
        }
    }
}

impl ShowDisk<BlkQueue> for CacheType {
    const NAME: &'static CStr = c"cache_type";

    fn show(disk: &DiskRef<'_, BlkQueue>, out: &mut Output<'_>) -> Result {
        out.bytes(if disk.operations().write_cache {
            b"write back\n"
        } else {
            b"write through\n"
        });
        Ok(())
    }
}

static SERIAL: DiskAttribute<BlkQueue> = DiskAttribute::new::<Serial>();
static CACHE_TYPE: DiskAttribute<BlkQueue> = DiskAttribute::new::<CacheType>();
pub(crate) static ATTRIBUTES: DiskAttributes<BlkQueue, 3> =
    DiskAttributes::two(&SERIAL, &CACHE_TYPE);
