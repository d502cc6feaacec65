// SPDX-License-Identifier: GPL-2.0

//! A queue for one thing at a time: a buffer is posted, and somebody waits until it is used.

use crate::{
    any_queue::AnyQueue,
    device::Device,
    handler::QueueHandler,
    life::FeaturesOk,
    queue::{
        QueueOptions,
        Virtqueue, //
    },
    reason::Reason,
    restart::Restart,
    session::Session,
    silent::Silent, //
};
use kernel::{
    fmt,
    prelude::*,
    sync::{
        atomic::{
            ordering::{
                Acquire,
                Relaxed,
                Release, //
            },
            Atomic,
            AtomicFlag, //
        },
        Arc, //
    }, //
};
use kernel_ext::{
    completion::Completion,
    dma::Segment, //
};

/// A virtqueue on which one buffer is under way at a time: a command and its answer, a request for
/// data. For queues off the data path.
///
/// One caller posts and waits at a time; it is for the caller to see to that, with a mutex for
/// instance. The memory of the buffer belongs to the device from [`Self::post`] until
/// [`Self::wait`] returned `Some`, or the device was reset.
#[pin_data]
pub struct Exchange {
    #[pin]
    queue: Virtqueue<()>,
    device: Arc<Device>,
    room: u16,
    under_way: AtomicFlag,
    /// The session in which it was posted.
    session: Atomic<u32>,
    /// The buffer was used and nobody has been told.
    done: AtomicFlag,
    /// Bytes that the device has written to it.
    written: Atomic<u32>,
    /// Wakes who waits.
    #[pin]
    answered: Completion,
}

impl Exchange {
    /// Makes queue `index` of the device, for buffers of up to `segments` segments.
    ///
    /// # Errors
    ///
    /// Those of [`Virtqueue::new`]; `EINVAL` when the queue has no room for such a buffer, which leaves a
    /// line in the log.
    pub fn new(
        setup: &FeaturesOk,
        index: u16,
        options: QueueOptions,
        segments: u16,
    ) -> Result<Arc<Self>> {
        let device = setup.device().clone();
        let (queue, room) = Virtqueue::new(setup, index, options)?;

        if room < segments {
            dev_err!(
                device.node(),
                "queue {}: room for {} descriptors, {} are needed\n",
                index,
                room,
                segments
            );
            return Err(EINVAL);
        }

        Arc::pin_init(
            try_pin_init!(Self {
                queue <- queue,
                device,
                room,
                under_way: AtomicFlag::new(false),
                session: Atomic::new(0),
                done: AtomicFlag::new(false),
                written: Atomic::new(0),
                answered <- Completion::new(),
            }),
            GFP_KERNEL,
        )
    }

    /// Has the queue enabled by [`FeaturesOk::go_live`]; `name` as for [`FeaturesOk::connect`].
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn connect(self: &Arc<Self>, setup: &mut FeaturesOk, name: fmt::Arguments<'_>) -> Result {
        setup.connect_slow(self.clone(), name)
    }

    /// Like [`Self::connect`], without an interrupt: [`Self::wait`] looks only when its time is over.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn connect_polled(
        self: &Arc<Self>,
        setup: &mut FeaturesOk,
        name: fmt::Arguments<'_>,
    ) -> Result {
        setup.connect_polled(self.clone(), name)
    }

    /// How many segments a buffer may have.
    pub fn room(&self) -> u16 {
        self.room
    }

    /// Posts a buffer. Any context that may take the queue's lock.
    ///
    /// # Errors
    ///
    /// `EBUSY` while another is under way, or [`Self::wait`] has not told of its end, and while the device
    /// is being reset to begin anew, or does not work yet; `EINVAL` when it has more segments than there is room for, or none, or an empty one; `EIO` when the device is broken.
    pub fn post(
        &self,
        readable: impl Iterator<Item = Segment>,
        writable: impl Iterator<Item = Segment>,
    ) -> Result {
        let mut ring = self.queue.lock();

        // Under the lock, so that the queue does not begin anew before the buffer is in it.
        let begins_anew = !self.device.is_live() && self.device.broken().is_none();

        if self.under_way.load(Relaxed) || self.done.load(Relaxed) || begins_anew {
            return Err(EBUSY);
        }
        if ring.is_broken() {
            return Err(EIO);
        }
        self.answered.reset();
        ring.add(readable, writable, ()).map_err(|_| EINVAL)?;
        self.session.store(ring.session().0, Relaxed);
        self.under_way.store(true, Relaxed);
        let kick = ring.commit();

        drop(ring);
        if kick {
            self.queue.notify();
        }
        Ok(())
    }

    /// The session in which the last buffer was posted.
    pub(crate) fn session(&self) -> Session {
        Session(self.session.load(Relaxed))
    }

    /// Whether a buffer may be posted, as far as others are concerned: none is under way, or used without that anybody was told. One that
    /// was given up stays under way until the device has used it after all, or begins anew.
    pub(crate) fn is_free(&self) -> bool {
        let _ring = self.queue.lock();

        !self.under_way.load(Relaxed) && !self.done.load(Relaxed)
    }

    /// Waits until the device has used the buffer, `ms` milliseconds at most, and returns how many
    /// bytes it says it has written: no more than there was room for. `None` when it has not; it may
    /// still do so, and another call may be made, unless the device is broken. Process context, also
    /// for 0 milliseconds.
    pub fn wait(&self, ms: u32) -> Option<u32> {
        if !self.answered.wait_ms(ms) {
            // An interrupt may have been lost.
            self.used();
        }
        if !self.done.load(Acquire) {
            return None;
        }
        self.done.store(false, Relaxed);
        Some(self.written.load(Relaxed))
    }

    /// Gives the device up, since it has not answered in time, and returns when it has no memory
    /// any more, see [`Device::give_up`]. Not a device that has nothing to answer, since it was reset. One that is out of reach, until
    /// others have reset it, is not waited for, who may be waiting for the caller: it keeps its buffer till then, and no
    /// other is posted.
    pub fn give_up(&self) {
        {
            let _ring = self.queue.lock();

            if !self.under_way.load(Relaxed) {
                // The answer came after all, too late, or was lost in a reset.
                self.done.store(false, Relaxed);
                return;
            }
        }
        if self.device.is_cut() {
            return;
        }
        self.device.give_up(
            Reason::TimedOut {
                index: self.queue.index(),
            },
            self.session(),
        );
        let _ring = self.queue.lock();

        self.done.store(false, Relaxed);
    }

    /// Lets who waits go on, without an answer, since the device gives none any more.
    pub fn close(&self, silent: Silent<'_>) {
        // BOUND: Each turn takes out one of what was under way.
        while self.queue.drain_one(silent).is_some() {}
        self.answered.complete();
    }
}

impl QueueHandler for Exchange {
    /// The vector may be shared with other queues: only an answer is an event.
    fn used(&self) -> bool {
        self.queue.take_back(|(), completion| {
            self.written.store(completion.written(), Relaxed);
            self.under_way.store(false, Relaxed);
            self.done.store(true, Release);
            self.answered.complete();
        })
    }

    /// What was under way is lost: who waits goes on without an answer, and may post again.
    fn restart(&self, again: &Restart<'_>) -> Result {
        self.queue.restart(again, |(), ()| {
            self.under_way.store(false, Relaxed);
            self.answered.complete();
        })
    }

    fn queue(&self) -> &dyn AnyQueue {
        &self.queue
    }
}
