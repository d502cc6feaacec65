// SPDX-License-Identifier: GPL-2.0

//! The balloon: pages that the guest has given up, as many as the host wishes.
//!
//! A page is in [`Balloon::pages`] only when the host has acknowledged it, so any of them may be
//! taken out at any time. What is between the two is in a batch on the stack of whoever waits.

use crate::{
    config,
    host::Host,
    notice::Answer,
    pace::Pace,
    places::Purpose,
    plan::{
        Plan,
        Step, //
    }, //
};
use kernel::{
    new_mutex,
    new_spinlock,
    prelude::*,
    sync::{
        atomic::{
            ordering::{
                Acquire,
                Release, //
            },
            AtomicFlag, //
        },
        Arc,
        Mutex,
        SpinLock, //
    },
    time::{
        delay::fsleep,
        msecs_to_jiffies,
        Delta,
        Instant,
        Monotonic, //
    },
    workqueue::{
        impl_has_delayed_work,
        new_delayed_work,
        DelayedWork,
        WorkItem, //
    }, //
};
use kernel_ext::{
    balloon::{
        Batch,
        Counters,
        OutOfMemory,
        Pages, //
    },
    work::{
        self,
        OwnedQueue, //
    }, //
};
use pin_init::stack_pin_init;
use virtio::{
    Device,
    Reason,
    Session,
    Silent,
    Timeout, //
};

/// Milliseconds after which something is tried again that another one is just at: a page is moved,
/// or the place of a notice is taken.
const AGAIN_MS: u32 = 20;

/// The balloon of one device.
#[pin_data]
pub(crate) struct Balloon {
    work: Arc<OwnedQueue>,
    device: Arc<Device>,
    host: Arc<Host>,
    /// What the host has acknowledged.
    #[pin]
    pages: Pages<Host>,
    plan: Plan,
    /// Pages are used again only when the host has acknowledged that they left.
    must_tell: bool,
    /// The device is being reset to begin anew; the host is not followed.
    paused: AtomicFlag,
    /// Held while pages that the host has heard of go into the balloon, and while those that it has forgotten come out.
    #[pin]
    settling: Mutex<()>,
    #[pin]
    pace: SpinLock<Pace>,
    /// The zero of the pace's clock.
    made: Instant<Monotonic>,
    /// Follows the host's wish. The only one to do so, and to tell the host how far it is.
    #[pin]
    resize: DelayedWork<Self>,
}

impl_has_delayed_work! {
    impl HasDelayedWork<Self> for Balloon { self.resize }
}

impl Balloon {
    /// Makes an empty balloon. `on_demand`: memory can be had back at any time, so that it still
    /// counts as the guest's.
    pub(crate) fn new(
        work: Arc<OwnedQueue>,
        device: Arc<Device>,
        host: Arc<Host>,
        plan: Plan,
        must_tell: bool,
        on_demand: bool,
    ) -> Result<Arc<Self>> {
        let mover = host.clone();

        Arc::pin_init(
            pin_init!(Self {
                work,
                device,
                host,
                pages <- Pages::new(mover, on_demand),
                plan,
                must_tell,
                paused: AtomicFlag::new(false),
                settling <- new_mutex!(()),
                pace <- new_spinlock!(Pace::new(), "rvirtio_balloon_pace"),
                made: Instant::now(),
                resize <- new_delayed_work!("rvirtio_balloon::resize"),
            }),
            GFP_KERNEL,
        )
    }

    /// The pace's clock.
    fn now(&self) -> u64 {
        self.made.elapsed().as_millis().unsigned_abs()
    }

    /// The host may have a new wish; `insists`: or has the old one once more.
    pub(crate) fn follow(self: &Arc<Self>, insists: bool) {
        if insists {
            self.pace.lock().insists(self.now());
        }
        work::hurry(self.work.queue(), self);
    }

    /// Lets all who wait for the host go on.
    pub(crate) fn close(&self, silent: Silent<'_>) {
        self.host.close(silent);
    }

    /// Does one step. Returns after how many milliseconds to do the next one, if there is one.
    fn step(&self) -> Option<u32> {
        let wanted = config::target(&self.device.config()).ok()?;

        self.pace.lock().wish(self.now(), wanted);
        let again = match self.plan.step(wanted, self.pages.count()) {
            Step::Inflate(count) => self.inflate(count),
            Step::Deflate(count) => self.deflate(count),
            Step::Done => None,
        };

        // A device that cannot be told is not worth a word: `target` would have failed before.
        let _ = self.tell_actual();
        again
    }

