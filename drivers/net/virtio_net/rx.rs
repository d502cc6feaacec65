// SPDX-License-Identifier: GPL-2.0

//! A receive queue.
//!
//! Buffers are pieces of a page pool. A short packet is copied out and its buffer is posted again; a
//! longer one is made a packet where it is. The queue's lock is held to take buffers out and to put
//! new ones in, not while packets go up the stack.

use crate::{
    counters::RxCounters,
    feature::Framing,
    header::{
        self,
        Agreed,
        Nonsense,
        OFFLOAD_BYTES, //
    },
    sizing::{
        Room,
        Sizing, //
    }, //
};
use core::iter;
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            ordering::Relaxed,
            AtomicFlag, //
        },
        Arc, //
    },
};
use kernel_ext::net::{
    Assembly,
    Napi,
    Packet,
    PagePool,
    Piece,
    Poll,
    Polling,
    Quiet,
    ETHERNET_HEADER,
    PACKET_HEADROOM,
    PACKET_OVERHEAD, //
};
use virtio::{
    AnyQueue,
    Bh,
    FeaturesOk,
    Locked,
    QueueHandler,
    QueueOptions,
    Restart,
    Segment,
    Silent,
    SpareRing,
    Virtqueue, //
};

mod inbox;

use self::inbox::{
    Filled,
    Hands,
    Inbox, //
};

/// The most entries that a ring is given.
const MAX_QUEUE_SIZE: u16 = 1024;
/// Packets up to this length are copied out of their buffer.
const COPY: u32 = 256;
/// Free entries from which on new buffers are posted, of a ring that is not short.
const REFILL: u16 = 32;

/// The same for a ring of `size` entries.
fn refill_at(size: u16) -> u16 {
    REFILL.min(size / 4).max(1)
}

/// What packets need around them that have a header of `header` bytes.
const fn room(header: u32) -> Room {
    Room {
        headroom: PACKET_HEADROOM,
        overhead: PACKET_OVERHEAD,
        header,
    }
}

/// The largest MTU for which one buffer holds any packet. The header takes nothing of it.
pub(crate) const fn largest_mtu() -> u32 {
    room(0).largest_mtu()
}

/// What is behind the queue's lock.
struct Store {
    /// `None` while a poll has them; there is never a second one.
    hands: Option<Hands>,
    pool: PagePool,
    sizing: Sizing,
    /// The header is a segment of its own.
    apart: bool,
}

/// Another ring for a receive queue.
pub(crate) type SpareRx = SpareRing<Piece>;

type RxRing<'a> = Locked<'a, Piece, Bh, Store>;

/// A receive queue. Its virtqueue owns the buffers that are posted.
#[pin_data]
pub(crate) struct RxQueue {
    #[pin]
    queue: Virtqueue<Piece, Bh, Store>,
    /// The number of its pair, which the network layer knows it by.
    pair: u16,
    napi: Arc<Napi>,
    agreed: Agreed,
    /// Bytes of a header.
    header: u32,
    /// Buffers have to be made visible after the device wrote to them.
    translated: bool,
    /// The log has a line about packets that the device spoilt.
    warned: AtomicFlag,
    pub(crate) counters: RxCounters,
}

/// What a poll has seen.
#[derive(Default)]
struct Seen {
    packets: u32,
    bytes: u32,
    length_errors: u32,
    frame_errors: u32,
    no_memory: u32,
}

/// Why a packet is lost.
#[derive(Clone, Copy)]
enum Loss {
    Length,
    Frame,
    Memory,
}

impl RxQueue {
    /// Makes the receive queue of `pair`, for packets up to `mtu` where a packet is in one buffer.
    // A ring is moved here; not in the frame of `probe` as well.
    #[inline(never)]
    pub(crate) fn new(
        setup: &FeaturesOk,
        pair: u16,
        napi: Arc<Napi>,
        agreed: Agreed,
        mtu: u32,
    ) -> Result<Arc<Self>> {
        let options = QueueOptions::sized(MAX_QUEUE_SIZE);
        let master = setup.device().master();
        let translated = master.is_translated();
        let poller = napi.clone();
        let Framing { header, apart } = Framing::of(setup.features());
        let room = room(header);
        let (queue, _) = Virtqueue::with(setup, pair.wrapping_mul(2), options, move |size| {
            let entries = size.saturating_sub(refill_at(size));
            let buffers = if apart { entries / 2 } else { entries };

            Ok(Store {
                hands: Some(Hands::new()?),
                pool: PagePool::new(master, &poller, size.into())?,
                sizing: if agreed.mergeable {
                    Sizing::following(room, buffers)
                } else {
                    Sizing::fixed(room, mtu)
                },
                apart,
            })
        })?;

        Arc::pin_init(
            try_pin_init!(Self {
                queue <- queue,
                pair,
                napi,
                agreed,
                header,
                translated,
                warned: AtomicFlag::new(false),
                counters: RxCounters::new(),
            }),
            GFP_KERNEL,
        )
    }

