// SPDX-License-Identifier: GPL-2.0

//! How a request comes to the device: its table is written without the lock, and added under it.

use super::{
    order::Order,
    BlkQueue,
    Place,
    Stage, //
};
use crate::{
    disk::BlkDisk,
    request::{
        self,
        APPENDED_AT,
        APPENDED_BYTES,
        HEADER_AT,
        HEADER_BYTES,
        STATUS_AT,
        STATUS_BYTES,
        UNWRITTEN, //
    }, //
};
use core::iter;
use kernel::{
    prelude::*,
    sync::atomic::ordering::Relaxed, //
};
use kernel_ext::{
    block::{
        Batch,
        HardwareQueue,
        Rejected,
        Request,
        RequestView,
        Status, //
    },
    dma::{
        Direction,
        Mapping, //
    }, //
};
use virtio::{
    AddError,
    IndirectTable,
    Locked,
    Segment,
    TableError, //
};

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
        let order = Order::of(request)?;
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
}

/// The first and the last segment of a request: header, and status with what stands before it.
#[inline]
pub(super) fn ends(
    place: &Place<'_>,
    is_append: bool,
) -> (iter::Once<Segment>, iter::Once<Segment>) {
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
pub(super) fn rejected(
    (error, request): (AddError, Request<BlkDisk>),
) -> (Rejected, Request<BlkDisk>) {
    let why = match error {
        AddError::Full => Rejected::QueueFull,
        _ => Rejected::Failed(Status::IoError),
    };

    (why, request)
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
