// SPDX-License-Identifier: GPL-2.0

//! A transmit queue.
//!
//! The device's header goes into the packet's own headroom where that is ours, so that a small
//! packet is one descriptor. Else it goes into the queue's memory, in a place that also has an
//! indirect table. So it does where the device wants it in a segment of its own, or shorter.

use crate::{
    counters::TxCounters,
    feature::Framing,
    header, //
};
use core::iter;
use kernel::{
    prelude::*,
    sync::Arc, //
};
use kernel_ext::{
    dma::{
        Direct,
        Direction,
        Mapping, //
    },
    net::{
        Napi,
        NetDevice,
        Packet,
        Poll,
        Polling,
        TransmitQueue,
        MAX_FRAGMENTS,
        PREFIX_BYTES, //
    }, //
};
use virtio::{
    transport_feature,
    AddError,
    AnyQueue,
    Bh,
    FeaturesOk,
    Locked,
    QueueHandler,
    QueueOptions,
    Restart,
    Silent,
    SpareRing,
    Tables,
    Virtqueue, //
};

mod places;
mod standstill;

use self::{
    places::{
        Places,
        Way, //
    },
    standstill::Standstill, //
};

/// The most entries that a ring is given.
const MAX_QUEUE_SIZE: u16 = 1024;
/// The most segments of a packet: header, linear part, fragments.
// CAST: A small number.
const MAX_SEGMENTS: u16 = MAX_FRAGMENTS as u16 + 2;
/// Bytes of a place before its table: the header, and four more.
const FRONT_BYTES: usize = 16;

/// A packet that is under way.
pub(crate) struct Sent {
    packet: Packet,
    /// Its length without the header.
    bytes: u32,
    /// The place it uses.
    place: Option<u16>,
}

/// The fewest entries that a ring can be given later.
const LEAST_ENTRIES: u16 = 4;

/// Another ring for a transmit queue.
pub(crate) type SpareTx = SpareRing<Sent>;

type TxRing<'a> = Locked<'a, Sent, Bh, Places>;

/// A transmit queue. Its virtqueue owns the packets that are under way.
#[pin_data]
pub(crate) struct TxQueue {
    #[pin]
    queue: Virtqueue<Sent, Bh, Places>,
    pair: u16,
    netdev: Arc<NetDevice>,
    napi: Arc<Napi>,
    tables: Tables<FRONT_BYTES>,
    indirect: bool,
    /// Bytes of a header.
    header: u32,
    /// A header may stand in front of the packet, in its headroom: one of the usual length.
    pushes: Option<Direct>,
    standstill: Standstill,
    pub(crate) counters: TxCounters,
}

/// Why a packet was not sent.
enum Refused {
    /// There is no room now.
    Full(Packet),
    /// It cannot be.
    Impossible(Packet),
}

impl TxQueue {
    /// Makes the transmit queue of `pair`.
    // A ring is moved here; not in the frame of `probe` as well.
    #[inline(never)]
    pub(crate) fn new(
        setup: &FeaturesOk,
        pair: u16,
        netdev: Arc<NetDevice>,
        napi: Arc<Napi>,
    ) -> Result<Arc<Self>> {
        let options = QueueOptions {
            max_size: MAX_QUEUE_SIZE,
            // The device has nothing to write here, so how much it says it wrote is of no interest. Some
            // hosts give the length of what they sent.
            lenient_length: true,
        };
        let device = setup.device().clone();
        let master = device.master();
        let indirect = setup.features().contains(transport_feature::INDIRECT_DESC);
        let index = pair.wrapping_mul(2).wrapping_add(1);
        let (queue, size) = Virtqueue::with(setup, index, options, |size| {
            Places::new(master, size, indirect)
        })?;
        let framing = Framing::of(setup.features());
        let entries = if indirect { MAX_SEGMENTS } else { 0 };
        let tables = Tables::new(&device, size.into(), entries)?;

        Arc::pin_init(
            try_pin_init!(Self {
                queue <- queue,
                pair,
                netdev,
                napi,
                tables,
                indirect,
                header: framing.header,
                // CAST: Twelve.
                pushes: master
                    .direct()
                    .filter(|_| !framing.apart && framing.header == PREFIX_BYTES as u32),
                standstill: Standstill::new(),
                counters: TxCounters::new(),
            }),
            GFP_KERNEL,
        )
    }

