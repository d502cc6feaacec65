// SPDX-License-Identifier: GPL-2.0

//! Where packets stand that are not one descriptor: places in the queue's memory.

use super::MAX_SEGMENTS;
use kernel::prelude::*;
use kernel_ext::dma::{
    Direct,
    Master, //
};
use virtio::Staging;

/// Places that are free, and what becomes of a packet's segments. Behind the queue's lock.
pub(super) struct Places {
    free: KVec<u16>,
    pub(super) way: Way,
}

/// What becomes of a packet's segments.
pub(super) enum Way {
    /// They go straight into a table.
    Straight(Direct),
    /// They have to be kept, a row for each place: to be mapped, or for lack of tables.
    Staged(Staging),
}

impl Places {
    /// `size` places, all of them free.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(super) fn new(master: &Master, size: u16, indirect: bool) -> Result<Self> {
        let mut free = KVec::with_capacity(size.into(), GFP_KERNEL)?;

        for place in 0..size {
            free.push(place, GFP_KERNEL)?;
        }
        let way = match master.direct() {
            Some(direct) if indirect => Way::Straight(direct),
            _ => Way::Staged(Staging::new(master, size.into(), MAX_SEGMENTS)?),
        };

        Ok(Self { free, way })
    }

    /// A free place, if there is one.
    pub(super) fn take(&mut self) -> Option<u16> {
        self.free.pop()
    }

    /// Gives `place` back, and what is mapped for it.
    #[inline]
    pub(super) fn release(&mut self, place: u16) {
        if let Way::Staged(staging) = &mut self.way {
            staging.release(place.into());
        }
        // There is room: there are no more places than the vector holds.
        let _ = self.free.push_within_capacity(place);
    }
}
