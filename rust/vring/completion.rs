// SPDX-License-Identifier: GPL-2.0

//! Buffers that came back.

/// A buffer that the device used and gave back.
///
/// With the token the driver owns the memory of the buffer again.
#[must_use]
#[derive(Debug)]
pub struct Completion<T> {
    token: T,
    written: u32,
}

impl<T> Completion<T> {
    #[inline]
    pub(crate) const fn new(token: T, written: u32) -> Self {
        Self { token, written }
    }

    /// Returns how many bytes the device claims to have written, from the first device-writable
    /// byte on.
    ///
    /// It is at most the number of writable bytes that were posted. The rest of the buffer
    /// holds what it held before: the driver must not take it for data (1.4, "2.7.8.3 Driver
    /// Requirements: The Virtqueue Used Ring").
    #[inline]
    pub const fn written(&self) -> u32 {
        self.written
    }

    /// Returns the token that was handed in with the buffer.
    #[inline]
    pub const fn token(&self) -> &T {
        &self.token
    }

    /// Gives up the completion for its token.
    #[inline]
    pub fn into_token(self) -> T {
        self.token
    }

    /// Gives up the completion for its token and the number of written bytes.
    #[inline]
    pub fn into_parts(self) -> (T, u32) {
        (self.token, self.written)
    }
}
