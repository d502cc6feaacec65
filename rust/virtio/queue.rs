// SPDX-License-Identifier: GPL-2.0

//! A virtqueue: the ring protocol, its memory, its lock, and the way to notify the device.

use crate::{
    activity::Activity,
    device::Device,
    life::FeaturesOk,
    memory::QueueMemory,
    ring::{
        AnyRing,
        RingFormat, //
    },
    silent::Silent,
    transport::{
        Notifier,
        OpenQueue,
        QueueAddresses, //
    },
    transport_feature, //
};
use kernel::{
    prelude::*,
    static_lock_class,
    sync::{
        atomic::{
            ordering::Relaxed,
            Atomic, //
        },
        lock::{
            spinlock::SpinLockIrqBackend,
            Backend,
            Lock, //
        },
        Arc,
        LockClassKey, //
    }, //
};
use kernel_ext::sync::BhBackend;
use vring::{
    Completion,
    RingConfig,
    Violation, //
};

mod locked;

pub use self::locked::{
    Entrance,
    Locked, //
};

/// How a queue is made.
#[derive(Clone, Copy)]
pub struct QueueOptions {
    /// The most entries that the driver has a use for.
    pub max_size: u16,
    /// A device that claims to have written more than it could is believed to have written all,
    /// rather than being broken: for hosts that are known to count wrongly.
    pub lenient_length: bool,
}

impl QueueOptions {
    /// A queue of up to `max_size` entries, for hosts that count right.
    pub const fn sized(max_size: u16) -> Self {
        Self {
            max_size,
            lenient_length: false,
        }
    }
}

/// The smallest size to which a queue is cut when memory is short.
const SMALLEST_WHEN_SHORT: u16 = 16;

/// The kind of spin lock that a queue has. A queue whose handler takes the lock needs [`Irq`]; one
/// that is only touched from process and softirq context (NAPI) is cheaper with [`Bh`], under
/// which more is allowed, too: freeing a packet, for one.
pub trait QueueLock: Backend {
    /// The lock's name and class for lockdep: one for each kind, since they are taken in different
    /// contexts.
    fn class() -> (&'static CStr, Pin<&'static LockClassKey>);
}

/// Interrupts are off while it is held; it may be taken in any context.
pub type Irq = SpinLockIrqBackend;
/// Softirqs are off while it is held; it must not be taken in hard interrupt context.
pub type Bh = BhBackend;

impl QueueLock for Irq {
    fn class() -> (&'static CStr, Pin<&'static LockClassKey>) {
        (c"rvirtio_queue", static_lock_class!())
    }
}

impl QueueLock for Bh {
    fn class() -> (&'static CStr, Pin<&'static LockClassKey>) {
        (c"rvirtio_queue_bh", static_lock_class!())
    }
}

/// What the lock protects: the ring, and what the driver keeps with it.
pub(crate) struct Guarded<T, D> {
    pub(crate) ring: AnyRing<T>,
    /// Where the ring's areas are.
    pub(crate) addresses: QueueAddresses,
    pub(crate) activity: Activity,
    pub(crate) data: D,
}

impl<T, D> Guarded<T, D> {
    /// In a box, since a ring is large, and stands in many frames on its way otherwise.
    #[inline(never)]
    fn new(
        format: RingFormat,
        config: RingConfig,
        memory: QueueMemory,
        activity: Activity,
        data: impl FnOnce(u16) -> Result<D>,
    ) -> Result<KBox<Self>> {
        let addresses = memory.addresses();
        let data = data(config.room())?;
        let mut ring = AnyRing::new(format, config, memory)?;

        // Until the device works, see `AnyQueue`.
        ring.set_broken(Violation::Closed);
        Ok(KBox::new(
            Self {
                ring,
                addresses,
                activity,
                data,
            },
            GFP_KERNEL,
        )?)
    }
}

