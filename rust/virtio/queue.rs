// SPDX-License-Identifier: GPL-2.0

//! A virtqueue: the ring protocol, its memory, its lock, and the way to notify the device.

use crate::{
    device::Device,
    life::FeaturesOk,
    memory::QueueMemory,
    reason::Reason,
    transport::{
        Notifier,
        QueueAddresses, //
    },
    transport_feature, //
};
use kernel::{
    new_spinlock_irq,
    prelude::*,
    sync::{
        lock::{
            spinlock::SpinLockIrqBackend,
            Guard, //
        },
        Arc,
        SpinLockIrq, //
    }, //
};
use vring::{
    AddError,
    Completion,
    IndirectTable,
    Ring,
    RingConfig,
    Segment,
    Slot,
    Violation, //
};

type QueueRing<T> = Ring<T, QueueMemory, Slots<T>>;

/// The ring's private state, one slot for each descriptor.
struct Slots<T>(KVec<Slot<T>>);

impl<T> AsRef<[Slot<T>]> for Slots<T> {
    #[inline]
    fn as_ref(&self) -> &[Slot<T>] {
        &self.0
    }
}

impl<T> AsMut<[Slot<T>]> for Slots<T> {
    #[inline]
    fn as_mut(&mut self) -> &mut [Slot<T>] {
        &mut self.0
    }
}

/// How a queue is made.
#[derive(Clone, Copy)]
pub struct QueueOptions {
    /// The most entries that the driver has a use for.
    pub max_size: u16,
    /// A device that claims to have written more than it could is believed to have written all,
    /// rather than being broken: for hosts that are known to count wrongly.
    pub lenient_length: bool,
}

/// The largest power of two that is not above `limit`; one at least.
fn power_of_two(limit: u16) -> u16 {
    limit.checked_ilog2().map_or(1, |log| 1 << log)
}

/// The smallest size to which a queue is cut when memory is short.
const SMALLEST_WHEN_SHORT: u16 = 16;

/// A virtqueue whose buffers carry a token of type `T` each: what the driver wants back when the
/// device is done, such as the request itself. The queue owns the token meanwhile.
///
/// The ring is behind a spin lock with interrupts off; take it with [`Self::lock`] from any
/// context.
#[pin_data]
pub struct Virtqueue<T: Send + Unpin> {
    #[pin]
    ring: SpinLockIrq<QueueRing<T>>,
    notifier: Notifier,
    device: Arc<Device>,
    addresses: QueueAddresses,
    index: u16,
    size: u16,
}

impl<T: Send + Unpin> Virtqueue<T> {
    /// Makes queue `index` of the device, with as many entries as the device has and `options`
    /// allow, and tells how many those are. The device does not use it before [`FeaturesOk::go_live`].
    ///
    /// # Errors
    ///
    /// `ENOENT` when the device has no such queue; `EINVAL` when its size is not a power of two;
    /// `EBUSY` when it is in use; each of these leaves a line in the log. `ENOMEM`.
    pub fn new(
        setup: &FeaturesOk,
        index: u16,
        options: QueueOptions,
    ) -> Result<(impl PinInit<Self, Error>, u16)> {
        let device = setup.device().clone();
        let opened = device.transport().open_queue(index).inspect_err(|error| {
            dev_err!(
                device.node(),
                "queue {}: cannot be opened: {:?}\n",
                index,
                error
            );
        })?;
        let offered = opened.max_size;
        let size = offered
            .validate(|size| {
                if size == 0 {
                    Err(ENOENT)
                } else if !size.is_power_of_two() || size > 32768 {
                    Err(EINVAL)
                } else {
                    Ok(size)
                }
            })
            .inspect_err(|_| {
                dev_err!(
                    device.node(),
                    "queue {}: size {} is not possible\n",
                    index,
                    offered.raw_for_log()
                );
            })?;
        let (memory, size) = Self::allocate(&device, size.min(power_of_two(options.max_size)))?;
        let addresses = memory.addresses();
        let features = device.features();
        let mut slots = KVec::with_capacity(usize::from(size), GFP_KERNEL)?;

        for _ in 0..size {
            slots.push(Slot::new(), GFP_KERNEL)?;
        }
        let ring = Ring::new(
            RingConfig {
                size,
                event_idx: features.contains(transport_feature::EVENT_IDX),
                cut_len: options.lenient_length,
            },
            memory,
            Slots(slots),
        )
        .map_err(|_| EINVAL)?;

        Ok((
            try_pin_init!(Self {
                ring <- new_spinlock_irq!(ring, "rvirtio_queue"),
                notifier: opened.notifier,
                device,
                addresses,
                index,
                size,
            }),
            size,
        ))
    }

