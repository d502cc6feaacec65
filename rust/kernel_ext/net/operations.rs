// SPDX-License-Identifier: GPL-2.0

//! What a driver does for an interface.

use super::{
    ethtool::{
        Channels,
        DriverInfo,
        Link,
        Rings,
        StatNames,
        StatValues, //
    },
    features::NetFeatures,
    packet::Packet,
    rtnl::Rtnl,
    stats::Stats,
    MacAddress, //
};
use crate::bindings;
use core::marker::PhantomData;
use kernel::{
    prelude::*,
    sync::ArcBorrow, //
};

/// A driver of an interface: the object behind one [`NetDevice`](super::NetDevice).
///
/// All but [`Self::start_xmit`], [`Self::tx_timeout`] and [`Self::stats`] are called in process context, one at a time,
/// with the lock that [`Rtnl`] stands for.
pub trait Operations: Sized + Send + Sync + 'static {
    /// The interface goes up: packets may be received and sent from now on.
    ///
    /// # Errors
    ///
    /// Any; the interface stays down.
    fn open(&self, rtnl: &Rtnl) -> Result;

    /// The interface goes down.
    fn stop(&self, rtnl: &Rtnl);

    /// Sends a packet on `queue`. `more` says that another follows at once.
    ///
    /// Softirq context or process context with softirqs off; one call at a time for a queue.
    ///
    /// # Errors
    ///
    /// Gives the packet back when there is no room. The driver has stopped the queue, or should have.
    fn start_xmit(&self, packet: Packet, queue: u16, more: bool) -> Result<(), Packet>;

    /// `queue` was stopped for longer than the network layer likes (5 s). Softirq context.
    fn tx_timeout(this: ArcBorrow<'_, Self>, queue: u32);

    /// What was counted so far. Any context, also beside other calls.
    fn stats(&self) -> Stats;

    /// Receives what `mode` says, from now on.
    ///
    /// # Errors
    ///
    /// Any that may pass; the network layer tries again later, a few times, and complains in the end, also of each later
    /// change.
    fn set_receive_mode(&self, rtnl: &Rtnl, mode: &ReceiveMode<'_>) -> Result;

    /// Changes the address, which is a valid one, at the device. The interface has it afterwards.
    ///
    /// # Errors
    ///
    /// Any; nothing changes.
    fn set_address(&self, rtnl: &Rtnl, address: &MacAddress) -> Result;

    /// Receives packets of VLAN `id`, too. Only with [`NetFeatures::VLAN_FILTER`].
    ///
    /// # Errors
    ///
    /// Any; the VLAN is not added.
    fn add_vlan(&self, rtnl: &Rtnl, id: u16) -> Result;

    /// Receives packets of VLAN `id` no more.
    ///
    /// # Errors
    ///
    /// Any; is logged at best.
    fn remove_vlan(&self, rtnl: &Rtnl, id: u16) -> Result;

    /// Does what `wanted` says from now on; `changed` is what is different about it.
    ///
    /// # Errors
    ///
    /// Any; nothing changes.
    fn set_features(&self, rtnl: &Rtnl, wanted: NetFeatures, changed: NetFeatures) -> Result;

    /// Says who the driver and its device are.
    fn describe(&self, info: &mut DriverInfo<'_>);

    /// The queues in use.
    fn channels(&self, rtnl: &Rtnl) -> Channels;

    /// Uses `pairs` queues of each kind: one at least, and not more than [`Self::channels`] allows.
    ///
    /// # Errors
    ///
    /// Any; nothing changes.
    fn set_channels(&self, rtnl: &Rtnl, pairs: u16) -> Result;

    /// Speed and duplex mode.
    fn link(&self, rtnl: &Rtnl) -> Link;

    /// Says another speed and duplex mode than the device does: nobody looks at them but user space.
    fn set_link(&self, rtnl: &Rtnl, link: Link);

    /// The sizes of the rings.
    fn rings(&self, rtnl: &Rtnl) -> Rings;

    /// The largest sizes that they can have.
    fn most_rings(&self, rtnl: &Rtnl) -> Rings;

    /// Gives all rings these sizes, none of which is above [`Self::most_rings`].
    ///
    /// # Errors
    ///
    /// Any; what has changed by then is what [`Self::rings`] says.
    fn set_rings(&self, rtnl: &Rtnl, rings: Rings) -> Result;

    /// How many values there are for `ethtool -S`.
    fn stat_count(&self, rtnl: &Rtnl) -> usize;

    /// Their names.
    fn stat_names(&self, rtnl: &Rtnl, out: &mut StatNames<'_>);

    /// The values, in the same order.
    fn stat_values(&self, rtnl: &Rtnl, out: &mut StatValues<'_>);
}

/// What an interface shall receive besides its own address and broadcasts.
pub struct ReceiveMode<'a> {
    flags: u32,
    unicast: *const bindings::netdev_hw_addr_list,
    multicast: *const bindings::netdev_hw_addr_list,
    _lists: PhantomData<&'a ()>,
}

impl ReceiveMode<'_> {
    /// # Safety
    ///
    /// Both lists must be valid, and not changed, while what is returned lives.
    pub(super) unsafe fn new(
        flags: u32,
        unicast: *const bindings::netdev_hw_addr_list,
        multicast: *const bindings::netdev_hw_addr_list,
    ) -> Self {
        Self {
            flags,
            unicast,
            multicast,
            _lists: PhantomData,
        }
    }

    /// Everything.
    pub fn promiscuous(&self) -> bool {
        self.flags & bindings::net_device_flags_IFF_PROMISC != 0
    }

    /// All multicasts.
    pub fn all_multicast(&self) -> bool {
        self.flags & bindings::net_device_flags_IFF_ALLMULTI != 0
    }

    /// Copies the further addresses of the interface into `out`, six bytes each, as many as fit.
    /// Returns how many there are, which may be more.
    pub fn unicast(&self, out: &mut [u8]) -> usize {
        copy(self.unicast, out)
    }

    /// The same for the groups.
    pub fn multicast(&self, out: &mut [u8]) -> usize {
        copy(self.multicast, out)
    }
}

fn copy(list: *const bindings::netdev_hw_addr_list, out: &mut [u8]) -> usize {
    let room = u32::try_from(out.len() / size_of::<MacAddress>()).unwrap_or(u32::MAX);
    // SAFETY: The list is valid, see `ReceiveMode::new`; `out` has room for as many.
    let count = unsafe { bindings::rvirtio_helper_netdev_addresses(list, out.as_mut_ptr(), room) };

    // CAST: Widening.
    count as usize
}