/// A virtqueue whose buffers carry a token of type `T` each: what the driver wants back when the
/// device is done, such as the request itself. The queue owns the token meanwhile.
///
/// The ring is behind a spin lock of kind `L`, together with `D`, which is the driver's; take it
/// with [`Self::lock`].
#[pin_data]
pub struct Virtqueue<T: Send + Unpin, L: QueueLock = Irq, D: Send + Unpin = ()> {
    #[pin]
    guarded: Lock<Guarded<T, D>, L>,
    notifier: Notifier,
    /// Where the next buffer will stand. Written under the lock, where notifications say it.
    next_avail: Atomic<u32>,
    device: Arc<Device>,
    /// What the queue was made with.
    config: RingConfig,
    index: u16,
    /// How many entries it has now.
    size: Atomic<u32>,
}

impl<T: Send + Unpin, L: QueueLock> Virtqueue<T, L> {
    /// Makes queue `index` of the device, with as many entries as the device has and `options`
    /// allow, and tells how many descriptors may be under way, see [`Virtqueue::room`]. It takes no buffer before
    /// [`FeaturesOk::go_live`], and has to be connected by then.
    ///
    /// # Errors
    ///
    /// `ENOENT` when the device has no such queue; `EINVAL` when the ring's format cannot have its size;
    /// `EBUSY` when it is in use; each of these leaves a line in the log. `ENOMEM`.
    pub fn new(
        setup: &FeaturesOk,
        index: u16,
        options: QueueOptions,
    ) -> Result<(impl PinInit<Self, Error>, u16)> {
        Virtqueue::with(setup, index, options, |_| Ok(()))
    }
}

impl<T: Send + Unpin, L: QueueLock, D: Send + Unpin> Virtqueue<T, L, D> {
    /// Like [`Virtqueue::new`], with what `data` makes for a ring with that much room behind the queue's
    /// lock.
    ///
    /// # Errors
    ///
    /// As for [`Virtqueue::new`]; those of `data`.
    pub fn with(
        setup: &FeaturesOk,
        index: u16,
        options: QueueOptions,
        data: impl FnOnce(u16) -> Result<D>,
    ) -> Result<(impl PinInit<Self, Error>, u16)> {
        let device = setup.device().clone();
        let features = device.features();
        let format = RingFormat::of(features);
        let (opened, size) = Self::open(&device, index)?;
        let most = format.largest(options.max_size);
        // A device that takes one size only gets it; what is too much is kept back.
        let (mut size, least) = if opened.is_fixed {
            (size, size)
        } else {
            (size.min(most), SMALLEST_WHEN_SHORT)
        };
        let memory = Self::allocate(&device, &mut size, least)?;
        let config = RingConfig {
            size,
            event_idx: features.contains(transport_feature::EVENT_IDX),
            cut_len: options.lenient_length,
            kept: format.kept().max(size.saturating_sub(most)),
        };
        let activity = Activity::new(device.number(), index);
        let guarded = Guarded::new(format, config, memory, activity, data)?;
        let place = guarded.ring.next_avail();
        let (name, class) = L::class();

        Ok((
            try_pin_init!(Self {
                guarded <- Lock::new(KBox::into_inner(guarded), name, class),
                notifier: opened.notifier,
                next_avail: Atomic::new(place.into()),
                device,
                config,
                index,
                size: Atomic::new(size.into()),
            }),
            config.room(),
        ))
    }

    /// Looks at queue `index` of the device, and at its size.
    // Not in the frame of whoever makes a device.
    #[inline(never)]
    fn open(device: &Device, index: u16) -> Result<(OpenQueue, u16)> {
        let features = device.features();
        let format = RingFormat::of(features);
        let opened = device
            .transport()
            .open_queue(index, features)
            .inspect_err(|error| {
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
                } else {
                    format.sizes(size).map(|_| size).map_err(|_| EINVAL)
                }
            })
            .inspect_err(|_| {
                dev_err!(
                    device.node(),
                    "queue {}: size {} is not possible ({})\n",
                    index,
                    offered.raw_for_log(),
                    format_args!("{format}")
                );
            })?;

