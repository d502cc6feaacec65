// SPDX-License-Identifier: GPL-2.0

//! The lock of network configuration.

use crate::bindings;
use core::marker::PhantomData;

/// The proof that this thread holds the lock under which interfaces are configured. The network
/// layer holds it around most calls of a driver; [`Self::hold`] takes it elsewhere.
pub struct Rtnl {
    // Not to be sent: a mutex belongs to its thread.
    _thread: PhantomData<*const ()>,
}

impl Rtnl {
    /// Runs `work` with the lock held. May sleep, also for long: others may wait for their devices
    /// with it. Must not be called where it is held.
    pub fn hold<T>(work: impl FnOnce(&Self) -> T) -> T {
        // SAFETY: A plain mutex.
        unsafe { bindings::rtnl_lock() };
        let result = work(&Self {
            _thread: PhantomData,
        });

        // SAFETY: Taken above, by this thread.
        unsafe { bindings::rtnl_unlock() };
        result
    }

    /// # Safety
    ///
    /// The lock must be held by this thread as long as what is returned is in use.
    pub(super) unsafe fn held() -> Self {
        Self {
            _thread: PhantomData,
        }
    }
}
