// SPDX-License-Identifier: GPL-2.0

//! What of the driver's a device may have: that of the session that it is in, which ends when it begins anew.

use crate::{
    device::{
        reset,
        Device, //
    },
    queue::{
        Locked,
        QueueLock, //
    },
    reason::Reason,
    timeouts::Timeout, //
};
use kernel::sync::{
    atomic::ordering::Acquire,
    Arc, //
};
use kernel_ext::time;

/// From one `DRIVER_OK` of a device to the reset with which it begins anew. It is asked for under the lock of a queue
/// ([`Locked::session`]), since what goes into the ring before the lock is given back is the device's in that session, and in no
/// other: who asks before or after would have that of a ring that was emptied meanwhile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Session(pub(crate) u32);

impl<T: Send + Unpin, L: QueueLock, D: Send + Unpin> Locked<'_, T, L, D> {
    /// The session in which the device has what is under way in this queue, and what is added to it now.
    pub fn session(&self) -> Session {
        // A ring is emptied under this lock before the epoch of the next session begins, and takes buffers after that. While the
        // device is paused the ring is still that of the session before.
        Session(self.device().epoch() & !1)
    }
}

impl Device {
    /// How often the device was reset under its driver, twice over; odd while it is.
    #[inline]
    pub fn epoch(&self) -> u32 {
        self.epoch.load(Acquire)
    }

    /// Whether the device has not begun anew since, though it may have been reset: the driver has not heard of
    /// [`Driver::resume`](crate::Driver::resume).
    pub fn is_in(&self, session: Session) -> bool {
        self.epoch() & !1 == session.0
    }

    /// Whether a reset has begun since, of which the end can be waited for with [`Self::was_reset_within`].
    pub(crate) fn leaves(&self, session: Session) -> bool {
        self.epoch() != session.0
    }

    /// Gives up waiting for the device for something that it was given in `session`, and
    /// returns when nothing of it is the device's any more: it was reset, or its DMA is off. It is marked
    /// broken, unless it asks for a reset, and begins anew soon, or has begun anew since.
    ///
    /// Process context, for [`Timeout::Balloon`] at most. Only while the driver has the device.
    pub fn give_up(self: &Arc<Self>, reason: Reason, session: Session) {
        // A pause that begins meanwhile has its reset after this, see `pause_locked`.
        let done = self.unless_reset(|transport| {
            !self.leaves(session) && self.ails() && reset(transport, self.node()).is_ok()
        });

        if done == Some(true) {
            if !self.leaves(session) {
                self.recover();
            }
            return;
        }
        if self.leaves(session) && self.was_reset_within(Timeout::Balloon.ms()) {
            return;
        }
        self.break_and_wait(reason);
    }

    /// Waits for the reset of a device that was found not to be live, `limit_ms` milliseconds at most: others may do it, if it is
    /// cut off. Says whether it was reset, and is not broken: it knows nothing of what it was told before.
    ///
    /// Process context.
    pub fn was_reset_within(&self, limit_ms: u32) -> bool {
        let over = time::wait_until(limit_ms, || {
            Ok(self.quiet.load(Acquire) || self.broken().is_some())
        });

        over.is_ok() && self.broken().is_none()
    }
}
