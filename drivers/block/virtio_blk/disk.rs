// SPDX-License-Identifier: GPL-2.0

//! What the block layer calls: a disk with its hardware queues.

use crate::{
    config,
    feature,
    patience::{
        Finding,
        Patience, //
    },
    queue::{
        BlkQueue,
        Prepared, //
    }, //
};
use kernel::{
    new_mutex,
    new_spinlock_irq,
    prelude::*,
    sync::{
        atomic::{
            ordering::Relaxed,
            AtomicFlag, //
        },
        Arc,
        Mutex,
        SpinLockIrq, //
    },
    time::{
        Instant,
        Monotonic, //
    }, //
};
use kernel_ext::block::{
    Batch,
    Done,
    HardwareQueue,
    Operations,
    Rejected,
    Request,
    TimerAction, //
};
use virtio::{
    Config,
    Device,
    Reason, //
};

/// The object behind a disk.
#[pin_data]
pub(crate) struct BlkDisk {
    device: Arc<Device>,
    /// In the order of the device's queues, at least one.
    queues: KVec<Arc<BlkQueue>>,
    /// When this was made: the zero of its clock.
    made: Instant<Monotonic>,
    /// What requests that were late have seen.
    #[pin]
    patience: SpinLockIrq<Patience>,
    /// The cache is on, and is flushed.
    pub(crate) write_cache: AtomicFlag,
    /// Held while that is asked of the device. No memory is waited for meanwhile.
    #[pin]
    choosing: Mutex<()>,
}

impl BlkDisk {
    /// A disk on `queues`. `write_cache`: there is a cache that needs flushing.
    pub(crate) fn new(
        device: Arc<Device>,
        queues: KVec<Arc<BlkQueue>>,
        write_cache: bool,
    ) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                device,
                queues,
                made: Instant::now(),
                patience <- new_spinlock_irq!(Patience::new(), "rvirtio_blk_patience"),
                write_cache: AtomicFlag::new(write_cache),
                choosing <- new_mutex!(()),
            }),
            GFP_KERNEL,
        )
    }

    /// The device behind the disk.
    pub(crate) fn device(&self) -> &Arc<Device> {
        &self.device
    }

    /// Has the cache turned on or off by `ask`, which says what came of it.
    pub(crate) fn choose_cache(&self, ask: impl FnOnce() -> Result<bool>) -> Result<bool> {
        let _choosing = self.choosing.lock();
        let on = ask()?;

        self.write_cache.store(on, Relaxed);
        Ok(on)
    }

    /// Tells a device that was reset whether its cache is on, if that can be chosen: the block layer sends no
    /// flushes where it is off.
    ///
    /// # Errors
    ///
    /// `EIO` when it does not turn it off.
    pub(crate) fn replay_cache(&self, config: &Config<'_>) -> Result {
        let _choosing = self.choosing.lock();
        let on = self.write_cache.load(Relaxed);

        if !self
            .device
            .features()
            .contains(feature::CONFIG_WCE | feature::FLUSH)
        {
            return Ok(());
        }
        if config::set_write_cache(config, on)? && !on {
            dev_err!(
                self.device.node(),
                "device turns its cache on by itself after a reset\n"
            );
            return Err(EIO);
        }
        Ok(())
    }

    /// Fails everything that is under way. The device has been reset.
    pub(crate) fn fail_all(&self) {
        for queue in &self.queues {
            queue.fail_all();
        }
    }

    /// How many requests have come back so far. Wraps.
    fn completions(&self) -> u32 {
        self.queues
            .iter()
            .fold(0, |sum, queue| queue.completions().wrapping_add(sum))
    }
}

impl Operations for BlkDisk {
    type Queue = BlkQueue;
    type Prepared = Prepared;

    fn queue(&self, index: u32) -> Option<&BlkQueue> {
        self.queues
            .get(usize::try_from(index).ok()?)
            .map(|queue| &**queue)
    }

    #[inline]
    fn queue_rq(
        queue: &HardwareQueue<'_, Self>,
        request: Request<Self>,
        last: bool,
    ) -> Result<(), (Rejected, Request<Self>)> {
        queue.own().submit(queue, request, last)
    }

    #[inline]
    fn queue_batch(batch: &mut Batch<'_, Self>) {
        batch.queue().submit_batch(batch);
    }

    fn commit(queue: &BlkQueue) {
        queue.commit();
    }

    #[inline]
    fn poll(queue: &BlkQueue, done: &mut Done<'_, Self>) -> u32 {
        queue.poll(done)
    }

    /// A request is late, see [`Patience`].
    fn timeout(&self, queue: &BlkQueue) -> TimerAction {
        // What is waiting to be taken back is taken back.
        queue.look();

        if !self.device.is_live() {
            // It is being reset, and what is late will be submitted again.
            return TimerAction::Restart;
        }
        self.device.look_after();

        let completions = self.completions();
        let now = self.made.elapsed().as_millis().unsigned_abs();
        let finding = self.patience.lock().look(completions, now);
        let index = queue.ring().index();

        match finding {
            Finding::Progress | Finding::Waiting => {}
            Finding::Stalled => {
                dev_warn!(
                    self.device.node(),
                    "queue {}: the device answers no request\n",
                    index
                );
            }
            Finding::GiveUp => self.device.break_device(Reason::TimedOut { index }),
        }
        TimerAction::Restart
    }
}
