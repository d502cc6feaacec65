// SPDX-License-Identifier: GPL-2.0

//! A virtqueue of any kind.

use crate::{
    device::Device,
    queue::{
        QueueLock,
        Virtqueue, //
    },
    report::QueueReport,
    transport::QueueSetup, //
};
use kernel::sync::Arc;
use kernel_ext::trace;
use vring::Violation;

/// A [`Virtqueue`], whatever its buffers carry: what the core needs of it.
pub trait AnyQueue: Core {
    /// How the queue is now, for debugfs. Takes its lock.
    fn report(&self) -> QueueReport;
}

/// What is for the core alone.
pub trait Core {
    /// The device of the queue.
    fn owner(&self) -> &Arc<Device>;

    /// Who it is, for who traces it.
    fn label(&self) -> trace::Queue;

    /// What the device has to know.
    fn setup(&self) -> QueueSetup;

    /// Nobody looks at interrupts of it.
    fn expect_no_interrupts(&self);

    /// The device works: buffers may be posted.
    fn open(&self);

    /// The device does not work any more, or not yet: no buffer may be posted.
    fn close(&self);
}

impl<T: Send + Unpin, L: QueueLock, D: Send + Unpin> AnyQueue for Virtqueue<T, L, D> {
    fn report(&self) -> QueueReport {
        QueueReport::of(self)
    }
}

impl<T: Send + Unpin, L: QueueLock, D: Send + Unpin> Core for Virtqueue<T, L, D> {
    fn owner(&self) -> &Arc<Device> {
        self.device()
    }

    fn label(&self) -> trace::Queue {
        trace::Queue {
            // CAST: To show; there are not as many devices.
            device: self.device().number() as u32,
            index: self.index(),
        }
    }

    fn setup(&self) -> QueueSetup {
        QueueSetup {
            index: self.index(),
            size: self.size(),
            addresses: self.guarded().lock().addresses,
        }
    }

    fn expect_no_interrupts(&self) {
        self.lock().disable_callbacks();
    }

    fn open(&self) {
        self.guarded().lock().ring.reopen();
    }

    fn close(&self) {
        self.guarded().lock().ring.set_broken(Violation::Closed);
    }
}
