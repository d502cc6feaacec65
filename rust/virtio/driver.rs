// SPDX-License-Identifier: GPL-2.0

//! What a driver of a virtio device is.

use crate::{
    bus::VirtioBus,
    config::Config,
    feature::Features,
    id::DeviceId,
    life::FeaturesOk,
    silent::Silent, //
};
use core::marker::PhantomData;
use kernel::{
    prelude::*,
    sync::Arc,
    ThisModule, //
};
use kernel_ext::bus;

/// A driver of virtio devices. The implementing type is what the driver keeps for one device.
pub trait Driver: Sized + Send + Sync + 'static {
    /// What the driver keeps for all its devices, such as a major number.
    type Module: Send + Sync + 'static;

    /// The devices it can drive.
    const IDS: &'static [DeviceId];

    /// The bits of the device type (0 to 23, 50 to 127) that the driver has code and tests for.
    /// Never a bit because its name is known.
    const FEATURES: Features;

    /// May take bits away from `features`, which are those that both sides have, before they are
    /// agreed on: when a bit needs another, or when the configuration is too short for its field.
    ///
    /// # Errors
    ///
    /// Any, to refuse the device; it is up to the driver to log why.
    fn validate(features: Features, config: &Config<'_>) -> Result<Features> {
        let _ = config;
        Ok(features)
    }

    /// Takes a device over: reads its configuration, makes queues, and brings it to life with
    /// [`FeaturesOk::go_live`].
    ///
    /// # Errors
    ///
    /// Any; the device is given up. It is up to the driver to log why.
    fn probe(module: &Arc<Self::Module>, setup: FeaturesOk) -> Result<Arc<Self>>;

    /// Whether memory may be written to the device, when it is short: then it is recovered where memory is
    /// not waited for.
    const STORAGE: bool = false;

    /// The device changed its configuration. Process context, one call at a time; may come while
    /// [`Self::probe`] still runs, after `go_live`.
    fn config_changed(&self) {}

    /// CPUs have come or gone: the interrupts of queues with a place have been moved to where they belong now.
    /// Process context, as [`Self::config_changed`], which follows.
    fn cpus_changed(&self) {}

    /// The device is broken and was reset (or its DMA is off): it will use no buffer any more, which `silent` proves. The
    /// driver drains its queues and fails what it waits for. Process context, called once at most.
    ///
    /// It runs where disks are recovered when memory is short: it must not wait for memory, nor for a
    /// lock whose holder may do so, such as RTNL.
    fn device_broken(&self, silent: Silent<'_>);

    /// The device is broken, and [`Self::device_broken`] was called or is about to be: what is left to
    /// do and may wait for memory. Process context, one call at a time, not beside
    /// [`Self::config_changed`]; perhaps more than once, and not when the machine goes down.
    fn after_break(&self) {}

    /// The machine is about to sleep, and [`Self::pause`] follows: what cannot stay under way over it has to come back now,
    /// while the device works, if it does. CPUs go offline while the machine sleeps, and the block layer waits for
    /// what is under way on theirs.
    ///
    /// Process context, user space is frozen.
    fn before_sleep(&self) {}

    /// Ends [`Self::before_sleep`], after [`Self::resume`].
    fn after_sleep(&self) {}

    /// The device is about to be reset and will begin anew, because it asks for it, because the machine goes
    /// to sleep, or because somebody resets it by other means: keep the layers above from giving it more
    /// to do. What is under way stays where it is until [`QueueHandler::restart`](crate::QueueHandler::restart),
    /// or [`Self::resume`] if the device is broken by then. The device may be broken, or hang.
    ///
    /// Process context, user space may be frozen. With [`Self::STORAGE`] it must not wait for memory.
    fn pause(&self) {}

    /// The device was reset and has accepted its features again: writes to its configuration what was written
    /// there before. It does not work yet. `offered` is what it offers now: what was agreed on, and perhaps more.
    ///
    /// Process context. With [`Self::STORAGE`] it must not wait for memory.
    ///
    /// # Errors
    ///
    /// Any; the device is broken then.
    fn reconfigure(&self, config: &Config<'_>, offered: Features) -> Result {
        let _ = (config, offered);
        Ok(())
    }

    /// Ends [`Self::pause`]: the device works again, as if it had just been probed, or it is broken. Tell it
    /// what it was told before, and let the layers above go on. [`Self::config_changed`] follows.
    ///
    /// Process context. With [`Self::STORAGE`] it must not wait for memory.
    fn resume(&self) {}

    /// The driver is about to be unbound: leave the layers above, while the device still works, if
    /// it does. After this the device is reset and the queues are not used any more.
    fn remove(&self);
}

