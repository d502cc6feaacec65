// SPDX-License-Identifier: GPL-2.0

//! A device as the master of DMA transfers.

use crate::{
    bindings,
    device::raw_device, //
};
use kernel::{
    device,
    prelude::*,
    sync::aref::ARef, //
};

/// Which way a streaming mapping carries data.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The device reads what the CPU wrote.
    ToDevice,
    /// The device writes what the CPU will read.
    FromDevice,
}

impl Direction {
    const fn as_raw(self) -> bindings::dma_data_direction {
        match self {
            Self::ToDevice => bindings::dma_data_direction::DMA_TO_DEVICE,
            Self::FromDevice => bindings::dma_data_direction::DMA_FROM_DEVICE,
        }
    }
}

/// A device that transfers data by itself, and how it addresses memory.
///
/// Allocations and mappings made through it have to be given back before the device's driver is
/// unbound. In this project they belong to a virtio driver's data, and a transport's unbinding
/// begins with unbinding that driver.
#[derive(Clone)]
pub struct Master {
    device: ARef<device::Device>,
    translated: bool,
}

impl Master {
    pub(crate) fn new(device: ARef<device::Device>, translated: bool) -> Self {
        Self { device, translated }
    }

    /// The device, for messages.
    pub fn device(&self) -> &device::Device {
        &self.device
    }

    /// Whether addresses go through the DMA API. If not, they are guest-physical and mapping is
    /// the identity.
    #[inline]
    pub fn is_translated(&self) -> bool {
        self.translated
    }

    /// The most bytes that one mapping can have: less than `u32::MAX` where bounce buffers are used.
    pub fn max_mapping(&self) -> u32 {
        if !self.translated {
            return u32::MAX;
        }
        // SAFETY: The device is valid.
        let bytes = unsafe { bindings::dma_max_mapping_size(raw_device(&self.device)) };

        u32::try_from(bytes).unwrap_or(u32::MAX)
    }

    /// Maps `length` bytes at guest-physical address `phys` for the device, and gives the device's
    /// address for them. Any context.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when the platform has no room (IOMMU space, bounce buffers): try again later.
    #[inline]
    pub fn map(&self, phys: u64, length: u32, direction: Direction) -> Result<u64> {
        if !self.translated {
            return Ok(phys);
        }
        self.map_translated(phys, length, direction)
    }

    #[inline(never)]
    fn map_translated(&self, phys: u64, length: u32, direction: Direction) -> Result<u64> {
        // SAFETY: The device is valid; the caller owns the memory for the mapping's life.
        // CAST: `u32` to `usize` widens.
        let address = unsafe {
            bindings::dma_map_phys(
                raw_device(&self.device),
                phys,
                length as usize,
                direction.as_raw(),
                0,
            )
        };
        // SAFETY: The device is valid.
        if unsafe { bindings::rvirtio_helper_dma_mapping_error(raw_device(&self.device), address) }
            != 0
        {
            return Err(ENOMEM);
        }
        Ok(address)
    }

    /// Takes back what [`Self::map`] gave for these bytes, with the same length and direction, once.
    /// Any context. Other values confuse the platform's DMA layer, which warns about them at best.
    #[inline]
    pub fn unmap(&self, address: u64, length: u32, direction: Direction) {
        if self.translated {
            self.unmap_translated(address, length, direction);
        }
    }

    #[inline(never)]
    fn unmap_translated(&self, address: u64, length: u32, direction: Direction) {
        // SAFETY: The device is valid; the caller gives back what `map` gave it, see `unmap`.
        unsafe {
            bindings::dma_unmap_phys(
                raw_device(&self.device),
                address,
                length as usize,
                direction.as_raw(),
                0,
            )
        };
    }
}
