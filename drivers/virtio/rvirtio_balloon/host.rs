// SPDX-License-Identifier: GPL-2.0

//! The host, as far as pages of the balloon are concerned.

use crate::{
    notice::NoticeQueue,
    places::Purpose, //
};
use core::iter;
use kernel::{
    prelude::*,
    sync::Arc,
    time::{
        Instant,
        Monotonic, //
    }, //
};
use kernel_ext::balloon::Migrate;
use virtio::{
    Silent,
    Timeout, //
};

/// Milliseconds that are left for the second notice however long the first took.
const LEAST_MS: u32 = 100;

/// The two queues on which the host hears of pages.
pub(crate) struct Host {
    /// Pages that go into the balloon.
    pub(crate) inflate: Arc<NoticeQueue>,
    /// Pages that come out of it.
    pub(crate) deflate: Arc<NoticeQueue>,
}

impl Host {
    /// After a reset: it may be told of pages again.
    pub(crate) fn begin(&self) {
        self.inflate.begin();
        self.deflate.begin();
    }

    /// Lets all who wait for the host go on.
    pub(crate) fn close(&self, silent: Silent<'_>) {
        self.inflate.close(silent);
        self.deflate.close(silent);
    }
}

impl Migrate for Host {
    /// The new page goes in before the old one comes out, so that the host never has less than it
    /// was promised. Both have [`Timeout::Balloon`] together.
    fn migrate(&self, new: u64, old: u64) -> Result {
        // Both at once, or the page is tried again later.
        let mut inflate = self.inflate.take(Purpose::Migration).ok_or(EAGAIN)?;
        let mut deflate = self.deflate.take(Purpose::Migration).ok_or(EAGAIN)?;

        inflate.write(iter::once(new));
        deflate.write(iter::once(old));
        // If either fails, the device was reset and has forgotten both. The old page stays in the
        // balloon as others do, the new one is the guest's again.
        let begun = Instant::<Monotonic>::now();

        if inflate.send().is_none() {
            return Err(EAGAIN);
        }
        let took = u32::try_from(begun.elapsed().as_millis()).unwrap_or(u32::MAX);
        let left = Timeout::Balloon.ms().saturating_sub(took).max(LEAST_MS);

        if deflate.insist(left).is_none() {
            return Err(EAGAIN);
        }
        Ok(())
    }
}
