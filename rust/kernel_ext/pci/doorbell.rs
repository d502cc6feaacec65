// SPDX-License-Identifier: GPL-2.0

//! Registers in a mapped BAR that are only ever written, on the data path.

use super::bar::Bar;
use crate::bindings;
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};

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

impl<T: Word> Doorbell<T> {
    /// The register at `offset` bytes into `bar`: an access of the size of a `T` there is aligned, and inside.
    pub(super) fn new(bar: Arc<Bar>, offset: usize) -> Result<Self> {
        if offset % size_of::<T>() != 0 {
            return Err(EINVAL);
        }
        if offset
            .checked_add(size_of::<T>())
            .is_none_or(|end| end > bar.length())
        {
            return Err(ERANGE);
        }
        // INVARIANT: Checked just now.
        Ok(Self {
            at: bar.at(offset),
            _bar: bar,
            _value: PhantomData,
        })
    }
}

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
