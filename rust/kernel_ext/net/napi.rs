// SPDX-License-Identifier: GPL-2.0

//! Polling in softirq context.

use super::{
    device::NetDevice,
    packet::Packet, //
};
use crate::bindings;
use core::{
    cell::UnsafeCell,
    marker::PhantomData, //
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    },
    types::Opaque, //
};

/// What polls. Softirq context, from one CPU at a time.
pub trait Poll: Send + Sync + 'static {
    /// Does up to `budget` packets worth of work and says how much it was. As much as the budget
    /// means that there may be more: it is called again. Before it says less it asks for an interrupt with
    /// the next work, and has seen that there is none yet for which none may come.
    fn poll(&self, polling: &Polling<'_>, budget: usize) -> usize;

    /// It will be called again though it has said less than the budget: the interrupt that it asked for is
    /// not wanted.
    fn goes_on(&self);
}

/// A poller of an interface.
///
/// # Invariants
///
/// `raw` was added to `device`. `target` is changed only under `enabled`, while polling is disabled; it is
/// `Some` while it is not.
#[pin_data(PinnedDrop)]
pub struct Napi {
    #[pin]
    raw: Opaque<bindings::rvirtio_napi>,
    device: Arc<NetDevice>,
    target: UnsafeCell<Option<Arc<dyn Poll>>>,
    #[pin]
    enabled: Mutex<bool>,
}

// SAFETY: The network layer does its own locking; `target` is accessed as the invariant says, and
// it is `Send + Sync` itself.
unsafe impl Send for Napi {}
// SAFETY: As above.
unsafe impl Sync for Napi {}

impl Napi {
    /// Adds a poller to `device`, which is disabled; `transmit` says that it only ends what was sent.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(device: Arc<NetDevice>, transmit: bool) -> Result<Arc<Self>> {
        let this = Arc::pin_init(
            pin_init!(Self {
                raw: Opaque::zeroed(),
                device,
                target: UnsafeCell::new(None),
                enabled <- new_mutex!(false),
            }),
            GFP_KERNEL,
        )?;

        // INVARIANT: Added here, before anybody else has it.
        // SAFETY: The structure is zeroed, as the call wants it, and does not move; the device
        // lives as long.
        unsafe {
            bindings::rvirtio_helper_napi_add(
                this.device.as_raw(),
                this.as_raw(),
                Some(poll_callback),
                transmit,
            )
        };
        Ok(this)
    }

    pub(super) fn as_raw(&self) -> *mut bindings::napi_struct {
        // `struct rvirtio_napi` is that and nothing else.
        self.raw.get().cast()
    }

    /// Has `target` called from now on, whenever there is work. Process context.
    ///
    /// # Errors
    ///
    /// `EBUSY` when it is enabled already.
    pub fn enable(&self, target: Arc<dyn Poll>) -> Result {
        let mut enabled = self.enabled.lock();

        if *enabled {
            return Err(EBUSY);
        }
        // INVARIANT: Under `enabled`, and before polling is possible.
        // SAFETY: Nobody else accesses it, by the type invariant.
        unsafe { *self.target.get() = Some(target) };
        // SAFETY: It was added, and is disabled.
        unsafe { bindings::napi_enable(self.as_raw()) };
        *enabled = true;
        Ok(())
    }

    /// Calls `f` while polling is disabled, and stays so. Process context.
    ///
    /// # Errors
    ///
    /// `EBUSY` when it is enabled.
    pub fn while_idle<R>(&self, f: impl FnOnce(&Idle<'_>) -> R) -> Result<R> {
        let enabled = self.enabled.lock();

        if *enabled {
            return Err(EBUSY);
        }
        Ok(f(&Idle(self)))
    }

    /// Waits until the target is not called any more, and lets go of it. Process context.
    pub fn disable(&self) {
        let mut enabled = self.enabled.lock();

        if *enabled {
            // SAFETY: It is enabled. After this no callback begins. One may still run: it is over, for the
            // network layer, with `napi_complete_done()`.
            unsafe { bindings::napi_disable(self.as_raw()) };
            // SAFETY: Process context. A callback runs with softirqs off, which this waits for.
            unsafe { bindings::synchronize_net() };
            *enabled = false;
            // INVARIANT: Under `enabled`, and polling is impossible.
            // SAFETY: Nobody else accesses it, by the type invariant.
            let target = unsafe { (*self.target.get()).take() };

            // It may be the owner of what disables polling in turn.
            drop(enabled);
            drop(target);
        }
    }

    /// There is work: the target will be called soon. Nothing happens while polling is disabled.
    /// Any context.
    #[inline]
    pub fn schedule(&self) {
        // SAFETY: It was added.
        unsafe { bindings::rvirtio_helper_napi_schedule(self.as_raw()) };
    }
}

