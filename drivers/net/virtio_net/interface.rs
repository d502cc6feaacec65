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
        ArcBorrow,
        Mutex, //
    },
    workqueue::{
        self,
        impl_has_work,
        new_work,
        Work,
        WorkItem, //
    }, //
};
use kernel_ext::{
    net::{
        Channels,
        DriverInfo,
        Link,
        MacAddress,
        NetDevice,
        NetFeatures,
        Operations,
        Packet,
        ReceiveMode,
        Registered,
        Rings,
        Rtnl,
        StatNames,
        StatValues,
        Stats, //
    },
    work, //
};
use virtio::{
    transport_feature,
    Device,
    Features, //
};

/// A receive queue and a transmit queue.
pub(crate) struct Pair {
    pub(crate) rx: Arc<RxQueue>,
    pub(crate) tx: Arc<TxQueue>,
}

impl Drop for Pair {
    /// The device was reset, since it has gone its way through `Device::close`. Packets are unmapped
    /// before they are freed.
    fn drop(&mut self) {
        self.tx.drain();
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

        self.netdev.detach(rtnl);
        desired.paused = desired.open;
        self.close_pairs(&mut desired, 0);
    }

    /// Gives it back: tells the device what it was told before. What it refuses now is named, and is as it is
    /// after a reset.
    pub(crate) fn resume(&self, rtnl: &Rtnl) {
        let mut desired = self.desired.lock();
        let open = core::mem::take(&mut desired.paused);

        // What was taken away meanwhile was not told: the network layer does not call a driver then. Nothing was added.
        desired.vlans.keep(&self.netdev.vlans(rtnl).0);
        if self.device.is_live() && self.device.broken().is_none() {
            self.replay(rtnl, &desired);
            if let Err(error) = self.open_pairs(&mut desired, open) {
                self.unopened(error);
            }
        }
        self.netdev.attach(rtnl);
    }