    /// The virtqueue's number of entries.
    pub(crate) fn size(&self) -> u16 {
        self.queue.size()
    }

    /// Enables the queue in the device.
    pub(crate) fn connect(self: &Arc<Self>, setup: &mut FeaturesOk) -> Result {
        let handler = Arc::new(RxInterrupt(self.clone()), GFP_KERNEL)?;

        setup.connect_at(handler, fmt!("input.{}", self.pair), self.pair)
    }

    /// Posts buffers and begins to receive.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when there is not one buffer; `EIO` when the device is broken.
    pub(crate) fn open(self: &Arc<Self>) -> Result {
        self.discard();

        let kick = self.napi.while_idle(|idle| {
            let mut ring = self.queue.lock();

            if ring.is_broken() {
                return Err(EIO);
            }
            let _ = Self::fill(&mut ring, idle);
            if ring.free() == self.queue.room() {
                return Err(ENOMEM);
            }
            Ok(ring.commit())
        })??;

        self.kick(kick);
        self.napi.enable(self.clone())?;
        // What came in meanwhile brought no poll.
        self.napi.schedule();
        Ok(())
    }

    /// The most entries that it can have.
    pub(crate) fn most(&self) -> u16 {
        self.queue.most()
    }

    /// Makes a ring of `size` entries for it, unless it has as many.
    ///
    /// # Errors
    ///
    /// `EINVAL` when the largest packet would not fit into it: the device would wait for more buffers for
    /// ever. Those of [`Virtqueue::spare`].
    pub(crate) fn spare(&self, size: u16) -> Result<Option<SpareRx>> {
        if size == self.size() {
            return Ok(None);
        }
        if self.agreed.mergeable
            && !Sizing::suffices(room(self.header), size.saturating_sub(refill_at(size)))
        {
            return Err(EINVAL);
        }
        self.queue.spare(size).map(Some)
    }

    /// Gives the virtqueue another ring, while it is closed. What has come in is lost.
    ///
    /// # Errors
    ///
    /// Those of [`Virtqueue::resize`].
    pub(crate) fn resize(&self, spare: SpareRx) -> Result {
        self.queue.resize(spare, |_, piece| drop(piece))?;
        let room = self.queue.room();

        self.queue
            .lock()
            .data()
            .sizing
            .share(room.saturating_sub(refill_at(room)));
        Ok(())
    }

    /// Receives no more. Buffers stay with the device.
    pub(crate) fn close(&self) {
        self.napi.disable();
    }

    /// Gives back what is left.
    pub(crate) fn drain(&self, silent: Silent<'_>) {
        // BOUND: Each turn takes out one of what was under way.
        while let Some(piece) = self.queue.drain_one(silent) {
            drop(piece);
        }
    }

    /// Throws away what came in while nobody listened.
    fn discard(&self) {
        let mut ring = self.queue.lock();

        // BOUND: As many as were posted: none is posted meanwhile.
        while let Some(completion) = ring.pop() {
            drop(completion);
        }
    }

    fn kick(&self, wanted: bool) {
        if wanted {
            self.counters.kicks.add(1);
            self.queue.notify();
        }
    }

    /// Posts one buffer; gives it back if there is no room.
    #[inline]
    fn post(ring: &mut RxRing<'_>, piece: Piece) -> Result<(), Piece> {
        let store = ring.data();
        let Room { header, .. } = store.sizing.room();
        let begin = room(header).begin();
        let apart = store.apart;
        let segment = piece.segment(begin, PACKET_OVERHEAD);

        if apart {
            return Self::post_apart(ring, piece, segment, header);
        }
        ring.add_writable(segment, piece)
            .map_err(|(_, piece)| piece)
    }

