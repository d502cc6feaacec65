// SPDX-License-Identifier: GPL-2.0

//! Mapped BARs that several owners share, and checked windows into them.

use super::function::{
    raw,
    Function, //
};
use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    pci,
    prelude::*,
    sync::{
        aref::ARef,
        Arc, //
    }, //
};

/// A whole BAR, requested and mapped; unmapped and released with its last [`Arc`].
///
/// The registers are memory or I/O ports: the accessors know by the address which.
///
/// Accesses through a mapping whose device is gone, or that another driver has, read all-ones or
/// go nowhere: they are never a fault of this kernel. A holder that outlives the driver's binding
/// keeps the region busy; nobody here does.
///
/// # Invariants
///
/// `base` is the start of a mapping of `length` bytes made by `pci_iomap()` for BAR `number`,
/// whose region is requested.
pub struct Bar {
    pdev: ARef<pci::Device>,
    number: u8,
    base: NonNull<c_void>,
    length: usize,
}

// SAFETY: MMIO and port accesses may be made from any thread at any time.
unsafe impl Send for Bar {}
// SAFETY: As above.
unsafe impl Sync for Bar {}

impl Bar {
    /// Requests and maps BAR `number` of `function`.
    ///
    /// # Errors
    ///
    /// `ENXIO` when there is no such BAR or nothing behind it, `EBUSY` when another driver has it,
    /// `ENOMEM` when it cannot be mapped.
    pub fn map(function: &Function, number: u8) -> Result<Arc<Self>> {
        let length = function.bar_length(number).ok_or(ENXIO)?;
        let length = usize::try_from(length)?;
        let pdev = function.as_raw();

        // SAFETY: The device is valid and the BAR number was checked by `bar_length()`.
        if unsafe {
            bindings::pci_request_region(pdev, number.into(), c"rvirtio_pci".as_char_ptr())
        } != 0
        {
            return Err(EBUSY);
        }
        // SAFETY: As above; the region is ours.
        let base = unsafe { bindings::pci_iomap(pdev, number.into(), 0) };
        let Some(base) = NonNull::new(base) else {
            // SAFETY: Requested just now.
            unsafe { bindings::pci_release_region(pdev, number.into()) };
            return Err(ENOMEM);
        };

        // INVARIANT: All of it was made just now; a failing `Arc::new` drops it again.
        Ok(Arc::new(
            Self {
                pdev: function.pci().into(),
                number,
                base,
                length,
            },
            GFP_KERNEL,
        )?)
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        // SAFETY: By the type invariant, mapping and region are ours.
        unsafe {
            bindings::pci_iounmap(raw(&self.pdev), self.base.as_ptr());
            bindings::pci_release_region(raw(&self.pdev), self.number.into());
        }
    }
}

/// A part of a BAR; every access is checked against its bounds.
///
/// Multi-byte values are little-endian in the device and native here, as `readl()` does it.
///
/// # Invariants
///
/// `offset + length <= bar.length`.
#[derive(Clone)]
pub struct Window {
    bar: Arc<Bar>,
    offset: usize,
    length: usize,
}

macro_rules! accessors {
    ($read:ident, $write:ident, $type:ty, $raw_read:ident, $raw_write:ident) => {
        #[doc = concat!("Reads a `", stringify!($type), "` at `offset` bytes into the window.")]
        ///
        /// # Errors
        ///
        /// `ERANGE` outside the window, `EINVAL` when not aligned to its size.
        pub fn $read(&self, offset: usize) -> Result<$type> {
            let at = self.address::<$type>(offset)?;
            // SAFETY: `address()` checked the access against the mapping.
            // CAST: The C accessor returns an `unsigned int` that holds the narrower value.
            Ok(unsafe { bindings::$raw_read(at.as_ptr()) } as $type)
        }

        #[doc = concat!("Writes a `", stringify!($type), "` at `offset` bytes into the window.")]
        ///
        /// # Errors
        ///
        /// `ERANGE` outside the window, `EINVAL` when not aligned to its size.
        pub fn $write(&self, offset: usize, value: $type) -> Result {
            let at = self.address::<$type>(offset)?;
            // SAFETY: `address()` checked the access against the mapping.
            unsafe { bindings::$raw_write(value.into(), at.as_ptr()) };
            Ok(())
        }
    };
}

