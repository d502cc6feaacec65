// SPDX-License-Identifier: GPL-2.0

//! The interface as the network layer sees it.

use crate::{
    config,
    control::{
        self,
        Command,
        Control, //
    },
    feature,
    rx::RxQueue,
    tx::TxQueue, //
    vlans::Vlans,
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    },
    workqueue::{
        impl_has_work,
        new_work,
        Work,
        WorkItem, //
    }, //
};
use kernel_ext::{
    net::{
        Link,
        MacAddress,
        NetDevice,
        Registered,
        Rings,
        Rtnl, //
    },
    work, //
};
use virtio::{
    transport_feature,
    Device,
    Features,
    Silent, //
};

mod operations;

/// A receive queue and a transmit queue.
pub(crate) struct Pair {
    pub(crate) rx: Arc<RxQueue>,
    pub(crate) tx: Arc<TxQueue>,
}

impl Drop for Pair {
    /// The device was reset, since it has gone its way through `Device::close`. Packets are unmapped
    /// before they are freed.
    fn drop(&mut self) {
        self.tx.leave();
    }
}

/// What the user asked for, as far as the device does not know it by itself.
struct Desired {
    /// Pairs in use.
    pairs: u16,
    /// Pairs that are open: those that were in use since the interface went up, else none.
    open: u16,
    /// Those that were open before the device was taken away for a while, and are to be again.
    paused: u16,
    /// What user space wants to read as speed and duplex mode.
    link: Option<Link>,
    /// What is received, once somebody has said so.
    filter: Option<Filter>,
    vlans: Vlans,
    /// Whether the device may put received packets together, once somebody has said so.
    merge: Option<bool>,
}

/// What the device is to receive.
struct Filter {
    promiscuous: bool,
    all_multicast: bool,
    /// The unicast table and the multicast table, as the device wants them.
    table: KVec<u8>,
}

/// What a network device does for the network layer.
///
/// Locks: RTNL is taken first, then `desired`, then the control queue's.
#[pin_data]
pub(crate) struct Interface {
    device: Arc<Device>,
    netdev: Arc<NetDevice>,
    pairs: KVec<Pair>,
    control: Option<Arc<Control>>,
    #[pin]
    desired: Mutex<Desired>,
    /// Makes anew what is stuck.
    #[pin]
    revival: Work<Self>,
}

impl_has_work! {
    impl HasWork<Self> for Interface { self.revival }
}

/// Bytes of an address.
const ADDRESS: usize = size_of::<MacAddress>();
/// The most addresses of each kind that are sent to the device; if there are more it sends all.
const MOST_ADDRESSES: usize = 256;
/// Where there is no queue.
const NO_RINGS: Rings = Rings { rx: 0, tx: 0 };
/// Bytes of a table of addresses, with its count before it.
const TABLE: usize = 4 + MOST_ADDRESSES * ADDRESS;

const _: () = assert!(2 * TABLE <= control::MOST);

