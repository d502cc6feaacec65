// SPDX-License-Identifier: GPL-2.0

//! Waiting for a device, always with an end.
//!
//! Upstream replacement: `kernel::io::poll::read_poll_timeout`.

use kernel::{
    io::poll::read_poll_timeout,
    prelude::*,
    time::Delta, //
};

/// Sleeps between calls of `done` until it says yes, for `limit_ms` milliseconds at most.
/// Process context.
///
/// # Errors
///
/// `ETIMEDOUT` when it never said yes; otherwise what `done` returned as an error.
pub fn wait_until(limit_ms: u32, mut done: impl FnMut() -> Result<bool>) -> Result {
    read_poll_timeout(
        &mut done,
        |done| *done,
        Delta::from_millis(1),
        Delta::from_millis(i64::from(limit_ms)),
    )?;
    Ok(())
}
