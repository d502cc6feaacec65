// SPDX-License-Identifier: GPL-2.0

//! Another size for a queue that is in use (`VIRTIO_F_RING_RESET`; virtio 1.4, 2.6.1).

use crate::{
    memory::QueueMemory,
    queue::{
        QueueLock,
        Virtqueue, //
    },
    reason::Reason,
    ring::{
        AnyRing,
        RingFormat, //
    },
    timeouts::Timeout,
    transport::{
        QueueAddresses,
        QueueSetup, //
    },
    transport_feature, //
};
use core::mem;
use kernel::prelude::*;
use vring::{
    RingConfig,
    Violation, //
};

/// A ring of another size for a queue, which has memory and does not know of the device yet.
pub struct SpareRing<T> {
    ring: AnyRing<T>,
    addresses: QueueAddresses,
    size: u16,
}

impl<T: Send + Unpin, L: QueueLock, D: Send + Unpin> Virtqueue<T, L, D> {
    /// Makes a ring of `size` entries, for [`Self::resize`].
    ///
    /// # Errors
    ///
    /// - `EOPNOTSUPP`: `VIRTIO_F_RING_RESET` was not agreed on.
    /// - `EINVAL`: the ring's format cannot have this size, or it is above [`Self::most`].
    /// - `ENOMEM`.
    // A ring is moved here; not in the frame of the caller as well.
    #[inline(never)]
    pub fn spare(&self, size: u16) -> Result<SpareRing<T>> {
        let device = self.device();
        let features = device.features();

        if !features.contains(transport_feature::RING_RESET) {
            return Err(EOPNOTSUPP);
        }
        if size > self.most() {
            return Err(EINVAL);
        }
        let memory = QueueMemory::new(device, size)?;
        let addresses = memory.addresses();
        let config = RingConfig {
            size,
            ..self.config()
        };

        Ok(SpareRing {
            ring: AnyRing::new(RingFormat::of(features), config, memory)?,
            addresses,
            size,
        })
    }

    /// Takes the queue from the device, and gives it back with the ring `spare`. Buffers that are under
    /// way go to `back`, which runs under the queue's lock. Until this returns the queue takes no
    /// buffer and gives none; interrupts may come. Callbacks are enabled afterwards. Process context, for
    /// [`Timeout::QueueReset`] at most, or less if other queues have taken long just before.
    ///
    /// # Errors
    ///
    /// `EIO` when the device is broken, or does not work yet, or begins anew meanwhile, for which it has the queue as it was. It is
    /// broken afterwards when it does not give the queue back in time, and does not take it again.
    #[inline(never)]
    pub fn resize(&self, spare: SpareRing<T>, mut back: impl FnMut(&mut D, T)) -> Result {
        let device = self.device();
        let mut budget = device.reshape()?;
        let epoch = device.epoch();
        let give_up = |error: Error| {
            dev_err!(
                device.node(),
                "queue {}: cannot be reset: {:?}\n",
                self.index(),
                error
            );
            // Whoever drains the queues of a broken device gets what is under way.
            device.break_device(if error == ENODEV {
                Reason::Gone
            } else {
                Reason::QueueReset {
                    index: self.index(),
                }
            });
            EIO
        };

        self.guarded().lock().ring.set_broken(Violation::Closed);
        let begun = device.now();
        let limit_ms = budget.left(begun, Timeout::QueueReset.ms());
        let reset = device.transport().reset_queue(self.index(), limit_ms);

        budget.spend(begun, device.now());
        reset.map_err(give_up)?;
        {
            let mut guarded = self.guarded().lock();

            // BOUND: Each turn takes out one of what was under way.
            while let Some(token) = guarded.ring.drain_one() {
                back(&mut guarded.data, token);
            }
        }
        // The old ring stays in its place, closed, until the device knows the new one: a notification
        // of a queue that is not enabled would be lost. Nobody gives the device its queues again meanwhile, and where that was done
        // since, it has the old ring, which stays.
        let old = device
            .unless_reset(|transport| {
                if device.epoch() != epoch {
                    return Ok(None);
                }
                transport.restart_queue(&QueueSetup {
                    index: self.index(),
                    size: spare.size,
                    addresses: spare.addresses,
                })?;

                let mut guarded = self.guarded().lock();
                let old = mem::replace(&mut guarded.ring, spare.ring);

                guarded.addresses = spare.addresses;
                self.set_place(guarded.ring.next_avail());
                self.set_size(spare.size);
                // If it breaks after this look, the queues are drained after this lock is given back.
                if device.broken().is_some() {
                    guarded.ring.set_broken(Violation::Closed);
                }
                Ok(Some(old))
            })
            .ok_or(EIO)?
            .map_err(give_up)?;

        // Its memory goes without the lock.
        old.map(drop).ok_or(EIO)
    }
}
