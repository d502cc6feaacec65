// SPDX-License-Identifier: GPL-2.0

//! A transmit queue, as the network layer sees it.

use super::device::NetDevice;
use crate::bindings;

/// A transmit queue of an interface: whether it takes packets, and how many bytes are under way in it
/// (byte queue limits).
///
/// The driver calls these of one queue, but for [`Self::hold`], under one lock of its own, so that stopping and waking, and
/// what was sent and what was completed, come in an order.
#[derive(Clone, Copy)]
pub struct TransmitQueue<'a> {
    device: &'a NetDevice,
    index: u16,
}

impl<'a> TransmitQueue<'a> {
    pub(super) fn new(device: &'a NetDevice, index: u16) -> Self {
        Self { device, index }
    }

    /// Takes no packets until [`Self::wake`]. From `start_xmit` only.
    #[inline]
    pub fn stop(&self) {
        // SAFETY: The device is valid and has that queue, see `NetDevice::transmit_queue`.
        unsafe { bindings::rvirtio_helper_tx_stop(self.device.as_raw(), self.index) };
    }

    /// As [`Self::stop`], from outside of `start_xmit`: none is running for this queue when this returns. Process context, without
    /// the lock that the driver takes there.
    pub fn hold(&self) {
        // SAFETY: As above.
        unsafe { bindings::rvirtio_helper_tx_hold(self.device.as_raw(), self.index) };
    }

    /// Takes packets again, if it did not; says whether it did not. Any context.
    #[inline]
    pub fn wake(&self) -> bool {
        // SAFETY: As above.
        unsafe { bindings::rvirtio_helper_tx_wake(self.device.as_raw(), self.index) }
    }

    /// A packet of `bytes` bytes is under way; `more` says that another follows. Returns whether the
    /// hardware has to be told now: no other follows, or none may.
    #[inline]
    pub fn sent(&self, bytes: u32, more: bool) -> bool {
        // SAFETY: As above.
        unsafe { bindings::rvirtio_helper_tx_sent(self.device.as_raw(), self.index, bytes, more) }
    }

    /// As many packets and bytes of those that were sent are done.
    #[inline]
    pub fn completed(&self, packets: u32, bytes: u32) {
        // SAFETY: As above.
        unsafe {
            bindings::rvirtio_helper_tx_completed(self.device.as_raw(), self.index, packets, bytes)
        };
    }
}
