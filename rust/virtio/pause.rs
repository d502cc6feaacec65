// SPDX-License-Identifier: GPL-2.0

//! A device that is reset and begins anew under its driver (virtio 1.4, 2.1.1, 2.4.1): because it asks for it, because
//! the machine sleeps, or because somebody else resets it.

use crate::{
    allowance::Allowance,
    config::Config,
    device::{
        confirm,
        negotiated,
        reset,
        Device,
        RECOVER, //
    },
    driver::Bound,
    reason::Reason,
    restart::Restart,
    status::Status, //
};
use core::fmt;
use kernel::{
    prelude::*,
    sync::{
        atomic::ordering::{
            Acquire,
            Release, //
        },
        Arc, //
    },
    workqueue::WorkItem, //
};

/// What is kept of pauses.
pub(crate) struct Reshaping {
    /// How many pauses are to end before the device goes on.
    pauses: u32,
    /// Five resets in a row, then one a minute.
    allowance: Allowance<5, 60_000>,
}

impl Reshaping {
    /// None.
    pub(crate) const fn new() -> Self {
        Self {
            pauses: 0,
            allowance: Allowance::new(),
        }
    }
}

impl Device {
    /// Makes the device quiet because the machine goes to sleep, until [`Self::wake`].
    ///
    /// Process context. Not beside [`Self::close`].
    pub(crate) fn sleep(self: &Arc<Self>) {
        let driver = self.driver.lock().clone();

        // Without the lock of pauses: a device that has lost what is waited for begins anew.
        if let Some(driver) = driver {
            driver.before_sleep();
        }
        self.pause();
    }

    /// Ends [`Self::sleep`].
    pub(crate) fn wake(self: &Arc<Self>) {
        self.resume();
        let driver = self.driver.lock().clone();

        if let Some(driver) = driver {
            driver.after_sleep();
        }
    }

    /// Makes the device quiet until [`Self::resume`] was called as often as this: the driver pauses, and the
    /// device is reset. If it does not answer it is broken, and its DMA is off. Either way it does not
    /// touch memory when this returns.
    ///
    /// Process context. Not beside [`Self::close`]: whoever calls this keeps the driver.
    pub(crate) fn pause(self: &Arc<Self>) {
        self.pause_locked(&mut self.reshaping.lock(), true);
    }

    /// As [`Self::pause`], for a device that cannot be accessed and is reset by others. It may touch memory
    /// until then.
    pub(crate) fn pause_unreached(self: &Arc<Self>) {
        self.pause_locked(&mut self.reshaping.lock(), false);
    }

    fn pause_locked(self: &Arc<Self>, reshaping: &mut Reshaping, reached: bool) {
        reshaping.pauses = reshaping.pauses.saturating_add(1);
        if reshaping.pauses == 1 {
            let driver = self.driver.lock().clone();
            let Some(driver) = driver else {
                return;
            };

            if reached {
                driver.pause();
                self.turn_away();
            } else {
                // First: whoever waits for an answer that cannot come may hold what the driver waits for, and is not to take the
                // device for one that does not answer.
                self.cut.store(true, Release);
                self.turn_away();
                driver.pause();
            }
        }
        if reached && !self.quiet.load(Acquire) {
            match self.unless_reset(|transport| reset(transport, self.node())) {
                Some(Ok(())) => self.quiet.store(true, Release),
                Some(Err(error)) => self.break_device(Reason::unanswered(error)),
                None => {}
            }
        }
    }

    /// From here on, and until it has begun anew, what the device says of itself is not to be believed, see
    /// [`Config`].
    fn turn_away(&self) {
        // In this order, so that who finds it not live does not take it for reset.
        self.quiet.store(false, Release);
        self.live.store(false, Release);
        self.epoch.store(self.epoch().wrapping_add(1), Release);
    }

    /// The device will not work again.
    pub(crate) fn lost(self: &Arc<Self>) {
        self.break_device(Reason::Gone);
        self.end_pauses();
    }

    /// Ends all pauses of a device that will not begin anew: it is broken. Waits for one that is about to end.
    pub(crate) fn end_pauses(self: &Arc<Self>) {
        let mut reshaping = self.reshaping.lock();

        if core::mem::take(&mut reshaping.pauses) == 0 {
            return;
        }
        self.break_device(Reason::Abandoned);
        let driver = self.driver.lock().clone();

        if let Some(driver) = driver {
            driver.resume();
        }
    }

    /// Ends a [`Self::pause`]. With the last one the device begins anew, with the features that it had, and
    /// the driver goes on: with a broken device if the device cannot.
    ///
    /// Process context. Not beside [`Self::close`].
    pub(crate) fn resume(self: &Arc<Self>) {
        self.resume_locked(&mut self.reshaping.lock());
    }

    fn resume_locked(self: &Arc<Self>, reshaping: &mut Reshaping) {
        let Some(pauses) = reshaping.pauses.checked_sub(1) else {
            return;
        };

        reshaping.pauses = pauses;
        if pauses != 0 {
            return;
        }
        let driver = self.driver.lock().clone();
        let Some(driver) = driver else {
            return;
        };

        if self.broken().is_none() {
            if let Err(error) = self.restart(&*driver) {
                dev_err!(self.node(), "device does not go on: {:?}\n", error);
                self.break_device(Reason::unanswered(error));
            }
        }
        driver.resume();
        self.begin_administration();
        // What it has to say of itself may be another thing now, and no interrupt was heard.
        self.has_news();
    }

