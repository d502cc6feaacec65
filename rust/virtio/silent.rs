// SPDX-License-Identifier: GPL-2.0

//! A device that does not touch memory any more.

use crate::device::Device;

/// The proof that a device does not touch memory any more, nor will before its driver has left it: its reset was
/// confirmed, or it is gone, or it did not answer and its DMA is off. What is under way on its queues is the driver's again.
///
/// Only the reset that ends a session gives one: to [`Driver::device_broken`](crate::Driver::device_broken), and by
/// [`Device::break_and_wait`] and [`Device::silent`].
#[derive(Clone, Copy)]
pub struct Silent<'a>(&'a Device);

impl Silent<'_> {
    /// Whether it is this device that is silent.
    pub(crate) fn is_of(self, device: &Device) -> bool {
        core::ptr::eq(self.0, device)
    }
}

impl Device {
    /// Ends the session with a reset, if it has not ended: see [`Self::reset`].
    pub(crate) fn silence(&self) -> Silent<'_> {
        // The message is in the log already if it failed; DMA is off then.
        let _ = self.reset();
        Silent(self)
    }

    /// The proof that the device touches no memory any more, if its session has ended. Waits for a reset that is under
    /// way. Process context.
    pub fn silent(&self) -> Option<Silent<'_>> {
        self.unless_reset(|_| ()).is_none().then_some(Silent(self))
    }
}
