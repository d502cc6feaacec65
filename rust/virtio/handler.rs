// SPDX-License-Identifier: GPL-2.0

//! What a driver does for one of its queues.

use crate::{
    any_queue::AnyQueue,
    restart::Restart, //
};
use kernel::prelude::*;

/// What a driver does for one of its queues, see [`FeaturesOk::connect`](crate::FeaturesOk::connect).
pub trait QueueHandler: Send + Sync + 'static {
    /// The device may have used buffers. Returns whether it had.
    ///
    /// Hard interrupt context, only while the device is live. May be called without need.
    fn used(&self) -> bool;

    /// The device was reset, and is about to work again: takes back what was under way, and gives the queue
    /// over with [`Virtqueue::restart`](crate::Virtqueue::restart). After
    /// [`Driver::pause`](crate::Driver::pause), before [`Driver::resume`](crate::Driver::resume).
    ///
    /// Process context. Must not wait for memory, nor for a lock whose holder may do so.
    ///
    /// # Errors
    ///
    /// Those of `restart`; the device is broken then.
    fn restart(&self, again: &Restart<'_>) -> Result;

    /// The queue, which is always the same one. The handler is kept until the device was reset, and the queue with it.
    fn queue(&self) -> &dyn AnyQueue;
}