impl Interface {
    /// Makes an interface that uses the first `active` of `pairs`.
    pub(crate) fn new(
        device: Arc<Device>,
        netdev: Arc<NetDevice>,
        pairs: KVec<Pair>,
        active: u16,
        control: Option<Arc<Control>>,
    ) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                device,
                netdev,
                pairs,
                control,
                desired <- new_mutex!(Desired {
                    pairs: active,
                    open: 0,
                    paused: 0,
                    link: None,
                    filter: None,
                    vlans: Vlans::new(),
                    merge: None,
                }),
                revival <- new_work!("rvirtio_net::revival"),
            }),
            GFP_KERNEL,
        )
    }

    fn has(&self, features: Features) -> bool {
        self.device.features().contains(features)
    }

    fn command(&self, command: Command, data: &[u8]) -> Result {
        self.control
            .as_ref()
            .ok_or(EOPNOTSUPP)?
            .command(command, data)
    }

    /// Tells the device the interface's address, if there is a way to.
    fn tell_address(&self, address: &MacAddress) -> Result {
        if self.has(feature::CTRL_MAC_ADDR) {
            self.command(Command::ADDRESS, address)
        } else if self.has(feature::MAC) && !self.has(transport_feature::VERSION_1) {
            config::set_address(&self.device.config(), address)
        } else {
            // The field in its configuration is not ours to write (5.1.4.2), and it filters nothing then, as
            // a rule.
            Ok(())
        }
    }

    /// Tells the device what it has to know before packets move.
    pub(crate) fn prepare(&self, rtnl: &Rtnl, random: bool) -> Result {
        let pairs = self.desired.lock().pairs;

        self.netdev.set_queues(rtnl, pairs)?;
        if self.has(feature::MQ) {
            self.command(Command::PAIRS, &pairs.to_le_bytes())?;
        }
        if random {
            self.tell_address(&self.netdev.address(rtnl))?;
        }
        Ok(())
    }

    /// Takes the interface from its users while the device is reset.
    pub(crate) fn pause(&self, rtnl: &Rtnl) {
        let mut desired = self.desired.lock();

        desired.paused = desired.open;
        self.close_pairs(&mut desired, 0);
        // Not before, since polling wakes what is stopped: packets would be sent into the reset.
        self.netdev.detach(rtnl);
    }

    /// Gives it back: tells the device what it was told before. What it refuses now is named, and is as it is
    /// after a reset.
    pub(crate) fn resume(&self, rtnl: &Rtnl) {
        let mut desired = self.desired.lock();
        let open = core::mem::take(&mut desired.paused);

        // What was taken away meanwhile was not told: the network layer does not call a driver then. Nothing was added.
        desired.vlans.keep(&self.netdev.vlans(rtnl).0);
        if self.device.is_live() && self.device.broken().is_none() {
            // What was refused has been said.
            let _ = self.replay(rtnl, &desired);
            if let Err(error) = self.open_pairs(&mut desired, open) {
                self.unopened(error);
            }
        }
        self.netdev.attach(rtnl);
        // It has woken what `fail` had stopped, if that came before.
        if self.device.broken().is_some() {
            self.netdev.stop_transmit();
        }
    }

    /// Tells a device that was reset what it has been told. Ends early with one that does not answer: it is given up.
    fn replay(&self, rtnl: &Rtnl, desired: &Desired) -> Result {
        let tell = |what: &str, result: Result| {
            result.or_else(|error| {
                dev_err!(
                    self.device.node(),
                    "device refuses its {} after a reset: {:?}\n",
                    what,
                    error
                );
                if error == ETIMEDOUT || error == EIO {
                    Err(error)
                } else {
                    Ok(())
                }
            })
        };

        if self.has(feature::MQ) {
            tell(
                "number of queues",
                self.command(Command::PAIRS, &desired.pairs.to_le_bytes()),
            )?;
        }
        tell("address", self.tell_address(&self.netdev.address(rtnl)))?;
        if let Some(filter) = &desired.filter {
            tell("receive filter", self.send_filter(filter))?;
        }
        for id in desired.vlans.iter() {
            tell("VLAN", self.command(Command::ADD_VLAN, &id.to_le_bytes()))?;
        }
        if let Some(merge) = desired.merge {
            tell("offloads", self.send_offloads(merge))?;
        }
        Ok(())
    }

    fn send_filter(&self, filter: &Filter) -> Result {
        // A device that refuses one of them may take the others.
        let promiscuous = self.command(Command::PROMISCUOUS, &[filter.promiscuous.into()]);
        let all_multicast = self.command(Command::ALL_MULTICAST, &[filter.all_multicast.into()]);

        self.command(Command::ADDRESS_TABLE, &filter.table)
            .and(promiscuous)
            .and(all_multicast)
    }

    fn send_offloads(&self, merge: bool) -> Result {
        let offloads = feature::offloads(self.device.features(), merge);

        self.command(Command::OFFLOADS, &offloads.to_le_bytes())
    }

    fn unopened(&self, error: Error) {
        dev_err!(
            self.device.node(),
            "queues cannot be opened again: {:?}; set the interface down and up\n",
            error
        );
    }

    /// Which CPU sends on which queue, since others are online now.
    pub(crate) fn spread(&self) {
        Rtnl::hold(|rtnl| {
            let pairs = self.desired.lock().pairs;

            self.netdev.spread(rtnl, pairs);
        });
    }

    /// Follows what the device says of its link.
    pub(crate) fn follow_status(&self, registered: &Registered<Self>) {
        let features = self.device.features();
        let status = match config::status(features, &self.device.config()) {
            Ok(status) => status,
            Err(error) => {
                // In the middle of a reset: asked again after it.
                if error != EAGAIN {
                    dev_err!(self.device.node(), "status cannot be read\n");
                }
                return;
            }
        };

        if status.announce {
            registered.notify_peers();
            // It goes on asking otherwise; that does no harm.
            let _ = self.command(Command::ANNOUNCED, &[]);
        }
        registered.set_carrier(status.link && self.device.broken().is_none());
    }

    /// The device is broken and was reset: nothing moves any more.
    pub(crate) fn fail(&self, silent: Silent<'_>) {
        if let Some(control) = &self.control {
            control.drain(silent);
        }
        self.netdev.stop_transmit();
        for pair in &self.pairs {
            pair.tx.drain(silent);
            pair.rx.drain(silent);
        }
        // Whoever polled a queue that was not drained yet may have had it go on.
        self.netdev.stop_transmit();
    }

    /// Makes anew the transmit queues that are stuck.
    fn revive(&self, _rtnl: &Rtnl) {
        let desired = self.desired.lock();
        // None while the interface is down, or its device is reset.
        for Pair { tx, .. } in self.range(0, desired.open) {
            if tx.was_stuck() {
                let result = tx.renew();

                if let Err(error) = result {
                    dev_err!(
                        self.device.node(),
                        "queue {}: cannot be made anew: {:?}\n",
                        tx.index(),
                        error
                    );
                }
            }
        }
    }

    /// Makes nothing anew any more. Process context, without RTNL.
    pub(crate) fn revive_no_more(self: &Arc<Self>) {
        work::disable_sync::<Self, 0>(self);
    }

    /// The pairs from number `from` on, up to `to`.
    fn range(&self, from: u16, to: u16) -> &[Pair] {
        self.pairs
            .get(usize::from(from)..usize::from(to))
            .unwrap_or(&[])
    }

    /// Opens the pairs up to `count` that are not open yet.
    fn open_pairs(&self, desired: &mut Desired, count: u16) -> Result {
        for (number, pair) in (desired.open..count).zip(self.range(desired.open, count)) {
            pair.rx.open()?;
            if let Err(error) = pair.tx.open() {
                pair.rx.close();
                return Err(error);
            }
            desired.open = number.saturating_add(1);
        }
        Ok(())
    }

    /// Closes the pairs from number `count` on.
    fn close_pairs(&self, desired: &mut Desired, count: u16) {
        for pair in self.range(count, desired.open) {
            pair.tx.close();
            pair.rx.close();
        }
        desired.open = desired.open.min(count);
    }
}

impl WorkItem for Interface {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        Rtnl::hold(|rtnl| this.revive(rtnl));
    }
}
