// SPDX-License-Identifier: GPL-2.0

//! A device that is reset and begins anew under its driver (virtio 1.4, 2.1.1, 2.4.1): because it asks for it, because
//! the machine sleeps, or because somebody else resets it.

use crate::{
    allowance::Allowance,
    device::{
        confirm,
        reset,
        Device,
        RECOVER, //
    },
    reason::Reason,
    restart::Restart,
    status::Status, //
};
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
    allowance: Allowance,
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
    /// Gives up waiting for the device, and returns when it was reset or its DMA is off: no buffer is the
    /// device's any more then. It is marked broken, unless it asks for a reset: then it begins anew, soon.
    ///
    /// Process context. Only while the driver has the device.
    pub fn give_up(self: &Arc<Self>, reason: Reason) {
        if self.broken().is_none() && self.ails() {
            if self
                .unless_reset(|transport| reset(transport, self.node()))
                .is_some_and(|result| result.is_ok())
            {
                self.recover();
                return;
            }
        }
        self.break_and_wait(reason);
    }

    /// Makes the device quiet until [`Self::resume`] was called as often as this: the driver pauses, and the
    /// device is reset. If it does not answer it is broken, and its DMA is off. Either way it does not
    /// touch memory when this returns.
    ///
    /// Process context. Not beside [`Self::close`]: whoever calls this keeps the driver.
    pub(crate) fn pause(self: &Arc<Self>) {
        self.pause_with(|| {
            let quiet = self.unless_reset(|transport| reset(transport, self.node()));

            if let Some(Err(error)) = quiet {
                self.break_device(Reason::unanswered(error));
            }
        });
    }

    /// As [`Self::pause`], for a device that cannot be accessed and is reset by others. It may touch memory
    /// until then.
    pub(crate) fn pause_unreached(self: &Arc<Self>) {
        self.pause_with(|| {});
    }

    fn pause_with(&self, quieten: impl FnOnce()) {
        let mut reshaping = self.reshaping.lock();

        reshaping.pauses = reshaping.pauses.saturating_add(1);
        if reshaping.pauses > 1 {
            return;
        }
        let driver = self.driver.lock().clone();
        let Some(driver) = driver else {
            return;
        };

        driver.pause();
        self.live.store(false, Release);
        // What a device says in the middle of a reset is not to be believed.
        drop(self.following.lock());
        quieten();
    }

    /// The device will not work again.
    pub(crate) fn lost(self: &Arc<Self>) {
        self.break_device(Reason::Gone);
        self.end_pauses();
    }

    /// Ends all pauses of a device that will not begin anew: it is broken.
    pub(crate) fn end_pauses(self: &Arc<Self>) {
        let mut reshaping = self.reshaping.lock();

        if core::mem::take(&mut reshaping.pauses) == 0 {
            return;
        }
        self.break_device(Reason::Reset);
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
        let mut reshaping = self.reshaping.lock();
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
            if let Err(error) = self.restart() {
                dev_err!(self.node(), "device does not go on: {:?}\n", error);
                self.break_device(Reason::unanswered(error));
            }
        }
        driver.resume();
        drop(reshaping);
        // What it has to say of itself may be another thing now, and no interrupt was heard.
        self.look_again();
    }

    /// Takes the device from reset to `DRIVER_OK` once more (3.1.1).
    fn restart(&self) -> Result {
        // A break waits for this with its reset.
        let ended = self.ended.lock();
        let transport = self.transport();

        if ended.is_some() {
            // The driver is leaving it.
            return Ok(());
        }
        // It may have been without power meanwhile, or with another driver.
        reset(transport, self.node())?;
        transport.allow_dma();
        transport.set_status(Status::ACKNOWLEDGE);
        transport.set_status(Status::ACKNOWLEDGE | Status::DRIVER);
        if !transport.offered().contains(self.features()) {
            dev_err!(self.node(), "device offers less than before\n");
            return Err(ENODEV);
        }
        confirm(transport, self.node(), self.features())?;
        transport.restart_interrupts()?;
        for queue in &*self.queues.lock() {
            queue.restart(&Restart::new(self))?;
        }
        transport.set_status(transport.status() | Status::DRIVER_OK);
        self.ailing.store(false, Release);
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

    /// Has the device looked at, if it asks for a reset, by whoever waits for it. Any context that may
    /// access it.
    pub fn look_after(self: &Arc<Self>) {
        if self.is_live() && self.ails() {
            self.recover();
        }
    }

    /// The device asked for a reset: does it, in a work item, if it has not had too many.
    pub(crate) fn recover(self: &Arc<Self>) {
        self.ailing.store(true, Release);
        let driver = self.driver.lock().clone();
        let Some(driver) = driver else {
            return;
        };
        let queue = if driver.is_storage() {
            &self.shared.queue
        } else {
            &self.shared.unhurried
        };

        // Already enqueued is as good.
        let _ = queue.queue().enqueue::<Arc<Self>, RECOVER>(self.clone());
    }
}

impl WorkItem<RECOVER> for Device {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        // A pause that is under way ends with a reset, too; and it may have had one since.
        if !this.is_live() || !this.ailing.load(Acquire) {
            return;
        }
        let now = this.made.elapsed().as_millis().unsigned_abs();
        let allowed = this.reshaping.lock().allowance.take(now);

        if !allowed {
            this.break_device(Reason::NeedsReset);
            return;
        }
        dev_warn!(
            this.node(),
            "device asks for a reset (DEVICE_NEEDS_RESET); it gets one, and goes on\n"
        );
        // At once: what it does is not to be relied on.
        let _ = this.unless_reset(|transport| reset(transport, this.node()));

        this.pause();
        this.resume();
    }
}
