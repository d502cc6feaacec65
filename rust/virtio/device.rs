// SPDX-License-Identifier: GPL-2.0

//! A virtio device while a driver has it.

use crate::{
    administration::Administration,
    budget::Budget,
    config::Config,
    counter::Counter,
    debug::QueueFiles,
    driver::Bound,
    feature::Features,
    follow::{
        Following,
        CONFIG,
        LATER, //
    },
    handler::QueueHandler,
    pause::Reshaping,
    reason::Reason,
    restart::Restart,
    silent::Silent,
    status::Status,
    timeouts::Timeout,
    transport::{
        InterruptHandler,
        Transport, //
    },
    transport_feature, //
};
use core::ops::DerefMut;
use kernel::{
    device,
    new_mutex,
    prelude::*,
    sync::{
        aref::ARef,
        atomic::{
            ordering::{
                Acquire,
                Release, //
            },
            Atomic,
            AtomicFlag, //
        },
        Arc,
        Mutex,
        SetOnce, //
    },
    time::{
        Instant,
        Monotonic, //
    },
    workqueue::{
        impl_has_delayed_work,
        impl_has_work,
        new_delayed_work,
        new_work,
        DelayedWork,
        Queue,
        Work,
        WorkItem, //
    }, //
};
use kernel_ext::{
    debugfs::Folder,
    dma::Master,
    shared::Shared,
    time,
    trace,
    work, //
};

/// The work item that follows a break.
const BREAK: u64 = 1;
/// The work item that resets a device that asks for it.
pub(crate) const RECOVER: u64 = 2;

/// A virtio device from the moment a driver is about to take it until that driver has left it.
/// Binding again makes a new one.
///
/// Shared by the driver, its queues and the interrupt handlers. What is wrong with the device is
/// told here ([`Self::break_device`]), from any context.
#[pin_data]
pub struct Device {
    transport: Arc<dyn Transport>,
    /// The device on the bus, for messages and as a parent.
    node: ARef<device::Device>,
    number: usize,
    features: Features,
    master: Master,
    /// Set from `DRIVER_OK` on, until the device is closed, but not while it is paused; interrupts do
    /// nothing without it.
    pub(crate) live: AtomicFlag,
    /// Why the device is broken, once it is.
    broken: SetOnce<Reason>,
    /// The driver, from `DRIVER_OK` on until it has left. The two own each other meanwhile.
    #[pin]
    pub(crate) driver: Mutex<Option<Arc<dyn Bound>>>,
    /// What came of the reset that ends the session; held while it is under way.
    #[pin]
    pub(crate) ended: Mutex<Option<Result>>,
    /// It asked for a reset, or needs one, and has not begun anew.
    pub(crate) ailing: AtomicFlag,
    /// Why it needs one, where it did not ask.
    #[pin]
    pub(crate) ailment: Mutex<Option<Reason>>,
    /// Held while the device is reset and begins anew. Taken before `ended`, and before what the driver takes
    /// for it, such as RTNL.
    #[pin]
    pub(crate) reshaping: Mutex<Reshaping>,
    /// The zero of its clock, see [`Self::now`].
    pub(crate) made: Instant<Monotonic>,
    /// Its queues, from `DRIVER_OK` on until it is closed.
    #[pin]
    pub(crate) queues: Mutex<KVec<Arc<Gate>>>,
    /// Held while one queue is reset and made anew. Taken before `ended`; by a driver that keeps pauses out
    /// meanwhile. Who does that may hold locks of others over the resets of many queues.
    #[pin]
    resizing: Mutex<Budget>,
    /// See [`Self::epoch`].
    pub(crate) epoch: Atomic<u32>,
    /// No reset is under way, or to come from others.
    pub(crate) quiet: AtomicFlag,
    /// It is out of reach, until others have reset it.
    pub(crate) cut: AtomicFlag,
    /// CPUs have come or gone, and nobody has followed them.
    pub(crate) cpus_changed: AtomicFlag,
    /// The driver's `probe` is over.
    pub(crate) settled: AtomicFlag,
    /// Its administration queue, if it has one, until it is closed. The two own each other meanwhile.
    #[pin]
    administration: Mutex<Option<Arc<Administration>>>,
    /// Its configuration may have changed, and the driver has not looked.
    pub(crate) news: AtomicFlag,
    #[pin]
    pub(crate) following: Mutex<Following>,
    #[pin]
    config_work: Work<Device, CONFIG>,
    #[pin]
    later_work: DelayedWork<Device, LATER>,
    #[pin]
    break_work: Work<Device, BREAK>,
    #[pin]
    recover_work: Work<Device, RECOVER>,
    /// What debugfs shows of the queues. The two own each other until the device is closed.
    #[pin]
    queue_files: QueueFiles,
    pub(crate) shared: Arc<Shared>,
}