        Ok((opened, size))
    }

    /// Allocates a ring of `size` entries; a smaller one if memory is short, but not below `least`.
    // Not in the frame of whoever makes a device.
    #[inline(never)]
    fn allocate(device: &Device, size: &mut u16, least: u16) -> Result<QueueMemory> {
        // BOUND: The size is halved until it is `least`.
        loop {
            match QueueMemory::new(device, *size) {
                Ok(memory) => return Ok(memory),
                Err(error) if error == ENOMEM && *size > least => *size /= 2,
                Err(error) => {
                    dev_err!(device.node(), "no memory for a ring of {} entries\n", *size);
                    return Err(error);
                }
            }
        }
    }

    /// The queue's number.
    pub fn index(&self) -> u16 {
        self.index
    }

    /// How many entries the queue has in the device.
    #[inline]
    pub fn size(&self) -> u16 {
        // CAST: Only sizes are stored.
        self.size.load(Relaxed) as u16
    }

    /// How many descriptors may be under way: all, as a rule.
    #[inline]
    pub fn room(&self) -> u16 {
        RingConfig {
            size: self.size(),
            ..self.config
        }
        .room()
    }

    /// How many it can have, see [`Self::resize`]: those that it was made with.
    pub fn most(&self) -> u16 {
        self.config.size
    }

    /// The device of the queue.
    pub fn device(&self) -> &Arc<Device> {
        &self.device
    }

    pub(crate) fn notifier(&self) -> &Notifier {
        &self.notifier
    }

    pub(crate) fn config(&self) -> RingConfig {
        self.config
    }

    pub(crate) fn guarded(&self) -> &Lock<Guarded<T, D>, L> {
        &self.guarded
    }

    /// Sets where the next buffer will stand. Under the lock.
    #[inline]
    pub(crate) fn set_place(&self, place: u16) {
        self.next_avail.store(place.into(), Relaxed);
    }

    pub(crate) fn set_size(&self, size: u16) {
        self.size.store(size.into(), Relaxed);
    }

    /// Takes the queue's lock.
    #[inline]
    pub fn lock(&self) -> Locked<'_, T, L, D> {
        Locked::new(self)
    }

    /// Notifies the device, because [`Locked::commit`] said so. Without the lock: the access is
    /// slow under a hypervisor.
    ///
    /// Does nothing while the device is not live, or is broken: it must not be notified before `DRIVER_OK` (3.1.1), and may be out
    /// of reach while others reset it. Who has posted meanwhile calls this from
    /// [`Driver::resume`](crate::Driver::resume) on. Only who has stopped posting before a pause is sure that no
    /// notification is on its way when the reset begins.
    #[inline]
    pub fn notify(&self) {
        if !self.device.is_live() || self.device.broken().is_some() {
            return;
        }
        // CAST: Only places are stored.
        self.notifier.notify(self.next_avail.load(Relaxed) as u16);
    }

    /// Takes back all buffers that the device has used, and says whether there were any. For
    /// interrupt handlers: any context that may take the lock, which is held all the while. So nothing
    /// is added, and the work is bounded by what was under way. `back` also gets what the driver keeps
    /// behind the lock.
    pub fn take_back(&self, mut back: impl FnMut(&mut D, Completion<T>)) -> bool {
        let mut ring = self.lock();
        let mut any = false;

        // A ring that is closed is opened again as it is: it is not to forget that it wants interrupts.
        if ring.is_broken() {
            return false;
        }
        // Each round takes back at least one of what was under way; a device that says otherwise is
        // not waited for.
        for _ in 0..=self.size() {
            ring.disable_callbacks();
            // BOUND: Nothing is added meanwhile, and no buffer comes back twice.
            while let Some(completion) = ring.pop() {
                any = true;
                back(ring.data(), completion);
            }
            if ring.is_broken() || !ring.enable_callbacks() {
                break;
            }
        }
        any
    }

    /// Hands back one buffer that the device did not use, and does not touch any more, as `silent` proves; `None` when
    /// there are none left, or when that is another device. The queue takes no buffer any more.
    pub fn drain_one(&self, silent: Silent<'_>) -> Option<T> {
        if !silent.is_of(&self.device) {
            return None;
        }
        self.guarded.lock().ring.drain_one()
    }
}