    /// Tells the host how many pages are in the balloon.
    fn tell_actual(&self) -> Result {
        if self.device.broken().is_some() {
            return Err(ENODEV);
        }
        config::set_actual(&self.device.config(), self.plan.actual(self.pages.count()))
    }

    /// Puts up to `count` pages into the balloon.
    fn inflate(&self, count: usize) -> Option<u32> {
        let left = self.pace.lock().left(self.now());

        if left != 0 {
            return Some(u32::try_from(left).unwrap_or(u32::MAX));
        }
        let Some(mut notice) = self.host.inflate.take(Purpose::Resize) else {
            return Some(AGAIN_MS);
        };
        let allowed = self.plan.allowed(count, Counters::available());

        stack_pin_init!(let batch = Batch::new());
        let had = batch.as_mut().allocate(allowed, self.plan.highest());

        // Nothing is no news for the host.
        if had != 0 {
            notice.write(batch.frames());
            // Else the device was reset and has forgotten the pages, or has begun anew since; they are freed here.
            let session = notice.send()?;

            if !self.put(batch, session) {
                return None;
            }
        }

        let mut pace = self.pace.lock();

        if had == count {
            pace.enough();
            return Some(0);
        }
        let now = self.now();
        let first = pace.short(now);
        let left = pace.left(now);

        drop(pace);
        if first {
            dev_info!(
                self.device.node(),
                "Out of puff! Can't get {} pages\n",
                count.saturating_sub(had)
            );
        }
        Some(u32::try_from(left).unwrap_or(u32::MAX))
    }

    /// Puts pages into the balloon of which the host has heard in `session`. Not if the device has begun anew
    /// meanwhile: the host has forgotten them, and who looks for such pages in the balloon ([`Self::resume`]) may have done so.
    /// They are freed then, and the answer is no. While it is being reset they are still the host's, and found later.
    fn put(&self, batch: Pin<&mut Batch>, session: Session) -> bool {
        let _settling = self.settling.lock();
        let known = self.device.is_in(session);

        if known {
            self.pages.put(batch);
        }
        known
    }

    /// Takes up to `count` pages out of the balloon.
    fn deflate(&self, count: usize) -> Option<u32> {
        let Some(mut notice) = self.host.deflate.take(Purpose::Resize) else {
            return Some(AGAIN_MS);
        };

        stack_pin_init!(let batch = Batch::new());
        if self.pages.take(batch.as_mut(), count) == 0 {
            // Those that are left are just being moved.
            return Some(AGAIN_MS);
        }
        notice.write(batch.frames());
        // Also where it is not demanded: pages that the guest has, and the host thinks it has not,
        // are of no use to either. A broken device was reset, so the pages are the guest's.
        let acknowledged = notice.send();

        batch.free();
        acknowledged.map(|_| 0)
    }

    /// Stops following the host until [`Self::resume`], and gives all pages back to the guest, as long as the
    /// device answers: memory is about to be saved, perhaps, or the device to forget them. Process context.
    pub(crate) fn pause(&self) {
        self.paused.store(true, Release);
        self.give_back();
    }

    /// The device was reset and works: it knows of no page in the balloon. Follows the host again. Process
    /// context.
    pub(crate) fn resume(self: &Arc<Self>) {
        // The session is another one: nothing of the one before goes in after this, and of this one nothing before `begin`.
        let settling = self.settling.lock();

        // A device that is broken may not have been reset yet: its pages are waited for by who wants them.
        if self.device.broken().is_none() {
            self.abandon();
        }
        drop(settling);
        self.host.begin();
        self.paused.store(false, Release);
        self.follow(false);
    }

    /// Stops following the host, and gives all pages back to the guest; the host is told as long as
    /// it answers. Process context, before the device is closed.
    pub(crate) fn empty(self: &Arc<Self>) {
        work::disable_delayed_sync::<Self, 0>(self);
        self.give_back();
        if self.pages.count() != 0 {
            // What has kept it from being told. The reset may still be under way.
            let reason = if !self.device.is_live() {
                Reason::Abandoned
            } else if self.device.ails() {
                Reason::NeedsReset
            } else if self.device.answers() {
                // All of it took too long.
                self.host.deflate.too_late()
            } else {
                Reason::Gone
            };

            self.device.break_and_wait(reason);
            self.abandon();
        }
        let _ = self.tell_actual();
    }

