// SPDX-License-Identifier: GPL-2.0

//! Requests that carry ranges of sectors instead of data: discard, write zeroes, secure erase.
//!
//! The ranges stand in the request's place, behind the three descriptors that such a request has.

use super::{
    ends,
    table,
    BlkQueue, //
};
use crate::{
    ranges::DESCRIPTORS,
    request::{
        self,
        RANGE_BYTES, //
    }, //
};
use core::iter;
use kernel_ext::block::{
    Extent,
    HardwareQueue,
    Operation,
    Rejected,
    Request,
    Status,
    SECTOR_SIZE, //
};
use virtio::{
    Segment,
    Table, //
};

impl BlkQueue {
    /// The ranges that a request is sent with. A discard may have more than the device takes in one
    /// request; what is over is submitted again, see [`Self::complete_ranges`].
    fn ranges<'a>(&self, request: &'a Request<Self>) -> impl Iterator<Item = Extent> + 'a {
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

    /// Posts a request that carries ranges.
    #[inline(never)]
    pub(super) fn post_ranges(
        &self,
        queue: &HardwareQueue<'_>,
        request: Request<Self>,
        place: Table<'_>,
        last: bool,
    ) -> Result<(), (Rejected, Request<Self>)> {
        let unmap =
            request.operation() == Operation::WriteZeroes { keep: false } && self.ranges.unmap;
        let at = place.behind(DESCRIPTORS);
        let mut bytes = 0u32;

        for range in self.ranges(&request) {
            let (low, high) = request::range(range.sector, range.sectors, unmap);

            // CAST: At most a page.
            place.write_pair(at.wrapping_add(bytes as usize), low, high);
            bytes = bytes.wrapping_add(RANGE_BYTES);
        }

        let (header, status) = ends(&place);
        let data = iter::once(Segment {
            addr: place.address(at),
            len: bytes,
        });
        let mut ring = self.queue.lock();
        let readable = Iterator::chain(header, data);
        let added = if self.indirect {
            table(&mut ring, place.describe(readable, status), request)
        } else {
            ring.add(readable, status, request)
        };

        self.finish(queue, ring, added, last)
    }

    /// Ends a request that carried ranges: all of it, or as much as it was sent with.
    #[cold]
    pub(super) fn complete_ranges(&self, request: Request<Self>, status: Status) {
        let sent = self.ranges.most();

        if status != Status::Ok
            || self.ranges.discard_ranges <= 1
            || request.segment_count() <= sent
        {
            return request.complete(status);
        }
        let sectors = self
            .ranges(&request)
            .fold(0u32, |sum, range| sum.wrapping_add(range.sectors));

        // Not more than the request's own bytes, which fit.
        request.complete_part(sectors.wrapping_mul(SECTOR_SIZE));
    }
}