    /// Tells a device that was reset what it has been told.
    fn replay(&self, rtnl: &Rtnl, desired: &Desired) {
        let tell = |what: &str, result: Result| {
            if let Err(error) = result {
                dev_err!(
                    self.device.node(),
                    "device refuses its {} after a reset: {:?}\n",
                    what,
                    error
                );
            }
        };

        if self.has(feature::MQ) {
            tell(
                "number of queues",
                self.command(Command::PAIRS, &desired.pairs.to_le_bytes()),
            );
        }
        tell("address", self.tell_address(&self.netdev.address(rtnl)));
        if let Some(filter) = &desired.filter {
            tell("receive filter", self.send_filter(filter));
        }
        for id in desired.vlans.iter() {
            tell("VLAN", self.command(Command::ADD_VLAN, &id.to_le_bytes()));
        }
        if let Some(merge) = desired.merge {
            tell("offloads", self.send_offloads(merge));
        }
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
    pub(crate) fn fail(&self) {
        if let Some(control) = &self.control {
            control.drain();
        }
        self.netdev.stop_transmit();
        for pair in &self.pairs {
            pair.tx.drain();
            pair.rx.drain();
        }
    }

    /// Makes anew the transmit queues that are stuck.
    fn revive(&self, _rtnl: &Rtnl) {
        let desired = self.desired.lock();
        // None while the interface is down, or its device is reset.
        let open = self.range(0, desired.open);

        self.netdev.stop_transmit();
        for Pair { tx, .. } in open {
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
        // Each wakes what is stopped.
        for Pair { tx, .. } in open {
            tx.look_again();
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

/// A number in front of addresses, as the control queue wants it (5.1.6.5.2).
fn put_count(table: &mut [u8], count: usize) {
    // CAST: At most `MOST_ADDRESSES`.
    for (to, from) in table.iter_mut().zip((count as u32).to_le_bytes()) {
        *to = from;
    }
}

impl WorkItem for Interface {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        Rtnl::hold(|rtnl| this.revive(rtnl));
    }
}

impl Operations for Interface {
    fn open(&self, _rtnl: &Rtnl) -> Result {
        let mut desired = self.desired.lock();
        let pairs = desired.pairs;

        self.open_pairs(&mut desired, pairs)
            .inspect_err(|_| self.close_pairs(&mut desired, 0))
    }

    fn stop(&self, _rtnl: &Rtnl) {
        let mut desired = self.desired.lock();

        desired.paused = 0;
        self.close_pairs(&mut desired, 0);
    }

    #[inline]
    fn start_xmit(&self, packet: Packet, queue: u16, more: bool) -> Result<(), Packet> {
        match self.pairs.get(usize::from(queue)) {
            Some(pair) => pair.tx.transmit(packet, more),
            None => Ok(()),
        }
    }

    fn tx_timeout(this: ArcBorrow<'_, Self>, queue: u32) {
        let pair = usize::try_from(queue)
            .ok()
            .and_then(|queue| this.pairs.get(queue));
        let Some(Pair { tx, .. }) = pair else {
            return;
        };

        if tx.timed_out() && this.has(transport_feature::RING_RESET) {
            dev_warn!(
                this.device.node(),
                "queue {}: sending goes on standing still; the queue is reset\n",
                tx.index()
            );
            // Already enqueued is as good.
            let _ = workqueue::system_unbound().enqueue::<Arc<Self>, 0>(this.into());
        } else {
            dev_warn!(
                this.device.node(),
                "queue {}: sending stands still; looking again\n",
                tx.index()
            );
        }
    }

    fn stats(&self) -> Stats {
        let mut all = Stats::default();

        for Pair { rx, tx } in &self.pairs {
            let (rx, tx) = (&rx.counters, &tx.counters);
            let add = |to: &mut u64, more: u64| *to = to.wrapping_add(more);

            add(&mut all.rx_packets, rx.packets.get());
            add(&mut all.rx_bytes, rx.bytes.get());
            add(&mut all.rx_dropped, rx.drops.get());
            add(&mut all.rx_length_errors, rx.length_errors.get());
            add(&mut all.rx_frame_errors, rx.frame_errors.get());
            add(&mut all.tx_packets, tx.packets.get());
            add(&mut all.tx_bytes, tx.bytes.get());
            add(&mut all.tx_dropped, tx.drops.get());
            add(&mut all.tx_timeouts, tx.timeouts.get());
        }
        all
    }

    fn set_receive_mode(&self, _rtnl: &Rtnl, mode: &ReceiveMode<'_>) -> Result {
        if !self.has(feature::CTRL_RX) {
            return Ok(());
        }
        let mut table = KVec::from_elem(0u8, 2 * TABLE, GFP_KERNEL)?;
        let (unicast, multicast) = table.split_at_mut(TABLE);
        let unicasts = mode.unicast(unicast.get_mut(4..).unwrap_or(&mut []));
        let multicasts = mode.multicast(multicast.get_mut(4..).unwrap_or(&mut []));
        // What does not fit into the table is received with all else.
        let promiscuous = mode.promiscuous() || unicasts > MOST_ADDRESSES;
        let all_multicast = mode.all_multicast() || multicasts > MOST_ADDRESSES;
        let unicasts = unicasts.min(MOST_ADDRESSES);
        let multicasts = multicasts.min(MOST_ADDRESSES);
        let length = |count: usize| count.wrapping_mul(ADDRESS).wrapping_add(4);

        put_count(unicast, unicasts);
        put_count(multicast, multicasts);
        let mut data = KVec::with_capacity(2 * TABLE, GFP_KERNEL)?;

        data.extend_from_slice(unicast.get(..length(unicasts)).unwrap_or(&[]), GFP_KERNEL)?;
        data.extend_from_slice(
            multicast.get(..length(multicasts)).unwrap_or(&[]),
            GFP_KERNEL,
        )?;
        let filter = Filter {
            promiscuous,
            all_multicast,
            table: data,
        };
        let result = self.send_filter(&filter);

        self.desired.lock().filter = Some(filter);
        result
    }

    fn set_address(&self, _rtnl: &Rtnl, address: &MacAddress) -> Result {
        self.tell_address(address)
    }

    fn add_vlan(&self, _rtnl: &Rtnl, id: u16) -> Result {
        self.command(Command::ADD_VLAN, &id.to_le_bytes())?;
        self.desired.lock().vlans.set(id, true);
        Ok(())
    }

    fn remove_vlan(&self, _rtnl: &Rtnl, id: u16) -> Result {
        self.desired.lock().vlans.set(id, false);
        self.command(Command::REMOVE_VLAN, &id.to_le_bytes())
    }

    fn set_features(&self, _rtnl: &Rtnl, wanted: NetFeatures, changed: NetFeatures) -> Result {
        if changed.contains(NetFeatures::GRO) {
            let merge = wanted.contains(NetFeatures::GRO);

            self.send_offloads(merge)?;
            self.desired.lock().merge = Some(merge);
        }
        Ok(())
    }

    fn describe(&self, info: &mut DriverInfo<'_>) {
        info.driver(c"rvirtio_net");
        info.version(c"1.0.0");
        info.bus(self.device.parent().name());
    }

    fn channels(&self, _rtnl: &Rtnl) -> Channels {
        Channels {
            most: u16::try_from(self.pairs.len()).unwrap_or(u16::MAX),
            pairs: self.desired.lock().pairs,
        }
    }

    fn set_channels(&self, rtnl: &Rtnl, pairs: u16) -> Result {
        let mut desired = self.desired.lock();
        let before = desired.pairs;
        let up = desired.open != 0;

        if pairs == before {
            return Ok(());
        }
        // New pairs have buffers before the device uses them. Old ones stay open: the device may
        // have packets of theirs.
        if up {
            self.open_pairs(&mut desired, pairs)?;
        }
        // 5.1.6.5.5: once the device uses fewer, nothing is sent on the others.
        if pairs < before {
            self.netdev.set_queues(rtnl, pairs)?;
        }
        let changed = self
            .command(Command::PAIRS, &pairs.to_le_bytes())
            .and_then(|()| self.netdev.set_queues(rtnl, pairs));

        if let Err(error) = changed {
            // As it was, if the device still listens.
            let _ = self.command(Command::PAIRS, &before.to_le_bytes());
            let _ = self.netdev.set_queues(rtnl, before);
            return Err(error);
        }
        desired.pairs = pairs;
        Ok(())
    }

    fn link(&self, _rtnl: &Rtnl) -> Link {
        let own = self.desired.lock().link;

        own.unwrap_or_else(|| config::link(self.device.features(), &self.device.config()))
    }

    fn set_link(&self, _rtnl: &Rtnl, link: Link) {
        self.desired.lock().link = Some(link);
    }

    fn rings(&self, _rtnl: &Rtnl) -> Rings {
        self.pairs.first().map_or(NO_RINGS, |pair| Rings {
            rx: pair.rx.size().into(),
            tx: pair.tx.size().into(),
        })
    }

    fn most_rings(&self, _rtnl: &Rtnl) -> Rings {
        // A pair that was made when memory was short has less than the others.
        let least = |of: fn(&Pair) -> u16| self.pairs.iter().map(of).min().unwrap_or(0).into();

        Rings {
            rx: least(|pair| pair.rx.most()),
            tx: least(|pair| pair.tx.most()),
        }
    }

    fn set_rings(&self, _rtnl: &Rtnl, rings: Rings) -> Result {
        let (rx, tx) = (u16::try_from(rings.rx)?, u16::try_from(rings.tx)?);
        let mut spares = KVec::with_capacity(self.pairs.len(), GFP_KERNEL)?;

        // Whatever can be refused is, before anything is touched.
        for pair in &self.pairs {
            spares.push((pair.rx.spare(rx)?, pair.tx.spare(tx)?), GFP_KERNEL)?;
        }
        if spares.iter().all(|(rx, tx)| rx.is_none() && tx.is_none()) {
            return Ok(());
        }
        let mut desired = self.desired.lock();
        let open = desired.open;

        self.close_pairs(&mut desired, 0);
        // Not before, since polling wakes what is stopped.
        self.netdev.stop_transmit();
        let resized = self
            .pairs
            .iter()
            .zip(spares)
            .try_for_each(|(pair, (rx, tx))| {
                rx.map_or(Ok(()), |rx| pair.rx.resize(rx))?;
                tx.map_or(Ok(()), |tx| pair.tx.resize(tx))
            });

        // What failed has broken the device, so that it does not matter what is open. Otherwise opening the
        // queues wakes them.
        resized.and_then(|()| {
            self.open_pairs(&mut desired, open)
                .inspect_err(|error| self.unopened(*error))
        })
    }

    fn stat_count(&self, _rtnl: &Rtnl) -> usize {
        // Two values of each queue.
        usize::from(self.desired.lock().pairs).saturating_mul(4)
    }

    fn stat_names(&self, _rtnl: &Rtnl, out: &mut StatNames<'_>) {
        let pairs = self.desired.lock().pairs;

        for pair in 0..pairs {
            out.push(fmt!("rx{}_drops", pair));
            out.push(fmt!("rx{}_kicks", pair));
        }
        for pair in 0..pairs {
            out.push(fmt!("tx{}_kicks", pair));
            out.push(fmt!("tx{}_tx_timeouts", pair));
        }
    }

    fn stat_values(&self, _rtnl: &Rtnl, out: &mut StatValues<'_>) {
        let pairs = self.desired.lock().pairs;

        for pair in self.range(0, pairs) {
            out.push(pair.rx.counters.drops.get());
            out.push(pair.rx.counters.kicks.get());
        }
        for pair in self.range(0, pairs) {
            out.push(pair.tx.counters.kicks.get());
            out.push(pair.tx.counters.timeouts.get());
        }
    }
}
