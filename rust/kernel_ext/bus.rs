// SPDX-License-Identifier: GPL-2.0

//! A bus written in Rust: its devices, its drivers, its attributes.
//!
//! `rust/kernel` binds drivers to the buses that C has; it cannot make a bus. This module can, and
//! keeps to the driver core's own words: a [`Bus`] says how devices and drivers match and what
//! probing means, a [`Device`] carries a payload of the bus's choice, a [`Driver`] likewise.
//!
//! C header: [`include/linux/device/bus.h`](srctree/include/linux/device/bus.h)
//!
//! Upstream replacement: none yet; nova's auxiliary bus is the nearest relative.

use crate::{
    bindings,
    cstr::const_ptr, //
};
use core::marker::PhantomData;
use kernel::{
    error::{
        from_result,
        to_result, //
    },
    fmt,
    prelude::*,
    str::CString,
    ThisModule, //
};

mod attribute;
mod device;
mod driver;

pub use self::attribute::{
    AttributeGroup,
    AttributeGroups,
    AttributeList,
    DeviceAttribute,
    Output,
    Show, //
};
pub use self::device::{
    Device,
    DeviceRegistration, //
};
pub use self::driver::{
    Driver,
    DriverRegistration, //
};

/// What a bus decides. One implementation is one bus.
///
/// The driver core calls these in process context. `probe`, `remove`, `shutdown`, `suspend` and
/// `resume` of one device never run at the same time: the core holds the device's lock, for `probe` and
/// `remove` that of its parent, too.
pub trait Bus: Sized + Send + Sync + 'static {
    /// What each device of this bus carries; shared by all who see the device.
    type Device: Send + Sync + 'static;

    /// What each driver of this bus carries.
    type Driver: Send + Sync + 'static;

    /// The bus itself, as registered with [`BusRegistration`].
    fn bus_type() -> &'static BusType<Self>;

    /// The module that holds the bus. Each of its devices keeps it: it cannot be unloaded as long as somebody has one.
    fn module() -> ThisModule;

    /// Says whether `driver` can serve `device`. May be called without the device's lock.
    fn matches(device: &Self::Device, driver: &Self::Driver) -> bool;

    /// Adds environment variables to a uevent of `device`, such as `MODALIAS`.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when the event has no room left; the event is then not sent.
    fn uevent(device: &Self::Device, event: &mut Uevent<'_>) -> Result;

    /// Binds `driver` to `device`.
    ///
    /// # Errors
    ///
    /// Any error leaves the device unbound; `ENODEV` and `ENXIO` do so without a message.
    fn probe(device: &Device<Self>, driver: &Self::Driver) -> Result;

    /// Unbinds what `probe` bound. Cannot fail.
    fn remove(device: &Device<Self>, driver: &Self::Driver);

    /// Makes `device` quiet before the machine goes down or another kernel takes over.
    fn shutdown(device: &Device<Self>, driver: &Self::Driver);

    /// Makes `device` quiet because the machine goes to sleep, or its memory is about to be saved
    /// or replaced. User space is frozen. Devices are called before their parents.
    fn suspend(device: &Device<Self>, driver: &Self::Driver);

    /// Brings `device` back, which may have lost its state, or may be gone. After its parent.
    fn resume(device: &Device<Self>, driver: &Self::Driver);
}

/// The `struct bus_type` of a [`Bus`], to stand in a `static`.
#[repr(transparent)]
pub struct BusType<B: Bus>(bindings::bus_type, PhantomData<fn() -> B>);

// SAFETY: A `bus_type` is constant after its construction; the driver core keeps what it changes
// in a structure of its own.
unsafe impl<B: Bus> Sync for BusType<B> {}

impl<B: Bus> BusType<B> {
    /// Makes the bus named `name`, whose devices all show the attributes of `groups`.
    pub const fn new<const N: usize>(
        name: &'static CStr,
        groups: &'static AttributeGroups<B, N>,
    ) -> Self {
        Self(
            bindings::bus_type {
                name: const_ptr(name),
                dev_name: core::ptr::null(),
                bus_groups: core::ptr::null(),
                dev_groups: groups.as_ptr(),
                drv_groups: core::ptr::null(),
                match_: Some(Self::match_callback),
                uevent: Some(Self::uevent_callback),
                probe: Some(Self::probe_callback),
                sync_state: None,
                remove: Some(Self::remove_callback),
                shutdown: Some(Self::shutdown_callback),
                irq_get_affinity: None,
                online: None,
                offline: None,
                suspend: None,
                resume: None,
                num_vf: None,
                dma_configure: None,
                dma_cleanup: None,
                pm: &Self::PM,
                driver_override: false,
            },
            PhantomData,
        )
    }

    /// Sleep (`suspend`), and hibernation: an image is made (`freeze`), the machine goes on to write it
    /// (`thaw`), it goes off (`poweroff`), or it does so after another kernel has read an image; the
    /// image goes on (`restore`).
    const PM: bindings::dev_pm_ops = {
        // SAFETY: All-zero is a valid `dev_pm_ops`: no callbacks.
        let mut ops: bindings::dev_pm_ops = unsafe { core::mem::zeroed() };

        ops.suspend = Some(Self::suspend_callback);
        ops.freeze = Some(Self::suspend_callback);
        ops.poweroff = Some(Self::suspend_callback);
        ops.resume = Some(Self::resume_callback);
        ops.thaw = Some(Self::resume_callback);
        ops.restore = Some(Self::resume_callback);
        ops
    };

