// SPDX-License-Identifier: GPL-2.0

//! The device status field (virtio 1.4, 2.1).

use core::ops::BitOr;

/// A device status byte.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Status(u8);

impl Status {
    /// What a reset device shows, and what writing to it resets a device.
    pub const RESET: Self = Self(0);
    /// The guest has noticed the device.
    pub const ACKNOWLEDGE: Self = Self(1);
    /// The guest knows how to drive it.
    pub const DRIVER: Self = Self(2);
    /// Both of them.
    pub(crate) const TAKEN: Self = Self(Self::ACKNOWLEDGE.0 | Self::DRIVER.0);
    /// The driver is set up.
    pub const DRIVER_OK: Self = Self(4);
    /// The features are agreed on.
    pub const FEATURES_OK: Self = Self(8);
    /// The device cannot go on without a reset.
    pub const NEEDS_RESET: Self = Self(64);
    /// The guest has given up on the device.
    pub const FAILED: Self = Self(128);
    /// What a device reads as that is not there any more.
    pub const GONE: Self = Self(0xff);

    /// Wraps a byte as read from the device.
    pub const fn from_raw(raw: u8) -> Self {
        Self(raw)
    }

    /// The byte.
    pub const fn as_raw(self) -> u8 {
        self.0
    }

    /// Whether all bits of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl BitOr for Status {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
