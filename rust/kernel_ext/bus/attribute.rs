// SPDX-License-Identifier: GPL-2.0

//! Read-only sysfs attributes of a bus's devices, made of `static`s as in C.
//!
//! C header: [`include/linux/sysfs.h`](srctree/include/linux/sysfs.h)

use super::{
    Bus,
    Device, //
};
use crate::{
    bindings,
    cstr::const_ptr, //
};
use core::marker::PhantomData;
use kernel::{
    fmt::{
        self,
        Write, //
    },
    prelude::*, //
};

/// One attribute: its name, and what reading it shows.
pub trait Show<B: Bus>: 'static {
    /// The file's name.
    const NAME: &'static CStr;

    /// Writes the attribute's text, with the newline at its end.
    ///
    /// # Errors
    ///
    /// Whatever reading the file shall return.
    fn show(device: &B::Device, out: &mut Output<'_>) -> Result;
}

/// Where an attribute's text goes: one page, of which too long a text is cut off.
pub struct Output<'a> {
    page: &'a mut [u8],
    used: usize,
}

impl Output<'_> {
    /// # Safety
    ///
    /// `buf` must be a page that is free to be written for `'a`.
    pub(crate) unsafe fn from_page<'a>(buf: *mut c_char) -> Output<'a> {
        Output {
            // SAFETY: The caller promises a page, and sysfs zeroes it beforehand.
            page: unsafe {
                core::slice::from_raw_parts_mut(buf.cast::<u8>(), kernel::page::PAGE_SIZE)
            },
            used: 0,
        }
    }

    /// What a `show` callback returns: the bytes written, never more than a page, or the errno.
    pub(crate) fn finish(self, shown: Result) -> isize {
        match shown {
            // CAST: At most `PAGE_SIZE`.
            Ok(()) => self.used as isize,
            // CAST: An errno fits.
            Err(error) => error.to_errno() as isize,
        }
    }

    /// Writes raw bytes; what does not fit is cut off.
    pub fn bytes(&mut self, bytes: &[u8]) {
        let Some(room) = self.page.get_mut(self.used..) else {
            return;
        };
        let count = room.len().min(bytes.len());

        if let (Some(to), Some(from)) = (room.get_mut(..count), bytes.get(..count)) {
            to.copy_from_slice(from);
            // At most the page's length.
            self.used = self.used.saturating_add(count);
        }
    }

    /// Writes formatted text.
    pub fn text(&mut self, text: fmt::Arguments<'_>) {
        // `write_str` below cannot fail.
        let _ = self.write_fmt(text);
    }
}

impl Write for Output<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes(text.as_bytes());
        Ok(())
    }
}

/// The `struct device_attribute` of a [`Show`].
#[repr(transparent)]
pub struct DeviceAttribute<B: Bus>(bindings::device_attribute, PhantomData<fn() -> B>);

// SAFETY: Constant after construction.
unsafe impl<B: Bus> Sync for DeviceAttribute<B> {}

impl<B: Bus> DeviceAttribute<B> {
    /// Makes the attribute `A`, readable by all (mode 0444).
    pub const fn new<A: Show<B>>() -> Self {
        // SAFETY: All-zero is a valid `device_attribute`: no name, no callbacks.
        let mut raw: bindings::device_attribute = unsafe { core::mem::zeroed() };

        raw.attr.name = const_ptr(A::NAME);
        raw.attr.mode = 0o444;
        raw.__bindgen_anon_1 = bindings::device_attribute__bindgen_ty_1 {
            show: Some(show_callback::<B, A>),
        };
        Self(raw, PhantomData)
    }
}

extern "C" fn show_callback<B: Bus, A: Show<B>>(
    dev: *mut bindings::device,
    _attr: *mut bindings::device_attribute,
    buf: *mut c_char,
) -> isize {
    // SAFETY: sysfs calls this with a device of the bus that the attribute was given to.
    let device = unsafe { Device::<B>::from_raw(dev) };
    // SAFETY: sysfs hands out a page for the call.
    let mut out = unsafe { Output::from_page(buf) };

    let shown = A::show(device.payload(), &mut out);

    out.finish(shown)
}

/// A list of attributes; `N` is one more than there are, for the terminator.
#[repr(transparent)]
pub struct AttributeList<B: Bus, const N: usize>(
    [*const bindings::attribute; N],
    PhantomData<fn() -> B>,
);

// SAFETY: Constant after construction.
unsafe impl<B: Bus, const N: usize> Sync for AttributeList<B, N> {}

impl<B: Bus, const N: usize> AttributeList<B, N> {
    /// Lists `attributes`; a `None` stands last, and only there.
    pub const fn new(attributes: [Option<&'static DeviceAttribute<B>>; N]) -> Self {
        let mut list = [core::ptr::null(); N];
        let mut i = 0;

        while i < N {
            // PANIC: Evaluated when compiling; `i` is below `N`, the length of both arrays.
            if let Some(attribute) = attributes[i] {
                list[i] = core::ptr::from_ref(&attribute.0.attr);
            } else {
                assert!(i + 1 == N, "the terminator stands last");
            }
            i += 1;
        }
        assert!(list[N - 1].is_null(), "a list ends with None");
        Self(list, PhantomData)
    }
}

/// A group of attributes in the device's own folder.
#[repr(transparent)]
pub struct AttributeGroup<B: Bus>(bindings::attribute_group, PhantomData<fn() -> B>);

// SAFETY: Constant after construction.
unsafe impl<B: Bus> Sync for AttributeGroup<B> {}

impl<B: Bus> AttributeGroup<B> {
    /// Makes a group of `list`.
    pub const fn new<const N: usize>(list: &'static AttributeList<B, N>) -> Self {
        // SAFETY: All-zero is a valid `attribute_group`: no name, no callbacks, no lists.
        let mut raw: bindings::attribute_group = unsafe { core::mem::zeroed() };

        raw.__bindgen_anon_2 = bindings::attribute_group__bindgen_ty_2 {
            attrs_const: list.0.as_ptr(),
        };
        Self(raw, PhantomData)
    }
}

/// The groups that each device of a bus has; `N` is one more than there are.
#[repr(transparent)]
pub struct AttributeGroups<B: Bus, const N: usize>(
    [*const bindings::attribute_group; N],
    PhantomData<fn() -> B>,
);

// SAFETY: Constant after construction.
unsafe impl<B: Bus, const N: usize> Sync for AttributeGroups<B, N> {}

impl<B: Bus> AttributeGroups<B, 2> {
    /// Makes a list of one group.
    pub const fn one(group: &'static AttributeGroup<B>) -> Self {
        Self(
            [core::ptr::from_ref(&group.0), core::ptr::null()],
            PhantomData,
        )
    }
}

impl<B: Bus, const N: usize> AttributeGroups<B, N> {
    pub(super) const fn as_ptr(&self) -> *const *const bindings::attribute_group {
        self.0.as_ptr()
    }
}
