// SPDX-License-Identifier: GPL-2.0

//! A spin lock that keeps softirqs out.
//!
//! C header: [`include/linux/spinlock.h`](srctree/include/linux/spinlock.h)
//!
//! Upstream replacement: a `SpinLockBh` in `kernel::sync`.

use crate::bindings;
use kernel::{
    prelude::*,
    sync::lock::{
        Backend,
        Lock, //
    }, //
};

/// A spin lock for data that process and softirq context share. Not to be taken in hard interrupt
/// context, nor with interrupts off.
pub type SpinLockBh<T> = Lock<T, BhBackend>;

/// The backend of [`SpinLockBh`]: `spin_lock_bh()`.
pub struct BhBackend;

// SAFETY: A `spinlock_t` excludes other holders; softirqs are off while it is held, so the holder is not
// interrupted by another user on its own CPU. `relock` is the default one.
unsafe impl Backend for BhBackend {
    type State = bindings::spinlock_t;
    type GuardState = ();

    #[inline]
    unsafe fn init(ptr: *mut Self::State, name: *const c_char, key: *mut bindings::lock_class_key) {
        // SAFETY: The caller promises that `ptr` can be written, and that `name` and `key` live on.
        unsafe { bindings::__spin_lock_init(ptr, name, key) }
    }

    #[inline]
    unsafe fn lock(ptr: *mut Self::State) -> Self::GuardState {
        // SAFETY: The caller promises that the lock is initialised.
        unsafe { bindings::rvirtio_helper_spin_lock_bh(ptr) }
    }

    #[inline]
    unsafe fn unlock(ptr: *mut Self::State, _guard_state: &Self::GuardState) {
        // SAFETY: The caller promises that it holds the lock.
        unsafe { bindings::rvirtio_helper_spin_unlock_bh(ptr) }
    }

    #[inline]
    unsafe fn try_lock(ptr: *mut Self::State) -> Option<Self::GuardState> {
        // SAFETY: The caller promises that the lock is initialised.
        unsafe { bindings::rvirtio_helper_spin_trylock_bh(ptr) }.then_some(())
    }

    #[inline]
    unsafe fn assert_is_held(ptr: *mut Self::State) {
        // SAFETY: The caller promises that the lock is initialised.
        unsafe { bindings::spin_assert_is_held(ptr) }
    }
}
