// SPDX-License-Identifier: GPL-2.0

//! The data path: requests of the block layer go into a virtqueue, completions come out.

use crate::{
    config,
    feature,
    limits::{
        Checked,
        OVERHEAD, //
    },
    patience::{
        Finding,
        Patience, //
    },
    ranges::{
        Ranges,
        DESCRIPTORS, //
    },
    request::{
        self,
        command,
        Outcome,
        FRONT_BYTES,
        HEADER_AT,
        HEADER_BYTES,
        STATUS_AT,
        STATUS_BYTES,
        UNWRITTEN, //
    }, //
};
use core::iter;
use kernel::{
    new_mutex,
    new_spinlock_irq,
    prelude::*,
    sync::{
        atomic::{
            ordering::Relaxed,
            Atomic,
            AtomicFlag, //
        },
        Arc,
        Mutex,
        SpinLockIrq, //
    },
    time::{
        Instant,
        Monotonic, //
    }, //
};
use kernel_ext::{
    block::{
        HardwareQueue,
        Operation,
        Operations,
        Rejected,
        Request,
        Status,
        TimerAction, //
    },
    dma::Direction, //
};
use virtio::{
    transport_feature,
    AddError,
    AnyQueue,
    Completion,
    Config,
    Device,
    FeaturesOk,
    IndirectTable,
    Locked,
    QueueHandler,
    Reason,
    Restart,
    Segment,
    Staging,
    Table,
    TableError,
    Tables,
    Virtqueue, //
};

mod ranges;

/// The request queue of a disk. Its virtqueue owns the requests that are under way.
///
/// Locks: the virtqueue's is taken first, then that of `staging`.
#[pin_data]
pub(crate) struct BlkQueue {
    #[pin]
    queue: Virtqueue<Request<Self>>,
    device: Arc<Device>,
    /// A place for each tag: header, status, indirect table.
    places: Tables,
    /// Segments that have to be kept; only where they cannot go straight into a table.
    #[pin]
    staging: SpinLockIrq<Option<Staging>>,
    staged: bool,
    indirect: bool,
    max_segment_size: u32,
    /// The limits of the commands that carry ranges.
    ranges: Ranges,
    /// A host that counts written bytes wrongly is believed.
    lenient_length: bool,
    /// When the queue was made: the zero of its clock.
    made: Instant<Monotonic>,
    /// How many completions there were; wraps.
    completions: Atomic<u32>,
    /// What a request that is late has seen.
    #[pin]
    patience: SpinLockIrq<Patience>,
    /// The block layer was told to wait for room. Changed under the virtqueue's lock.
    stopped: AtomicFlag,
    /// The log has a line about requests that came back wrong.
    warned: AtomicFlag,
    /// The cache is on, and is flushed.
    pub(crate) write_cache: AtomicFlag,
    /// Held while that is asked of the device. No memory is waited for meanwhile.
    #[pin]
    choosing: Mutex<()>,
}

/// What the driver wants of the queue.
#[derive(Clone, Copy)]
pub(crate) struct Options {
    /// Requests under way.
    pub(crate) depth: u32,
    /// The limits of the commands that carry ranges.
    pub(crate) ranges: Ranges,
    /// There is a cache that needs flushing.
    pub(crate) write_cache: bool,
    /// A host that counts written bytes wrongly is believed.
    pub(crate) lenient_length: bool,
}

/// What goes to the device for a request.
#[derive(Clone, Copy)]
struct Order {
    command: u32,
    sector: u64,
    /// Which way the data goes; none has no data.
    data: Option<Direction>,
    /// It carries ranges of sectors instead.
    has_ranges: bool,
}

