// SPDX-License-Identifier: GPL-2.0

//! The trace events of `rvirtio`, see `helpers/rvirtio_trace.h`.
//!
//! An event that is off costs an instruction that does nothing: what would make the event is behind a static
//! branch, which is compiled into the caller, and what the event says is worked out behind it.
//!
//! C header: [`include/linux/tracepoint.h`](srctree/include/linux/tracepoint.h)
//!
//! Upstream replacement: `kernel::tracepoint::declare_trace!`, once modules may have events of their own.

use crate::device::raw_device;
use core::fmt::Write;
use kernel::{
    device,
    fmt,
    prelude::*, //
};

/// The longest text of an event, with its end; what is beyond is cut off.
const TEXT_BYTES: usize = 128;

/// Whether an event is on: a static branch.
macro_rules! is_on {
    ($tracepoint:ident) => {{
        #[cfg(CONFIG_TRACEPOINTS)]
        {
            // SAFETY: The key is that of a tracepoint, which lives as long as `rvirtio.ko`; a module that
            // has this code in it depends on that one.
            unsafe {
                kernel::jump_label::static_branch_unlikely!(
                    crate::bindings::$tracepoint,
                    crate::bindings::tracepoint,
                    key
                )
            }
        }
        #[cfg(not(CONFIG_TRACEPOINTS))]
        {
            false
        }
    }};
}

/// Calls what C makes of an event.
macro_rules! emit {
    ($function:ident, $($argument:expr),*) => {{
        #[cfg(CONFIG_TRACEPOINTS)]
        // SAFETY: Numbers, and pointers that are valid for the call; the event copies what they lead to.
        unsafe { crate::bindings::$function($($argument),*) }
        #[cfg(not(CONFIG_TRACEPOINTS))]
        let _ = ($($argument),*);
    }};
}

/// A queue of a device.
#[derive(Clone, Copy)]
pub struct Queue {
    /// The `N` of `virtioN`.
    pub device: u32,
    /// The queue's number.
    pub index: u16,
}

/// A buffer was added, the one with this number of all; so many are in flight now.
#[inline(always)]
pub fn queue_add(what: impl FnOnce() -> (Queue, u32, u16)) {
    if is_on!(__tracepoint_queue_add) {
        let (queue, buffer, in_flight) = what();

        emit_add(queue, buffer, in_flight);
    }
}

/// So many buffers were shown to the device, which wants to be notified, or not.
#[inline(always)]
pub fn queue_kick(what: impl FnOnce() -> (Queue, u32, bool)) {
    if is_on!(__tracepoint_queue_kick) {
        let (queue, buffers, suppressed) = what();

        emit_kick(queue, buffers, suppressed);
    }
}

/// A buffer was taken back, with so many bytes written; so many are in flight now.
#[inline(always)]
pub fn queue_used(what: impl FnOnce() -> (Queue, u32, u16)) {
    if is_on!(__tracepoint_queue_used) {
        let (queue, written, in_flight) = what();

        emit_used(queue, written, in_flight);
    }
}

/// A queue's interrupt came.
#[inline(always)]
pub fn queue_interrupt(queue: Queue) {
    if is_on!(__tracepoint_queue_interrupt) {
        emit_interrupt(queue);
    }
}

/// A device was reset, or did not let itself be.
#[inline(always)]
pub fn device_reset(device: &device::Device, result: Result) {
    if is_on!(__tracepoint_device_reset) {
        emit_reset(device, result);
    }
}

/// A device says that its configuration changed.
#[inline(always)]
pub fn config_change(device: &device::Device) {
    if is_on!(__tracepoint_config_change) {
        emit_change(device);
    }
}

/// A device is broken.
#[inline(always)]
pub fn device_broken(device: &device::Device, reason: fmt::Arguments<'_>) {
    if is_on!(__tracepoint_device_broken) {
        emit_broken(device, reason);
    }
}

#[cold]
#[inline(never)]
fn emit_add(queue: Queue, buffer: u32, in_flight: u16) {
    emit!(
        rust_do_trace_queue_add,
        queue.device,
        queue.index,
        buffer,
        in_flight
    );
}

#[cold]
#[inline(never)]
fn emit_kick(queue: Queue, buffers: u32, suppressed: bool) {
    emit!(
        rust_do_trace_queue_kick,
        queue.device,
        queue.index,
        buffers,
        suppressed
    );
}

#[cold]
#[inline(never)]
fn emit_used(queue: Queue, written: u32, in_flight: u16) {
    emit!(
        rust_do_trace_queue_used,
        queue.device,
        queue.index,
        written,
        in_flight
    );
}

#[cold]
#[inline(never)]
fn emit_interrupt(queue: Queue) {
    emit!(rust_do_trace_queue_interrupt, queue.device, queue.index);
}

#[cold]
#[inline(never)]
fn emit_reset(device: &device::Device, result: Result) {
    let error = result.map_or_else(|error| error.to_errno(), |()| 0);

    emit!(rust_do_trace_device_reset, raw_device(device), error);
}

#[cold]
#[inline(never)]
fn emit_change(device: &device::Device) {
    emit!(rust_do_trace_config_change, raw_device(device));
}

#[cold]
#[inline(never)]
fn emit_broken(device: &device::Device, reason: fmt::Arguments<'_>) {
    let mut text = Line {
        bytes: [0; TEXT_BYTES],
        used: 0,
    };

    // Writing to it cannot fail.
    let _ = text.write_fmt(reason);
    emit!(
        rust_do_trace_device_broken,
        raw_device(device),
        text.bytes.as_ptr().cast()
    );
}

/// A line of text that ends with a zero.
struct Line {
    bytes: [u8; TEXT_BYTES],
    /// Less than [`TEXT_BYTES`]: a zero follows.
    used: usize,
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let room = TEXT_BYTES.saturating_sub(1);

        for (to, from) in self
            .bytes
            .iter_mut()
            .take(room)
            .skip(self.used)
            .zip(text.bytes())
        {
            *to = from;
            self.used = self.used.saturating_add(1);
        }
        Ok(())
    }
}
