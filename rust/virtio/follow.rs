// SPDX-License-Identifier: GPL-2.0

//! What a device that works has to say for itself is followed: another configuration, another status, and CPUs
//! that come and go (virtio 1.4, 2.5, 4.1.5.4).

use crate::{
    allowance::Allowance,
    device::Device,
    reason::Reason,
    transport::InterruptHandler, //
};
use kernel::{
    sync::{
        atomic::ordering::{
            Full,
            Relaxed,
            Release, //
        },
        Arc, //
    },
    time::msecs_to_jiffies,
    workqueue::WorkItem, //
};
use kernel_ext::{
    cpu::CpuWatcher,
    trace, //
};

/// The work item that follows.
pub(crate) const CONFIG: u64 = 0;
/// The work item that has it run later.
pub(crate) const LATER: u64 = 3;

/// Milliseconds after which CPUs are followed that were just coming or going.
const CPUS_MS: u32 = 50;

/// How often the configuration is followed: 32 changes at once, and two a second. Each may leave lines in the log, and
/// has drivers work.
pub(crate) type Following = Allowance<32, 500>;

/// What a configuration interrupt does; belongs to the transport's interrupts.
pub(crate) struct ConfigInterrupt(pub(crate) Arc<Device>);

impl InterruptHandler for ConfigInterrupt {
    fn used(&self) -> bool {
        let device = &self.0;

        // Of one that was given up nothing is heard.
        if !device.is_live() || device.broken().is_some() {
            return false;
        }
        trace::config_change(device.node());
        device.has_news()
    }

    fn is_at_rest(&self) -> bool {
        self.0.is_at_rest()
    }
}

impl Device {
    /// Has the status and the configuration looked at, in a work item. Says whether they would not have been otherwise.
    /// Any context.
    pub(crate) fn has_news(self: &Arc<Self>) -> bool {
        self.news.store(true, Release);
        self.look_again()
    }

    /// The same, but the configuration only if there is news of it already.
    pub(crate) fn look_again(self: &Arc<Self>) -> bool {
        // Not the queue on which a broken disk is recovered: this may wait for memory.
        self.work_queue()
            .enqueue::<Arc<Self>, CONFIG>(self.clone())
            .is_ok()
    }

    /// Lets the driver follow the configuration, if there is news: now, or as soon as it may again.
    fn follow_config(self: &Arc<Self>) {
        if !self.news.load(Relaxed) {
            return;
        }
        if let Err(wait) = self.following.lock().take(self.now()) {
            // No longer than what regains one, so it fits. That it waits already is as good.
            let wait = msecs_to_jiffies(u32::try_from(wait).unwrap_or(u32::MAX));
            let _ = self
                .work_queue()
                .enqueue_delayed::<Arc<Self>, LATER>(self.clone(), wait);
            return;
        }
        let driver = self.driver.lock().clone();

        if let Some(driver) = driver {
            // Before it looks: what comes later is news again.
            let _ = self.news.xchg(false, Full);
            driver.config_changed();
        }
    }

    /// Moves interrupts, and lets the driver do the rest: now, or soon, when no CPU is just coming or going.
    fn follow_cpus(self: &Arc<Self>) {
        let driver = self.driver.lock().clone();

        let Some(driver) = driver else {
            // It is probing still: `settle` has this looked at again.
            self.cpus_changed.store(true, Release);
            return;
        };

        if self.transport().place_interrupts().is_err() {
            self.cpus_changed.store(true, Release);
            let _ = self
                .work_queue()
                .enqueue_delayed::<Arc<Self>, LATER>(self.clone(), msecs_to_jiffies(CPUS_MS));
            return;
        }
        driver.cpus_changed();
    }
}

impl WorkItem<CONFIG> for Device {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        if this.cpus_changed.xchg(false, Full) {
            this.follow_cpus();
        }
        // Also of a device that broke while it was paused, and is not live any more.
        if let Some(reason) = this.broken() {
            let driver = this.driver.lock().clone();

            if let (Some(driver), true) = (driver, reason != Reason::Shutdown) {
                driver.after_break();
            }
            return;
        }
        if !this.is_live() {
            return;
        }
        // Of a device that is gone there is no configuration to follow.
        if this.is_gone() {
            this.break_device(Reason::Gone);
        } else if this.ails() {
            this.recover();
        } else {
            this.follow_config();
        }
    }
}

impl WorkItem<LATER> for Device {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        this.look_again();
    }
}

impl CpuWatcher for Device {
    fn cpus_changed(this: &Arc<Self>) {
        this.cpus_changed.store(true, Release);
        this.look_again();
    }
}