    /// Gives all pages back to the guest, telling a host that answers, for [`Timeout::Balloon`] in all and one more notice.
    fn give_back(&self) {
        let begun = self.now();

        // BOUND: Each notice is acknowledged within `Timeout::Balloon`, or the device is broken; and there is an end of it all.
        while self.pages.count() != 0
            && self.now().saturating_sub(begun) < Timeout::Balloon.ms().into()
            && self.device.broken().is_none()
            && self.device.is_live()
            && self.device.answers()
        {
            match self.deflate(self.plan.most()) {
                Some(0) | None => {}
                Some(ms) => fsleep(Delta::from_millis(ms.into())),
            }
        }
    }

    /// Gives all pages back to the guest without telling the host, which was reset.
    fn abandon(&self) {
        stack_pin_init!(let batch = Batch::new());

        // BOUND: Nothing is added any more. Pages that the kernel is moving are waited for, which ends.
        while self.pages.count() != 0 {
            if self.pages.take(batch.as_mut(), self.plan.most()) == 0 {
                fsleep(Delta::from_millis(AGAIN_MS.into()));
            }
            batch.as_mut().free();
        }
    }

    /// Takes some pages out for a task that needs them now.
    fn relieve(&self) -> usize {
        stack_pin_init!(let batch = Batch::new());

        if let Some(reason) = self.device.broken() {
            // Nobody needs to be told, when the reset is over.
            self.device.break_and_wait(reason);
            self.pages.take(batch.as_mut(), self.plan.most());
            return batch.free();
        }
        if self.device.is_at_rest() {
            // It has forgotten all pages in the balloon. Should it begin anew while this is held, it is still so: it is told of
            // none until `resume` has taken them out, which waits for this.
            let Some(_settling) = self.settling.try_lock() else {
                return 0;
            };

            if !self.device.is_at_rest() {
                return 0;
            }
            self.pages.take(batch.as_mut(), self.plan.most());
            return batch.free();
        }
        // The place and the pages are of one session: `resume` ends what was before it with this held.
        let Some(settling) = self.settling.try_lock() else {
            return 0;
        };
        let Some(mut notice) = self.host.deflate.take(Purpose::OutOfMemory) else {
            return 0;
        };

        if self.pages.take(batch.as_mut(), self.plan.most()) == 0 {
            return 0;
        }
        drop(settling);
        notice.write(batch.frames());

        // The host need not have acknowledged it before (5.5.6.2), but sees it before it hears of the pages again, should they
        // go back. It is waited for all the same: the kernel asks again at once, and kills somebody when it gets nothing because
        // no place is free.
        let mut freed = 0;
        let answer = notice.send_and(Timeout::BalloonOom.ms(), || {
            if !self.must_tell {
                freed = batch.as_mut().free();
            }
        });

        if freed != 0 {
            return freed;
        }
        match answer {
            Answer::Acknowledged(_) | Answer::Reset => batch.free(),
            // They are still the host's. When it hears of them, it will think that they are not in
            // the balloon; it hears again when they leave it.
            Answer::Late(session) => {
                self.put(batch, session);
                0
            }
            Answer::Untold => {
                let _settling = self.settling.lock();

                // As above. Once it has begun anew `resume` may have been there.
                if !self.device.is_live() {
                    self.pages.put(batch);
                }
                0
            }
        }
    }
}

impl WorkItem for Balloon {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        if this.device.broken().is_some() || this.paused.load(Acquire) {
            return;
        }
        if let Some(ms) = this.step() {
            // Enqueued already, to run sooner, is as good.
            let _ = this
                .work
                .queue()
                .enqueue_delayed(this.clone(), msecs_to_jiffies(ms));
        }
    }
}

/// An [`OutOfMemory`] for the balloon: it holds the reference that the work item needs.
pub(crate) struct Relief(pub(crate) Arc<Balloon>);

impl OutOfMemory for Relief {
    fn out_of_memory(&self) -> usize {
        let Self(balloon) = self;
        let now = balloon.now();

        // What is given back now is not to be taken away at once.
        balloon.pace.lock().out_of_memory(now);
        let freed = balloon.relieve();

        if freed != 0 {
            // Tells the host how far it is.
            work::hurry(balloon.work.queue(), balloon);
        }
        freed
    }
}
