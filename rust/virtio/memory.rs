// SPDX-License-Identifier: GPL-2.0

//! The memory of a virtqueue.

use crate::{
    device::Device,
    ring::RingFormat,
    transport::QueueAddresses,
    transport_feature, //
};
use kernel::prelude::*;
use kernel_ext::{
    barrier,
    dma::{
        Segment,
        SharedMemory, //
    }, //
};
use vring::{
    Addressing,
    Area,
    Le16,
    RawDesc,
    RingMem,
    Untrusted, //
};

/// The three areas of a queue, in one piece of memory.
pub(crate) struct QueueMemory {
    memory: SharedMemory,
    driver: usize,
    device: usize,
    /// The device is ordered as the platform orders hardware, not as a processor
    /// (`VIRTIO_F_ORDER_PLATFORM`; virtio 1.4, 6).
    platform_order: bool,
}

impl QueueMemory {
    /// Allocates the areas of a queue of `device` with `size` entries.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a size that the ring's format cannot have, `ENOMEM`.
    pub(crate) fn new(device: &Device, size: u16) -> Result<Self> {
        let features = device.features();
        let sizes = RingFormat::of(features).sizes(size).map_err(|_| EINVAL)?;
        let areas = device.transport().areas(&sizes).ok_or(EINVAL)?;

        Ok(Self {
            memory: SharedMemory::new(device.master(), areas.bytes)?,
            driver: areas.driver,
            device: areas.device,
            platform_order: features.contains(transport_feature::ORDER_PLATFORM),
        })
    }

    /// Where the device finds them.
    pub(crate) fn addresses(&self) -> QueueAddresses {
        let base = self.memory.address();

        QueueAddresses {
            descriptor: base,
            driver: base.wrapping_add(self.driver as u64),
            device: base.wrapping_add(self.device as u64),
        }
    }

    /// Reads 64 bits that are aligned to 32, where the device says where areas stand.
    #[inline(never)]
    fn read_halves(&self, at: usize) -> Untrusted<u64> {
        let low = u32::from_le(self.memory.read32(at));
        let high = u32::from_le(self.memory.read32(at.wrapping_add(4)));

        Untrusted::new(u64::from(low) | u64::from(high) << 32)
    }

    #[inline(always)]
    fn offset(&self, area: Area, offset: usize) -> usize {
        match area {
            Area::Desc => offset,
            Area::Driver => self.driver.wrapping_add(offset),
            Area::Device => self.device.wrapping_add(offset),
        }
    }
}

impl Addressing for QueueMemory {
    type Piece = Segment;

    #[inline(always)]
    fn segment(piece: Segment) -> vring::Segment {
        segment(piece)
    }
}

/// Where the device finds a segment.
#[inline(always)]
pub(crate) fn segment(piece: Segment) -> vring::Segment {
    vring::Segment {
        addr: piece.address(),
        len: piece.length(),
    }
}

impl RingMem for QueueMemory {
    #[inline(always)]
    fn write_desc(&self, index: u16, desc: RawDesc) {
        write_desc(&self.memory, 0, index, desc);
    }

    #[inline(always)]
    fn write16(&self, area: Area, offset: usize, value: Le16) {
        self.memory
            .write16(self.offset(area, offset), value.get().to_le());
    }

    #[inline(always)]
    fn read16(&self, area: Area, offset: usize) -> Untrusted<u16> {
        Untrusted::new(u16::from_le(self.memory.read16(self.offset(area, offset))))
    }

    #[inline(always)]
    fn read32(&self, area: Area, offset: usize) -> Untrusted<u32> {
        Untrusted::new(u32::from_le(self.memory.read32(self.offset(area, offset))))
    }

    #[inline(always)]
    fn read64(&self, area: Area, offset: usize) -> Untrusted<u64> {
        let at = self.offset(area, offset);

        // Of the areas that are placed here it is; the question is asked anyway when memory is read.
        if at % 8 == 0 {
            Untrusted::new(u64::from_le(self.memory.read64(at)))
        } else {
            self.read_halves(at)
        }
    }

    #[inline(always)]
    fn write_barrier(&self) {
        barrier::write();
    }

    #[inline(always)]
    fn read_barrier(&self) {
        barrier::read();
    }

    #[inline(always)]
    fn full_barrier(&self) {
        if self.platform_order {
            barrier::platform_full();
        } else {
            barrier::full();
        }
    }
}

/// Bytes of a descriptor.
pub(crate) const DESC_BYTES: usize = 16;

/// Writes descriptor `index` of a table at `offset` of `memory`.
#[inline(always)]
pub(crate) fn write_desc(memory: &SharedMemory, offset: usize, index: u16, desc: RawDesc) {
    let [low, high] = desc.words();

    memory.write_pair(
        offset.wrapping_add(usize::from(index).wrapping_mul(DESC_BYTES)),
        low.get().to_le(),
        high.get().to_le(),
    );
}
