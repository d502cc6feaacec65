// SPDX-License-Identifier: GPL-2.0

//! The disk's own files in sysfs: `/sys/block/vdX/{serial,cache_type}`, as C has them, and
//! `{pre_eol_info,life_time}`, as eMMC cards have them.

use crate::{
    config,
    disk::BlkDisk,
    feature,
    lifetime::{
        self,
        Lifetime, //
    },
    request::{
        command,
        SERIAL_BYTES, //
    }, //
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
use virtio::Features;

const WRITE_BACK: &[u8] = b"write back";
const WRITE_THROUGH: &[u8] = b"write through";

/// The serial number, without a newline.
struct Serial;
/// `write back` or `write through`.
struct CacheType;
/// How much of the reserved blocks is consumed, such as `0x01`.
struct PreEolInfo;
/// How much of the lifetime is used, of SLC and of MLC cells, such as `0x01 0x02`.
struct LifeTime;

impl ShowDisk<BlkDisk> for Serial {
    const NAME: &'static CStr = c"serial";

    fn show(disk: &DiskRef<'_, BlkDisk>, out: &mut Output<'_>) -> Result {
        let mut serial = KVec::from_elem(0u8, SERIAL_BYTES, GFP_KERNEL)?;

        match disk.driver_read(command::GET_ID, 0, &mut serial) {
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

/// Asks the device how worn its medium is.
///
/// # Errors
///
/// `EPROTO` when it says something that has no meaning; else as for [`DiskRef::driver_read`].
fn lifetime(disk: &DiskRef<'_, BlkDisk>) -> Result<Lifetime> {
    let mut answer = KVec::from_elem(0u8, lifetime::BYTES, GFP_KERNEL)?;

    disk.driver_read(command::GET_LIFETIME, 0, &mut answer)?;
    lifetime::parse(&answer).ok_or(EPROTO)
}

impl ShowDisk<BlkDisk> for PreEolInfo {
    const NAME: &'static CStr = c"pre_eol_info";

    fn show(disk: &DiskRef<'_, BlkDisk>, out: &mut Output<'_>) -> Result {
        out.text(fmt!("0x{:02x}\n", lifetime(disk)?.pre_eol_info));
        Ok(())
    }
}

impl ShowDisk<BlkDisk> for LifeTime {
    const NAME: &'static CStr = c"life_time";

    fn show(disk: &DiskRef<'_, BlkDisk>, out: &mut Output<'_>) -> Result {
        let Lifetime { type_a, type_b, .. } = lifetime(disk)?;

        out.text(fmt!("0x{type_a:02x} 0x{type_b:02x}\n"));
        Ok(())
    }
}

static SERIAL: DiskAttribute<BlkDisk> = DiskAttribute::new::<Serial>();
static CACHE_TYPE: DiskAttribute<BlkDisk> = DiskAttribute::writable::<CacheType>();
static PRE_EOL_INFO: DiskAttribute<BlkDisk> = DiskAttribute::new::<PreEolInfo>();
static LIFE_TIME: DiskAttribute<BlkDisk> = DiskAttribute::new::<LifeTime>();
static ATTRIBUTES: DiskAttributes<BlkDisk> = DiskAttributes::new([&SERIAL, &CACHE_TYPE]);
static WITH_LIFETIME: DiskAttributes<BlkDisk> =
    DiskAttributes::new([&SERIAL, &CACHE_TYPE, &PRE_EOL_INFO, &LIFE_TIME]);

/// The files of a disk whose device has these features.
pub(crate) fn attributes(features: Features) -> &'static DiskAttributes<BlkDisk> {
    if features.contains(feature::LIFETIME) {
        &WITH_LIFETIME
    } else {
        &ATTRIBUTES
    }
}