    /// Posts one buffer whose first `header` bytes are a segment of their own.
    #[inline(never)]
    fn post_apart(
        ring: &mut RxRing<'_>,
        piece: Piece,
        all: Segment,
        header: u32,
    ) -> Result<(), Piece> {
        let segments = [all.part(0, header), all.part(header, u32::MAX)];

        ring.add(iter::empty(), segments.into_iter(), piece)
            .map_err(|(_, piece)| piece)
    }

    /// Posts new buffers until the ring is full. Says whether memory was enough.
    fn fill(ring: &mut RxRing<'_>, quiet: &impl Quiet) -> bool {
        // BOUND: Each turn posts a buffer, and none is taken back meanwhile.
        while ring.free() != 0 {
            let store = ring.data();
            let size = store.sizing.piece();
            let Some(piece) = store.pool.take(quiet, size) else {
                return false;
            };

            if Self::post(ring, piece).is_err() {
                // The ring is broken: there is nothing to be done.
                return true;
            }
        }
        true
    }

    /// Ends a poll: posts what can be used again, and new buffers if there is room for many. If it is the
    /// `last` one for now, asks for an interrupt.
    ///
    /// Says whether there has to be another one at once: there is more, or memory is short. The queue
    /// may stand still then, since a device with too few buffers for a packet waits for more, and no
    /// interrupt comes.
    fn refill(&self, polling: &Polling<'_>, mut hands: Hands, seen: &Seen, last: bool) -> bool {
        let mut ring = self.queue.lock();
        let mut enough = true;

        // BOUND: As many as were taken in this poll.
        while let Some(piece) = hands.spare.pop() {
            // What a broken ring does not take goes back to the pool.
            drop(Self::post(&mut ring, piece));
        }
        ring.data().hands = Some(hands);
        ring.data().sizing.note(seen.packets, seen.bytes);
        if ring.free() >= refill_at(self.queue.room()) {
            enough = Self::fill(&mut ring, polling);
        }
        let short = !enough && !ring.is_broken();
        let kick = ring.commit();
        let more = last && !short && ring.enable_callbacks();

        drop(ring);
        self.kick(kick);
        short || more
    }

    /// Receives the packet that begins with `first`.
    #[inline]
    fn receive(
        &self,
        polling: &Polling<'_>,
        first: Filled,
        inbox: &mut Inbox<'_>,
    ) -> Result<u32, Loss> {
        let Filled { piece, written } = first;
        let Some(length) = written
            .checked_sub(self.header)
            .filter(|length| *length >= ETHERNET_HEADER)
        else {
            inbox.reuse(piece);
            return Err(Loss::Length);
        };

        self.sync(&piece, written);
        let Some(header) = piece.read(room(self.header).begin()) else {
            return Err(Loss::Length);
        };
        let received = match header::receive(header, self.agreed) {
            Ok(received) => received,
            Err(nonsense) => {
                inbox.reuse(piece);
                if let Nonsense::Segments { buffers } = nonsense {
                    inbox.skip(buffers.saturating_sub(1));
                }
                return Err(Loss::Frame);
            }
        };
        let packet = if received.buffers > 1 {
            self.assemble(polling, piece, length, received.buffers, inbox)?
        } else if length <= COPY {
            let copy = Packet::copy(polling, &piece, PACKET_HEADROOM, length);

            inbox.reuse(piece);
            copy.ok_or(Loss::Memory)?
        } else {
            Packet::build(polling, piece, PACKET_HEADROOM, length).map_err(|piece| {
                inbox.reuse(piece);
                Loss::Memory
            })?
        };

        self.pass(polling, packet, &received.offload)
    }