    /// The driver has taken the device: it may be recovered.
    pub(crate) fn settle(self: &Arc<Self>) {
        self.settled.store(true, Release);
        self.begin_administration();
        // It may have asked for a reset meanwhile, or have been reset by who waited for it in vain: then it does not ask any
        // more.
        if self.ailing.load(Acquire) {
            self.recover();
        }
        self.has_news();
    }

    /// The device works: it is asked what can be administered, if anything can.
    fn begin_administration(&self) {
        if let Some(administration) = self.administration() {
            administration.begin();
        }
    }

    /// Takes the device from reset to `DRIVER_OK` once more (3.1.1).
    fn restart(&self, driver: &dyn Bound) -> Result {
        // A break waits for this with its reset.
        let ended = self.ended.lock();
        let transport = self.transport();

        if ended.is_some() {
            // The driver is leaving it.
            return Ok(());
        }
        // It may have been without power meanwhile, or with another driver.
        reset(transport, self.node())?;
        self.cut.store(false, Release);
        transport.allow_dma();
        transport.set_status(Status::ACKNOWLEDGE);
        transport.set_status(Status::TAKEN);
        let offered = transport.offered();

        if !offered.contains(self.features()) {
            dev_err!(self.node(), "device offers less than before\n");
            return Err(EINVAL);
        }
        confirm(transport, self.node(), self.features()).map_err(|error| {
            if transport.is_present() {
                EINVAL
            } else {
                error
            }
        })?;
        driver.reconfigure(&Config::new(transport), offered)?;
        transport.restart_interrupts()?;
        for queue in &*self.queues.lock() {
            queue.restart(&Restart::new(self))?;
        }
        if transport.status() == Status::GONE {
            return Err(ENODEV);
        }
        *self.ailment.lock() = None;
        self.ailing.store(false, Release);
        // Not at rest any more: its interrupts are to be taken back, though nobody looks what they are for.
        self.quiet.store(false, Release);
        transport.set_status(negotiated(self.features()) | Status::DRIVER_OK);
        self.epoch.store(self.epoch().wrapping_add(1), Release);
        self.quiet.store(true, Release);
        self.open_queues();
        // Nothing was posted yet, so no interrupt is lost.
        self.live.store(true, Release);
        Ok(())
    }

    /// Whether the device asks for a reset, or has asked for it and has not begun anew.
    pub fn ails(&self) -> bool {
        self.ailing.load(Acquire) || {
            let status = self.transport().status();

            status != Status::GONE && status.contains(Status::NEEDS_RESET)
        }
    }

    /// Whether the device can be expected to answer: it is there, and does not ask for a reset.
    pub fn answers(&self) -> bool {
        self.transport().is_present() && !self.ails()
    }

    /// Has the device recovered if it asks for a reset, and marks it broken if it is gone; for those who wait for
    /// it. Process context.
    pub fn look_after(self: &Arc<Self>) {
        if !self.is_live() {
            return;
        }
        if self.is_gone() {
            self.break_device(Reason::Gone);
        } else if self.ails() {
            self.recover();
        }
    }

    /// Whether the device does not answer, and not since somebody has made it quiet, who may have taken it out of reach to
    /// reset it.
    pub(crate) fn is_gone(&self) -> bool {
        let epoch = self.epoch();

        // An access of a register is ordered before what follows it.
        self.is_live() && !self.transport().is_present() && self.epoch() == epoch && self.is_live()
    }

    /// Whether the device is out of reach, and is reset by others soon, or lost.
    pub(crate) fn is_cut(&self) -> bool {
        self.cut.load(Acquire)
    }

    /// Has a device that does not do what it should, but may after a reset, begin anew; it is marked broken instead, with
    /// the same `reason`, if it has had too many resets, or if its driver is probing still. One line in the log either
    /// way. What is under way goes to [`QueueHandler::restart`](crate::QueueHandler::restart), or the driver
    /// hears of the break: soon, if it has not begun anew meanwhile for another reason.
    ///
    /// Process context.
    pub fn begin_anew(self: &Arc<Self>, reason: Reason) {
        if !self.settled.load(Acquire) {
            self.break_device(reason);
            return;
        }
        self.ailment.lock().get_or_insert(reason);
        self.recover();
    }

    /// The device asked for a reset, or needs one: does it, in a work item, if it has not had too many.
    pub(crate) fn recover(self: &Arc<Self>) {
        self.ailing.store(true, Release);
        let driver = self.driver.lock().clone();
        let Some(driver) = driver else {
            return;
        };
        let queue = if driver.is_storage() {
            self.shared.queue.queue()
        } else {
            self.work_queue()
        };

        // Already enqueued is as good.
        let _ = queue.enqueue::<Arc<Self>, RECOVER>(self.clone());
    }
}

/// Why a device gets a reset, for the log.
struct Need(Reason);

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Reason::NeedsReset => write!(f, "{}", self.0),
            reason => write!(f, "device needs a reset: {reason}"),
        }
    }
}

impl WorkItem<RECOVER> for Device {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        let mut reshaping = this.reshaping.lock();

        // A pause that is under way ends with a reset, too; and it may have had one since. While the driver is
        // probing it waits for `settle`.
        if !this.is_live()
            || !this.ailing.load(Acquire)
            || !this.settled.load(Acquire)
            || this.broken().is_some()
        {
            return;
        }
        let reason = this.ailment.lock().unwrap_or(Reason::NeedsReset);

        if reshaping.allowance.take(this.now()).is_err() {
            this.break_device(reason);
            return;
        }
        dev_warn!(
            this.node(),
            "{}; it gets one, and goes on\n",
            format_args!("{}", Need(reason))
        );
        // In one go: whoever takes the driver away waits for the end.
        this.pause_locked(&mut reshaping, true);
        this.resume_locked(&mut reshaping);
    }
}