impl BlkQueue {
    /// Makes the queue on `queue`, which has room for what `checked` says.
    // A ring is moved here; not in the frame of `probe` as well.
    #[inline(never)]
    pub(crate) fn new(
        setup: &FeaturesOk,
        queue: impl PinInit<Virtqueue<Request<Self>>, Error>,
        checked: &Checked,
        options: Options,
    ) -> Result<Arc<Self>> {
        let device = setup.device().clone();
        let indirect = setup.features().contains(transport_feature::INDIRECT_DESC);
        let staged = !indirect || device.master().is_translated();
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
        let places = Tables::new(&device, count, FRONT_BYTES, entries)?;
        let staging = if staged {
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
                staged,
                indirect,
                max_segment_size: checked.max_segment_size,
                ranges: options.ranges,
                lenient_length: options.lenient_length,
                made: Instant::now(),
                completions: Atomic::new(0),
                patience <- new_spinlock_irq!(Patience::new(), "rvirtio_blk_patience"),
                stopped: AtomicFlag::new(false),
                warned: AtomicFlag::new(false),
                write_cache: AtomicFlag::new(options.write_cache),
                choosing <- new_mutex!(()),
            }),
            GFP_KERNEL,
        )
    }

    /// The virtqueue.
    pub(crate) fn virtqueue(&self) -> &Virtqueue<Request<Self>> {
        &self.queue
    }

    /// Has the cache turned on or off by `ask`, which says what came of it.
    pub(crate) fn choose_cache(&self, ask: impl FnOnce() -> Result<bool>) -> Result<bool> {
        let _choosing = self.choosing.lock();
        let on = ask()?;

        self.write_cache.store(on, Relaxed);
        Ok(on)
    }

    /// Tells a device that was reset whether its cache is on, if that can be chosen: the block layer sends no
    /// flushes where it is off.
    ///
    /// # Errors
    ///
    /// `EIO` when it does not turn it off.
    pub(crate) fn replay_cache(&self, config: &Config<'_>) -> Result {
        let _choosing = self.choosing.lock();
        let on = self.write_cache.load(Relaxed);

        if !self
            .device
            .features()
            .contains(feature::CONFIG_WCE | feature::FLUSH)
        {
            return Ok(());
        }
        if config::set_write_cache(config, on)? && !on {
            dev_err!(
                self.device.node(),
                "device turns its cache on by itself after a reset\n"
            );
            return Err(EIO);
        }
        Ok(())
    }

    /// The device behind the queue.
    pub(crate) fn device(&self) -> &Arc<Device> {
        &self.device
    }

    /// What a request asks of the device.
    #[inline]
    fn order(request: &Request<Self>) -> Result<Order, Status> {
        let (command, data) = match request.operation() {
            Operation::Read => (command::IN, Some(Direction::FromDevice)),
            Operation::Write => (command::OUT, Some(Direction::ToDevice)),
            Operation::Flush => (command::FLUSH, None),
            Operation::DriverRead => (command::GET_ID, Some(Direction::FromDevice)),
            Operation::Discard => (command::DISCARD, None),
            Operation::WriteZeroes { .. } => (command::WRITE_ZEROES, None),
            Operation::SecureErase => (command::SECURE_ERASE, None),
            Operation::Other(_) => return Err(Status::NotSupported),
        };
        let sector = match command {
            command::IN | command::OUT => request.sector(),
            _ => 0,
        };

        Ok(Order {
            command,
            sector,
            data,
            has_ranges: command::has_ranges(command),
        })
    }

    /// Writes header and preset status into the request's place.
    #[inline]
    fn prepare(&self, request: &Request<Self>, order: Order) -> Option<Table<'_>> {
        let place = self.places.get(request.tag())?;
        let (low, high) = request::header(order.command, request.io_priority(), order.sector);

        place.write_pair(HEADER_AT, low, high);
        place.write8(STATUS_AT, UNWRITTEN);
        Some(place)
    }

    /// The segments of a request, guest-physical.
    #[inline]
    fn segments<'a>(&self, request: &'a Request<Self>) -> impl Iterator<Item = Segment> + 'a {
        request
            .segments(self.max_segment_size)
            .map(|segment| Segment {
                addr: segment.phys,
                len: segment.length,
            })
    }

    /// Posts a request whose segments go straight into its table, without the lock until the end.
    #[inline]
    fn post_straight(
        &self,
        queue: &HardwareQueue<'_>,
        request: Request<Self>,
        order: Order,
        place: Table<'_>,
        last: bool,
    ) -> Result<(), (Rejected, Request<Self>)> {
        let (header, status) = ends(&place);
        let data = self.segments(&request);
        let table = match order.data {
            Some(Direction::ToDevice) => place.describe(Iterator::chain(header, data), status),
            _ => place.describe(header, Iterator::chain(data, status)),
        };
        let Ok(table) = table else {
            return Err((Rejected::Failed(Status::IoError), request));
        };
        let mut ring = self.queue.lock();
        let added = ring.add_indirect(table, request);

        self.finish(queue, ring, added, last)
    }

    /// Posts a request whose segments are kept in `staging`.
    #[inline(never)]
    fn post_staged(
        &self,
        queue: &HardwareQueue<'_>,
        request: Request<Self>,
        order: Order,
        place: Table<'_>,
        last: bool,
    ) -> Result<(), (Rejected, Request<Self>)> {
        let (header, status) = ends(&place);
        let mut ring = self.queue.lock();
        let mut staging = self.staging.lock();
        let Some(staging) = &mut *staging else {
            return Err((Rejected::Failed(Status::IoError), request));
        };
        let tag = request.tag();
        let direction = order.data.unwrap_or(Direction::ToDevice);
        let data = match staging.fill(tag, self.segments(&request), direction) {
            Ok(data) => data.iter().copied(),
            Err(error) if error == ENOMEM => return Err((Rejected::Resource, request)),
            Err(_) => return Err((Rejected::Failed(Status::IoError), request)),
        };
        let added = match (self.indirect, direction) {
            (true, Direction::ToDevice) => table(
                &mut ring,
                place.describe(Iterator::chain(header, data), status),
                request,
            ),
            (true, Direction::FromDevice) => table(
                &mut ring,
                place.describe(header, Iterator::chain(data, status)),
                request,
            ),
            (false, Direction::ToDevice) => {
                ring.add(Iterator::chain(header, data), status, request)
            }
            (false, Direction::FromDevice) => {
                ring.add(header, Iterator::chain(data, status), request)
            }
        };

        if added.is_err() {
            staging.release(tag);
        }
        self.finish(queue, ring, added, last)
    }

    /// Tells the device if it is time, and the block layer how it went.
    #[inline]
    fn finish(
        &self,
        queue: &HardwareQueue<'_>,
        mut ring: Locked<'_, Request<Self>>,
        added: Result<(), (AddError, Request<Self>)>,
        last: bool,
    ) -> Result<(), (Rejected, Request<Self>)> {
        let result = match added {
            Ok(()) => Ok(()),
            Err((AddError::Full, request)) => {
                // Under the ring's lock: the completion that makes room comes after this.
                self.stopped.store(true, Relaxed);
                queue.stop();
                Err((Rejected::QueueFull, request))
            }
            Err((_, request)) => Err((Rejected::Failed(Status::IoError), request)),
        };
        // When a request is refused, those before it have to be shown.
        let kick = (last || result.is_err()) && ring.commit();

        drop(ring);
        if kick {
            self.queue.notify();
        }
        result
    }

    /// Ends a request that the device gave back.
    #[inline]
    fn complete(&self, completion: Completion<Request<Self>>) {
        // Under the ring's lock, so nothing is lost.
        self.completions
            .store(self.completions.load(Relaxed).wrapping_add(1), Relaxed);

        let written = completion.written();
        let request = completion.into_token();
        let tag = request.tag();
        let operation = request.operation();
        let data = match operation {
            Operation::Read if !self.lenient_length => request.bytes(),
            _ => 0,
        };
        let outcome = match self.places.get(tag) {
            Some(place) => place
                .read8(STATUS_AT)
                .validate(|status| Ok::<_, ()>(request::judge(status, written, data)))
                .unwrap_or(Outcome::NoStatus),
            None => Outcome::NoStatus,
        };

        self.release(tag);
        if self.stopped.load(Relaxed) {
            self.stopped.store(false, Relaxed);
            request.restart_stopped_queues();
        }
        let status = match outcome {
            Outcome::Ok => Status::Ok,
            Outcome::Unsupported => Status::NotSupported,
            Outcome::Failed => Status::IoError,
            Outcome::NoStatus | Outcome::Short => self.misbehaved(outcome),
        };

        if operation == Operation::Discard {
            self.complete_ranges(request, status);
        } else {
            request.complete(status);
        }
    }

    /// The device said that a request is done, which it is not.
    #[cold]
    fn misbehaved(&self, outcome: Outcome) -> Status {
        if !self.warned.load(Relaxed) {
            self.warned.store(true, Relaxed);
            let how = match outcome {
                Outcome::Short => "with less data than it asked for",
                _ => "without a valid status",
            };

            dev_warn!(
                self.device.node(),
                "queue {}: request came back {}; it fails, as will others without a word\n",
                self.queue.index(),
                how
            );
        }
        Status::IoError
    }

    /// Gives the mappings of a request back.
    #[inline]
    fn release(&self, tag: usize) {
        if self.staged {
            if let Some(staging) = &mut *self.staging.lock() {
                staging.release(tag);
            }
        }
    }

    /// Fails everything that is under way. The device has been reset.
    pub(crate) fn fail_all(&self) {
        // BOUND: Each turn takes out one of what was under way.
        while let Some(request) = self.queue.drain_one() {
            self.release(request.tag());
            request.restart_stopped_queues();
            request.end(Status::IoError);
        }
    }
}