impl Window {
    /// Takes `length` bytes from `offset` of `bar`.
    ///
    /// # Errors
    ///
    /// `ERANGE` when that is not inside the BAR.
    pub fn new(bar: Arc<Bar>, offset: u64, length: u64) -> Result<Self> {
        let offset = usize::try_from(offset).map_err(|_| ERANGE)?;
        let length = usize::try_from(length).map_err(|_| ERANGE)?;

        if offset
            .checked_add(length)
            .is_none_or(|end| end > bar.length)
        {
            return Err(ERANGE);
        }
        // INVARIANT: Checked just now.
        Ok(Self {
            bar,
            offset,
            length,
        })
    }

    /// The window's length in bytes.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Where a `T` stands `offset` bytes into the window.
    fn address<T>(&self, offset: usize) -> Result<NonNull<c_void>> {
        if offset
            .checked_add(size_of::<T>())
            .is_none_or(|end| end > self.length)
        {
            return Err(ERANGE);
        }
        let at = self.offset.checked_add(offset).ok_or(ERANGE)?;
        if at % size_of::<T>() != 0 {
            return Err(EINVAL);
        }
        // Inside the mapping, by the type invariant and the check above. What stands for a port is no
        // address of memory, so it is not treated as one.
        Ok(self.bar.base.map_addr(|base| base.saturating_add(at)))
    }

    accessors!(read8, write8, u8, ioread8, iowrite8);
    accessors!(read16, write16, u16, ioread16, iowrite16);
    accessors!(read32, write32, u32, ioread32, iowrite32);

    /// Makes a doorbell of the register at `offset`, of 16 or 32 bits.
    ///
    /// # Errors
    ///
    /// `ERANGE` outside the window, `EINVAL` when not aligned.
    pub fn doorbell<T: Word>(&self, offset: usize) -> Result<Doorbell<T>> {
        // INVARIANT: `address()` checked an access of this size there.
        Ok(Doorbell {
            at: self.address::<T>(offset)?,
            _bar: self.bar.clone(),
            _value: PhantomData,
        })
    }
}

/// What doorbells take.
pub trait Word: Copy + Send + Sync + private::Sealed {}

impl Word for u16 {}
impl Word for u32 {}

mod private {
    pub trait Sealed {}

    impl Sealed for u16 {}
    impl Sealed for u32 {}
}

/// A register of the size of a `T` that is only ever written, on the data path.
///
/// # Invariants
///
/// An aligned access of the size of a `T` at `at` is inside the mapping that `_bar` keeps.
pub struct Doorbell<T: Word> {
    at: NonNull<c_void>,
    _bar: Arc<Bar>,
    _value: PhantomData<fn(T)>,
}

// SAFETY: MMIO and port accesses may be made from any thread at any time.
unsafe impl<T: Word> Send for Doorbell<T> {}
// SAFETY: As above.
unsafe impl<T: Word> Sync for Doorbell<T> {}

/// The same register of the same mapping.
impl<T: Word> PartialEq for Doorbell<T> {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl<T: Word> Eq for Doorbell<T> {}

impl Doorbell<u16> {
    /// Writes `value`; ordered after all earlier writes to memory, as `writew()` is.
    #[inline]
    pub fn ring(&self, value: u16) {
        // SAFETY: By the type invariant.
        unsafe { bindings::iowrite16(value, self.at.as_ptr()) };
    }
}

impl Doorbell<u32> {
    /// Writes `value`; ordered after all earlier writes to memory, as `writel()` is.
    #[inline]
    pub fn ring(&self, value: u32) {
        // SAFETY: By the type invariant.
        unsafe { bindings::iowrite32(value, self.at.as_ptr()) };
    }
}
