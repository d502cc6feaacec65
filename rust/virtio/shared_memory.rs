// SPDX-License-Identifier: GPL-2.0

//! Memory that a device shares with its driver (virtio 1.4, 2.10).

use crate::{
    device::Device,
    life::FeaturesOk, //
};
use core::fmt;

/// A shared memory region: the device's memory, neither mapped nor claimed.
///
/// The transport has checked that it is where the device has memory. What stands there is the device's, and
/// changes as it likes: to be read once, and believed as little as a ring.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SharedMemory {
    /// Which one it is: the device type says what for (`shmid`).
    pub id: u8,
    /// Where it is in the CPU's physical address space.
    pub address: u64,
    /// How many bytes it has; not zero.
    pub length: u64,
}

impl fmt::Display for SharedMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {:#x} bytes at {:#x}",
            self.id, self.length, self.address
        )
    }
}

/// The region `id` among `regions`.
fn find(regions: &[SharedMemory], id: u8) -> Option<SharedMemory> {
    regions.iter().find(|region| region.id == id).copied()
}

impl Device {
    /// The shared memory region `id`, if the device has one.
    pub fn shared_memory(&self, id: u8) -> Option<SharedMemory> {
        find(self.transport().shared_memory(), id)
    }
}

impl FeaturesOk {
    /// The shared memory region `id`, if the device has one.
    pub fn shared_memory(&self, id: u8) -> Option<SharedMemory> {
        self.device().shared_memory(id)
    }
}
