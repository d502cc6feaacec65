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
    request::{
        self,
        command,
        APPENDED_AT,
        APPENDED_BYTES,
        FRONT_BYTES,
        HEADER_AT,
        HEADER_BYTES,
        STATUS_AT,
        STATUS_BYTES,
        UNWRITTEN, //
    },
    zoned::Zoned, //
};
use core::iter;
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
        Batch,
        Done,
        HardwareQueue,
        Operation,
        Rejected,
        Request,
        RequestView,
        Status,
        ZoneAction, //
    },
    dma::{
        Direct,
        Direction,
        Mapping, //
    },
    time, //
};
use virtio::{
    transport_feature,
    AddError,
    AnyQueue,
    Device,
    FeaturesOk,
    IndirectTable,
    Locked,
    QueueHandler,
    Restart,
    Segment,
    Silent,
    Staging,
    Table,
    TableError,
    Tables,
    Virtqueue, //
};

mod completion;
mod ranges;

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

/// What goes to the device for a request.
#[derive(Clone, Copy)]
pub(crate) struct Order {
    command: u32,
    sector: u64,
    /// Which way the data goes; none has no data.
    data: Option<Direction>,
    /// It carries ranges of sectors instead.
    has_ranges: bool,
    /// Where the data go is a part of the answer.
    is_append: bool,
}

/// A request that is ready to be added.
#[derive(Clone, Copy)]
pub(crate) enum Prepared {
    /// Its table is written.
    Straight(IndirectTable),
    /// The same, and it erases.
    Erasing(IndirectTable),
    /// Its segments are mapped, and kept, when it is added.
    Staged(Order),
    /// Its ranges are written; it has no table.
    Ranges {
        /// The length of all of them.
        bytes: u32,
    },
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

    /// What a request asks of the device.
    #[inline]
    fn order(request: &RequestView<BlkDisk>) -> Result<Order, Status> {
        let operation = request.operation();
        let (command, data) = match operation {
            Operation::Read => (command::IN, Some(Direction::FromDevice)),
            Operation::Write => (command::OUT, Some(Direction::ToDevice)),
            Operation::Flush => (command::FLUSH, None),
            Operation::DriverRead { command, .. } => (command, Some(Direction::FromDevice)),
            Operation::Discard => (command::DISCARD, None),
            Operation::WriteZeroes { .. } => (command::WRITE_ZEROES, None),
            Operation::SecureErase => (command::SECURE_ERASE, None),
            Operation::Zone(action) => (zone_command(action), None),
            Operation::ZoneAppend => (command::ZONE_APPEND, Some(Direction::ToDevice)),
            Operation::Other(_) => return Err(Status::NotSupported),
        };
        let sector = match operation {
            Operation::Read | Operation::Write | Operation::ZoneAppend => request.sector(),
            Operation::DriverRead { sector, .. } => sector,
            Operation::Zone(ZoneAction::ResetAll) => 0,
            Operation::Zone(_) => request.sector(),
            _ => 0,
        };

        Ok(Order {
            command,
            sector,
            data,
            has_ranges: command::has_ranges(command),
            is_append: command == command::ZONE_APPEND,
        })
    }

    /// Writes header and preset status into the request's place.
    #[inline]
    fn head(&self, request: &RequestView<BlkDisk>, order: Order) -> Option<Place<'_>> {
        let place = self.places.get(request.tag())?;
        let (low, high) = request::header(order.command, request.io_priority(), order.sector);

