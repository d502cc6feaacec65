// SPDX-License-Identifier: GPL-2.0

//! Interrupt handlers whose name is made at run time, such as `virtio0-req.0`.
//!
//! C header: [`include/linux/interrupt.h`](srctree/include/linux/interrupt.h)
//!
//! Upstream replacement: `kernel::irq::Registration`, once it takes names that are not `'static`
//! and handlers that are shared.

use crate::bindings;
use kernel::{
    error::to_result,
    fmt,
    prelude::*,
    str::CString,
    sync::Arc, //
};

/// How many CPUs are online.
pub fn online_cpus() -> u32 {
    // SAFETY: A plain query.
    unsafe { bindings::rvirtio_helper_online_cpus() }
}

/// What runs on an interrupt.
pub trait Handler: Send + Sync {
    /// Handles the interrupt and says whether it was this device's.
    ///
    /// Runs in hard interrupt context: no sleeping, no allocation.
    fn handle(&self) -> bool;
}

/// What the kernel's handler cookie points to.
struct Action {
    handler: Arc<dyn Handler>,
    name: CString,
}

/// A handler on an interrupt line; dropping it waits until the handler does not run any more.
///
/// # Invariants
///
/// `request_irq()` was called for `irq` with the address of `*action` as its cookie and the text
/// of `action.name` as its name. If `self` is leaked, so is `action`, and both stay valid.
pub struct Registration {
    irq: u32,
    action: KBox<Action>,
    /// Where it was wanted last.
    place: Option<u32>,
    /// Whether the interrupt has a hint, which has to go before it.
    hinted: bool,
}

impl Registration {
    /// Puts `handler` on the Linux interrupt number `irq`, under a name for `/proc/interrupts`;
    /// `shared` allows others on the same line (INTx).
    ///
    /// The handler may run before this returns.
    ///
    /// # Errors
    ///
    /// `EBUSY` when the line is taken and not shared, `ENOMEM`, `EINVAL` for a number that is no
    /// interrupt.
    pub fn new(
        irq: u32,
        shared: bool,
        name: fmt::Arguments<'_>,
        handler: Arc<dyn Handler>,
    ) -> Result<Self> {
        let action = KBox::new(
            Action {
                handler,
                name: CString::try_from_fmt(name)?,
            },
            GFP_KERNEL,
        )?;
        // CAST: Widening.
        let flags = if shared { bindings::IRQF_SHARED } else { 0 };

        // INVARIANT: The cookie and the name live in `action`, whose memory does not move.
        // SAFETY: The callback fits its cookie, which lives until `free_irq()` in `drop`.
        to_result(unsafe {
            bindings::request_threaded_irq(
                irq,
                Some(callback),
                None,
                flags as usize,
                action.name.as_char_ptr(),
                core::ptr::from_ref::<Action>(&action).cast_mut().cast(),
            )
        })?;
        Ok(Self {
            irq,
            action,
            place: None,
            hinted: false,
        })
    }

    /// Moves the interrupt to a CPU, number `place` of those that are online, counted round. User
    /// space may move it elsewhere; `irqbalance` reads it as a hint. An interrupt whose CPUs the kernel
    /// manages stays where it is.
    ///
    /// Waits for a CPU that is just coming or going: not to be called where that may have to wait for the caller.
    pub fn prefer(&mut self, place: u32) {
        self.place = Some(place);
        let _ = self.apply(place, true);
    }

    /// Moves the interrupt there once more, where others are online now than when that was said.
    ///
    /// # Errors
    ///
    /// `EAGAIN` when a CPU is just coming or going; it is not waited for.
    pub fn prefer_again(&mut self) -> Result {
        let result = self.place.map_or(Ok(()), |place| self.apply(place, false));

        match result {
            Err(error) if error == EAGAIN => Err(error),
            // Where it cannot be moved it stays.
            _ => Ok(()),
        }
    }

    fn apply(&mut self, place: u32, wait: bool) -> Result {
        // SAFETY: The interrupt is requested; its hint is a mask that lives for ever.
        to_result(unsafe { bindings::rvirtio_helper_irq_prefer(self.irq, place, wait) })?;
        self.hinted = true;
        Ok(())
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if self.hinted {
            // SAFETY: The interrupt is still requested.
            unsafe { bindings::__irq_apply_affinity_hint(self.irq, core::ptr::null(), false) };
        }
        // SAFETY: By the type invariant this is the cookie of a registered handler. The call
        // waits for running handlers, so `action` is not used after it.
        unsafe {
            bindings::free_irq(
                self.irq,
                core::ptr::from_ref::<Action>(&self.action)
                    .cast_mut()
                    .cast(),
            )
        };
    }
}

/// # Safety
///
/// `cookie` must be the [`Action`] of a [`Registration`] that is not dropped.
unsafe extern "C" fn callback(_irq: c_int, cookie: *mut c_void) -> bindings::irqreturn_t {
    // SAFETY: Promised by the caller.
    let action = unsafe { &*cookie.cast_const().cast::<Action>() };

    if action.handler.handle() {
        bindings::irqreturn::IRQ_HANDLED
    } else {
        bindings::irqreturn::IRQ_NONE
    }
}
