// SPDX-License-Identifier: GPL-2.0

//! Descriptors: how one segment of a buffer is told to the device.

use crate::le::Le64;

/// A run of memory that is contiguous for the device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// The address of the first byte, as the device sees it (a DMA address).
    pub addr: u64,
    /// The length in bytes, not 0.
    pub len: u32,
}

/// The flags of a descriptor (1.4, "2.7.5 The Virtqueue Descriptor Table").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DescFlags(u16);

impl DescFlags {
    /// No flag: a device-readable segment, the last one of its chain.
    pub const NONE: Self = Self(0);
    /// The chain goes on in the descriptor that `next` names (`VIRTQ_DESC_F_NEXT`).
    pub const NEXT: Self = Self(1);
    /// The device may write the segment and does not read it (`VIRTQ_DESC_F_WRITE`).
    pub const WRITE: Self = Self(1 << 1);
    /// The descriptor names a table of descriptors (`VIRTQ_DESC_F_INDIRECT`).
    pub const INDIRECT: Self = Self(1 << 2);
    /// Packed: the wrap counter of who made the descriptor available (`VIRTQ_DESC_F_AVAIL`).
    pub(crate) const AVAIL: Self = Self(1 << 7);
    /// Packed: that counter once it is used, its opposite before (`VIRTQ_DESC_F_USED`).
    pub(crate) const USED: Self = Self(1 << 15);

    /// Returns the flags of `self` and of `other`.
    #[inline]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns whether all flags of `other` are set.
    #[inline]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns the bits as they stand in the descriptor, in native byte order.
    #[inline]
    pub const fn bits(self) -> u16 {
        self.0
    }
}

/// One descriptor in its wire form: 16 bytes, as two 64-bit words.
///
/// A `RawDesc` only travels towards the device. No code reads a descriptor table back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawDesc {
    addr: Le64,
    meta: Le64,
}

impl RawDesc {
    /// The size of a descriptor in bytes.
    pub const SIZE: usize = 16;

    /// Makes a descriptor of a split virtqueue: `le64 addr; le32 len; le16 flags; le16 next`
    /// (1.4, "2.7.5 The Virtqueue Descriptor Table").
    #[inline]
    pub const fn split(segment: Segment, flags: DescFlags, next: u16) -> Self {
        // CAST: Three widening casts; `From` is not available in a `const fn`.
        let meta = segment.len as u64 | ((flags.0 as u64) << 32) | ((next as u64) << 48);
        Self {
            addr: Le64::new(segment.addr),
            meta: Le64::new(meta),
        }
    }

    /// Makes a descriptor of a packed virtqueue: `le64 addr; le32 len; le16 id; le16 flags` (1.4,
    /// "2.8.13 The Virtqueue Descriptor Ring").
    #[inline]
    pub const fn packed(segment: Segment, id: u16, flags: DescFlags) -> Self {
        // CAST: Three widening casts; `From` is not available in a `const fn`.
        let meta = segment.len as u64 | ((id as u64) << 32) | ((flags.0 as u64) << 48);
        Self {
            addr: Le64::new(segment.addr),
            meta: Le64::new(meta),
        }
    }

    /// Returns the two words, the one at the lower address first.
    #[inline]
    pub const fn words(self) -> [Le64; 2] {
        [self.addr, self.meta]
    }
}
