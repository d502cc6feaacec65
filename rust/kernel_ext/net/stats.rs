// SPDX-License-Identifier: GPL-2.0

//! Counters of an interface (`ip -s link`).

use crate::bindings;

/// What an interface has counted since it was made.
#[derive(Clone, Copy, Default, Debug)]
pub struct Stats {
    /// Packets received.
    pub rx_packets: u64,
    /// Bytes received, from the Ethernet header on.
    pub rx_bytes: u64,
    /// Received, but dropped: for want of memory, and those that are counted below.
    pub rx_dropped: u64,
    /// Received with a length that cannot be.
    pub rx_length_errors: u64,
    /// Received with a header that makes no sense.
    pub rx_frame_errors: u64,
    /// Packets sent.
    pub tx_packets: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// To be sent, but dropped.
    pub tx_dropped: u64,
    /// Times that sending stood still for too long.
    pub tx_timeouts: u64,
}

impl Stats {
    pub(super) fn store(&self, raw: &mut bindings::rtnl_link_stats64) {
        raw.rx_packets = self.rx_packets;
        raw.rx_bytes = self.rx_bytes;
        raw.rx_dropped = self.rx_dropped;
        raw.rx_length_errors = self.rx_length_errors;
        raw.rx_frame_errors = self.rx_frame_errors;
        raw.rx_errors = self.rx_length_errors.wrapping_add(self.rx_frame_errors);
        raw.tx_packets = self.tx_packets;
        raw.tx_bytes = self.tx_bytes;
        raw.tx_dropped = self.tx_dropped;
        raw.tx_errors = self.tx_timeouts;
    }
}
