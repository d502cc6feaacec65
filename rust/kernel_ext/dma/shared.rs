// SPDX-License-Identifier: GPL-2.0

//! Memory that the CPU and a device share for a long time.

use super::{
    Master,
    Segment, //
};
use crate::{
    bindings,
    device::raw_device, //
};
use core::ptr::NonNull;
use kernel::prelude::*;

/// The bytes of the largest access.
const LARGEST_ACCESS: usize = 16;

/// Zeroed memory that both sides may read and write at any time.
///
/// Because the device may write at any time there are no references into it, only accessors, each
/// one volatile access. Every access is checked against the size: one outside it reads zero or
/// writes nothing, and one that is not aligned goes to the aligned place before. No correct caller does
/// either.
///
/// # Invariants
///
/// `base` points to `size` bytes of memory, aligned to a page, that live until `self` is dropped;
/// `address` is what the device calls them. `size` is at least [`LARGEST_ACCESS`].
pub struct SharedMemory {
    base: NonNull<u8>,
    size: usize,
    address: u64,
    master: Master,
}

// SAFETY: All accesses are volatile and in bounds; races with the device or another CPU yield
// values, not undefined behaviour, as for any memory that C shares with a device.
unsafe impl Send for SharedMemory {}
// SAFETY: As above.
unsafe impl Sync for SharedMemory {}

impl SharedMemory {
    /// Allocates `size` zeroed bytes for `master`, aligned to a page. May sleep.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `EINVAL` for a size of zero.
    pub fn new(master: &Master, size: usize) -> Result<Self> {
        if size == 0 {
            return Err(EINVAL);
        }
        let size = size.max(LARGEST_ACCESS);
        let mut address: bindings::dma_addr_t = 0;
        let base = if master.is_translated() {
            // SAFETY: The device is valid, `address` is writable.
            unsafe {
                bindings::dma_alloc_attrs(
                    raw_device(master.device()),
                    size,
                    &mut address,
                    bindings::GFP_KERNEL | bindings::__GFP_ZERO | bindings::RVIRTIO_GFP_NOWARN,
                    0,
                )
            }
        } else {
            // SAFETY: A plain allocation.
            unsafe {
                bindings::alloc_pages_exact_noprof(
                    size,
                    bindings::GFP_KERNEL | bindings::__GFP_ZERO | bindings::RVIRTIO_GFP_NOWARN,
                )
            }
        };
        let base = NonNull::new(base.cast::<u8>()).ok_or(ENOMEM)?;

        if !master.is_translated() {
            // SAFETY: `base` is an address of the linear mapping.
            address = unsafe { bindings::rvirtio_helper_virt_to_phys(base.as_ptr().cast()) };
        }
        // INVARIANT: Both allocators give zeroed, page-aligned memory of that size, which is large enough.
        Ok(Self {
            base,
            size,
            address,
            master: master.clone(),
        })
    }

    /// The device's address of the first byte.
    #[inline]
    pub fn address(&self) -> u64 {
        self.address
    }

    /// What there is of `length` bytes at `at`, as the device addresses them.
    pub fn segment(&self, at: usize, length: u32) -> Segment {
        let at = at.min(self.size);
        let length =
            u32::try_from(self.size.wrapping_sub(at)).map_or(length, |left| left.min(length));

        // CAST: Widening.
        Segment::new(self.address.wrapping_add(at as u64), length)
    }

    /// The size in bytes.
    #[inline]
    pub fn size(&self) -> usize {
        self.size
    }

    /// A pointer to a `T` at `offset`, rounded down to its alignment, if all of it is inside.
    #[inline(always)]
    fn at<T>(&self, offset: usize) -> Option<NonNull<T>> {
        const { assert!(size_of::<T>() <= LARGEST_ACCESS) };
        let offset = offset & !const { align_of::<T>() - 1 };

        // By the type invariant the difference does not wrap.
        if offset > self.size.wrapping_sub(size_of::<T>()) {
            return None;
        }
        // SAFETY: `offset` is inside the allocation, by the check above.
        Some(unsafe { self.base.byte_add(offset) }.cast())
    }
}

macro_rules! accessors {
    ($read:ident, $write:ident, $type:ty) => {
        #[doc = concat!("Reads a `", stringify!($type), "` at `offset`, once, as it stands in memory: of native endianness.")]
        #[inline(always)]
        pub fn $read(&self, offset: usize) -> $type {
            match self.at::<$type>(offset) {
                // SAFETY: `at()` saw to bounds and alignment; any bit pattern is a value.
                Some(at) => unsafe { at.read_volatile() },
                None => 0,
            }
        }

        #[doc = concat!("Writes a `", stringify!($type), "` at `offset`, once, as it stands in memory: of native endianness.")]
        #[inline(always)]
        pub fn $write(&self, offset: usize, value: $type) {
            if let Some(at) = self.at::<$type>(offset) {
                // SAFETY: `at()` saw to bounds and alignment.
                unsafe { at.write_volatile(value) };
            }
        }
    };
}

impl SharedMemory {
    accessors!(read8, write8, u8);
    accessors!(read16, write16, u16);
    accessors!(read32, write32, u32);
    accessors!(read64, write64, u64);

    /// Writes two 64-bit words at `offset`, which is aligned to eight bytes.
    #[inline(always)]
    pub fn write_pair(&self, offset: usize, low: u64, high: u64) {
        if let Some(at) = self.at::<[u64; 2]>(offset) {
            let at = at.cast::<u64>();
            // SAFETY: `at()` saw to bounds and alignment of both words.
            unsafe {
                at.write_volatile(low);
                at.add(1).write_volatile(high);
            }
        }
    }
}

impl Drop for SharedMemory {
    fn drop(&mut self) {
        if self.master.is_translated() {
            // SAFETY: Allocated by `dma_alloc_attrs()` with these values.
            unsafe {
                bindings::dma_free_attrs(
                    raw_device(self.master.device()),
                    self.size,
                    self.base.as_ptr().cast(),
                    self.address,
                    0,
                )
            };
        } else {
            // SAFETY: Allocated by `alloc_pages_exact()` with this size.
            unsafe { bindings::free_pages_exact(self.base.as_ptr().cast(), self.size) };
        }
    }
}
