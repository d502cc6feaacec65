// SPDX-License-Identifier: GPL-2.0

//! Sizes for people: `268 MB`, `256 MiB`.
//!
//! Upstream replacement: a `Display` over `string_get_size()` in the kernel crate.

use crate::bindings;
use core::fmt;

/// The longest text, with its NUL; what C's drivers allow.
const LENGTH: usize = 10;

/// A number of blocks that shows itself as `268 MB/256 MiB`.
pub struct Size {
    /// How many blocks.
    pub blocks: u64,
    /// Bytes of one.
    pub block_size: u32,
}

impl Size {
    fn text(&self, units: bindings::string_size_units) -> [u8; LENGTH] {
        let mut text = [0u8; LENGTH];

        // SAFETY: The function writes at most `LENGTH` bytes, the last of them a NUL.
        // CAST: A small constant.
        unsafe {
            bindings::string_get_size(
                self.blocks,
                self.block_size.into(),
                units,
                text.as_mut_ptr(),
                LENGTH as i32,
            )
        };
        text
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimal = self.text(bindings::string_size_units_STRING_UNITS_10);
        let binary = self.text(bindings::string_size_units_STRING_UNITS_2);

        write!(f, "{}/{}", shown(&decimal), shown(&binary))
    }
}

/// The text up to its NUL.
fn shown(text: &[u8; LENGTH]) -> &str {
    core::ffi::CStr::from_bytes_until_nul(text)
        .ok()
        .and_then(|text| text.to_str().ok())
        .unwrap_or_default()
}
