// SPDX-License-Identifier: GPL-2.0

//! Names of disks: a prefix and letters, as in `vda`, `vdz`, `vdaa`.

use super::letters::spell;
use crate::bindings;
use kernel::prelude::*;

const LENGTH: usize = bindings::DISK_NAME_LEN as usize;

/// A disk's name, ending with a NUL.
pub(super) struct DiskName([u8; LENGTH]);

impl DiskName {
    /// The `index`-th name of `prefix`: 0 is `a`, 25 is `z`, 26 is `aa`.
    ///
    /// # Errors
    ///
    /// `EINVAL` when it would be too long.
    pub(super) fn new(prefix: &str, index: u32) -> Result<Self> {
        let mut name = [0; LENGTH];

        spell(&mut name, prefix, index).ok_or(EINVAL)?;
        Ok(Self(name))
    }

    pub(super) fn as_ptr(&self) -> *const c_char {
        self.0.as_ptr().cast()
    }

    pub(super) fn into_raw(self) -> [c_char; LENGTH] {
        // `c_char` is `u8` in the kernel.
        self.0
    }
}
