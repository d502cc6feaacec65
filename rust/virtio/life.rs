// SPDX-License-Identifier: GPL-2.0

//! The steps of a device's life, as types (virtio 1.4, 3.1.1).

use crate::{
    config::Config,
    counter::Counter,
    device::{
        negotiated,
        Device,
        Gate, //
    },
    driver::Driver,
    feature::Features,
    follow::ConfigInterrupt,
    handler::QueueHandler,
    status::Status,
    transport::{
        Delivery,
        Interrupts,
        QueueInterrupt, //
    }, //
};
use core::ops::Deref;
use kernel::{
    fmt,
    prelude::*,
    str::CString,
    sync::Arc, //
};

/// A device that has accepted its features. Its configuration can be read and its queues can be
/// made; nothing is posted yet.
///
/// Dropping it gives the device up: `FAILED` is set and the device is reset.
pub struct FeaturesOk {
    device: Arc<Device>,
    queues: KVec<QueueInterrupt>,
    gates: KVec<Arc<Gate>>,
    /// Whether dropping this gives the device up.
    pending: bool,
    /// Whether the queues are enabled.
    started: bool,
}

impl FeaturesOk {
    pub(crate) fn new(device: Arc<Device>) -> Self {
        Self {
            device,
            queues: KVec::new(),
            gates: KVec::new(),
            pending: true,
            started: false,
        }
    }

    /// The device.
    pub fn device(&self) -> &Arc<Device> {
        &self.device
    }

    /// The features that were agreed on.
    pub fn features(&self) -> Features {
        self.device.features()
    }

    /// What the device offers, whether it was accepted or not: which queues it has may depend on
    /// it. Read again, so it need not be what was offered before; to be taken for nothing else.
    pub fn offered(&self) -> Features {
        self.device.transport().offered()
    }

    /// The device's configuration.
    pub fn config(&self) -> Config<'_> {
        self.device.config()
    }

    /// Has `handler` called when the device used buffers of its queue ([`QueueHandler::queue`]). `name` is
    /// what `/proc/interrupts` shows behind the device's name.
    ///
    /// The queue is set up in the device by [`Self::go_live`], and takes buffers from then on.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `EINVAL` when the queue is another device's, which leaves a line in the log.
    pub fn connect(&mut self, handler: Arc<dyn QueueHandler>, name: fmt::Arguments<'_>) -> Result {
        self.add_interrupt(handler, name, Delivery::Anywhere)
    }

    /// Like [`Self::connect`], for a queue off the data path: the first to share its interrupt where there are
    /// too few.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn connect_slow(
        &mut self,
        handler: Arc<dyn QueueHandler>,
        name: fmt::Arguments<'_>,
    ) -> Result {
        self.add_interrupt(handler, name, Delivery::Slow)
    }

    /// Like [`Self::connect`]. Where the queue has an interrupt of its own, it goes to CPU number
    /// `place` of those that are online, counted round; user space may move it.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn connect_at(
        &mut self,
        handler: Arc<dyn QueueHandler>,
        name: fmt::Arguments<'_>,
        place: u16,
    ) -> Result {
        self.add_interrupt(handler, name, Delivery::Near(place))
    }

    /// Like [`Self::connect`]. Where each queue has an interrupt of its own, the kernel shares all CPUs out among those of
    /// the queues that are connected with this, and keeps them there, see [`Device::queue_cpus`]. There is none while all
    /// CPUs of a queue are offline: nothing may be under way on it by then. For queues with a layer above that sees to
    /// that, as the block layer does.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn connect_spread(
        &mut self,
        handler: Arc<dyn QueueHandler>,
        name: fmt::Arguments<'_>,
    ) -> Result {
        self.add_interrupt(handler, name, Delivery::Spread)
    }

    /// Like [`Self::connect`], for a queue without an interrupt: the driver looks itself for what is used. The handler is
    /// for resets and debugfs alone.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn connect_polled(
        &mut self,
        handler: Arc<dyn QueueHandler>,
        name: fmt::Arguments<'_>,
    ) -> Result {
        handler.queue().expect_no_interrupts();
        self.add_interrupt(handler, name, Delivery::Polled)
    }

    fn add_interrupt(
        &mut self,
        handler: Arc<dyn QueueHandler>,
        name: fmt::Arguments<'_>,
        delivery: Delivery,
    ) -> Result {
        let queue = handler.queue().setup();
        let label = handler.queue().label();

        if !Arc::ptr_eq(handler.queue().owner(), &self.device) {
            dev_err!(
                self.device.node(),
                "queue {}: is another device's\n",
                queue.index
            );
            return Err(EINVAL);
        }
        let gate = Arc::new(
            Gate {
                device: self.device.clone(),
                handler,
                queue: label,
                interrupts: Counter::new(),
                spurious: Counter::new(),
            },
            GFP_KERNEL,
        )?;

        self.gates.push(gate.clone(), GFP_KERNEL)?;
        self.device.queue_files().add(gate.clone())?;

        self.queues.push(
            QueueInterrupt {
                queue,
                name: CString::try_from_fmt(name)?,
                handler: gate,
                delivery,
            },
            GFP_KERNEL,
        )?;
        Ok(())
    }

    /// Takes the interrupts and enables the queues, all of which are connected. [`Self::go_live`] does that, too: this is
    /// for who has to know before where the interrupts go.
    ///
    /// # Errors
    ///
    /// Those of the interrupt layer, and `EBUSY` when the device does not take a queue's vector.
    pub fn start_queues(&mut self) -> Result {
        if self.started {
            return Ok(());
        }
        let queues = core::mem::take(&mut self.queues);

        Self::start(&self.device, queues).inspect_err(|error| {
            dev_err!(
                self.device.node(),
                "queues cannot be started: {:?}\n",
                error
            );
        })?;
        self.started = true;
        Ok(())
    }

    fn start(device: &Arc<Device>, queues: KVec<QueueInterrupt>) -> Result {
        let config = Arc::new(ConfigInterrupt(device.clone()), GFP_KERNEL)?;

        device.transport().start_interrupts(Interrupts {
            config,
            queues,
            device: CString::try_from_fmt(fmt!("virtio{}", device.number()))?,
        })
    }

    /// Enables the queues and sets `DRIVER_OK`: from now on the device works, `driver` hears of
    /// it, and the queues that are connected take buffers.
    ///
    /// # Errors
    ///
    /// As for [`Self::start_queues`].
    pub fn go_live<D: Driver>(mut self, driver: &Arc<D>) -> Result<Live> {
        // On an error `self` is dropped, and the device given up.
        self.start_queues()?;
        self.device
            .start(driver.clone(), core::mem::take(&mut self.gates));
        self.pending = false;
        Ok(Live(self.device.clone()))
    }
}

impl Drop for FeaturesOk {
    fn drop(&mut self) {
        if self.pending {
            self.device
                .transport()
                .set_status(negotiated(self.features()) | Status::FAILED);
            self.device.close();
        }
    }
}

/// A device that works: `DRIVER_OK` is set. Buffers may be posted until the driver is unbound.
pub struct Live(Arc<Device>);

impl Live {
    /// The device, to be shared.
    pub fn device(&self) -> &Arc<Device> {
        &self.0
    }
}

impl Deref for Live {
    type Target = Device;

    fn deref(&self) -> &Device {
        &self.0
    }
}