/// A [`Driver`] that has a device, without its type.
pub(crate) trait Bound: Send + Sync {
    fn config_changed(&self);
    fn cpus_changed(&self);
    fn device_broken(&self, silent: Silent<'_>);
    fn after_break(&self);
    fn is_storage(&self) -> bool;
    fn before_sleep(&self);
    fn after_sleep(&self);
    fn pause(&self);
    fn reconfigure(&self, config: &Config<'_>, offered: Features) -> Result;
    fn resume(&self);
    fn remove(&self);
}

impl<D: Driver> Bound for D {
    fn config_changed(&self) {
        Driver::config_changed(self);
    }

    fn cpus_changed(&self) {
        Driver::cpus_changed(self);
    }

    fn device_broken(&self, silent: Silent<'_>) {
        Driver::device_broken(self, silent);
    }

    fn after_break(&self) {
        Driver::after_break(self);
    }

    fn is_storage(&self) -> bool {
        D::STORAGE
    }

    fn before_sleep(&self) {
        Driver::before_sleep(self);
    }

    fn after_sleep(&self) {
        Driver::after_sleep(self);
    }

    fn pause(&self) {
        Driver::pause(self);
    }

    fn reconfigure(&self, config: &Config<'_>, offered: Features) -> Result {
        Driver::reconfigure(self, config, offered)
    }

    fn resume(&self) {
        Driver::resume(self);
    }

    fn remove(&self) {
        Driver::remove(self);
    }
}

/// A registered driver, without its type, as the bus keeps it.
pub(crate) trait AnyDriver: Send + Sync {
    fn ids(&self) -> &'static [DeviceId];
    fn features(&self) -> Features;
    fn validate(&self, features: Features, config: &Config<'_>) -> Result<Features>;
    fn probe(&self, setup: FeaturesOk) -> Result<Arc<dyn Bound>>;
}

struct Typed<D: Driver> {
    module: Arc<D::Module>,
    _driver: PhantomData<fn() -> D>,
}

impl<D: Driver> AnyDriver for Typed<D> {
    fn ids(&self) -> &'static [DeviceId] {
        D::IDS
    }

    fn features(&self) -> Features {
        D::FEATURES
    }

    fn validate(&self, features: Features, config: &Config<'_>) -> Result<Features> {
        D::validate(features, config)
    }

    fn probe(&self, setup: FeaturesOk) -> Result<Arc<dyn Bound>> {
        let bound: Arc<dyn Bound> = D::probe(&self.module, setup)?;
        Ok(bound)
    }
}

/// The registration of a driver; dropping it unbinds its devices.
#[pin_data]
pub struct Registration<D: Driver> {
    #[pin]
    registration: bus::DriverRegistration<VirtioBus>,
    _driver: PhantomData<fn() -> D>,
}

impl<D: Driver> Registration<D> {
    /// Registers `D` under `name`. Devices that it can drive are probed before this returns.
    ///
    /// # Errors
    ///
    /// `EBUSY` when a driver of that name is registered, `ENOMEM`.
    pub fn new(
        name: &'static CStr,
        this_module: &'static ThisModule,
        module: Arc<D::Module>,
    ) -> Result<impl PinInit<Self, Error>> {
        let driver: Arc<dyn AnyDriver> = Arc::new(
            Typed::<D> {
                module,
                _driver: PhantomData,
            },
            GFP_KERNEL,
        )?;

        Ok(try_pin_init!(Self {
            registration <- bus::DriverRegistration::new(name, this_module, driver),
            _driver: PhantomData,
        }))
    }
}

/// Declares a module that is one [`Driver`] of the type `type`, whose [`Driver::Module`] is `()`. What follows
/// is as for `kernel::module!`.
#[macro_export]
macro_rules! module_virtio_driver {
    (type: $driver:ty, $($rest:tt)*) => {
        /// The module: the driver.
        #[::kernel::prelude::pin_data]
        struct DriverModule {
            #[pin]
            _registration: $crate::Registration<$driver>,
        }

        impl ::kernel::InPlaceModule for DriverModule {
            fn init(
                module: &'static ::kernel::ThisModule,
            ) -> impl ::kernel::prelude::PinInit<Self, ::kernel::error::Error> {
                ::kernel::try_pin_init!(Self {
                    _registration <- $crate::Registration::new(
                        <Self as ::kernel::ModuleMetadata>::NAME,
                        module,
                        ::kernel::sync::Arc::new((), ::kernel::alloc::flags::GFP_KERNEL)?,
                    )?,
                })
            }
        }

        ::kernel::prelude::module! {
            type: DriverModule,
            $($rest)*
        }
    };
}
