// SPDX-License-Identifier: GPL-2.0

//! Drivers of a bus that is written in Rust.

use super::Bus;
use crate::bindings;
use kernel::{
    error::to_result,
    prelude::*,
    types::Opaque,
    ThisModule, //
};

/// A `struct device_driver` with the payload of its bus behind it.
#[repr(C)]
pub struct Driver<B: Bus> {
    raw: Opaque<bindings::device_driver>,
    payload: B::Driver,
}

impl<B: Bus> Driver<B> {
    /// # Safety
    ///
    /// `ptr` must be the `raw` field of a live `Driver<B>`, valid for `'a`.
    pub(super) unsafe fn from_raw<'a>(ptr: *const bindings::device_driver) -> &'a Self {
        // SAFETY: `raw` is the first field of a `repr(C)` structure; the rest is promised.
        unsafe { &*ptr.cast::<Self>() }
    }

    /// What the bus keeps with this driver.
    pub fn payload(&self) -> &B::Driver {
        &self.payload
    }
}

/// A registered driver; dropping it unbinds all its devices and takes the driver off the bus.
///
/// # Invariants
///
/// `driver.raw` is registered with `driver_register()`, and `self` is pinned.
#[pin_data(PinnedDrop)]
pub struct DriverRegistration<B: Bus> {
    driver: Driver<B>,
    #[pin]
    _pin: core::marker::PhantomPinned,
}

// SAFETY: Nothing of the registration can be reached through a shared reference.
unsafe impl<B: Bus> Sync for DriverRegistration<B> {}
// SAFETY: A driver may be unregistered from any thread, and `Bus::Driver` is `Send`.
unsafe impl<B: Bus> Send for DriverRegistration<B> {}

impl<B: Bus> DriverRegistration<B> {
    /// Registers a driver named `name` that belongs to `module`; devices that match are bound
    /// before this returns.
    ///
    /// # Errors
    ///
    /// `EBUSY` when a driver of that name is there, `EINVAL` when the bus is not, `ENOMEM`.
    pub fn new(
        name: &'static CStr,
        module: &'static ThisModule,
        payload: B::Driver,
    ) -> impl PinInit<Self, Error> {
        // INVARIANT: The last step registers the driver, which is in place by then.
        try_pin_init!(&this in Self {
            driver: Driver {
                raw: Opaque::zeroed(),
                payload,
            },
            _pin: core::marker::PhantomPinned,
            _: {
                // SAFETY: `this` is the place that is being initialised; `driver` is complete.
                let raw = unsafe { (*this.as_ptr()).driver.raw.get() };

                // SAFETY: `raw` is zeroed and ours alone until it is registered.
                unsafe {
                    (*raw).name = name.as_char_ptr();
                    (*raw).owner = module.as_ptr();
                    (*raw).mod_name = name.as_char_ptr();
                    (*raw).bus = B::bus_type().as_raw();
                }
                // SAFETY: `raw` is filled in and stays in place until `drop` unregisters it.
                to_result(unsafe { bindings::driver_register(raw) })?;
            },
        })
    }
}

#[pinned_drop]
impl<B: Bus> PinnedDrop for DriverRegistration<B> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant the driver is registered.
        unsafe { bindings::driver_unregister(self.driver.raw.get()) };
    }
}
