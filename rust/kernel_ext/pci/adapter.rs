// SPDX-License-Identifier: GPL-2.0

//! A PCI driver that hears of resets and errors of its functions, and of wishes for virtual ones.

use super::iov::{
    self,
    VirtualFunctions, //
};
use crate::bindings;
use kernel::{
    device::CoreInternal,
    driver::{
        DriverLayout,
        RegistrationOps, //
    },
    error::from_result,
    pci,
    prelude::*,
    types::Opaque,
    ThisModule, //
};

/// Which 32 bits of configuration space begin with the command register.
const COMMAND: usize = 1;

/// How a function is before a reset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// It can be accessed.
    Works,
    /// It cannot: reads give all-ones.
    Cut,
}

/// What a PCI driver does about resets that others make: by `reset` in sysfs, or to recover from an error that
/// the bus has reported (AER).
///
/// All calls are made in process context with the device's lock held: a function that is unbound between
/// two of them hears no more.
pub trait Recovery: pci::Driver {
    /// The function is about to be reset: keep away from it from now on. DMA may go on until the reset.
    fn before(data: Pin<&Self::Data<'_>>, reach: Reach);

    /// The function works again, in the state after a reset, with the resources and vectors that it had.
    fn after(data: Pin<&Self::Data<'_>>);

    /// The function will not work again.
    fn lost(data: Pin<&Self::Data<'_>>);
}

/// As [`pci::Adapter`], with error handlers and virtual functions; see
/// [`module_pci_recovery_driver`](crate::module_pci_recovery_driver).
pub struct Adapter<T: Recovery + VirtualFunctions>(T);

// SAFETY: It is the layout of `pci::Adapter<T>`, whose `register` fills it in.
unsafe impl<T: Recovery + VirtualFunctions> DriverLayout for Adapter<T> {
    type DriverType = bindings::pci_driver;
    type DriverData<'bound> = T::Data<'bound>;
    const DEVICE_DRIVER_OFFSET: usize = <pci::Adapter<T> as DriverLayout>::DEVICE_DRIVER_OFFSET;
}

// SAFETY: `unregister` is that of `pci::Adapter<T>`, which `register` has called.
unsafe impl<T: Recovery + VirtualFunctions> RegistrationOps for Adapter<T> {
    unsafe fn register(
        driver: &Opaque<Self::DriverType>,
        name: &'static CStr,
        module: &'static ThisModule,
    ) -> Result {
        // SAFETY: The driver is not registered yet, so it is ours alone. What is set here is left alone by
        // `pci::Adapter::register`.
        unsafe {
            (*driver.get()).err_handler = Self::HANDLERS_REF;
            (*driver.get()).sriov_configure = Some(Self::sriov_configure);
        }
        // SAFETY: Promised by the caller.
        unsafe { <pci::Adapter<T> as RegistrationOps>::register(driver, name, module) }
    }

    unsafe fn unregister(driver: &Opaque<Self::DriverType>) {
        // SAFETY: Promised by the caller.
        unsafe { <pci::Adapter<T> as RegistrationOps>::unregister(driver) };
    }
}

impl<T: Recovery + VirtualFunctions> Adapter<T> {
    const HANDLERS: bindings::pci_error_handlers = bindings::pci_error_handlers {
        error_detected: Some(Self::error_detected),
        mmio_enabled: Some(Self::mmio_enabled),
        slot_reset: Some(Self::slot_reset),
        reset_prepare: Some(Self::reset_prepare),
        reset_done: Some(Self::resumed),
        resume: Some(Self::resumed),
        cor_error_detected: None,
    };

    const HANDLERS_REF: &'static bindings::pci_error_handlers = &Self::HANDLERS;

    /// Calls `what` with the driver's data.
    ///
    /// # Safety
    ///
    /// To be called by the PCI core alone, with a function that is bound to a driver of `T`, and its lock
    /// held.
    unsafe fn with<R>(dev: *mut bindings::pci_dev, what: impl FnOnce(Pin<&T::Data<'_>>) -> R) -> R {
        // SAFETY: `pci::Device` is a transparent wrapper, and the caller promises a valid one.
        let pdev = unsafe { &*dev.cast::<pci::Device<CoreInternal<'_>>>() };

        // SAFETY: The lock is held and the function is bound, so `probe` has stored data of this type, and
        // they are not taken back meanwhile.
        what(unsafe { pdev.as_ref().drvdata_borrow::<T::Data<'_>>() })
    }

    extern "C" fn error_detected(
        dev: *mut bindings::pci_dev,
        state: bindings::pci_channel_state_t,
    ) -> bindings::pci_ers_result_t {
        let (reach, vote) = match state {
            bindings::RVIRTIO_PCI_IO_NORMAL => (
                Some(Reach::Works),
                bindings::pci_ers_result_PCI_ERS_RESULT_CAN_RECOVER,
            ),
            bindings::RVIRTIO_PCI_IO_FROZEN => (
                Some(Reach::Cut),
                bindings::pci_ers_result_PCI_ERS_RESULT_NEED_RESET,
            ),
            _ => (None, bindings::pci_ers_result_PCI_ERS_RESULT_DISCONNECT),
        };

        // SAFETY: The core has looked for a driver with its lock held.
        unsafe {
            Self::with(dev, |data| match reach {
                Some(reach) => T::before(data, reach),
                None => T::lost(data),
            })
        };
        vote
    }

    extern "C" fn mmio_enabled(_dev: *mut bindings::pci_dev) -> bindings::pci_ers_result_t {
        bindings::pci_ers_result_PCI_ERS_RESULT_RECOVERED
    }

    /// The bus was reset: the function has lost its resources.
    extern "C" fn slot_reset(dev: *mut bindings::pci_dev) -> bindings::pci_ers_result_t {
        // The driver lets it start DMA, after a reset of its own: what was saved is not to do that.
        // SAFETY: The core calls this with a valid function. What was saved is the driver's while it recovers.
        unsafe { (*dev).saved_config_space[COMMAND] &= !bindings::PCI_COMMAND_MASTER };
        // SAFETY: As above; it was saved when it was found, and perhaps since. The vectors come back, too.
        unsafe { bindings::pci_restore_state(dev) };
        // SAFETY: As above. The core keeps a note of it, too.
        unsafe { bindings::pci_clear_master(dev) };
        // SAFETY: The function is enabled, by the driver; what was saved may say otherwise.
        if unsafe { bindings::pci_reenable_device(dev) } != 0 {
            return bindings::pci_ers_result_PCI_ERS_RESULT_DISCONNECT;
        }
        bindings::pci_ers_result_PCI_ERS_RESULT_RECOVERED
    }

    extern "C" fn reset_prepare(dev: *mut bindings::pci_dev) {
        // SAFETY: As in `error_detected`.
        unsafe { Self::with(dev, |data| T::before(data, Reach::Works)) };
    }

    extern "C" fn sriov_configure(dev: *mut bindings::pci_dev, count: c_int) -> c_int {
        from_result(|| {
            // SAFETY: `sriov_numvfs` holds the device's lock, and has looked for a driver.
            let allowed = || unsafe { Self::with(dev, T::may_have) };

            // SAFETY: This is `sriov_configure`.
            unsafe { iov::configure(dev, count, allowed) }
        })
    }

    extern "C" fn resumed(dev: *mut bindings::pci_dev) {
        // SAFETY: As in `error_detected`.
        unsafe { Self::with(dev, |data| T::after(data)) };
    }
}

/// Declares a module that is one PCI driver with [`Recovery`] and [`VirtualFunctions`], as `kernel::module_pci_driver!` does one without.
#[macro_export]
macro_rules! module_pci_recovery_driver {
    ($($f:tt)*) => {
        ::kernel::module_driver!(<T>, $crate::pci::Adapter<T>, { $($f)* });
    };
}