    pub(super) fn as_raw(&self) -> *const bindings::bus_type {
        &self.0
    }

    extern "C" fn match_callback(
        dev: *mut bindings::device,
        drv: *const bindings::device_driver,
    ) -> c_int {
        // SAFETY: The driver core calls this with a device and a driver of this bus, both valid
        // for the call; only `DeviceRegistration` and `DriverRegistration` put some on it.
        let (device, driver) = unsafe { (Device::<B>::from_raw(dev), Driver::<B>::from_raw(drv)) };

        c_int::from(B::matches(device.payload(), driver.payload()))
    }

    extern "C" fn uevent_callback(
        dev: *const bindings::device,
        env: *mut bindings::kobj_uevent_env,
    ) -> c_int {
        // SAFETY: As in `match_callback`; `env` is valid for the call.
        let device = unsafe { Device::<B>::from_raw(dev.cast_mut()) };
        let mut event = Uevent {
            env,
            _borrow: PhantomData,
        };

        from_result(|| B::uevent(device.payload(), &mut event).map(|()| 0))
    }

    /// The driver that `dev` is bound, or being bound, to.
    ///
    /// # Safety
    ///
    /// `dev` must be a device of this bus, with its lock held and a driver set.
    unsafe fn driver_of<'a>(dev: *mut bindings::device) -> &'a Driver<B> {
        // SAFETY: The caller promises a valid device whose `driver` is set; the driver is one of
        // this bus and outlives the binding.
        unsafe { Driver::<B>::from_raw((*dev).driver) }
    }

    extern "C" fn probe_callback(dev: *mut bindings::device) -> c_int {
        // SAFETY: As in `match_callback`; the core has set `dev->driver` and holds the lock.
        let (device, driver) = unsafe { (Device::<B>::from_raw(dev), Self::driver_of(dev)) };

        from_result(|| B::probe(device, driver.payload()).map(|()| 0))
    }

    extern "C" fn remove_callback(dev: *mut bindings::device) {
        // SAFETY: As in `probe_callback`.
        let (device, driver) = unsafe { (Device::<B>::from_raw(dev), Self::driver_of(dev)) };

        B::remove(device, driver.payload());
    }

    /// Calls `what` for a device that has a driver.
    ///
    /// # Safety
    ///
    /// `dev` must be a device of this bus, with its lock held.
    unsafe fn if_bound(dev: *mut bindings::device, what: fn(&Device<B>, &B::Driver)) {
        // SAFETY: Promised by the caller.
        let device = unsafe { Device::<B>::from_raw(dev) };

        // SAFETY: `dev` is valid and its lock is held, so `driver` does not change.
        if unsafe { (*dev).driver }.is_null() {
            return;
        }
        // SAFETY: A driver is set.
        let driver = unsafe { Self::driver_of(dev) };

        what(device, driver.payload());
    }

    extern "C" fn shutdown_callback(dev: *mut bindings::device) {
        // SAFETY: `device_shutdown()` calls this with the lock held, for bound and unbound devices.
        unsafe { Self::if_bound(dev, B::shutdown) };
    }

    extern "C" fn suspend_callback(dev: *mut bindings::device) -> c_int {
        // SAFETY: The PM core calls this with the lock held, for bound and unbound devices.
        unsafe { Self::if_bound(dev, B::suspend) };
        0
    }

    extern "C" fn resume_callback(dev: *mut bindings::device) -> c_int {
        // SAFETY: As in `suspend_callback`.
        unsafe { Self::if_bound(dev, B::resume) };
        0
    }
}

/// A registered bus; dropping it takes the bus away.
///
/// Registered devices and drivers of the bus have to be gone by then: modules that register some depend on
/// the module that holds this, so they are unloaded first. Devices that somebody has a reference to keep the module
/// themselves.
pub struct BusRegistration<B: Bus>(PhantomData<fn() -> B>);

impl<B: Bus> BusRegistration<B> {
    /// Registers the bus.
    ///
    /// # Errors
    ///
    /// `EEXIST` when a bus of that name exists, `ENOMEM`.
    pub fn new() -> Result<Self> {
        // SAFETY: The bus type is in a `static`, so it outlives the registration.
        to_result(unsafe { bindings::bus_register(B::bus_type().as_raw()) })?;
        Ok(Self(PhantomData))
    }
}

impl<B: Bus> Drop for BusRegistration<B> {
    fn drop(&mut self) {
        // SAFETY: `self` exists, so the bus was registered, once.
        unsafe { bindings::bus_unregister(B::bus_type().as_raw()) };
        // Who has just given the module's last reference back, in `Device::release`, may not have left that function
        // yet. This returns when all tasks have slept, or were in user space.
        //
        // SAFETY: A module's exit may wait.
        unsafe { bindings::rvirtio_helper_synchronize_tasks() };
    }
}

/// A uevent that is being put together.
pub struct Uevent<'a> {
    env: *mut bindings::kobj_uevent_env,
    _borrow: PhantomData<&'a mut ()>,
}

impl Uevent<'_> {
    /// Adds one `KEY=value` variable.
    ///
    /// # Errors
    ///
    /// `ENOMEM` when there is no room left.
    pub fn add(&mut self, variable: fmt::Arguments<'_>) -> Result {
        let text = CString::try_from_fmt(variable)?;

        // SAFETY: `env` is valid for the life of `self`; the format takes one string.
        to_result(unsafe {
            bindings::add_uevent_var(self.env, c"%s".as_char_ptr(), text.as_char_ptr())
        })
    }
}
