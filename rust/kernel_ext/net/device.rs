// SPDX-License-Identifier: GPL-2.0

//! An interface.

use super::{
    features::NetFeatures,
    operations::Operations,
    rtnl::Rtnl,
    table::Tables,
    transmit::TransmitQueue,
    MacAddress, //
};
use crate::{
    bindings,
    device::raw_device, //
};
use core::ptr::NonNull;
use kernel::{
    device,
    error::to_result,
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{
            ordering::Full,
            AtomicFlag, //
        },
        Arc, //
    }, //
};

/// How an interface is made.
pub struct Setup<'a> {
    /// The device that it belongs to.
    pub parent: &'a device::Device,
    /// Transmit queues, and as many receive queues; one at least.
    pub queues: u16,
    /// What it can do, and does from the start.
    pub features: NetFeatures,
    /// What of it, and of more, can be switched.
    pub changeable: NetFeatures,
    /// What it can do for packets with a VLAN tag.
    pub vlan_features: NetFeatures,
    /// Bytes of payload that a packet has at most, from the start.
    pub mtu: u32,
    /// The most that this can be set to.
    pub max_mtu: u32,
    /// Bytes that the driver likes to have free before a packet that it sends.
    pub headroom: u16,
    /// Its address; a random one if there is none.
    pub address: Option<MacAddress>,
}

/// An interface with its queues. It is not visible before it is registered.
///
/// # Invariants
///
/// `raw` is a valid device with `queues` transmit queues, which is not registered when `self` is dropped.
pub struct NetDevice {
    raw: NonNull<bindings::net_device>,
    queues: u16,
    /// Whether it is, or was, registered: that happens once.
    claimed: AtomicFlag,
    _parent: ARef<device::Device>,
}

// SAFETY: The network layer does its own locking.
unsafe impl Send for NetDevice {}
// SAFETY: As above.
unsafe impl Sync for NetDevice {}

impl NetDevice {
    /// Makes an interface. Its name is given when it is registered: `eth0` and so on.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `EINVAL` when it would have no queue.
    pub fn new(setup: &Setup<'_>) -> Result<Arc<Self>> {
        if setup.queues == 0 {
            return Err(EINVAL);
        }
        let raw_setup = bindings::rvirtio_netdev_setup {
            parent: raw_device(setup.parent),
            features: setup.features.as_raw(),
            changeable: setup.changeable.as_raw(),
            vlan_features: setup.vlan_features.as_raw(),
            queues: setup.queues.into(),
            mtu: setup.mtu,
            max_mtu: setup.max_mtu,
            headroom: setup.headroom,
            random_address: setup.address.is_none(),
            address: setup.address.unwrap_or_default(),
        };
        // SAFETY: `raw_setup` is complete; the parent outlives the device, see `_parent`.
        let raw = unsafe { bindings::rvirtio_helper_netdev_alloc(&raw_setup) };
        let raw = NonNull::new(raw).ok_or(ENOMEM)?;

        // INVARIANT: Made just now, not registered.
        Arc::new(
            Self {
                raw,
                queues: setup.queues,
                claimed: AtomicFlag::new(false),
                _parent: setup.parent.into(),
            },
            GFP_KERNEL,
        )
        .map_err(Error::from)
    }

    #[inline]
    pub(super) fn as_raw(&self) -> *mut bindings::net_device {
        self.raw.as_ptr()
    }

    /// Makes the interface visible and usable: `operations` may be called before this returns.
    /// Not with [`Rtnl`] held.
    ///
    /// # Errors
    ///
    /// `EBUSY` when it was registered before; else those of the network layer.
    pub fn register<O: Operations>(self: &Arc<Self>, operations: Arc<O>) -> Result<Registered<O>> {
        if self.claimed.xchg(true, Full) {
            return Err(EBUSY);
        }
        let object = Arc::as_ptr(&operations).cast_mut().cast::<c_void>();

        // SAFETY: The device is not registered; the object lives until it is not any more, since
        // `Registered` keeps it, and the tables are those of its type.
        unsafe {
            bindings::rvirtio_helper_netdev_attach(
                self.as_raw(),
                Tables::<O>::device(),
                Tables::<O>::ethtool(),
                object,
            )
        };
        // SAFETY: The device is complete.
        to_result(unsafe { bindings::register_netdev(self.as_raw()) })?;
        // INVARIANT: Registered just now.
        Ok(Registered {
            device: self.clone(),
            _operations: operations,
        })
    }

