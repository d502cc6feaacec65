// SPDX-License-Identifier: GPL-2.0

//! Sysfs attributes of a disk, such as `/sys/block/vda/serial`.

use super::{
    disk_ref::DiskRef,
    operations::Operations, //
};
use crate::{
    bindings,
    bus::Output,
    cstr::const_ptr, //
};
use core::marker::PhantomData;
use kernel::prelude::*;

/// One attribute of a disk: its name, and what reading it shows.
pub trait ShowDisk<O: Operations>: 'static {
    /// The file's name.
    const NAME: &'static CStr;

    /// Writes the attribute's text. Process context, may sleep.
    ///
    /// # Errors
    ///
    /// Whatever reading the file shall return.
    fn show(disk: &DiskRef<'_, O>, out: &mut Output<'_>) -> Result;
}

/// An attribute of a disk that can be written, too.
pub trait StoreDisk<O: Operations>: ShowDisk<O> {
    /// Takes what was written, without the newline at its end. Process context, may sleep.
    ///
    /// # Errors
    ///
    /// Whatever writing the file shall return.
    fn store(disk: &DiskRef<'_, O>, text: &[u8]) -> Result;
}

/// The `struct device_attribute` of a [`ShowDisk`].
#[repr(transparent)]
pub struct DiskAttribute<O: Operations>(bindings::device_attribute, PhantomData<fn() -> O>);

// SAFETY: Constant after construction.
unsafe impl<O: Operations> Sync for DiskAttribute<O> {}

impl<O: Operations> DiskAttribute<O> {
    /// Makes the attribute `A`, readable by all (mode 0444).
    pub const fn new<A: ShowDisk<O>>() -> Self {
        // SAFETY: All-zero is a valid `device_attribute`: no name, no callbacks.
        let mut raw: bindings::device_attribute = unsafe { core::mem::zeroed() };

        raw.attr.name = const_ptr(A::NAME);
        raw.attr.mode = 0o444;
        raw.__bindgen_anon_1 = bindings::device_attribute__bindgen_ty_1 {
            show: Some(show_callback::<O, A>),
        };
        Self(raw, PhantomData)
    }

    /// Makes the attribute `A`, which root may write as well (mode 0644).
    pub const fn writable<A: StoreDisk<O>>() -> Self {
        let mut this = Self::new::<A>();

        this.0.attr.mode = 0o644;
        this.0.__bindgen_anon_2 = bindings::device_attribute__bindgen_ty_2 {
            store: Some(store_callback::<O, A>),
        };
        this
    }
}

/// The disk of an attribute.
///
/// # Safety
///
/// `dev` must be the device of a disk of `O` that is not taken away for `'a`.
unsafe fn disk_of<'a, O: Operations>(dev: *mut bindings::device) -> DiskRef<'a, O> {
    // SAFETY: The device of a disk is embedded in its `struct block_device`; the rest is promised.
    unsafe {
        let whole = kernel::container_of!(dev, bindings::block_device, bd_device);
        DiskRef::<O>::from_queue((*whole).bd_queue)
    }
}

extern "C" fn show_callback<O: Operations, A: ShowDisk<O>>(
    dev: *mut bindings::device,
    _attr: *mut bindings::device_attribute,
    buf: *mut c_char,
) -> isize {
    // SAFETY: `dev` is the device of a disk of `O`, and is not taken away while the file is read.
    let disk = unsafe { disk_of::<O>(dev) };
    // SAFETY: sysfs hands out a page for the call.
    let mut out = unsafe { Output::from_page(buf) };

    let shown = A::show(&disk, &mut out);

    out.finish(shown)
}

extern "C" fn store_callback<O: Operations, A: StoreDisk<O>>(
    dev: *mut bindings::device,
    _attr: *mut bindings::device_attribute,
    buf: *const c_char,
    count: usize,
) -> isize {
    // SAFETY: `dev` is the device of a disk of `O`, and is not taken away while the file is
    // written.
    let disk = unsafe { disk_of::<O>(dev) };
    // SAFETY: sysfs hands out `count` bytes for the call.
    let text = unsafe { core::slice::from_raw_parts(buf.cast::<u8>(), count) };
    let line = text.strip_suffix(b"\n").unwrap_or(text);

    match A::store(&disk, line) {
        // CAST: At most a page.
        Ok(()) => count as isize,
        // CAST: An errno fits.
        Err(error) => error.to_errno() as isize,
    }
}

/// The most attributes of a disk.
const MAX_ATTRIBUTES: usize = 7;

/// The attributes of a disk, one group; stands in a `static`.
pub struct DiskAttributes<O: Operations> {
    /// Those that there are, and null from there on.
    list: [*const bindings::attribute; MAX_ATTRIBUTES + 1],
    _operations: PhantomData<fn() -> O>,
}

// SAFETY: Constant after construction.
unsafe impl<O: Operations> Sync for DiskAttributes<O> {}

impl<O: Operations> DiskAttributes<O> {
    /// A list of up to [`MAX_ATTRIBUTES`]; it does not compile with more.
    pub const fn new<const N: usize>(attributes: [&'static DiskAttribute<O>; N]) -> Self {
        const { assert!(N <= MAX_ATTRIBUTES) };
        let mut list = [core::ptr::null(); MAX_ATTRIBUTES + 1];
        let mut index = 0;

        while index < N {
            list[index] = core::ptr::from_ref(&attributes[index].0.attr);
            index += 1;
        }
        Self {
            list,
            _operations: PhantomData,
        }
    }

    /// Makes the group; it refers to `self`.
    pub(super) fn group(&'static self) -> bindings::attribute_group {
        bindings::attribute_group {
            __bindgen_anon_2: bindings::attribute_group__bindgen_ty_2 {
                attrs_const: self.list.as_ptr(),
            },
            ..Default::default()
        }
    }
}