    /// Puts a packet of several buffers together. They are all there: a device shows them at once
    /// (virtio 1.4, 5.1.6.4.1).
    fn assemble(
        &self,
        polling: &Polling<'_>,
        piece: Piece,
        length: u32,
        buffers: u16,
        inbox: &mut Inbox<'_>,
    ) -> Result<Packet, Loss> {
        let mut assembly = match Assembly::begin(polling, piece, PACKET_HEADROOM, length) {
            Ok(assembly) => Some(assembly),
            Err(piece) => {
                inbox.reuse(piece);
                None
            }
        };

        let mut loss = Loss::Memory;

        for left in (1..buffers).rev() {
            let Some(Filled { piece, written }) = inbox.next(left.into()) else {
                return Err(Loss::Length);
            };

            self.sync(&piece, written);
            let refused = match &mut assembly {
                Some(_) if written == 0 => {
                    loss = Loss::Length;
                    Some(piece)
                }
                Some(assembly) => assembly
                    .append(piece, room(self.header).begin(), written)
                    .err(),
                None => Some(piece),
            };

            // The rest of a packet that is lost is taken out all the same: it has no header.
            if let Some(piece) = refused {
                inbox.reuse(piece);
                assembly = None;
            }
        }
        assembly.map(Assembly::finish).ok_or(loss)
    }

    /// Passes a packet on, if what the device says about it fits.
    #[inline]
    fn pass(
        &self,
        polling: &Polling<'_>,
        mut packet: Packet,
        offload: &[u8; OFFLOAD_BYTES],
    ) -> Result<u32, Loss> {
        let length = packet.length();

        packet.apply(polling, offload).map_err(|_| Loss::Frame)?;
        polling.receive(packet, self.pair);
        Ok(length)
    }

    #[inline]
    fn sync(&self, piece: &Piece, written: u32) {
        if self.translated {
            piece.sync(room(self.header).begin().saturating_add(written));
        }
    }

    fn count(&self, seen: &Seen) {
        let counters = &self.counters;
        let lost = seen
            .length_errors
            .wrapping_add(seen.frame_errors)
            .wrapping_add(seen.no_memory);

        counters.packets.add(seen.packets.into());
        counters.bytes.add(seen.bytes.into());
        if lost != 0 {
            counters.drops.add(lost.into());
            counters.length_errors.add(seen.length_errors.into());
            counters.frame_errors.add(seen.frame_errors.into());
            counters.no_memory.add(seen.no_memory.into());
            self.complain(seen);
        }
    }

    /// Names what the device does wrong, once.
    #[cold]
    fn complain(&self, seen: &Seen) {
        let how = match (seen.length_errors, seen.frame_errors) {
            (0, 0) => return,
            (0, _) => "with a header that cannot be",
            _ => "in buffers that do not hold it",
        };

        if !self.warned.load(Relaxed) {
            self.warned.store(true, Relaxed);
            dev_warn!(
                self.queue.device().node(),
                "queue {}: packet came in {}; it is lost, as will others be without a word\n",
                self.queue.index(),
                how
            );
        }
    }
}

impl Poll for RxQueue {
    fn poll(&self, polling: &Polling<'_>, budget: usize) -> usize {
        let mut seen = Seen::default();
        let Some(mut inbox) = Inbox::open(self, budget) else {
            return 0;
        };
        let mut done: usize = 0;

        // BOUND: `done` goes up each turn.
        while done < budget {
            let Some(first) = inbox.first(budget.saturating_sub(done)) else {
                break;
            };

            done = done.saturating_add(1);
            match self.receive(polling, first, &mut inbox) {
                Ok(length) => {
                    seen.packets = seen.packets.wrapping_add(1);
                    seen.bytes = seen.bytes.wrapping_add(length);
                }
                Err(Loss::Length) => seen.length_errors = seen.length_errors.wrapping_add(1),
                Err(Loss::Frame) => seen.frame_errors = seen.frame_errors.wrapping_add(1),
                Err(Loss::Memory) => seen.no_memory = seen.no_memory.wrapping_add(1),
            }
        }
        self.count(&seen);
        if self.refill(polling, inbox.hands, &seen, done < budget) {
            // Try again.
            return budget;
        }
        done
    }

    fn goes_on(&self) {
        self.queue.lock().disable_callbacks();
    }
}

/// What a receive queue's interrupt does. It holds the reference that nobody who is polled may hold.
struct RxInterrupt(Arc<RxQueue>);

impl QueueHandler for RxInterrupt {
    /// While it is polled the device was asked for no interrupts, which is a wish (2.7.7.2).
    fn used(&self) -> bool {
        self.0.napi.schedule();
        true
    }

    /// What has come in is lost. The queue is closed.
    fn restart(&self, again: &Restart<'_>) -> Result {
        self.0.queue.restart(again, |_, piece| drop(piece))
    }

    fn queue(&self) -> &dyn AnyQueue {
        &self.0.queue
    }
}
