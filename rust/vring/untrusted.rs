// SPDX-License-Identifier: GPL-2.0

//! Values that the device wrote.

use core::fmt;

/// A value that the device wrote, not yet checked.
///
/// It is a private copy: the device cannot change it any more. There is no way to the number
/// but a named check, so that a device value cannot become an index, a length or a loop bound
/// by accident.
#[must_use]
#[repr(transparent)]
#[derive(Clone, Copy)]
pub struct Untrusted<T>(T);

impl<T> Untrusted<T> {
    /// Wraps a value that was just read from memory or a register that the device can write.
    #[inline]
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Runs `check` on the value and returns its verdict.
    ///
    /// # Errors
    ///
    /// Those of `check`.
    #[inline]
    pub fn validate<U, E>(self, check: impl FnOnce(T) -> Result<U, E>) -> Result<U, E> {
        check(self.0)
    }

    /// Asks a yes-or-no question about the value: a lie can change the answer and nothing else.
    #[inline]
    pub fn test(self, question: impl FnOnce(T) -> bool) -> bool {
        question(self.0)
    }

    /// Returns the number for a log line or an error value. It must not be computed with.
    #[inline]
    pub fn raw_for_log(self) -> T {
        self.0
    }
}

impl<T: PartialOrd> Untrusted<T> {
    /// Returns the value if it is at most `limit`.
    #[inline]
    pub fn at_most(self, limit: T) -> Option<T> {
        (self.0 <= limit).then_some(self.0)
    }

    /// Returns the value if it is at least `limit`.
    #[inline]
    pub fn at_least(self, limit: T) -> Option<T> {
        (self.0 >= limit).then_some(self.0)
    }

    /// Returns the value if it is below `limit`.
    #[inline]
    pub fn below(self, limit: T) -> Option<T> {
        (self.0 < limit).then_some(self.0)
    }
}

impl Untrusted<u32> {
    /// Returns the 16 bits at the lower address, without the others.
    #[inline]
    pub const fn low_half(self) -> Self {
        Self(self.0 & 0xffff)
    }
}

impl Untrusted<u64> {
    /// Splits two 32-bit fields that were read at once: the one at the lower address first.
    #[inline]
    pub const fn halves(self) -> (Untrusted<u32>, Untrusted<u32>) {
        // CAST: The truncation to the low half is intended.
        let low = self.0 as u32;
        // CAST: After the shift the value fits 32 bits.
        let high = (self.0 >> 32) as u32;
        (Untrusted(low), Untrusted(high))
    }
}

impl<T: fmt::Debug> fmt::Debug for Untrusted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Untrusted").field(&self.0).finish()
    }
}