#[pinned_drop]
impl PinnedDrop for Napi {
    fn drop(self: Pin<&mut Self>) {
        self.disable();
        // SAFETY: It was added, and is disabled now.
        unsafe { bindings::rvirtio_helper_napi_delete(self.as_raw()) };
    }
}

/// A poller that is disabled and stays so.
pub struct Idle<'a>(&'a Napi);

/// Proves that nobody else polls: see [`Polling`] and [`Idle`].
pub trait Quiet: private::Sealed {
    #[doc(hidden)]
    fn napi(&self) -> &Napi;
}

impl Quiet for Idle<'_> {
    fn napi(&self) -> &Napi {
        self.0
    }
}

impl Quiet for Polling<'_> {
    #[inline]
    fn napi(&self) -> &Napi {
        self.napi
    }
}

mod private {
    pub trait Sealed {}

    impl Sealed for super::Idle<'_> {}
    impl Sealed for super::Polling<'_> {}
}

/// A poller that is being polled: in softirq context, with a budget.
pub struct Polling<'a> {
    napi: &'a Napi,
    // Belongs to this CPU, now.
    _here: PhantomData<*const ()>,
}

impl Polling<'_> {
    pub(super) fn as_raw(&self) -> *mut bindings::napi_struct {
        self.napi.as_raw()
    }

    /// Passes a packet, which begins with its Ethernet header, to the stack as received on `queue`.
    /// It may be put together with others first.
    #[inline]
    pub fn receive(&self, packet: Packet, queue: u16) {
        // SAFETY: The packet is ours and is handed over; one without an Ethernet header is dropped
        // there. The poller is being polled.
        unsafe { bindings::rvirtio_helper_napi_receive(self.as_raw(), packet.into_raw(), queue) };
    }

    /// Frees a packet that was sent, together with others.
    #[inline]
    pub fn consume(&self, packet: Packet) {
        // SAFETY: The packet is ours; a budget that is not zero says that this is softirq context,
        // which it is.
        unsafe { bindings::napi_consume_skb(packet.into_raw(), 1) };
    }

    pub(super) fn device(&self) -> &NetDevice {
        &self.napi.device
    }
}

/// # Safety
///
/// To be called by the network layer alone, with the structure of an enabled [`Napi`].
unsafe extern "C" fn poll_callback(raw: *mut bindings::napi_struct, budget: c_int) -> c_int {
    // `netpoll` calls with a budget of zero, and in any context.
    if budget <= 0 {
        return 0;
    }
    // SAFETY: `raw` is the field of a `Napi`, which is not dropped before polling is disabled.
    let napi = unsafe { &*kernel::container_of!(Opaque::cast_from(raw.cast()), Napi, raw) };
    // SAFETY: Polling is enabled, so by the type invariant nobody changes it.
    let Some(target) = (unsafe { &*napi.target.get() }) else {
        return 0;
    };
    let polling = Polling {
        napi,
        _here: PhantomData,
    };
    let budget = usize::try_from(budget).unwrap_or(0);
    let done = target.poll(&polling, budget).min(budget);
    // CAST: Not above the budget.
    let result = done as c_int;

    // An interrupt that comes before this is not lost: it has the poller called again.
    // SAFETY: Called from the poll callback with what was done, less than the budget.
    if done < budget && !unsafe { bindings::napi_complete_done(raw, result) } {
        target.goes_on();
    }
    result
}