    /// Allocates a ring, a smaller one if memory is short.
    fn allocate(device: &Device, size: u16) -> Result<(QueueMemory, u16)> {
        let mut size = size;

        loop {
            match QueueMemory::new(device.master(), size) {
                Ok(memory) => return Ok((memory, size)),
                Err(error) if error == ENOMEM && size > SMALLEST_WHEN_SHORT => size /= 2,
                Err(error) => return Err(error),
            }
        }
    }

    /// The queue's number.
    pub fn index(&self) -> u16 {
        self.index
    }

    /// How many descriptors the queue has.
    pub fn size(&self) -> u16 {
        self.size
    }

    /// The device of the queue.
    pub fn device(&self) -> &Arc<Device> {
        &self.device
    }

    pub(crate) fn addresses(&self) -> QueueAddresses {
        self.addresses
    }

    /// Takes the queue's lock, with interrupts off.
    #[inline]
    pub fn lock(&self) -> Locked<'_, T> {
        Locked {
            ring: self.ring.lock(),
            queue: self,
        }
    }

    /// Notifies the device, because [`Locked::commit`] said so. Without the lock: the access is
    /// slow under a hypervisor.
    #[inline]
    pub fn notify(&self) {
        self.notifier.notify();
    }

    /// Hands back one buffer that the device did not use, after the device was reset; `None` when
    /// there are none left. The queue takes no buffer any more.
    pub fn drain_one(&self) -> Option<T> {
        self.ring.lock().drain_one()
    }
}

/// A virtqueue that is locked.
pub struct Locked<'a, T: Send + Unpin> {
    ring: Guard<'a, QueueRing<T>, SpinLockIrqBackend>,
    queue: &'a Virtqueue<T>,
}

impl<T: Send + Unpin> Locked<'_, T> {
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
        self.ring.add(readable, writable, token)
    }

    /// Adds a buffer that is described by an indirect table: one descriptor. The table's memory
    /// stays as it is until the token comes back. Only with `VIRTIO_F_INDIRECT_DESC`.
    ///
    /// # Errors
    ///
    /// See [`AddError`]; the token comes back.
    #[inline]
    pub fn add_indirect(&mut self, table: IndirectTable, token: T) -> Result<(), (AddError, T)> {
        self.ring.add_indirect(table, token)
    }

    /// Shows the device all buffers added so far. Returns whether it wants to be notified: drop
    /// the lock, then call [`Virtqueue::notify`].
    #[inline]
    #[must_use = "the device may wait for a notification"]
    pub fn commit(&mut self) -> bool {
        self.ring.kick_prepare()
    }

    /// Takes back a buffer that the device has used, if there is one. A device that breaks the
    /// rules is marked broken, and there are no more.
    #[inline]
    pub fn pop(&mut self) -> Option<Completion<T>> {
        match self.ring.pop() {
            Ok(completion) => completion,
            Err(violation) => {
                self.broken(violation);
                None
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn broken(&self, violation: Violation) {
        self.queue.device.break_device(Reason::Queue {
            index: self.queue.index,
            violation,
        });
    }

    /// Asks the device not to interrupt for a while. A hint.
    #[inline]
    pub fn disable_callbacks(&mut self) {
        self.ring.disable_cb();
    }

    /// Asks for an interrupt with the next used buffer. Returns whether there is one already, for
    /// which none may come: go on with [`Self::pop`].
    #[inline]
    #[must_use = "buffers may be waiting"]
    pub fn enable_callbacks(&mut self) -> bool {
        self.ring.enable_cb()
    }

    /// How many descriptors are free.
    #[inline]
    pub fn free(&self) -> u16 {
        self.ring.num_free()
    }

    /// Whether the queue takes no more buffers, for good.
    #[inline]
    pub fn is_broken(&self) -> bool {
        self.ring.broken().is_some()
    }

    /// Makes the queue take no more buffers.
    pub fn close(&mut self) {
        self.ring.set_broken(Violation::Closed);
    }
}
