// SPDX-License-Identifier: GPL-2.0

//! Pointers to C strings in constants.
//!
//! Upstream replacement: `CStr::as_char_ptr()` as a `const fn`.

use kernel::prelude::*;

/// The string's address, as C wants it.
#[expect(
    clippy::disallowed_methods,
    reason = "the kernel's own method is not const"
)]
pub(crate) const fn const_ptr(string: &'static CStr) -> *const c_char {
    string.as_ptr().cast()
}