        place.write_pair(HEADER_AT, low, high);
        if order.is_append {
            place.write_pair(APPENDED_AT, u64::MAX, UNWRITTEN.into());
        } else {
            place.write8(STATUS_AT, UNWRITTEN);
        }
        Some(place)
    }

    /// Does what can be done for a request without the lock.
    #[inline]
    pub(crate) fn prepare(&self, request: &RequestView<BlkDisk>) -> Result<Prepared, Status> {
        let order = Self::order(request)?;
        let place = self.head(request, order).ok_or(Status::IoError)?;

        if order.has_ranges {
            return self.prepare_ranges(request, place);
        }
        let Some(direct) = self.direct else {
            return Ok(Prepared::Staged(order));
        };
        let (header, status) = ends(&place, order.is_append);
        let data = request
            .segments(self.max_segment_size)
            .map(move |run| direct.segment(run));
        let table = match order.data {
            Some(Direction::ToDevice) => place.describe(Iterator::chain(header, data), status),
            _ => place.describe(header, Iterator::chain(data, status)),
        };

        table.map(Prepared::Straight).map_err(|_| Status::IoError)
    }

    /// Adds a request that is prepared.
    #[inline]
    fn add(
        &self,
        ring: &mut Locked<'_, Request<BlkDisk>>,
        request: Request<BlkDisk>,
        prepared: Prepared,
    ) -> Result<(), (Rejected, Request<BlkDisk>)> {
        let notes = request.notes();

        notes.stage.store(Stage::GIVEN, Relaxed);
        notes.given.store(self.completions(), Relaxed);
        match prepared {
            Prepared::Straight(table) => ring.add_indirect(table, request).map_err(rejected),
            Prepared::Staged(order) => self.add_staged(ring, request, order),
            Prepared::Erasing(table) => {
                ring.add_indirect(table, request).map_err(rejected)?;
                self.begins_to_erase();
                Ok(())
            }
            Prepared::Ranges { bytes } => {
                self.add_ranges(ring, request, bytes)?;
                self.begins_to_erase();
                Ok(())
            }
        }
    }

    /// Counts a request that erases. Under the ring's lock, as all changes of that.
    #[cold]
    fn begins_to_erase(&self) {
        self.erasing
            .store(self.erasing.load(Relaxed).saturating_add(1), Relaxed);
    }

    /// Whether the device has something to erase.
    pub(crate) fn erases(&self) -> bool {
        self.erasing.load(Relaxed) != 0
    }

    /// Adds a request whose segments are kept in `staging`.
    #[inline(never)]
    fn add_staged(
        &self,
        ring: &mut Locked<'_, Request<BlkDisk>>,
        request: Request<BlkDisk>,
        order: Order,
    ) -> Result<(), (Rejected, Request<BlkDisk>)> {
        let tag = request.tag();
        let mut staging = self.staging.lock();
        let (Some(staging), Some(place)) = (&mut *staging, self.places.get(tag)) else {
            return Err((Rejected::Failed(Status::IoError), request));
        };
        let (header, status) = ends(&place, order.is_append);
        let direction = order.data.unwrap_or(Direction::ToDevice);
        let runs = request.segments(self.max_segment_size);
        let data = match staging.fill(tag, runs, direction) {
            Ok(data) => data.iter().map(Mapping::segment),
            Err(error) if error == ENOMEM => return Err((Rejected::Resource, request)),
            Err(_) => return Err((Rejected::Failed(Status::IoError), request)),
        };
        let added = match (self.indirect, direction) {
            (true, Direction::ToDevice) => table(
                ring,
                place.describe(Iterator::chain(header, data), status),
                request,
            ),
            (true, Direction::FromDevice) => table(
                ring,
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
        added.map_err(rejected)
    }

    /// Takes a request, see [`Operations::queue_rq`](kernel_ext::block::Operations::queue_rq).
    #[inline]
    pub(crate) fn submit(
        &self,
        queue: &HardwareQueue<'_, BlkDisk>,
        request: Request<BlkDisk>,
        last: bool,
    ) -> Result<(), (Rejected, Request<BlkDisk>)> {
        let prepared = match self.prepare(&request) {
            Ok(prepared) => prepared,
            Err(status) => return Err((Rejected::Failed(status), request)),
        };
        let mut ring = self.queue.lock();
        let result = self.add(&mut ring, request, prepared);

        if matches!(result, Err((Rejected::QueueFull, _))) {
            // Under the ring's lock: the completion that makes room comes after this.
            self.stopped.store(true, Relaxed);
            queue.stop();
        }
        // When a request is refused, those before it have to be shown.
        let kick = (last || result.is_err()) && ring.commit();

        drop(ring);
        if kick {
            self.queue.notify();
        }
        result
    }

    /// Takes several requests at once.
    #[inline]
    pub(crate) fn submit_batch(&self, batch: &mut Batch<'_, BlkDisk>) {
        batch.prepare(|request| self.prepare(request));

        let mut ring = self.queue.lock();

        // BOUND: Those that the block layer handed over.
        while let Some((request, prepared)) = batch.take() {
            if let Err((_, request)) = self.add(&mut ring, request, prepared) {
                // It comes back by itself, and is told then what is wrong.
                request.requeue();
            }
        }
        let kick = ring.commit();

        drop(ring);
        if kick {
            self.queue.notify();
        }
    }

    /// Shows the device what was taken so far.
    pub(crate) fn commit(&self) {
        let kick = self.queue.lock().commit();

        if kick {
            self.queue.notify();
        }
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

/// The first and the last segment of a request: header, and status with what stands before it.
#[inline]
fn ends(place: &Place<'_>, is_append: bool) -> (iter::Once<Segment>, iter::Once<Segment>) {
    let status = if is_append {
        place.front::<APPENDED_AT, APPENDED_BYTES>()
    } else {
        place.front::<STATUS_AT, STATUS_BYTES>()
    };

    (
        iter::once(place.front::<HEADER_AT, HEADER_BYTES>()),
        iter::once(status),
    )
}

/// What the block layer is told of a request that could not be added.
#[inline]
fn rejected((error, request): (AddError, Request<BlkDisk>)) -> (Rejected, Request<BlkDisk>) {
    let why = match error {
        AddError::Full => Rejected::QueueFull,
        _ => Rejected::Failed(Status::IoError),
    };

    (why, request)
}

fn zone_command(action: ZoneAction) -> u32 {
    match action {
        ZoneAction::Open => command::ZONE_OPEN,
        ZoneAction::Close => command::ZONE_CLOSE,
        ZoneAction::Finish => command::ZONE_FINISH,
        ZoneAction::Reset => command::ZONE_RESET,
        ZoneAction::ResetAll => command::ZONE_RESET_ALL,
    }
}

/// Adds a request with its table, if that could be written.
#[inline]
fn table(
    ring: &mut Locked<'_, Request<BlkDisk>>,
    table: Result<IndirectTable, TableError>,
    request: Request<BlkDisk>,
) -> Result<(), (AddError, Request<BlkDisk>)> {
    match table {
        Ok(table) => ring.add_indirect(table, request),
        Err(_) => Err((AddError::TooLong, request)),
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