impl_has_work! {
    impl HasWork<Self, CONFIG> for Device { self.config_work }
    impl HasWork<Self, BREAK> for Device { self.break_work }
    impl HasWork<Self, RECOVER> for Device { self.recover_work }
}

impl_has_delayed_work! {
    impl HasDelayedWork<Self, LATER> for Device { self.later_work }
}

impl Device {
    /// Makes the session of a device whose features are agreed on.
    pub(crate) fn new(
        transport: Arc<dyn Transport>,
        node: &device::Device,
        number: usize,
        features: Features,
        folder: Folder,
    ) -> Result<Arc<Self>> {
        let node = node.into();
        let master = transport.master(features.contains(transport_feature::ACCESS_PLATFORM));
        let shared = Shared::get()?;

        Arc::pin_init(
            pin_init!(Self {
                transport,
                node,
                number,
                features,
                master,
                live: AtomicFlag::new(false),
                broken: SetOnce::new(),
                driver <- new_mutex!(None),
                ended <- new_mutex!(None),
                ailing: AtomicFlag::new(false),
                ailment <- new_mutex!(None),
                reshaping <- new_mutex!(Reshaping::new()),
                made: Instant::now(),
                queues <- new_mutex!(KVec::new()),
                resizing <- new_mutex!(Budget::new()),
                epoch: Atomic::new(0),
                quiet: AtomicFlag::new(true),
                cut: AtomicFlag::new(false),
                cpus_changed: AtomicFlag::new(false),
                settled: AtomicFlag::new(false),
                administration <- new_mutex!(None),
                news: AtomicFlag::new(false),
                following <- new_mutex!(Following::new()),
                config_work <- new_work!("virtio::config"),
                later_work <- new_delayed_work!("virtio::later"),
                break_work <- new_work!("virtio::break"),
                recover_work <- new_work!("virtio::recover"),
                queue_files <- QueueFiles::new(folder),
                shared,
            }),
            GFP_KERNEL,
        )
    }

    pub(crate) fn transport(&self) -> &dyn Transport {
        &*self.transport
    }

    /// Where work of the driver runs that may wait for memory and for locks of others. Not for what a disk needs to go on.
    /// The driver takes its work off it before it leaves the device.
    pub fn work_queue(&self) -> &Queue {
        self.shared.unhurried.queue()
    }

    /// The device on the bus: what messages are about, and the parent of what the driver makes.
    pub fn node(&self) -> &device::Device {
        &self.node
    }

    /// The device that the transport found, such as a PCI function.
    pub fn parent(&self) -> &device::Device {
        self.transport.parent()
    }

    /// The `N` of `virtioN`.
    pub fn number(&self) -> usize {
        self.number
    }

    /// The features that were agreed on.
    #[inline]
    pub fn features(&self) -> Features {
        self.features
    }

    /// The device as a master of DMA.
    #[inline]
    pub fn master(&self) -> &Master {
        &self.master
    }

    /// What debugfs shows of the queues.
    pub(crate) fn queue_files(&self) -> &QueueFiles {
        &self.queue_files
    }

    /// Has an administration queue.
    pub(crate) fn administer(&self, administration: Arc<Administration>) {
        *self.administration.lock() = Some(administration);
    }

    /// The administration queue, if the device has one that can be used.
    pub(crate) fn administration(&self) -> Option<Arc<Administration>> {
        self.administration.lock().clone()
    }

