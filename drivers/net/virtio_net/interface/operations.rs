// SPDX-License-Identifier: GPL-2.0

//! What the network layer and ethtool ask of an interface.

use super::{
    Filter,
    Interface,
    Pair,
    ADDRESS,
    MOST_ADDRESSES,
    NO_RINGS,
    TABLE, //
};
use crate::{
    config,
    control::Command,
    feature, //
};
use kernel::{
    prelude::*,
    sync::{
        Arc,
        ArcBorrow, //
    }, //
};
use kernel_ext::net::{
    Channels,
    DriverInfo,
    Link,
    MacAddress,
    NetFeatures,
    Operations,
    Packet,
    ReceiveMode,
    Rings,
    Rtnl,
    StatNames,
    StatValues,
    Stats, //
};
use virtio::transport_feature;

impl Operations for Interface {
    fn open(&self, _rtnl: &Rtnl) -> Result {
        let mut desired = self.desired.lock();
        let pairs = desired.pairs;

        self.open_pairs(&mut desired, pairs)
            .inspect_err(|_| self.close_pairs(&mut desired, 0))
    }

    fn stop(&self, rtnl: &Rtnl) {
        let mut desired = self.desired.lock();

        desired.paused = 0;
        self.close_pairs(&mut desired, 0);
        // Those that are not opened next time are not polled, and nobody would wake them.
        self.netdev.free_transmit(rtnl);
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
            let _ = this
                .device
                .work_queue()
                .enqueue::<Arc<Self>, 0>(this.into());
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
        match result {
            // It has its line in the log, and will say so again; one that is broken is told when it works.
            Err(error) if error == EINVAL || error == EIO => Ok(()),
            other => other,
        }
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
        // Not before, since polling wakes what is stopped; and no others, since nobody would wake them.
        for pair in self.range(0, open) {
            pair.tx.hold();
        }
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

/// A number in front of addresses, as the control queue wants it (5.1.6.5.2).
fn put_count(table: &mut [u8], count: usize) {
    // CAST: At most `MOST_ADDRESSES`.
    for (to, from) in table.iter_mut().zip((count as u32).to_le_bytes()) {
        *to = from;
    }
}
