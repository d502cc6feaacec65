// SPDX-License-Identifier: GPL-2.0

//! Devices of a bus that is written in Rust.

use super::Bus;
use crate::{
    bindings,
    device::raw_device, //
};
use core::ptr::NonNull;
use kernel::{
    device,
    error::to_result,
    fmt,
    prelude::*,
    str::CString,
    sync::aref::{
        ARef,
        AlwaysRefCounted, //
    },
    types::Opaque, //
};

/// The type of all these devices: who binds or unbinds one holds its parent's lock, too, so that it does not
/// happen while the parent is being reset.
struct Type(bindings::device_type);

// SAFETY: The driver core only reads it.
unsafe impl Sync for Type {}

static TYPE: Type = {
    // SAFETY: All-zero is a valid `device_type`: nothing of its own.
    let mut raw: bindings::device_type = unsafe { core::mem::zeroed() };

    raw.need_parent_lock = true;
    Type(raw)
};

/// A `struct device` with the payload of its bus behind it.
///
/// # Invariants
///
/// `raw` was initialised by `device_initialize()`; the memory is a `KBox<Device<B>>` that the
/// release callback frees when the last reference is dropped. Until then it has a reference to the module of
/// the bus, in which that callback is.
#[repr(C)]
pub struct Device<B: Bus> {
    raw: Opaque<bindings::device>,
    payload: B::Device,
}

// SAFETY: `struct device` may be used from any thread, and `Bus::Device` is `Send + Sync`.
unsafe impl<B: Bus> Send for Device<B> {}
// SAFETY: As above.
unsafe impl<B: Bus> Sync for Device<B> {}

impl<B: Bus> Device<B> {
    /// # Safety
    ///
    /// `ptr` must be the `raw` field of a live `Device<B>`, valid for `'a`.
    pub(super) unsafe fn from_raw<'a>(ptr: *mut bindings::device) -> &'a Self {
        // SAFETY: `raw` is the first field of a `repr(C)` structure; the rest is promised.
        unsafe { &*ptr.cast::<Self>() }
    }

    /// What the bus keeps with this device.
    pub fn payload(&self) -> &B::Device {
        &self.payload
    }

    /// The C allocation's last reference is gone.
    extern "C" fn release(ptr: *mut bindings::device) {
        // SAFETY: By the type invariant the memory is a `KBox<Device<B>>`, and nobody has a
        // reference any more.
        drop(unsafe { KBox::from_raw(ptr.cast::<Self>()) });
        // SAFETY: By the type invariant there is a reference. What is left of this function runs while
        // `BusRegistration::drop` waits for it, should the module go now.
        unsafe { bindings::module_put(B::module().as_ptr()) };
    }
}

impl<B: Bus> AsRef<device::Device> for Device<B> {
    fn as_ref(&self) -> &device::Device {
        // SAFETY: `raw` is a valid `struct device` as long as `self` lives.
        unsafe { device::Device::from_raw(self.raw.get()) }
    }
}

// SAFETY: The device's own reference count keeps the whole object, see the type invariant.
unsafe impl<B: Bus> AlwaysRefCounted for Device<B> {
    fn inc_ref(&self) {
        // SAFETY: `self` shows that the count is not zero.
        unsafe { bindings::get_device(self.raw.get()) };
    }

    unsafe fn dec_ref(obj: NonNull<Self>) {
        // SAFETY: The caller gives up one reference.
        unsafe { bindings::put_device(obj.cast().as_ptr()) }
    }
}

/// A device that stands on its bus; dropping this unbinds its driver and takes it off.
pub struct DeviceRegistration<B: Bus>(ARef<Device<B>>);

impl<B: Bus> DeviceRegistration<B> {
    /// Puts a device named `name` below `parent` on the bus; a driver may be bound before this
    /// returns. The device holds a reference to `parent`, whose lock the caller holds, as a driver's
    /// `probe` does.
    ///
    /// # Errors
    ///
    /// `ENOMEM`; `EEXIST` when the name is taken; `ENODEV` when the module of the bus is about to go. `payload` is
    /// dropped then.
    pub fn new(
        name: fmt::Arguments<'_>,
        parent: &device::Device,
        payload: B::Device,
    ) -> Result<Self> {
        let name = CString::try_from_fmt(name)?;
        let boxed = KBox::new(
            Device::<B> {
                raw: Opaque::zeroed(),
                payload,
            },
            GFP_KERNEL,
        )?;
        // SAFETY: The module of the bus is there: it registered the bus.
        if !unsafe { bindings::try_module_get(B::module().as_ptr()) } {
            return Err(ENODEV);
        }
        let object = KBox::into_raw(boxed);
        let raw = object.cast::<bindings::device>();

        // INVARIANT: The memory is that of a `KBox<Device<B>>`, `release` takes it back. The reference to the module was
        // taken above.
        // SAFETY: `raw` is zeroed memory of the right size that stays where it is.
        unsafe {
            bindings::device_initialize(raw);
            (*raw).release = Some(Device::<B>::release);
            (*raw).parent = raw_device(parent);
            (*raw).bus = B::bus_type().as_raw();
            (*raw).type_ = &TYPE.0;
        }
        // SAFETY: `device_initialize()` set the count to one, and that one is handed over here;
        // `object` is not null.
        let device = unsafe { ARef::from_raw(NonNull::new_unchecked(object)) };

        // SAFETY: `raw` is initialised; the format takes one string.
        to_result(unsafe { bindings::dev_set_name(raw, c"%s".as_char_ptr(), name.as_char_ptr()) })?;
        // SAFETY: `raw` is initialised, named, and not yet added.
        to_result(unsafe { bindings::device_add(raw) })?;

        Ok(Self(device))
    }

    /// The device itself.
    pub fn device(&self) -> &ARef<Device<B>> {
        &self.0
    }
}

impl<B: Bus> Drop for DeviceRegistration<B> {
    fn drop(&mut self) {
        // SAFETY: `self` exists, so `device_add()` succeeded, and this is the only `device_del()`.
        unsafe { bindings::device_del(self.0.raw.get()) };
    }
}
