// SPDX-License-Identifier: GPL-2.0

//! A device as the master of DMA transfers.

use super::{
    Run,
    Segment, //
};
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

    /// The proof that addresses are guest-physical, if they are.
    #[inline]
    pub fn direct(&self) -> Option<Direct> {
        (!self.translated).then_some(Direct(()))
    }

    /// Maps `run` for the device. Any context.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when the platform has no room (IOMMU space, bounce buffers): try again later.
    #[inline]
    pub fn map(&self, run: Run, direction: Direction) -> Result<Mapping> {
        let address = if self.translated {
            self.map_translated(run, direction)?
        } else {
            run.phys()
        };

        // INVARIANT: Mapped just now.
        Ok(Mapping {
            segment: Segment::new(address, run.length()),
            direction,
            device: self.identity(),
        })
    }

    #[inline(never)]
    fn map_translated(&self, run: Run, direction: Direction) -> Result<u64> {
        // SAFETY: The device is valid; whoever made the run owns the memory while it is mapped.
        // CAST: `u32` to `usize` widens.
        let address = unsafe {
            bindings::dma_map_phys(
                raw_device(&self.device),
                run.phys(),
                run.length() as usize,
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

    /// Takes back what [`Self::map`] of the same device's master gave, when the device is done with it. What is another's
    /// stays mapped. Any context.
    #[inline]
    pub fn unmap(&self, mapping: Mapping) {
        if self.translated {
            self.unmap_translated(mapping);
        }
    }

    /// A number of the device's own, as long as it is there.
    #[inline]
    fn identity(&self) -> usize {
        raw_device(&self.device).addr()
    }

    #[inline(never)]
    fn unmap_translated(&self, mapping: Mapping) {
        let Mapping {
            segment,
            direction,
            device,
        } = mapping;

        if device != self.identity() {
            return;
        }
        // SAFETY: The device is valid; by its type invariant the mapping was made by `map_translated` of a master of this
        // device, with these values, and it is used up here.
        // CAST: `u32` to `usize` widens.
        unsafe {
            bindings::dma_unmap_phys(
                raw_device(&self.device),
                segment.address(),
                segment.length() as usize,
                direction.as_raw(),
                0,
            )
        };
    }
}

/// Memory that was mapped for a device, to be given back to [`Master::unmap`], once. One that is dropped stays mapped.
///
/// # Invariants
///
/// Made by [`Master::map`] for the device with that number, and still mapped.
#[must_use = "memory that is mapped has to be unmapped"]
pub struct Mapping {
    segment: Segment,
    direction: Direction,
    device: usize,
}

impl Mapping {
    /// What the device calls the memory.
    #[inline]
    pub fn segment(&self) -> Segment {
        self.segment
    }
}

/// The proof that a device uses guest-physical addresses, so that its buffers need not be mapped: see
/// [`Master::direct`]. For the buffers of that device alone.
#[derive(Clone, Copy)]
pub struct Direct(());

impl Direct {
    /// What the device calls `run`.
    #[inline]
    pub fn segment(self, run: Run) -> Segment {
        Segment::new(run.phys(), run.length())
    }
}