    /// The virtqueue's number.
    pub(crate) fn index(&self) -> u16 {
        self.queue.index()
    }

    /// The virtqueue's number of entries.
    pub(crate) fn size(&self) -> u16 {
        self.queue.size()
    }

    /// Enables the queue in the device.
    pub(crate) fn connect(self: &Arc<Self>, setup: &mut FeaturesOk) -> Result {
        let handler = Arc::new(TxInterrupt(self.clone()), GFP_KERNEL)?;

        setup.connect_at(handler, fmt!("output.{}", self.pair), self.pair)
    }

    /// The most entries that it can have.
    pub(crate) fn most(&self) -> u16 {
        self.queue.most()
    }

    /// Free entries that any packet is sure to find room in.
    #[inline]
    fn needed(&self) -> u16 {
        if self.indirect {
            return 1;
        }
        match self.queue.room() {
            // In one piece, and its header, see `post_placed`.
            room if room < MAX_SEGMENTS => room.min(2),
            _ => MAX_SEGMENTS,
        }
    }

    /// Makes a ring of `size` entries for it, unless it has as many.
    ///
    /// # Errors
    ///
    /// `EINVAL` when it would be too short for a packet with its header; those of [`Virtqueue::spare`].
    pub(crate) fn spare(&self, size: u16) -> Result<Option<SpareTx>> {
        if size < LEAST_ENTRIES {
            return Err(EINVAL);
        }
        (size != self.size())
            .then(|| self.queue.spare(size))
            .transpose()
    }

    /// Gives the virtqueue another ring, while it is closed and nothing is sent. What is under way is
    /// lost.
    ///
    /// # Errors
    ///
    /// Those of [`Virtqueue::resize`].
    pub(crate) fn resize(&self, spare: SpareTx) -> Result {
        self.queue
            .resize(spare, |places, sent| self.lose(places, sent))
    }

    /// Lets go of a packet that the device did not send.
    fn lose(&self, places: &mut Places, sent: Sent) {
        self.counters.drops.add(1);
        Self::release(places, &sent);
        if let Some(queue) = self.transmit_queue() {
            queue.completed(1, sent.bytes);
        }
    }

    /// Begins to take back what was sent. The device hears of what it has, in case it was posted when nobody was to be
    /// notified.
    pub(crate) fn open(self: &Arc<Self>) -> Result {
        self.standstill.forget();
        self.napi.enable(self.clone())?;
        self.napi.schedule();
        let idle = self.queue.lock().is_idle();

        if !idle {
            self.queue.notify();
        }
        Ok(())
    }

    /// Ends that. What is under way stays with the device.
    pub(crate) fn close(&self) {
        self.napi.disable();
        // Who sends is not woken: nothing may be sent until it is open again.
        self.collect(&mut self.queue.lock(), None);
    }

    /// Nothing is sent on it from now on, until it is opened. Process context, when it is closed: polling wakes it.
    pub(crate) fn hold(&self) {
        if let Some(queue) = self.transmit_queue() {
            queue.hold();
        }
    }

    /// Gives back what is left.
    pub(crate) fn drain(&self, silent: Silent<'_>) {
        // BOUND: Each turn takes out one of what was under way.
        while let Some(sent) = self.queue.drain_one(silent) {
            self.lose(self.queue.lock().data(), sent);
        }
    }

    /// The same, when the driver has left the device, if the device ever worked.
    pub(crate) fn leave(&self) {
        if let Some(silent) = self.queue.device().silent() {
            self.drain(silent);
        }
    }

    /// The queue stood still for long. An interrupt may have been lost, or a notification: asks for
    /// both again. Says whether that was done before, and did not help: it is stuck.
    pub(crate) fn timed_out(&self) -> bool {
        self.counters.timeouts.add(1);
        self.queue.notify();
        self.look_again();
        self.standstill.found(self.counters.packets.get())
    }

    /// Takes back what was sent, soon, and lets the network layer send again if there is room.
    pub(crate) fn look_again(&self) {
        self.napi.schedule();
    }

    /// Whether it was found to be stuck since this was asked.
    pub(crate) fn was_stuck(&self) -> bool {
        self.standstill.take()
    }

