// SPDX-License-Identifier: GPL-2.0

//! What the block layer calls: a disk with its hardware queues.

use crate::{
    config,
    feature,
    patience::{
        remedy,
        Look,
        Moment,
        Remedy,
        ERASING_LOOKS, //
    },
    queue::{
        BlkQueue,
        Prepared,
        Stage, //
    },
    zoned::Zoned, //
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
    }, //
};
use kernel_ext::block::{
    Batch,
    DiskRef,
    Done,
    HardwareQueue,
    Late,
    Operations,
    Rejected,
    Request,
    TimerAction,
    ZoneReport, //
};
use virtio::{
    Config,
    Device,
    Reason,
    Silent, //
};

/// The object behind a disk.
#[pin_data]
pub(crate) struct BlkDisk {
    device: Arc<Device>,
    /// In the order of the device's queues, at least one.
    queues: KVec<Arc<BlkQueue>>,
    /// What the zones are like, if it has some.
    zoned: Option<Zoned>,
    /// When the device was to begin anew because a request was lost.
    #[pin]
    asked: SpinLockIrq<Option<Moment>>,
    /// The driver is about to leave.
    leaving: AtomicFlag,
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
        zoned: Option<Zoned>,
        write_cache: bool,
    ) -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                device,
                queues,
                zoned,
                asked <- new_spinlock_irq!(None, "rvirtio_blk_asked"),
                leaving: AtomicFlag::new(false),
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

    /// Fails everything that is under way.
    pub(crate) fn fail_all(&self, silent: Silent<'_>) {
        for queue in &self.queues {
            queue.fail_all(silent);
        }
    }

    /// Takes back what is done on the queues without interrupts, where nobody else may do so.
    pub(crate) fn poll_all(&self) {
        for queue in self.queues.iter().filter(|queue| queue.is_polled()) {
            queue.look();
        }
    }

    /// The driver is about to leave, and waits for what is under way: a device that loses a request is not tried again.
    pub(crate) fn leave(&self) {
        self.leaving.store(true, Relaxed);
    }

    /// Whether nothing came back for so long.
    fn is_silent_for(&self, ms: u64) -> bool {
        self.queues.iter().all(|queue| queue.idle_ms() >= ms)
    }

    /// A request of queue `index`, which was looked at in `epoch`, is lost: the device begins anew, or is given up. Either
    /// way what is under way is taken back soon.
    fn recover(&self, index: u16, epoch: u32) {
        let now = Moment {
            completions: self.completions(),
            epoch,
        };
        let remedy = {
            let mut asked = self.asked.lock();
            let remedy = remedy(now, *asked, self.leaving.load(Relaxed));

            if remedy == Remedy::Reset {
                *asked = Some(now);
            }
            remedy
        };

        match remedy {
            Remedy::Coming => {}
            Remedy::Reset => self.device.begin_anew(Reason::TimedOut { index }),
            Remedy::GiveUp => self.device.break_device(Reason::TimedOut { index }),
        }
    }

    /// How many looks a late request gets: more while the device erases, for which it takes its time, also for what
    /// is behind that.
    fn patience(&self) -> u32 {
        if !self.leaving.load(Relaxed) && self.queues.iter().any(|queue| queue.erases()) {
            ERASING_LOOKS
        } else {
            1
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

    fn report_zones(disk: &DiskRef<'_, Self>, sector: u64, report: &mut ZoneReport<'_>) -> Result {
        match &disk.operations().zoned {
            Some(zoned) => zoned.report(disk, sector, report),
            None => Err(EOPNOTSUPP),
        }
    }

    /// A request is late, see [`Look`].
    fn timeout(&self, queue: &BlkQueue, late: &Late<'_, Self>) -> TimerAction {
        let epoch = self.device.epoch();

        // What is waiting to be taken back is taken back.
        queue.look();

        if !late.is_under_way() {
            return TimerAction::Leave;
        }
        if epoch % 2 != 0 || !self.device.is_live() {
            // It is being reset, and what is late will be submitted again.
            return TimerAction::Restart;
        }
        self.device.look_after();

        let notes = late.notes();
        let now = queue.completions();
        let patience = self.patience();
        let limit = late.timeout_ms().saturating_mul(patience.into());
        let looks = notes.stage.load(Relaxed).saturating_add(1);
        // With more patience a queue stands still only when it did for all of it.
        let seen = looks > 1 && (patience == 1 || queue.idle_ms() >= limit);
        let look = Look {
            given: notes.given.load(Relaxed),
            before: seen.then(|| notes.seen.load(Relaxed)),
            now,
            room: queue.ring().room().into(),
            silent: self.is_silent_for(limit),
        };

        if looks < patience || !look.is_lost() {
            notes.seen.store(now, Relaxed);
            notes
                .stage
                .store(looks.min(Stage::LOST.saturating_sub(1)), Relaxed);
            return TimerAction::Restart;
        }
        // Begun anew meanwhile, or about to: what is late was submitted again, or will be.
        if self.device.epoch() != epoch {
            return TimerAction::Leave;
        }
        notes.stage.store(Stage::LOST, Relaxed);
        self.recover(queue.ring().index(), epoch);
        TimerAction::Leave
    }
}
