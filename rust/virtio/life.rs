// SPDX-License-Identifier: GPL-2.0

//! The steps of a device's life, as types (virtio 1.4, 3.1.1).

use crate::{
    config::Config,
    device::{
        ConfigInterrupt,
        Device,
        Gate, //
    },
    driver::Driver,
    feature::Features,
    queue::Virtqueue,
    status::Status,
    transport::{
        Interrupts,
        QueueHandler,
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
    device: Option<Arc<Device>>,
    fallback: Arc<Device>,
    queues: KVec<QueueInterrupt>,
}

impl FeaturesOk {
    pub(crate) fn new(device: Arc<Device>) -> Self {
        Self {
            fallback: device.clone(),
            device: Some(device),
            queues: KVec::new(),
        }
    }

    /// The device.
    pub fn device(&self) -> &Arc<Device> {
        &self.fallback
    }

    /// The features that were agreed on.
    pub fn features(&self) -> Features {
        self.fallback.features()
    }

    /// The device's configuration.
    pub fn config(&self) -> Config<'_> {
        self.fallback.config()
    }

    /// Enables `queue`, and has `handler` called when the device used buffers of it. `name` is
    /// what `/proc/interrupts` shows behind the device's name.
    ///
    /// The queue is set up in the device by [`Self::go_live`].
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn connect<T: Send + Unpin>(
        &mut self,
        queue: &Virtqueue<T>,
        name: fmt::Arguments<'_>,
        handler: Arc<dyn QueueHandler>,
    ) -> Result {
        let handler = Arc::new(
            Gate {
                device: self.fallback.clone(),
                handler,
            },
            GFP_KERNEL,
        )?;

        self.queues.push(
            QueueInterrupt {
                index: queue.index(),
                size: queue.size(),
                addresses: queue.addresses(),
                name: CString::try_from_fmt(name)?,
                handler,
            },
            GFP_KERNEL,
        )?;
        Ok(())
    }

    /// Enables the queues and sets `DRIVER_OK`: from now on the device works, `driver` hears of
    /// it, and buffers may be posted.
    ///
    /// # Errors
    ///
    /// Those of the interrupt layer, and `EBUSY` when the device does not take a queue's vector.
    pub fn go_live<D: Driver>(mut self, driver: &Arc<D>) -> Result<Live> {
        let device = self.device.take().ok_or(EINVAL)?;
        let started = Self::start(&device, core::mem::take(&mut self.queues), driver);

        if let Err(error) = started {
            dev_err!(device.node(), "queues cannot be started: {:?}\n", error);
            fail(&device);
            return Err(error);
        }
        Ok(Live(device))
    }

    fn start<D: Driver>(
        device: &Arc<Device>,
        queues: KVec<QueueInterrupt>,
        driver: &Arc<D>,
    ) -> Result {
        let config = Arc::new(ConfigInterrupt(device.clone()), GFP_KERNEL)?;

        device.transport().start_interrupts(Interrupts {
            config,
            queues,
            device: CString::try_from_fmt(fmt!("virtio{}", device.number()))?,
        })?;
        device.open(driver.clone());
        device.start();
        Ok(())
    }
}

impl Drop for FeaturesOk {
    fn drop(&mut self) {
        if let Some(device) = self.device.take() {
            fail(&device);
        }
    }
}

/// Gives a device up.
fn fail(device: &Arc<Device>) {
    let status = device.transport().status();

    if status != Status::GONE {
        device.transport().set_status(status | Status::FAILED);
    }
    device.close();
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