    /// Takes the queue from the device and gives it back with an empty ring, as large as before. What is under
    /// way is lost. It is open, and nothing is sent on it meanwhile. Process context.
    ///
    /// # Errors
    ///
    /// Those of [`Virtqueue::spare`], with which all is as it was; those of [`Virtqueue::resize`].
    pub(crate) fn renew(self: &Arc<Self>) -> Result {
        let spare = self.queue.spare(self.size())?;

        self.close();
        self.hold();
        let renewed = self.resize(spare);

        self.open().and(renewed)
    }

    #[inline]
    fn transmit_queue(&self) -> Option<TransmitQueue<'_>> {
        self.netdev.transmit_queue(self.pair)
    }

    /// Sends a packet; `more` says that another follows at once.
    ///
    /// # Errors
    ///
    /// Gives the packet back when there is no room. The queue is stopped then.
    #[inline]
    pub(crate) fn transmit(&self, packet: Packet, more: bool) -> Result<(), Packet> {
        let Some(queue) = self.transmit_queue() else {
            return Ok(());
        };
        let bytes = packet.length();
        let mut ring = self.queue.lock();

        if let Err(refused) = self.post(&mut ring, packet, bytes) {
            // Those before it have to be shown.
            let kick = ring.commit();
            let result = match refused {
                Refused::Full(packet) => {
                    queue.stop();
                    Err(packet)
                }
                Refused::Impossible(packet) => {
                    self.counters.drops.add(1);
                    drop(packet);
                    Ok(())
                }
            };

            self.look_back(&mut ring);
            drop(ring);
            self.kick(kick);
            return result;
        }
        if ring.free() < self.needed() {
            queue.stop();
        }
        let kick = if queue.sent(bytes, more) {
            let kick = ring.commit();

            self.look_back(&mut ring);
            kick
        } else {
            false
        };

        drop(ring);
        self.kick(kick);
        Ok(())
    }

    fn kick(&self, wanted: bool) {
        if wanted {
            self.counters.kicks.add(1);
            self.queue.notify();
        }
    }

    /// Asks for an interrupt when most of what is under way is done. Takes back what is done if that
    /// is so already, or if the queue was stopped.
    #[inline]
    fn look_back(&self, ring: &mut TxRing<'_>) {
        let most = ring.enable_callbacks_delayed();

        if most || (ring.free() < self.needed() && ring.has_used()) {
            self.take_back(ring, None);
        }
    }

    /// Puts a packet into the ring.
    #[inline]
    fn post(&self, ring: &mut TxRing<'_>, mut packet: Packet, bytes: u32) -> Result<(), Refused> {
        if ring.free() < self.needed() {
            return Err(Refused::Full(packet));
        }
        packet.depart();
        if let Some(direct) = self.pushes {
            match packet.prefix(direct) {
                Ok(segment) => {
                    let sent = Sent {
                        packet,
                        bytes,
                        place: None,
                    };

                    return ring
                        .add_readable(segment, sent)
                        .map_err(|(error, sent)| refused(error, sent.packet));
                }
                Err(error) if error == ENOSPC => {}
                Err(_) => return Err(Refused::Impossible(packet)),
            }
        }
        self.post_placed(ring, packet, bytes)
    }

    /// Puts a packet that needs a place into the ring: its header stands there.
    fn post_placed(
        &self,
        ring: &mut TxRing<'_>,
        mut packet: Packet,
        bytes: u32,
    ) -> Result<(), Refused> {
        let Ok(offload) = packet.offload() else {
            return Err(Refused::Impossible(packet));
        };
        let head = header::words(header::send(offload));
        // Only with a ring that is shorter than a packet may be: no buffer has more segments.
        if self.queue.room() < MAX_SEGMENTS && !packet.linearize() {
            return Err(Refused::Impossible(packet));
        }
        let (places, mut entrance) = ring.parts();
        let Some(place) = places.take() else {
            return Err(Refused::Full(packet));
        };
        let Some(table) = self.tables.get(place.into()) else {
            return Err(Refused::Impossible(packet));
        };

        table.write_pair(0, head.0, head.1);
        // CAST: A small constant.
        let head = iter::once(
            table
                .front::<0, { FRONT_BYTES as u32 }>()
                .part(0, self.header),
        );
        let pieces = packet.segments();
        let described = match &mut places.way {
            // With indirect tables only, see `new()`.
            Way::Straight(direct) => {
                let direct = *direct;
                let pieces = pieces.map(move |run| direct.segment(run));

                table
                    .describe(Iterator::chain(head, pieces), iter::empty())
                    .map(Some)
            }
            Way::Staged(staging) => match staging.fill(place.into(), pieces, Direction::ToDevice) {
                Ok(mapped) if self.indirect => {
                    let mapped = mapped.iter().map(Mapping::segment);

                    table
                        .describe(Iterator::chain(head, mapped), iter::empty())
                        .map(Some)
                }
                Ok(mapped) => {
                    let mapped = Iterator::chain(head, mapped.iter().map(Mapping::segment));
                    let sent = Sent {
                        packet,
                        bytes,
                        place: Some(place),
                    };

                    return entrance
                        .add(mapped, iter::empty(), sent)
                        .map_err(|(error, sent)| {
                            Self::release(places, &sent);
                            refused(error, sent.packet)
                        });
                }
                // Nothing is under way that would wake the queue when there is room for mappings.
                Err(_) => Ok(None),
            },
        };
        let sent = Sent {
            packet,
            bytes,
            place: Some(place),
        };

        match described {
            Ok(Some(table)) => entrance.add_indirect(table, sent).map_err(|(error, sent)| {
                Self::release(places, &sent);
                refused(error, sent.packet)
            }),
            Ok(None) | Err(_) => {
                Self::release(places, &sent);
                Err(Refused::Impossible(sent.packet))
            }
        }
    }

    /// Gives back what a packet has used besides itself.
    #[inline]
    fn release(places: &mut Places, sent: &Sent) {
        if let Some(place) = sent.place {
            places.release(place);
        }
    }

    /// Takes back what was sent, and lets the network layer send again if there is room.
    #[inline]
    fn take_back(&self, ring: &mut TxRing<'_>, polling: Option<&Polling<'_>>) {
        self.collect(ring, polling);
        if ring.free() >= self.needed() && !ring.is_broken() {
            if let Some(queue) = self.transmit_queue() {
                queue.wake();
            }
        }
    }

    /// Takes back what was sent.
    #[inline]
    fn collect(&self, ring: &mut TxRing<'_>, polling: Option<&Polling<'_>>) {
        let mut packets: u32 = 0;
        let mut bytes: u32 = 0;

        // BOUND: As many as are under way: none is added meanwhile.
        while let Some(completion) = ring.pop() {
            let sent = completion.into_token();

            packets = packets.wrapping_add(1);
            bytes = bytes.wrapping_add(sent.bytes);
            Self::release(ring.data(), &sent);
            match polling {
                Some(polling) => polling.consume(sent.packet),
                None => sent.packet.consume(),
            }
        }
        if packets != 0 {
            self.counters.packets.add(packets.into());
            self.counters.bytes.add(bytes.into());
            if let Some(queue) = self.transmit_queue() {
                queue.completed(packets, bytes);
            }
        }
    }
}

