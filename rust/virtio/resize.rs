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
        RingFormat,
        Slots, //
    },
    transport::QueueSetup,
    transport_feature, //
};
use core::mem;
use kernel::prelude::*;
use vring::{
    RingConfig,
    Violation, //
};

impl<T: Send + Unpin, L: QueueLock, D: Send + Unpin> Virtqueue<T, L, D> {
    /// Takes the queue from the device, and gives it back with `size` entries. Buffers that are under
    /// way go to `back`, which runs under the queue's lock. Until this returns the queue takes no
    /// buffer and gives none; interrupts may come. Callbacks are enabled afterwards. Process context,
    /// one call for a device at a time.
    ///
    /// # Errors
    ///
    /// Nothing has changed after the first three.
    ///
    /// - `EOPNOTSUPP`: `VIRTIO_F_RING_RESET` was not agreed on.
    /// - `EINVAL`: the ring's format cannot have this size, or it is above [`Self::most`].
    /// - `ENOMEM`.
    /// - `EIO`: the device is broken; it is, too, when it does not give the queue back in time.
    pub fn resize(&self, size: u16, mut back: impl FnMut(&mut D, T)) -> Result {
        let device = self.device();
        let features = device.features();

        if !features.contains(transport_feature::RING_RESET) {
            return Err(EOPNOTSUPP);
        }
        let format = RingFormat::of(features);
        let sizes = format.sizes(size).map_err(|_| EINVAL)?;

        if size > self.most() {
            return Err(EINVAL);
        }
        let memory = QueueMemory::new(
            device.master(),
            &sizes,
            features.contains(transport_feature::ORDER_PLATFORM),
        )?;
        let addresses = memory.addresses();
        let config = RingConfig {
            size,
            ..self.config()
        };
        let ring = AnyRing::new(format, config, memory, Slots::new(size)?).map_err(|_| EINVAL)?;

        if device.broken().is_some() {
            return Err(EIO);
        }
        self.guarded().lock().ring.set_broken(Violation::Closed);
        if let Err(error) = device.transport().reset_queue(self.index()) {
            dev_err!(
                device.node(),
                "queue {}: cannot be reset: {:?}\n",
                self.index(),
                error
            );
            // Whoever drains the queues of a broken device gets what is under way.
            device.break_device(Reason::TimedOut {
                index: self.index(),
            });
            return Err(EIO);
        }
        let mut guarded = self.guarded().lock();

        while let Some(token) = guarded.ring.drain_one() {
            back(&mut guarded.data, token);
        }
        let old = mem::replace(&mut guarded.ring, ring);

        self.set_size(size);
        // If it breaks after this look, the queues are drained after this lock is given back.
        if device.broken().is_some() {
            guarded.ring.set_broken(Violation::Closed);
        }
        drop(guarded);
        drop(old);
        device
            .transport()
            .restart_queue(&QueueSetup {
                index: self.index(),
                size,
                addresses,
            })
            .map_err(|error| {
                dev_err!(
                    device.node(),
                    "queue {}: cannot be enabled again: {:?}\n",
                    self.index(),
                    error
                );
                device.break_device(Reason::TimedOut {
                    index: self.index(),
                });
                EIO
            })
    }
}
