// SPDX-License-Identifier: GPL-2.0

//! The disk's own files in sysfs: `/sys/block/vdX/{serial,cache_type}`, as C has them.

use crate::{
    config,
    disk::BlkDisk,
    feature,
    request::SERIAL_BYTES, //
};
use kernel::{
    prelude::*,
    sync::atomic::ordering::Relaxed, //
};
use kernel_ext::{
    block::{
        DiskAttribute,
        DiskAttributes,
        DiskRef,
        ShowDisk,
        StoreDisk, //
    },
    bus::Output, //
};

const WRITE_BACK: &[u8] = b"write back";
const WRITE_THROUGH: &[u8] = b"write through";

/// The serial number, without a newline.
struct Serial;
/// `write back` or `write through`.
struct CacheType;

impl ShowDisk<BlkDisk> for Serial {
    const NAME: &'static CStr = c"serial";

    fn show(disk: &DiskRef<'_, BlkDisk>, out: &mut Output<'_>) -> Result {
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

impl ShowDisk<BlkDisk> for CacheType {
    const NAME: &'static CStr = c"cache_type";

    fn show(disk: &DiskRef<'_, BlkDisk>, out: &mut Output<'_>) -> Result {
        let on = disk.operations().write_cache.load(Relaxed);

        out.bytes(if on { WRITE_BACK } else { WRITE_THROUGH });
        out.bytes(b"\n");
        Ok(())
    }
}

impl StoreDisk<BlkDisk> for CacheType {
    /// Turns the cache on or off. `EPERM` when the device does not let the driver choose, `EINVAL`
    /// for other words, `EIO` when the device stays as it was, `EAGAIN` while it is being reset.
    fn store(disk: &DiskRef<'_, BlkDisk>, text: &[u8]) -> Result {
        let own = disk.operations();
        let device = own.device();
        let on = match text {
            WRITE_BACK => true,
            WRITE_THROUGH => false,
            _ => return Err(EINVAL),
        };

        if !device
            .features()
            .contains(feature::CONFIG_WCE | feature::FLUSH)
        {
            return Err(EPERM);
        }
        let now = disk.change_write_cache(|| {
            own.choose_cache(|| config::set_write_cache(&device.config(), on))
        })?;

        if now == on {
            Ok(())
        } else {
            Err(EIO)
        }
    }
}

static SERIAL: DiskAttribute<BlkDisk> = DiskAttribute::new::<Serial>();
static CACHE_TYPE: DiskAttribute<BlkDisk> = DiskAttribute::writable::<CacheType>();
pub(crate) static ATTRIBUTES: DiskAttributes<BlkDisk, 3> =
    DiskAttributes::two(&SERIAL, &CACHE_TYPE);
