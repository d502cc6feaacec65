// SPDX-License-Identifier: GPL-2.0

//! How much memory a queue needs.

use crate::{
    desc::RawDesc,
    error::SetupError,
    mem::Area,
    packed,
    split, //
};

/// The memory of one area of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AreaSize {
    /// The size in bytes.
    pub bytes: usize,
    /// The alignment in bytes, a power of two.
    pub align: usize,
}

/// The memory of the three areas of a virtqueue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingSizes {
    /// The descriptor table, or the descriptor ring.
    pub desc: AreaSize,
    /// The available ring with `used_event`, or the driver's event suppression structure.
    pub driver: AreaSize,
    /// The used ring with `avail_event`, or the device's event suppression structure.
    pub device: AreaSize,
}

impl RingSizes {
    /// Returns the memory of one area.
    pub const fn area(&self, area: Area) -> AreaSize {
        match area {
            Area::Desc => self.desc,
            Area::Driver => self.driver,
            Area::Device => self.device,
        }
    }
}

/// Returns the memory that a split virtqueue of `size` descriptors needs (1.4, "2.7 Split
/// Virtqueues").
///
/// The event index fields count always, so that the memory does not depend on a feature.
///
/// The used elements start 4 bytes into the Device Area. An allocator that starts this area at
/// 4 modulo 8, which its alignment of 4 allows, makes each [`RingMem::read64`] an aligned load.
///
/// [`RingMem::read64`]: crate::RingMem::read64
///
/// # Errors
///
/// [`SetupError::BadSize`]: not a power of two from 1 to 32768.
pub const fn split_layout(size: u16) -> Result<RingSizes, SetupError> {
    if !split::size_is_valid(size) {
        return Err(SetupError::BadSize { size });
    }
    // CAST: A widening cast; `From` is not available in a `const fn`.
    let n = size as usize;
    // At most 16 * 32768 bytes: nothing overflows.
    Ok(RingSizes {
        desc: AreaSize {
            bytes: RawDesc::SIZE.wrapping_mul(n),
            align: 16,
        },
        driver: AreaSize {
            bytes: split::used_event_offset(size).wrapping_add(2),
            align: 2,
        },
        device: AreaSize {
            bytes: split::avail_event_offset(size).wrapping_add(2),
            align: 4,
        },
    })
}

/// Returns the memory that a packed virtqueue of `size` descriptors needs (1.4, "2.8 Packed
/// Virtqueues").
///
/// # Errors
///
/// [`SetupError::BadSize`]: not from 1 to 32768.
pub const fn packed_layout(size: u16) -> Result<RingSizes, SetupError> {
    if !packed::size_is_valid(size) {
        return Err(SetupError::BadSize { size });
    }
    let event = AreaSize { bytes: 4, align: 4 };

    Ok(RingSizes {
        desc: AreaSize {
            // CAST: A widening cast; `From` is not available in a `const fn`.
            bytes: RawDesc::SIZE.wrapping_mul(size as usize),
            align: 16,
        },
        driver: event,
        device: event,
    })
}