    /// The device's configuration.
    pub fn config(self: &Arc<Self>) -> Config<'_> {
        Config::of(self)
    }

    /// Calls `each` with the CPUs to which the interrupt of queue `index` goes for good, see
    /// [`FeaturesOk::connect_spread`](crate::FeaturesOk::connect_spread); returns false where that is open. From
    /// [`FeaturesOk::start_queues`](crate::FeaturesOk::start_queues) on.
    pub fn queue_cpus(&self, index: u16, each: &mut dyn FnMut(u32)) -> bool {
        self.transport().queue_cpus(index, each)
    }

    /// Why the device is broken, if it is.
    #[inline]
    pub fn broken(&self) -> Option<Reason> {
        self.broken.copy()
    }

    /// Whether interrupts of the device count: after `DRIVER_OK`, before it is closed, and not while it is
    /// paused.
    #[inline]
    pub fn is_live(&self) -> bool {
        self.live.load(Acquire)
    }

    /// Marks the device broken, once: later reasons are not heard. It leaves one line in the log;
    /// then, in a work item, the device is reset, which ends its DMA, and the driver is told by
    /// [`Driver::device_broken`](crate::Driver::device_broken) to fail what is outstanding.
    ///
    /// Any context, also under a queue's lock.
    pub fn break_device(self: &Arc<Self>, reason: Reason) {
        if !self.broken.populate(reason) {
            return;
        }
        trace::device_broken(self.node(), format_args!("{reason}"));
        dev_err!(
            self.node(),
            "device is broken: {}\n",
            format_args!("{reason}")
        );
        // Already enqueued is as good.
        let _ = self
            .shared
            .queue
            .queue()
            .enqueue::<Arc<Self>, BREAK>(self.clone());
    }

    /// Marks the device broken, if it is not yet, and returns when it was reset or its DMA is off:
    /// no buffer is the device's any more then. For drivers that wait for an answer themselves, and
    /// want memory back when none comes; for this long at most, [`Timeout::Reset`]. Whether
    /// [`Driver::device_broken`](crate::Driver::device_broken) was called by then is open.
    ///
    /// Process context. Only while the driver has the device, so not from what still runs after
    /// [`Driver::remove`](crate::Driver::remove).
    pub fn break_and_wait(self: &Arc<Self>, reason: Reason) -> Silent<'_> {
        self.break_device(reason);
        self.silence()
    }

    /// Resets the device and waits for it, [`Timeout::Reset`] at most. When it does not
    /// answer, its DMA is forbidden instead: either way it does not touch memory afterwards. That is
    /// the end of the session, so further calls only say what came of it.
    ///
    /// # Errors
    ///
    /// `ETIMEDOUT` when the device did not answer, `ENODEV` when it is gone.
    pub(crate) fn reset(&self) -> Result {
        let mut ended = self.ended.lock();

        *ended.get_or_insert_with(|| reset(self.transport(), self.node()))
    }

    /// Lets one queue be made anew at a time, as long as the result is held, and says how long resets may take.
    ///
    /// # Errors
    ///
    /// `EIO` when the device is broken or not live.
    pub(crate) fn reshape(&self) -> Result<impl DerefMut<Target = Budget> + '_> {
        let alone = self.resizing.lock();

        if self.broken().is_some() || !self.is_live() {
            return Err(EIO);
        }
        Ok(alone)
    }

    /// Milliseconds of a clock of its own, which does not go back.
    pub(crate) fn now(&self) -> u64 {
        self.made.elapsed().as_millis().unsigned_abs()
    }

    /// Runs `what`, which the device must not be told after its reset; `None` if that was.
    pub(crate) fn unless_reset<R>(&self, what: impl FnOnce(&dyn Transport) -> R) -> Option<R> {
        let ended = self.ended.lock();

        ended.is_none().then(|| what(self.transport()))
    }

    /// Sets `DRIVER_OK`, unless the device is broken already and was reset, and lets the driver in, buffers and
    /// interrupts.
    pub(crate) fn start(&self, driver: Arc<dyn Bound>, queues: KVec<Arc<Gate>>) {
        *self.driver.lock() = Some(driver);
        *self.queues.lock() = queues;

        let ended = self.ended.lock();

        if ended.is_none() {
            self.transport
                .set_status(negotiated(self.features) | Status::DRIVER_OK);
            self.open_queues();
            // What the device had to say before this is looked for by `settle`.
            self.live.store(true, Release);
        }
    }

    /// Lets buffers be posted; before interrupts, since a queue that is closed does not ask for them again.
    pub(crate) fn open_queues(&self) {
        for queue in &*self.queues.lock() {
            queue.handler.queue().open();
        }
    }

    /// The end: no interrupt is handled, no work runs, no DMA happens after this.
    pub(crate) fn close(self: &Arc<Self>) {
        self.live.store(false, Release);
        let silent = self.silence();

        // A restart that was under way when this began has set it. From here on there is none.
        self.live.store(false, Release);
        self.transport.stop_interrupts();
        work::disable_delayed_sync::<Self, LATER>(self);
        work::disable_sync::<Self, CONFIG>(self);
        work::disable_sync::<Self, BREAK>(self);
        work::disable_sync::<Self, RECOVER>(self);
        self.queue_files.remove();
        let administration = self.administration.lock().take();

        if let Some(administration) = administration {
            administration.close(silent);
        }
        let driver = self.driver.lock().take();
        let queues = core::mem::take(&mut *self.queues.lock());

        for queue in &queues {
            queue.handler.queue().close();
        }
        drop(driver);
        drop(queues);
    }

    /// Makes the device quiet because the machine goes down: what is outstanding fails.
    pub(crate) fn shutdown(self: &Arc<Self>) {
        let first = self.broken.populate(Reason::Shutdown);

        self.live.store(false, Release);
        if first {
            trace::device_broken(self.node(), format_args!("{}", Reason::Shutdown));
            self.fail_outstanding();
        } else {
            // A break is under way; the reset below waits for its one.
            let _ = self.reset();
        }
        // As in `close`.
        self.live.store(false, Release);
    }

    /// Resets the device, then has the driver fail what it waits for.
    fn fail_outstanding(&self) {
        let silent = self.silence();
        let driver = self.driver.lock().clone();

        if let Some(driver) = driver {
            driver.device_broken(silent);
        }
    }
}

