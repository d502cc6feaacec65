// SPDX-License-Identifier: GPL-2.0

//! A virtqueue whose lock is held: where buffers go in and come out.

use super::{
    Guarded,
    Irq,
    QueueLock,
    Virtqueue, //
};
use crate::{
    activity::Activity,
    device::Device,
    reason::Reason,
    ring::AnyRing, //
};
use kernel::sync::lock::Guard;
use kernel_ext::dma::Segment;
use vring::{
    AddError,
    Completion,
    IndirectTable,
    Violation, //
};

/// A virtqueue that is locked.
pub struct Locked<'a, T: Send + Unpin, L: QueueLock = Irq, D: Send + Unpin = ()> {
    guarded: Guard<'a, Guarded<T, D>, L>,
    queue: &'a Virtqueue<T, L, D>,
}

/// The end of a locked ring where buffers go in.
pub struct Entrance<'a, T> {
    ring: &'a mut AnyRing<T>,
    activity: &'a mut Activity,
}

impl<T> Entrance<'_, T> {
    /// See [`Locked::add`].
    ///
    /// # Errors
    ///
    /// See [`AddError`]; the token comes back.
    #[inline]
    pub fn add(
        &mut self,
        readable: impl Iterator<Item = Segment>,
        writable: impl Iterator<Item = Segment>,
        token: T,
    ) -> Result<(), (AddError, T)> {
        let result = self.ring.add(readable, writable, token);

        self.activity.added(self.ring, result)
    }

    /// See [`Locked::add_readable`].
    ///
    /// # Errors
    ///
    /// See [`AddError`]; the token comes back.
    #[inline]
    pub fn add_readable(&mut self, segment: Segment, token: T) -> Result<(), (AddError, T)> {
        let result = self.ring.add_readable(segment, token);

        self.activity.added(self.ring, result)
    }

    /// See [`Locked::add_writable`].
    ///
    /// # Errors
    ///
    /// See [`AddError`]; the token comes back.
    #[inline]
    pub fn add_writable(&mut self, segment: Segment, token: T) -> Result<(), (AddError, T)> {
        let result = self.ring.add_writable(segment, token);

        self.activity.added(self.ring, result)
    }

    /// See [`Locked::add_indirect`].
    ///
    /// # Errors
    ///
    /// See [`AddError`]; the token comes back.
    #[inline]
    pub fn add_indirect(&mut self, table: IndirectTable, token: T) -> Result<(), (AddError, T)> {
        let result = self.ring.add_indirect(table, token);

        self.activity.added(self.ring, result)
    }
}

impl<'a, T: Send + Unpin, L: QueueLock, D: Send + Unpin> Locked<'a, T, L, D> {
    /// Takes the queue's lock.
    #[inline]
    pub(super) fn new(queue: &'a Virtqueue<T, L, D>) -> Self {
        Self {
            guarded: queue.guarded.lock(),
            queue,
        }
    }
}

