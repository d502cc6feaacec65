// SPDX-License-Identifier: GPL-2.0

//! Where the areas of a queue stand in its memory. Pure.

use vring::RingSizes;

/// The places of a queue's areas in one piece of memory, which begins at a page. The descriptor area
/// stands first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Areas {
    /// Where the driver area begins, in bytes.
    pub driver: usize,
    /// Where the device area begins, in bytes.
    pub device: usize,
    /// How many bytes there are in all.
    pub bytes: usize,
}

impl Areas {
    /// Puts them behind each other, for a device that is told where each of them is (virtio 1.4, 2.6).
    ///
    /// The elements of a used ring stand four bytes behind its beginning: it is placed so that each of
    /// them is aligned to its eight bytes, and can be read with one access. `None` for what is larger
    /// than memory, which no queue is.
    pub fn dense(sizes: &RingSizes) -> Option<Self> {
        let driver = sizes
            .desc
            .bytes
            .checked_next_multiple_of(sizes.driver.align)?;
        let device = driver
            .checked_add(sizes.driver.bytes)?
            .checked_next_multiple_of(8)?
            .checked_add(4)?;

        Some(Self {
            driver,
            device,
            bytes: device.checked_add(sizes.device.bytes)?,
        })
    }
}