impl WorkItem<BREAK> for Device {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        this.fail_outstanding();
        // The rest may wait for memory, so it is not for this queue.
        this.look_again();
    }
}

impl Device {
    /// Whether the device was reset, and has not begun anew: it has no interrupt to give, knows nothing of what it was told before, and
    /// may be out of reach. It may begin anew at any time, with another [`Self::epoch`].
    pub fn is_at_rest(&self) -> bool {
        self.epoch() % 2 != 0 && self.quiet.load(Acquire) && self.broken().is_none()
    }
}

/// A queue's handler behind the gate of its device.
pub(crate) struct Gate {
    pub(crate) device: Arc<Device>,
    pub(crate) handler: Arc<dyn QueueHandler>,
    pub(crate) queue: trace::Queue,
    /// How many interrupts there were, and how many of them for nothing. One at a time.
    pub(crate) interrupts: Counter,
    pub(crate) spurious: Counter,
}

impl Gate {
    pub(crate) fn restart(&self, again: &Restart<'_>) -> Result {
        self.handler.restart(again)
    }
}

impl InterruptHandler for Gate {
    fn used(&self) -> bool {
        // Of a device that was given up nothing is taken any more, and whoever waits for it is told.
        if !self.device.is_live() || self.device.broken().is_some() {
            return false;
        }
        trace::queue_interrupt(self.queue);
        self.interrupts.count();
        let found = self.handler.used();

        if !found {
            self.spurious.count();
        }
        found
    }
}

/// Resets a device, see [`Device::reset`]; messages are about `node`. Its DMA is off afterwards, whatever came of it: only who goes on
/// with it allows that again, so nobody else, as the PCI core after sleep, finds it on and turns it on before the next reset.
pub(crate) fn reset(transport: &dyn Transport, node: &device::Device) -> Result {
    let limit_ms = Timeout::Reset.ms();
    let result = try_reset(transport, limit_ms);

    transport.stop_dma();
    if result == Err(ETIMEDOUT) {
        dev_err!(
            node,
            "reset was not confirmed within {} ms; DMA of the device is off now\n",
            limit_ms
        );
    }
    trace::device_reset(node, result);
    result
}

fn try_reset(transport: &dyn Transport, limit_ms: u32) -> Result {
    if transport.status() == Status::GONE {
        return Err(ENODEV);
    }
    transport.begin_reset();
    time::wait_until(limit_ms, || match transport.status() {
        Status::RESET => Ok(true),
        Status::GONE => Err(ENODEV),
        _ => Ok(false),
    })
}

/// The status of a device with which `features` were agreed on, as the driver has written it. What the device shows
/// is not written back to it: it sets bits of its own (2.1.2).
pub(crate) fn negotiated(features: Features) -> Status {
    // 3.1.2: before version 1 devices could not say no.
    if features.contains(transport_feature::VERSION_1) {
        Status::TAKEN | Status::FEATURES_OK
    } else {
        Status::TAKEN
    }
}

/// Has the device confirm `features`, which are told to it (2.2, 3.1.1).
///
/// # Errors
///
/// `ENODEV` when it refuses them, which leaves a line in the log.
pub(crate) fn confirm(
    transport: &dyn Transport,
    node: &device::Device,
    features: Features,
) -> Result {
    let agreed = negotiated(features);

    transport.accept(features);
    if agreed == Status::TAKEN {
        return Ok(());
    }
    transport.set_status(agreed);
    let status = transport.status();

    if status == Status::GONE || !status.contains(Status::FEATURES_OK) {
        dev_err!(node, "device refuses features {:x?}\n", features.words());
        return Err(ENODEV);
    }
    Ok(())
}
