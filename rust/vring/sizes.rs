// SPDX-License-Identifier: GPL-2.0

//! How much memory a queue needs.

use crate::{
    desc::RawDesc,
    error::SetupError,
    mem::Area,
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

/// The memory of the three areas of a split virtqueue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SplitSizes {
    /// The descriptor table.
    pub desc: AreaSize,
    /// The available ring, `used_event` included.
    pub driver: AreaSize,
    /// The used ring, `avail_event` included.
    pub device: AreaSize,
}

impl SplitSizes {
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
pub const fn split_layout(size: u16) -> Result<SplitSizes, SetupError> {
    if !split::size_is_valid(size) {
        return Err(SetupError::BadSize { size });
    }
    // CAST: A widening cast; `From` is not available in a `const fn`.
    let n = size as usize;
    // At most 16 * 32768 bytes: nothing overflows.
    Ok(SplitSizes {
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