/// What is to be done with a packet that the ring did not take.
fn refused(error: AddError, packet: Packet) -> Refused {
    match error {
        AddError::Full => Refused::Full(packet),
        _ => Refused::Impossible(packet),
    }
}

impl Poll for TxQueue {
    fn poll(&self, polling: &Polling<'_>, budget: usize) -> usize {
        let mut ring = self.queue.lock();

        ring.disable_callbacks();
        self.take_back(&mut ring, Some(polling));
        // When nothing is under way, who sends asks for an interrupt: see `look_back()`.
        if !ring.is_idle() && ring.enable_callbacks() {
            return budget;
        }
        0
    }

    fn goes_on(&self) {
        self.queue.lock().disable_callbacks();
    }
}

/// What a transmit queue's interrupt does.
struct TxInterrupt(Arc<TxQueue>);

impl QueueHandler for TxInterrupt {
    /// While it is polled the device was asked for no interrupts, which is a wish (2.7.7.2).
    fn used(&self) -> bool {
        self.0.napi.schedule();
        true
    }

    /// What is under way is lost. The queue is closed.
    fn restart(&self, again: &Restart<'_>) -> Result {
        let Self(queue) = self;

        queue
            .queue
            .restart(again, |places, sent| queue.lose(places, sent))
    }

    fn queue(&self) -> &dyn AnyQueue {
        &self.0.queue
    }
}
