// SPDX-License-Identifier: GPL-2.0

//! The memory of a queue as the legacy interface wants it (virtio 1.4, 2.7.2 and 4.1.5.1.3): one piece,
//! whose beginning is all that the device is told. Pure.

use virtio::{
    Areas,
    RingSizes, //
};

/// Queue Align: the used ring begins at a multiple of it, the queue too.
const ALIGN: usize = 4096;
/// An address is told as the number of its page of as many bits.
const PAGE_SHIFT: u32 = 12;

/// Where the areas of a queue stand; `None` for what is larger than memory.
pub(crate) fn areas(sizes: &RingSizes) -> Option<Areas> {
    let driver = sizes.desc.bytes;
    let device = driver
        .checked_add(sizes.driver.bytes)?
        .checked_next_multiple_of(ALIGN)?;

    Some(Areas {
        driver,
        device,
        bytes: device.checked_add(sizes.device.bytes.checked_next_multiple_of(ALIGN)?)?,
    })
}

/// What is written to say that a queue begins at `address`: `None` when that cannot be said. Zero is no
/// place for a queue, since it disables one.
pub(crate) fn page_number(address: u64) -> Option<u32> {
    let number = address >> PAGE_SHIFT;

    (number << PAGE_SHIFT == address)
        .then_some(number)
        .and_then(|number| u32::try_from(number).ok())
        .filter(|number| *number != 0)
}
