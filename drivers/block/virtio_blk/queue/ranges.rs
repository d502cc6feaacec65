// SPDX-License-Identifier: GPL-2.0

//! Requests that carry ranges of sectors instead of data: discard, write zeroes, secure erase.
//!
//! The ranges stand in the request's place, behind the three descriptors that such a request has.

use super::{
    ends,
    rejected,
    BlkQueue,
    Place,
    Prepared, //
};
use crate::{
    disk::BlkDisk,
    ranges::DESCRIPTORS,
    request::{
        self,
        RANGE_BYTES, //
    }, //
};
use core::iter;
use kernel_ext::block::{
    Done,
    Extent,
    Operation,
    Rejected,
    Request,
    RequestView,
    Status,
    SECTOR_SIZE, //
};
use virtio::{
    Locked,
    Segment, //
};

impl BlkQueue {
    /// The ranges that a request is sent with. A discard may have more than the device takes in one
    /// request; what is over is submitted again, see [`Self::complete_ranges`].
    fn ranges<'a>(&self, request: &'a RequestView<BlkDisk>) -> impl Iterator<Item = Extent> + 'a {
        // Only discards that need not adjoin have several.
        let several = self.ranges.discard_ranges > 1 && request.operation() == Operation::Discard;
        let (one, many) = if several {
            (None, Some(request.extents()))
        } else {
            (Some(request.extent()), None)
        };

        many.into_iter()
            .flatten()
            .chain(one)
            .take(self.ranges.most().into())
    }

    /// Writes the ranges of a request that carries some, and its table, if it has one.
    #[inline(never)]
    pub(super) fn prepare_ranges(
        &self,
        request: &RequestView<BlkDisk>,
        place: Place<'_>,
    ) -> Result<Prepared, Status> {
        // Also where the device does not say that it can: some can all the same.
        let unmap = request.operation() == Operation::WriteZeroes { keep: false };
        let at = place.behind(DESCRIPTORS);
        let mut bytes = 0u32;

        for range in self.ranges(request) {
            let (low, high) = request::range(range.sector, range.sectors, unmap);

            // CAST: At most a page.
            place.write_pair(at.wrapping_add(bytes as usize), low, high);
            bytes = bytes.wrapping_add(RANGE_BYTES);
        }
        if !self.indirect {
            return Ok(Prepared::Ranges { bytes });
        }
        let (header, status) = ends(&place, false);

        place
            .describe(Iterator::chain(header, data(&place, bytes)), status)
            .map(Prepared::Erasing)
            .map_err(|_| Status::IoError)
    }

    /// Adds a request whose ranges, `bytes` long, are written.
    #[inline(never)]
    pub(super) fn add_ranges(
        &self,
        ring: &mut Locked<'_, Request<BlkDisk>>,
        request: Request<BlkDisk>,
        bytes: u32,
    ) -> Result<(), (Rejected, Request<BlkDisk>)> {
        let Some(place) = self.places.get(request.tag()) else {
            return Err((Rejected::Failed(Status::IoError), request));
        };
        let (header, status) = ends(&place, false);

        ring.add(
            Iterator::chain(header, data(&place, bytes)),
            status,
            request,
        )
        .map_err(rejected)
    }

    /// Ends a request that carried ranges: all of it, or as much as it was sent with.
    #[cold]
    pub(super) fn complete_ranges(
        &self,
        request: Request<BlkDisk>,
        status: Status,
        done: &mut Done<'_, BlkDisk>,
    ) {
        let sent = self.ranges.most();

        if status != Status::Ok
            || self.ranges.discard_ranges <= 1
            || request.segment_count() <= sent
        {
            return done.add_alone(request, status);
        }
        let sectors = self
            .ranges(&request)
            .fold(0u32, |sum, range| sum.wrapping_add(range.sectors));

        // Not more than the request's own bytes, which fit.
        done.add_part(request, sectors.wrapping_mul(SECTOR_SIZE));
    }
}

/// The ranges of a request as the device finds them.
fn data(place: &Place<'_>, bytes: u32) -> iter::Once<Segment> {
    iter::once(place.room(DESCRIPTORS, bytes))
}
