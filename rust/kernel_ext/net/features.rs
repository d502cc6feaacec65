// SPDX-License-Identifier: GPL-2.0

//! What an interface can do by itself (`ethtool -k`).

use crate::bindings;
use core::ops::{
    BitAnd,
    BitOr, //
};

/// A set of offloads.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NetFeatures(u64);

impl NetFeatures {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Packets in several pieces can be sent.
    pub const SCATTER_GATHER: Self = Self(bindings::RVIRTIO_NETIF_SG);
    /// Any checksum can be filled in for sending.
    pub const CHECKSUM: Self = Self(bindings::RVIRTIO_NETIF_HW_CSUM);
    /// All of memory can be reached.
    pub const HIGH_DMA: Self = Self(bindings::RVIRTIO_NETIF_HIGHDMA);
    /// TCP over IPv4 can be cut into segments.
    pub const TSO4: Self = Self(bindings::RVIRTIO_NETIF_TSO);
    /// TCP over IPv6 can be cut into segments.
    pub const TSO6: Self = Self(bindings::RVIRTIO_NETIF_TSO6);
    /// So can TCP with explicit congestion notification.
    pub const TSO_ECN: Self = Self(bindings::RVIRTIO_NETIF_TSO_ECN);
    /// Packets to be cut are looked at again, so untrusted ones may be passed on.
    pub const GSO_ROBUST: Self = Self(bindings::RVIRTIO_NETIF_GSO_ROBUST);
    /// The checksum of what is received is looked at.
    pub const RX_CHECKSUM: Self = Self(bindings::RVIRTIO_NETIF_RXCSUM);
    /// Segments of TCP are put together on reception.
    pub const GRO: Self = Self(bindings::RVIRTIO_NETIF_GRO_HW);
    /// VLANs that nobody has are not received.
    pub const VLAN_FILTER: Self = Self(bindings::RVIRTIO_NETIF_VLAN_FILTER);

    /// Whether all of `other` is in the set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The set, with `other` if `wanted`.
    pub const fn with(self, other: Self, wanted: bool) -> Self {
        if wanted {
            Self(self.0 | other.0)
        } else {
            self
        }
    }

    /// What the two do not have in common.
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 ^ other.0)
    }

    pub(super) const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    pub(super) const fn as_raw(self) -> u64 {
        self.0
    }
}

impl BitOr for NetFeatures {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for NetFeatures {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}
