// SPDX-License-Identifier: GPL-2.0

//! A queue that goes on after its device was reset (virtio 1.4, 2.1.1 and 2.4).

use crate::{
    any_queue::Core,
    device::Device,
    queue::{
        QueueLock,
        Virtqueue, //
    },
    transport::{
        Notifier,
        QueueSetup, //
    }, //
};
use kernel::prelude::*;
use vring::Violation;

/// A device that was reset and has accepted its features again. Its queues are given to it before it
/// works: [`QueueHandler::restart`](crate::QueueHandler::restart).
pub struct Restart<'a>(&'a Device);

impl<'a> Restart<'a> {
    pub(crate) fn new(device: &'a Device) -> Self {
        Self(device)
    }

    /// Enables a queue, which the device has to notify, and to be notified of, as before.
    fn enable(&self, queue: &QueueSetup, notifier: &Notifier) -> Result {
        let device = self.0;
        let transport = device.transport();
        let complain = |what: &str| {
            dev_err!(
                device.node(),
                "queue {}: {} after a reset\n",
                queue.index,
                what
            );
        };
        let opened = transport
            .open_queue(queue.index, device.features())
            .inspect_err(|_| complain("cannot be opened"))?;

        opened
            .max_size
            .at_least(queue.size)
            .ok_or(EINVAL)
            .inspect_err(|_| complain("is smaller"))?;
        if opened.notifier != *notifier {
            complain("is notified elsewhere");
            return Err(EINVAL);
        }
        transport
            .restart_queue(queue)
            .inspect_err(|_| complain("cannot be enabled"))
    }
}

impl<T: Send + Unpin, L: QueueLock, D: Send + Unpin> Virtqueue<T, L, D> {
    /// Gives the queue to the device again, empty, with as many entries as it had. Buffers that were under
    /// way go to `back` before, under the queue's lock; the device has forgotten them. Callbacks are
    /// enabled. Buffers may be posted when the device works: from [`Driver::resume`](crate::Driver::resume) on.
    ///
    /// Process context. Does not wait for memory.
    ///
    /// # Errors
    ///
    /// `ENOENT`, `EINVAL` or `EBUSY` when the device does not have the queue as it was, which leaves a line in
    /// the log; `EINVAL` when it is another device's.
    pub fn restart(&self, again: &Restart<'_>, mut back: impl FnMut(&mut D, T)) -> Result {
        if !core::ptr::eq(again.0, &**self.device()) {
            return Err(EINVAL);
        }
        {
            let mut guarded = self.guarded().lock();
            let guarded = &mut *guarded;

            // BOUND: Each turn takes out one of what was under way.
            while let Some(token) = guarded.ring.drain_one() {
                back(&mut guarded.data, token);
            }
            guarded.ring.renew();
            self.set_place(guarded.ring.next_avail());
            // Until the device works, see `Device::open_queues`.
            guarded.ring.set_broken(Violation::Closed);
        }
        again.enable(&self.setup(), self.notifier())
    }
}