    /// Transmit queue `index`; `None` when it does not have as many.
    #[inline]
    pub fn transmit_queue(&self, index: u16) -> Option<TransmitQueue<'_>> {
        (index < self.queues).then(|| TransmitQueue::new(self, index))
    }

    /// No queue takes packets from now on, and none is being sent when this returns. For good, or until
    /// [`Self::free_transmit`]: the network layer's watchdog looks at every queue that is stopped while there is a carrier, whether the
    /// queue is in use or not.
    pub fn stop_transmit(&self) {
        // SAFETY: The device is valid.
        unsafe { bindings::rvirtio_helper_tx_stop_all(self.as_raw()) };
    }

    /// No queue is stopped any more. While the interface goes down: nothing is sent before it is up again.
    pub fn free_transmit(&self, _rtnl: &Rtnl) {
        // SAFETY: The device is valid.
        unsafe { bindings::rvirtio_helper_tx_free_all(self.as_raw()) };
    }

    /// Takes it from its users, as long as its device does not work: nothing is sent, and it cannot be set. Who polls
    /// may wake what this stops, so polling is disabled before.
    pub fn detach(&self, _rtnl: &Rtnl) {
        // SAFETY: The device is valid, the lock is held.
        unsafe { bindings::rvirtio_helper_netdev_take_away(self.as_raw()) };
    }

    /// Ends [`Self::detach`], and wakes what that has stopped. What is to be received is told once more, soon: it may have changed meanwhile.
    pub fn attach(&self, _rtnl: &Rtnl) {
        // SAFETY: The device is valid, the lock is held.
        unsafe { bindings::rvirtio_helper_netdev_give_back(self.as_raw()) };
    }

    /// Uses the first `count` queues of each kind, and shares the CPUs out to them for sending (XPS).
    ///
    /// # Errors
    ///
    /// `EINVAL` when it does not have as many, `ENOMEM`.
    pub fn set_queues(&self, rtnl: &Rtnl, count: u16) -> Result {
        // SAFETY: The device is valid, the lock is held.
        to_result(unsafe { bindings::netif_set_real_num_tx_queues(self.as_raw(), count.into()) })?;
        // SAFETY: As above.
        to_result(unsafe { bindings::netif_set_real_num_rx_queues(self.as_raw(), count.into()) })?;
        self.spread(rtnl, count);
        Ok(())
    }

    /// Shares the CPUs that are online out to the first `count` queues, for sending (XPS). Those are in use.
    pub fn spread(&self, _rtnl: &Rtnl, count: u16) {
        // SAFETY: The device is valid, the lock is held; the helper is told of no more queues than there are.
        unsafe {
            bindings::rvirtio_helper_netdev_spread(self.as_raw(), count.min(self.queues).into())
        };
    }

    /// Its address.
    pub fn address(&self, _rtnl: &Rtnl) -> MacAddress {
        let mut address = MacAddress::default();

        // SAFETY: The device is valid, and the lock keeps its address.
        unsafe { bindings::rvirtio_helper_netdev_address(self.as_raw(), address.as_mut_ptr()) };
        address
    }

    /// Sets its address.
    pub fn set_address(&self, _rtnl: &Rtnl, address: &MacAddress) {
        // SAFETY: The device is valid, the lock is held.
        unsafe { bindings::rvirtio_helper_netdev_set_address(self.as_raw(), address.as_ptr()) };
    }

    /// The ids of the VLANs on it, of either protocol: a bit each, 64 to a word.
    pub fn vlans(&self, _rtnl: &Rtnl) -> VlanIds {
        let mut ids = VlanIds::default();

        // SAFETY: The device is valid, the lock is held; there is a bit for each id below 4096, as the helper wants.
        unsafe { bindings::rvirtio_helper_netdev_vlans(self.as_raw(), ids.0.as_mut_ptr()) };
        ids
    }

    /// What it does at the moment.
    pub fn features(&self, _rtnl: &Rtnl) -> NetFeatures {
        // SAFETY: The device is valid.
        NetFeatures::from_raw(unsafe { bindings::rvirtio_helper_netdev_features(self.as_raw()) })
    }
}

impl Drop for NetDevice {
    fn drop(&mut self) {
        // SAFETY: By the type invariant it is not registered, and this was its last user.
        unsafe { bindings::rvirtio_helper_netdev_free(self.as_raw()) };
    }
}

/// Ids of VLANs: a bit each, 64 to a word.
pub struct VlanIds(pub [u64; VLAN_WORDS]);

/// Words that [`VlanIds`] are in: ids are below 4096.
const VLAN_WORDS: usize = 64;

impl Default for VlanIds {
    fn default() -> Self {
        Self([0; VLAN_WORDS])
    }
}

/// An interface that is visible. Dropping it takes it away, after closing it: `O` is not called
/// after that. Process context, without [`Rtnl`].
///
/// # Invariants
///
/// The device is registered, and its object is `*_operations`.
pub struct Registered<O: Operations> {
    device: Arc<NetDevice>,
    _operations: Arc<O>,
}

impl<O: Operations> Registered<O> {
    /// Says whether there is a link; at first there is none. Process context.
    pub fn set_carrier(&self, on: bool) {
        // SAFETY: The device is valid, and registered: later it must not be queued for its link.
        unsafe {
            if on {
                bindings::netif_carrier_on(self.device.as_raw());
            } else {
                bindings::netif_carrier_off(self.device.as_raw());
            }
        };
    }

    /// Tells the neighbours where it is (gratuitous ARP). Process context, without [`Rtnl`].
    pub fn notify_peers(&self) {
        // SAFETY: The device is valid and registered.
        unsafe { bindings::netdev_notify_peers(self.device.as_raw()) };
    }
}

impl<O: Operations> Drop for Registered<O> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant. It closes the device, waits for all who use it, and for
        // packets that are being sent.
        unsafe { bindings::unregister_netdev(self.device.as_raw()) };
    }
}
