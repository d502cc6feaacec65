// SPDX-License-Identifier: GPL-2.0

//! Who a device is.

/// A device id, as a driver lists it (virtio 1.4, 5 Device Types).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeviceId(u32);

impl DeviceId {
    /// Network device.
    pub const NETWORK: Self = Self(1);
    /// Block device.
    pub const BLOCK: Self = Self(2);
    /// Entropy source.
    pub const ENTROPY: Self = Self(4);
    /// Traditional memory balloon.
    pub const BALLOON: Self = Self(5);

    /// The id `number`.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn number(self) -> u32 {
        self.0
    }
}

/// What a transport knows of a device before anything is negotiated.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Identity {
    /// What it does.
    pub device: DeviceId,
    /// Who made it; the PCI subsystem vendor id.
    pub vendor: u32,
}
