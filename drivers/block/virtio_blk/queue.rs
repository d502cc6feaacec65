// SPDX-License-Identifier: GPL-2.0

//! The data path: requests of the block layer go into a virtqueue, completions come out.

use crate::{
    disk::BlkDisk,
    limits::{
        Checked,
        OVERHEAD, //
    },
    ranges::{
        Ranges,
        DESCRIPTORS, //
    },
    request::FRONT_BYTES,
    zoned::Zoned, //
};
use kernel::{
    new_spinlock_irq,
    prelude::*,
    sync::{
        atomic::{
            ordering::Relaxed,
            Atomic,
            AtomicFlag, //
        },
        Arc,
        SpinLockIrq, //
    }, //
};
use kernel_ext::{
    block::{
        Done,
        Operation,
        Request,
        Status, //
    },
    dma::Direct,
    time, //
};
use virtio::{
    transport_feature,
    AnyQueue,
    Device,
    FeaturesOk,
    QueueHandler,
    Restart,
    Silent,
    Staging,
    Table,
    Tables,
    Virtqueue, //
};

mod completion;
mod order;
mod ranges;
mod submission;

pub(crate) use self::submission::Prepared;
use self::submission::{
    ends,
    rejected, //
};

/// The ring of a hardware queue, with the requests that are under way.
pub(crate) type BlkRing = Virtqueue<Request<BlkDisk>>;

/// What a request has for itself: header, status, indirect table.
type Place<'a> = Table<'a, FRONT_BYTES>;

/// A hardware queue of a disk. Its virtqueue owns the requests that are under way.
///
/// Locks: the virtqueue's is taken first, then that of `staging`.
#[pin_data]
pub(crate) struct BlkQueue {
    #[pin]
    queue: BlkRing,
    device: Arc<Device>,
    /// A place for each tag: header, status, indirect table.
    places: Tables<FRONT_BYTES>,
    /// Segments that have to be kept; only where they cannot go straight into a table.
    #[pin]
    staging: SpinLockIrq<Option<Staging>>,
    /// Segments go straight into a table.
    direct: Option<Direct>,
    indirect: bool,
    max_segment_size: u32,
    /// The limits of the commands that carry ranges.
    ranges: Ranges,
    /// What the zones are like, of a disk that has some.
    zoned: Option<Zoned>,
    /// A host that counts written bytes wrongly is believed.
    lenient_length: bool,
    /// There are no interrupts.
    polled: bool,
    /// How many completions there were; wraps.
    completions: Atomic<u32>,
    /// When the last one was, in ticks.
    last: Atomic<u64>,
    /// The block layer was told to wait for room. Changed under the virtqueue's lock.
    stopped: AtomicFlag,
    /// Requests to erase that the device has. Changed under the virtqueue's lock.
    erasing: Atomic<u32>,
    /// The log has a line about requests that came back wrong.
    warned: AtomicFlag,
}

/// What became of a request that is under way, in its notes.
pub(crate) struct Stage;

impl Stage {
    /// The device was given it. What is above says how often it was late, and waited for.
    pub(crate) const GIVEN: u32 = 0;
    /// It is lost, see [`patience`](crate::patience).
    pub(crate) const LOST: u32 = u32::MAX;
}

/// What the driver wants of a queue.
#[derive(Clone, Copy)]
pub(crate) struct Options {
    /// Requests under way.
    pub(crate) depth: u32,
    /// The limits of the commands that carry ranges.
    pub(crate) ranges: Ranges,
    /// What the zones are like, of a disk that has some.
    pub(crate) zoned: Option<Zoned>,
    /// A host that counts written bytes wrongly is believed.
    pub(crate) lenient_length: bool,
    /// It has no interrupts.
    pub(crate) polled: bool,
}

