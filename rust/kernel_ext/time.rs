// SPDX-License-Identifier: GPL-2.0

//! Waiting for a device, always with an end.
//!
//! Upstream replacement: `kernel::io::poll::read_poll_timeout`.

use crate::bindings;
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

/// Jiffies in a [tick](ticks).
const JIFFIES: u64 = 16;

/// A coarse clock that costs a load: ticks since some time before the machine was up. One is 16 jiffies, 64 ms on
/// Debian's kernels.
#[inline(always)]
pub fn ticks() -> u64 {
    // SAFETY: A word that the kernel writes as a whole, and that always is there.
    let jiffies = unsafe { core::ptr::read_volatile(&raw const bindings::jiffies) };

    // CAST: A word of 64 bits at most.
    jiffies as u64 / JIFFIES
}

/// How many milliseconds so many [`ticks`] are.
pub fn ticks_to_ms(ticks: u64) -> u64 {
    // SAFETY: A conversion of numbers.
    unsafe { bindings::jiffies64_to_msecs(ticks.saturating_mul(JIFFIES)) }
}