/// The first and the last segment of a request: header and status.
#[inline]
fn ends(place: &Table<'_>) -> (iter::Once<Segment>, iter::Once<Segment>) {
    (
        iter::once(Segment {
            addr: place.address(HEADER_AT),
            len: HEADER_BYTES,
        }),
        iter::once(Segment {
            addr: place.address(STATUS_AT),
            len: STATUS_BYTES,
        }),
    )
}

/// Adds a request with its table, if that could be written.
#[inline]
fn table(
    ring: &mut Locked<'_, Request<BlkQueue>>,
    table: Result<IndirectTable, TableError>,
    request: Request<BlkQueue>,
) -> Result<(), (AddError, Request<BlkQueue>)> {
    match table {
        Ok(table) => ring.add_indirect(table, request),
        Err(_) => Err((AddError::TooLong, request)),
    }
}

impl Operations for BlkQueue {
    #[inline]
    fn queue_rq(
        &self,
        queue: &HardwareQueue<'_>,
        request: Request<Self>,
        last: bool,
    ) -> Result<(), (Rejected, Request<Self>)> {
        let order = match Self::order(&request) {
            Ok(order) => order,
            Err(status) => return Err((Rejected::Failed(status), request)),
        };
        let Some(place) = self.prepare(&request, order) else {
            return Err((Rejected::Failed(Status::IoError), request));
        };

        if order.has_ranges {
            self.post_ranges(queue, request, place, last)
        } else if self.staged {
            self.post_staged(queue, request, order, place, last)
        } else {
            self.post_straight(queue, request, order, place, last)
        }
    }

