// SPDX-License-Identifier: GPL-2.0

//! Network devices.
//!
//! | type | what it is | C |
//! |---|---|---|
//! | [`NetDevice`] | an interface such as `eth0`, with its queues | `struct net_device` |
//! | [`Registered`] | an interface that user space sees | `register_netdev()` |
//! | [`Operations`] | what a driver does for it | `net_device_ops`, `ethtool_ops` |
//! | [`Napi`], [`Poll`] | polling of a queue in softirq context | `struct napi_struct` |
//! | [`Packet`] | a packet that is owned | `struct sk_buff` |
//! | [`PagePool`], [`Piece`] | memory for packets to come | `struct page_pool` |
//! | [`Rtnl`] | the proof that the lock of network configuration is held | `rtnl_lock()` |
//!
//! A driver makes a `NetDevice`, its `Napi`s and queues, and registers it with its operations. From
//! `open` to `stop` it polls. Dropping the registration closes the interface and takes it away;
//! nothing of the driver is called after that.
//!
//! C headers: [`include/linux/netdevice.h`](srctree/include/linux/netdevice.h),
//! [`include/linux/skbuff.h`](srctree/include/linux/skbuff.h)
//!
//! Upstream replacement: `kernel::net`, which has PHYs only so far.

mod assembly;
mod device;
mod ethtool;
mod features;
mod napi;
mod operations;
mod packet;
mod pool;
mod rtnl;
mod stats;
mod table;
mod transmit;

pub use self::assembly::Assembly;
pub use self::device::{
    NetDevice,
    Registered,
    Setup,
    VlanIds, //
};
pub use self::ethtool::{
    Channels,
    DriverInfo,
    Link,
    Rings,
    StatNames,
    StatValues, //
};
pub use self::features::NetFeatures;
pub use self::napi::{
    Idle,
    Napi,
    Poll,
    Polling,
    Quiet, //
};
pub use self::operations::{
    Operations,
    ReceiveMode, //
};
pub use self::packet::{
    Packet,
    OFFLOAD_BYTES,
    PREFIX_BYTES, //
};
pub use self::pool::{
    PagePool,
    Piece, //
};
pub use self::rtnl::Rtnl;
pub use self::stats::Stats;
pub use self::transmit::TransmitQueue;

/// An Ethernet address.
pub type MacAddress = [u8; 6];

/// The most fragments that a packet has besides its linear part.
pub const MAX_FRAGMENTS: usize = crate::bindings::RVIRTIO_MAX_SKB_FRAGS as usize;
/// Bytes that a packet needs behind its data, in memory that it is built in.
pub const PACKET_OVERHEAD: u32 = crate::bindings::RVIRTIO_SKB_OVERHEAD;
/// Bytes that should be free before a received packet, for headers that the stack puts there.
pub const PACKET_HEADROOM: u32 = crate::bindings::RVIRTIO_SKB_HEADROOM;
/// What memory for packets is aligned to.
pub const PACKET_ALIGN: u32 = crate::bindings::RVIRTIO_SKB_ALIGN;
/// Bytes of an Ethernet header.
pub const ETHERNET_HEADER: u32 = 14;

/// Whether `address` can be that of an interface: not zero, not a group.
pub fn is_valid_address(address: &MacAddress) -> bool {
    let [first, ..] = address;

    first & 1 == 0 && *address != [0; 6]
}