impl<T: Send + Unpin, L: QueueLock, D: Send + Unpin> Locked<'_, T, L, D> {
    pub(crate) fn device(&self) -> &Device {
        &self.queue.device
    }

    /// What the driver keeps behind the lock.
    #[inline]
    pub fn data(&mut self) -> &mut D {
        &mut self.guarded.data
    }

    /// Both at once: what the driver keeps, and the ring to add to.
    #[inline]
    pub fn parts(&mut self) -> (&mut D, Entrance<'_, T>) {
        let guarded = &mut *self.guarded;

        (
            &mut guarded.data,
            Entrance {
                ring: &mut guarded.ring,
                activity: &mut guarded.activity,
            },
        )
    }

    /// Adds a buffer of `readable` and `writable` segments, one descriptor each. From now on the
    /// device may access it; it is told by [`Self::commit`].
    ///
    /// # Errors
    ///
    /// See [`AddError`]; the token comes back.
    #[inline]
    pub fn add(
        &mut self,
        readable: impl Iterator<Item = Segment>,
        writable: impl Iterator<Item = Segment>,
        token: T,
    ) -> Result<(), (AddError, T)> {
        self.parts().1.add(readable, writable, token)
    }

    /// Adds a buffer of one segment, which the device reads: [`Self::add`] in short.
    ///
    /// # Errors
    ///
    /// See [`AddError`]; the token comes back.
    #[inline]
    pub fn add_readable(&mut self, segment: Segment, token: T) -> Result<(), (AddError, T)> {
        self.parts().1.add_readable(segment, token)
    }

    /// Adds a buffer of one segment, which the device writes: [`Self::add`] in short.
    ///
    /// # Errors
    ///
    /// See [`AddError`]; the token comes back.
    #[inline]
    pub fn add_writable(&mut self, segment: Segment, token: T) -> Result<(), (AddError, T)> {
        self.parts().1.add_writable(segment, token)
    }

    /// Adds a buffer that is described by an indirect table: one descriptor. The table's memory
    /// stays as it is until the token comes back. Only with `VIRTIO_F_INDIRECT_DESC`.
    ///
    /// # Errors
    ///
    /// See [`AddError`]; the token comes back.
    #[inline]
    pub fn add_indirect(&mut self, table: IndirectTable, token: T) -> Result<(), (AddError, T)> {
        self.parts().1.add_indirect(table, token)
    }

    /// Shows the device all buffers added so far. Returns whether it wants to be notified: drop
    /// the lock, then call [`Virtqueue::notify`].
    #[inline]
    #[must_use = "the device may wait for a notification"]
    pub fn commit(&mut self) -> bool {
        let guarded = &mut *self.guarded;
        let (buffers, kick) = guarded.ring.kick_prepare();

        guarded.activity.published(buffers, kick);

        // Also without a kick: there may be one without a commit, as a reminder.
        // A ring that is closed has no place any more.
        if self.queue.notifier.tells_place() && !self.is_broken() {
            self.queue.set_place(self.guarded.ring.next_avail());
        }
        kick
    }

    /// Takes back a buffer that the device has used, if there is one. A device that breaks the
    /// rules is marked broken, and there are no more.
    #[inline]
    pub fn pop(&mut self) -> Option<Completion<T>> {
        let guarded = &mut *self.guarded;

        match guarded.ring.pop() {
            Ok(completion) => {
                if let Some(completion) = &completion {
                    guarded.activity.used(&guarded.ring, completion);
                }
                completion
            }
            Err(violation) => {
                self.broken(violation);
                None
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn broken(&self, violation: Violation) {
        // No fault of the device: it gave the queue back, or is about to.
        if violation == Violation::Closed {
            return;
        }
        self.queue.device.break_device(Reason::Queue {
            index: self.queue.index,
            violation,
        });
    }

    /// Asks the device not to interrupt for a while. A hint.
    #[inline]
    pub fn disable_callbacks(&mut self) {
        self.guarded.ring.disable_cb();
    }

    /// Asks for an interrupt with the next used buffer. Returns whether there is one already, for
    /// which none may come: go on with [`Self::pop`].
    #[inline]
    #[must_use = "buffers may be waiting"]
    pub fn enable_callbacks(&mut self) -> bool {
        self.guarded.ring.enable_cb()
    }

    /// Asks for an interrupt when about three quarters of what is under way is used, or with the
    /// next used buffer where the device cannot count. Returns whether more than those are used
    /// already, for which none may come: go on with [`Self::pop`].
    #[inline]
    #[must_use = "buffers may be waiting"]
    pub fn enable_callbacks_delayed(&mut self) -> bool {
        self.guarded.ring.enable_cb_delayed()
    }

    /// Whether [`Self::pop`] would find something.
    #[inline]
    pub fn has_used(&self) -> bool {
        self.guarded.ring.has_used()
    }

    /// Whether no buffer is under way, nor added and not shown yet.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.guarded.ring.in_flight() == 0
    }

    /// How many descriptors are free.
    #[inline]
    pub fn free(&self) -> u16 {
        self.guarded.ring.num_free()
    }

    /// Whether the queue takes no more buffers, for good.
    #[inline]
    pub fn is_broken(&self) -> bool {
        self.guarded.ring.broken().is_some()
    }
}