    fn commit(&self, _queue: &HardwareQueue<'_>) {
        let kick = self.queue.lock().commit();

        if kick {
            self.queue.notify();
        }
    }

    /// A request is late, see [`Patience`].
    fn timeout(&self) -> TimerAction {
        // What is waiting to be taken back is taken back.
        self.used();

        if !self.device.is_live() {
            // It is being reset, and what is late will be submitted again.
            return TimerAction::Restart;
        }
        self.device.look_after();

        let completions = self.completions.load(Relaxed);
        let now = self.made.elapsed().as_millis().unsigned_abs();
        let finding = self.patience.lock().look(completions, now);
        let index = self.queue.index();

        match finding {
            Finding::Progress | Finding::Waiting => {}
            Finding::Stalled => {
                dev_warn!(
                    self.device.node(),
                    "queue {}: the device answers no request\n",
                    index
                );
            }
            Finding::GiveUp => self.device.break_device(Reason::TimedOut { index }),
        }
        TimerAction::Restart
    }
}

impl QueueHandler for BlkQueue {
    /// Takes back all that is used. The lock is held all the while, so nothing is added meanwhile
    /// and the work is bounded by what was under way.
    fn used(&self) -> bool {
        let mut ring = self.queue.lock();
        let mut any = false;

        // Each round takes back at least one of what was under way; a device that says otherwise
        // is not waited for.
        for _ in 0..=self.queue.size() {
            ring.disable_callbacks();
            // BOUND: Nothing is added meanwhile, and no buffer comes back twice.
            while let Some(completion) = ring.pop() {
                any = true;
                self.complete(completion);
            }
            if ring.is_broken() || !ring.enable_callbacks() {
                break;
            }
        }
        any
    }

    /// What was under way is submitted again. A device may have done it already, which does no harm: nothing
    /// that depends on it was told that it is done.
    fn restart(&self, again: &Restart<'_>) -> Result {
        self.stopped.store(false, Relaxed);
        self.queue.restart(again, |(), request| {
            self.release(request.tag());
            request.requeue();
        })
    }

    fn queue(&self) -> Option<&dyn AnyQueue> {
        Some(&self.queue)
    }
}
