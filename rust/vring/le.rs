// SPDX-License-Identifier: GPL-2.0

//! Little-endian integers as they stand in shared memory.

/// Declares one wire integer.
macro_rules! wire_int {
    ($(#[$doc:meta])* $name:ident, $native:ty, $bytes:literal) => {
        $(#[$doc])*
        ///
        /// It has the size and the alignment of the native integer, so that it can be stored to
        /// shared memory as a whole. The native value comes out by [`get`](Self::get) only.
        #[repr(transparent)]
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct $name($native);

        impl $name {
            /// Makes the wire form of a native value.
            #[inline]
            pub const fn new(value: $native) -> Self {
                Self(value.to_le())
            }

            /// Returns the native value.
            #[inline]
            pub const fn get(self) -> $native {
                <$native>::from_le(self.0)
            }

            /// Returns the bytes in the order in which they stand in memory.
            #[inline]
            pub const fn to_bytes(self) -> [u8; $bytes] {
                self.0.to_ne_bytes()
            }

            /// Reads the bytes in the order in which they stand in memory.
            #[inline]
            pub const fn from_bytes(bytes: [u8; $bytes]) -> Self {
                Self(<$native>::from_ne_bytes(bytes))
            }
        }
    };
}

wire_int! {
    /// A little-endian 16-bit integer, `le16` in the specification (1.4, "1.4 Structure
    /// Specifications").
    Le16, u16, 2
}

wire_int! {
    /// A little-endian 32-bit integer, `le32` in the specification.
    Le32, u32, 4
}

wire_int! {
    /// A little-endian 64-bit integer, `le64` in the specification.
    Le64, u64, 8
}
