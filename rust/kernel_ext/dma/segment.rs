// SPDX-License-Identifier: GPL-2.0

//! Memory as somebody else's: of the guest before it is mapped, and of a device after that.

/// A run of the guest's memory, at a guest-physical address, that its owner lends for a transfer.
///
/// This crate makes them alone: of the pieces of a request or a packet, or of pages that are owned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    phys: u64,
    length: u32,
}

impl Run {
    #[inline]
    pub(crate) const fn new(phys: u64, length: u32) -> Self {
        Self { phys, length }
    }

    /// The guest-physical address of the first byte.
    #[inline]
    pub const fn phys(self) -> u64 {
        self.phys
    }

    /// The length in bytes.
    #[inline]
    pub const fn length(self) -> u32 {
        self.length
    }
}

/// A run of memory as a device addresses it.
///
/// This crate makes them alone: of memory that is shared with the device, and of a [`Run`] that was mapped for it, or that
/// it addresses as the guest does. So safe code cannot send a device where it has no business. That the memory stays as
/// long as the device has it is the business of whoever posts a segment, together with what it is a segment of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    address: u64,
    length: u32,
}

impl Segment {
    #[inline]
    pub(crate) const fn new(address: u64, length: u32) -> Self {
        Self { address, length }
    }

    /// What the device calls its first byte.
    #[inline]
    pub const fn address(self) -> u64 {
        self.address
    }

    /// The length in bytes.
    #[inline]
    pub const fn length(self) -> u32 {
        self.length
    }

    /// What it has of `length` bytes from byte `at` on: perhaps nothing, which no ring takes.
    #[inline]
    pub fn part(self, at: u32, length: u32) -> Self {
        let at = at.min(self.length);

        Self {
            // Not behind its end.
            address: self.address.wrapping_add(at.into()),
            length: length.min(self.length.wrapping_sub(at)),
        }
    }
}
