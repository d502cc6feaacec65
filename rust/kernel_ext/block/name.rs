// SPDX-License-Identifier: GPL-2.0

//! Names of disks: a prefix and letters, as in `vda`, `vdz`, `vdaa`.

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
        let mut letters = 1;
        let mut first = 0u64;
        let mut count = 26u64;

        // Names of `letters` letters begin with number `first`, and there are `count` of them.
        while u64::from(index) >= first + count {
            first += count;
            count = count.checked_mul(26).ok_or(EINVAL)?;
            letters += 1;
        }

        let mut rest = u64::from(index) - first;
        let end = prefix.len() + letters;

        if end >= LENGTH {
            return Err(EINVAL);
        }
        name.get_mut(..prefix.len())
            .ok_or(EINVAL)?
            .copy_from_slice(prefix.as_bytes());
        for slot in name
            .get_mut(prefix.len()..end)
            .ok_or(EINVAL)?
            .iter_mut()
            .rev()
        {
            // CAST: Below 26.
            *slot = b'a' + (rest % 26) as u8;
            rest /= 26;
        }
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