impl BlkQueue {
    /// Makes the queue on `queue`, which has room for what `checked` says.
    // A ring is moved here; not in the frame of `probe` as well.
    #[inline(never)]
    pub(crate) fn new(
        setup: &FeaturesOk,
        queue: impl PinInit<BlkRing, Error>,
        checked: &Checked,
        options: Options,
    ) -> Result<Arc<Self>> {
        let device = setup.device().clone();
        let indirect = setup.features().contains(transport_feature::INDIRECT_DESC);
        let direct = device.master().direct().filter(|_| indirect);
        let count = usize::try_from(options.depth)?;
        let table = if indirect {
            checked.max_segments.saturating_add(OVERHEAD)
        } else {
            0
        };
        let entries = match options.ranges.most() {
            0 => table,
            ranges => table.max(ranges.saturating_add(DESCRIPTORS)),
        };
        let places = Tables::new(&device, count, entries)?;
        let staging = if direct.is_none() {
            Some(Staging::new(device.master(), count, checked.max_segments)?)
        } else {
            None
        };

        Arc::pin_init(
            try_pin_init!(Self {
                queue <- queue,
                device,
                places,
                staging <- new_spinlock_irq!(staging, "rvirtio_blk_staging"),
                direct,
                indirect,
                max_segment_size: checked.max_segment_size,
                ranges: options.ranges,
                zoned: options.zoned,
                lenient_length: options.lenient_length,
                polled: options.polled,
                completions: Atomic::new(0),
                last: Atomic::new(time::ticks()),
                stopped: AtomicFlag::new(false),
                erasing: Atomic::new(0),
                warned: AtomicFlag::new(false),
            }),
            GFP_KERNEL,
        )
    }

    /// The virtqueue.
    pub(crate) fn ring(&self) -> &BlkRing {
        &self.queue
    }

    /// How many requests have come back so far. Wraps.
    pub(crate) fn completions(&self) -> u32 {
        self.completions.load(Relaxed)
    }

    /// Whether the device has something to erase.
    pub(crate) fn erases(&self) -> bool {
        self.erasing.load(Relaxed) != 0
    }

    /// Takes back what is used, without asking for interrupts, and says how many requests that were: no more than were
    /// under way.
    pub(crate) fn poll(&self, done: &mut Done<'_, BlkDisk>) -> u32 {
        let mut ring = self.queue.lock();
        let mut count = 0u32;

        // BOUND: Nothing is added meanwhile, and no buffer comes back twice.
        while let Some(completion) = ring.pop() {
            count = count.wrapping_add(1);
            self.complete(completion, done);
        }
        if count != 0 {
            self.last.store(time::ticks(), Relaxed);
        }
        count
    }

    /// How many milliseconds ago the last request came back.
    pub(crate) fn idle_ms(&self) -> u64 {
        time::ticks_to_ms(time::ticks().saturating_sub(self.last.load(Relaxed)))
    }

    /// Whether it has no interrupts.
    pub(crate) fn is_polled(&self) -> bool {
        self.polled
    }

    /// Takes back what is used, in case an interrupt was lost.
    pub(crate) fn look(&self) {
        if self.polled {
            self.poll(&mut Done::new());
        } else {
            self.used();
        }
    }

    /// Fails everything that is under way.
    pub(crate) fn fail_all(&self, silent: Silent<'_>) {
        // BOUND: Each turn takes out one of what was under way.
        while let Some(request) = self.queue.drain_one(silent) {
            self.release(request.tag());
            request.restart_stopped_queue();
            request.end(Status::IoError);
        }
        self.erasing.store(0, Relaxed);
    }
}

impl QueueHandler for BlkQueue {
    /// Takes back all that is used, and ends it without the lock.
    fn used(&self) -> bool {
        let mut done = Done::new();

        let any = self
            .queue
            .take_back(|(), completion| self.complete(completion, &mut done));

        if any {
            self.last.store(time::ticks(), Relaxed);
        }
        any
    }

    /// What was under way is submitted again. A device may have done it already, which does no harm: nothing
    /// that depends on it was told that it is done. What was lost, and lost again, ends.
    ///
    /// In zones there is order. An append ends, since it would be there twice. A write in sequence that was done already is
    /// refused: its zone goes on behind it. So it fails although it was done, as it may for whoever writes to zones, who asks
    /// where the zone is written next after any error. One that was not done would fail for nothing if it were not submitted
    /// again. To open, close, finish or reset a zone twice is to do it once: while that is under way nobody writes there who
    /// wants to keep it.
    fn restart(&self, again: &Restart<'_>) -> Result {
        // Those that end do so when this goes, without the ring's lock.
        let mut done = Done::new();

        self.stopped.store(false, Relaxed);
        self.erasing.store(0, Relaxed);
        self.queue.restart(again, |(), request| {
            self.release(request.tag());
            if matches!(request.operation(), Operation::ZoneAppend) {
                request.restart_stopped_queue();
                done.add_alone(request, Status::IoError);
            } else if request.notes().stage.load(Relaxed) != Stage::LOST {
                request.requeue();
            } else if request.is_repeated() {
                request.restart_stopped_queue();
                done.add_alone(request, Status::TimedOut);
            } else {
                request.repeat();
            }
        })?;
        if self.polled {
            self.queue.lock().disable_callbacks();
        }
        Ok(())
    }

    fn queue(&self) -> &dyn AnyQueue {
        &self.queue
    }
}
