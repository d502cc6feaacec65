// SPDX-License-Identifier: GPL-2.0

//! Feature bits (virtio 1.4, 2.2).

use core::ops::{
    BitAnd,
    BitOr,
    Not, //
};

/// A set of the 128 feature bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Features(u128);

impl Features {
    /// No bit.
    pub const NONE: Self = Self(0);
    /// How many bits there are.
    pub const COUNT: u32 = u128::BITS;

    /// The set of the one bit `number`; a number of 128 or more is the empty set.
    pub const fn bit(number: u32) -> Self {
        match 1u128.checked_shl(number) {
            Some(bits) => Self(bits),
            None => Self(0),
        }
    }

    /// The union of `sets`.
    pub const fn all_of(sets: &[Self]) -> Self {
        let mut rest = sets;
        let mut bits = 0;

        while let [first, tail @ ..] = rest {
            bits |= first.0;
            rest = tail;
        }
        Self(bits)
    }

    /// Makes a set of four words of 32 bits, the lowest first.
    pub const fn from_words(words: [u32; 4]) -> Self {
        let [a, b, c, d] = words;

        Self(a as u128 | (b as u128) << 32 | (c as u128) << 64 | (d as u128) << 96)
    }

    /// The four words of 32 bits, the lowest first.
    pub const fn words(self) -> [u32; 4] {
        // CAST: Each takes 32 of the bits.
        [
            self.0 as u32,
            (self.0 >> 32) as u32,
            (self.0 >> 64) as u32,
            (self.0 >> 96) as u32,
        ]
    }

    /// The set whose bits are those of `bits`.
    pub(crate) const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// The set as a number.
    pub(crate) const fn bits(self) -> u128 {
        self.0
    }

    /// Whether all bits of `other` are in the set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl BitOr for Features {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Features {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl Not for Features {
    type Output = Self;

    fn not(self) -> Self {
        Self(!self.0)
    }
}

/// The reserved feature bits (virtio 1.4, 6), and which of them are implemented here.
pub mod transport_feature {
    use super::Features;

    /// A buffer may be cut into segments in any way (`VIRTIO_F_ANY_LAYOUT`, 6.3). Only of devices before
    /// version 1: later ones do not ask.
    pub const ANY_LAYOUT: Features = Features::bit(27);
    /// Buffers may be described by a table outside the ring (`VIRTIO_F_INDIRECT_DESC`).
    pub const INDIRECT_DESC: Features = Features::bit(28);
    /// Notifications are suppressed by ring position (`VIRTIO_F_EVENT_IDX`).
    pub const EVENT_IDX: Features = Features::bit(29);
    /// The device follows virtio 1.0 or later (`VIRTIO_F_VERSION_1`).
    pub const VERSION_1: Features = Features::bit(32);
    /// The device's addresses go through the platform's DMA (`VIRTIO_F_ACCESS_PLATFORM`).
    pub const ACCESS_PLATFORM: Features = Features::bit(33);
    /// Packed ring (`VIRTIO_F_RING_PACKED`).
    pub const RING_PACKED: Features = Features::bit(34);
    /// Buffers are used in order (`VIRTIO_F_IN_ORDER`).
    pub const IN_ORDER: Features = Features::bit(35);
    /// The platform orders the device's accesses (`VIRTIO_F_ORDER_PLATFORM`).
    pub const ORDER_PLATFORM: Features = Features::bit(36);
    /// The device can have virtual functions (`VIRTIO_F_SR_IOV`).
    pub const SR_IOV: Features = Features::bit(37);
    /// Notifications say where the next buffer will stand (`VIRTIO_F_NOTIFICATION_DATA`).
    pub const NOTIFICATION_DATA: Features = Features::bit(38);
    /// The device says by which number notifications name a queue (`VIRTIO_F_NOTIF_CONFIG_DATA`).
    pub const NOTIF_CONFIG_DATA: Features = Features::bit(39);
    /// Queues can be reset one by one (`VIRTIO_F_RING_RESET`).
    pub const RING_RESET: Features = Features::bit(40);
    /// There is a queue for administration commands (`VIRTIO_F_ADMIN_VQ`).
    pub const ADMIN_VQ: Features = Features::bit(41);

    /// Bits 24 to 41 and 43 to 49 belong to the transport, the ring and the future, not to a device
    /// type (virtio 1.4, 2.2; bit 41 is `VIRTIO_F_ADMIN_VQ` for all of them but network devices).
    pub const RESERVED: Features = Features(((1 << 42) - (1 << 24)) | ((1 << 50) - (1 << 43)));

    /// What the crates `vring` and `virtio` have code and tests for. Nothing else in
    /// [`RESERVED`] is ever accepted.
    pub const IMPLEMENTED: Features = Features::all_of(&[
        INDIRECT_DESC,
        EVENT_IDX,
        VERSION_1,
        ACCESS_PLATFORM,
        RING_PACKED,
        IN_ORDER,
        ORDER_PLATFORM,
        SR_IOV,
        NOTIFICATION_DATA,
        NOTIF_CONFIG_DATA,
        RING_RESET,
        ADMIN_VQ,
    ]);
}
