// SPDX-License-Identifier: GPL-2.0

//! What becomes of a request that the device gave back.

use super::{
    BlkQueue,
    Place, //
};
use crate::{
    disk::BlkDisk,
    request::{
        self,
        Outcome,
        APPENDED_AT,
        APPENDED_STATUS_AT,
        STATUS_AT, //
    },
    zones, //
};
use kernel::{
    prelude::*,
    sync::atomic::ordering::Relaxed, //
};
use kernel_ext::block::{
    Done,
    Operation,
    Request,
    Status, //
};
use virtio::Completion;

impl BlkQueue {
    /// Judges a request that the device gave back. Under the ring's lock.
    #[inline]
    pub(super) fn complete(
        &self,
        completion: Completion<Request<BlkDisk>>,
        done: &mut Done<'_, BlkDisk>,
    ) {
        // Under the ring's lock, so nothing is lost.
        self.completions
            .store(self.completions.load(Relaxed).wrapping_add(1), Relaxed);

        let written = completion.written();
        let mut request = completion.into_token();
        let tag = request.tag();
        let operation = request.operation();
        let data = match operation {
            Operation::Read if !self.lenient_length => request.bytes(),
            Operation::Discard | Operation::WriteZeroes { .. } | Operation::SecureErase => {
                self.erasing
                    .store(self.erasing.load(Relaxed).saturating_sub(1), Relaxed);
                0
            }
            _ => 0,
        };
        let is_append = matches!(operation, Operation::ZoneAppend);
        let at = if is_append {
            APPENDED_STATUS_AT
        } else {
            STATUS_AT
        };
        let outcome = match self.places.get(tag) {
            Some(place) => match place
                .read8(at)
                .validate(|status| Ok::<_, ()>(request::judge(status, written, data)))
                .unwrap_or(Outcome::NoStatus)
            {
                Outcome::Ok if is_append => self.appended(&mut request, &place),
                outcome => outcome,
            },
            None => Outcome::NoStatus,
        };

        self.release(tag);
        let makes_room = self.stopped.load(Relaxed);

        if makes_room {
            self.stopped.store(false, Relaxed);
            request.restart_stopped_queue();
        }
        let status = match outcome {
            Outcome::Ok => Status::Ok,
            Outcome::Unsupported => Status::NotSupported,
            Outcome::Failed => Status::IoError,
            Outcome::ZonesOpen => Status::ZoneOpenResource,
            Outcome::ZonesActive => Status::ZoneActiveResource,
            Outcome::NoStatus | Outcome::Short => self.misbehaved(outcome),
        };

        if matches!(operation, Operation::Discard) {
            self.complete_ranges(request, status, done);
        } else if makes_room {
            done.add_alone(request, status);
        } else {
            done.add(request, status);
        }
    }

    /// Takes over where an append has gone.
    #[cold]
    fn appended(&self, request: &mut Request<BlkDisk>, place: &Place<'_>) -> Outcome {
        let Some(zoned) = &self.zoned else {
            return Outcome::NoStatus;
        };
        let wanted = request.extent();
        let sector = place.read64(APPENDED_AT).validate(|sector| {
            zones::appended(
                sector,
                wanted.sector,
                zoned.zones.zone_sectors,
                wanted.sectors,
            )
            .ok_or(())
        });

        match sector {
            Ok(sector) => {
                request.set_sector(sector);
                Outcome::Ok
            }
            Err(()) => Outcome::NoStatus,
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
    pub(super) fn release(&self, tag: usize) {
        if self.direct.is_none() {
            if let Some(staging) = &mut *self.staging.lock() {
                staging.release(tag);
            }
        }
    }
}
