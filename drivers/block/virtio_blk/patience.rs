// SPDX-License-Identifier: GPL-2.0

//! When a request is lost. Pure.
//!
//! A request that is late is no reason alone: the host may be slow, and has others to answer before. It is lost when the
//! device answers nothing at all, when it has answered more than it can have had before this one, or when its queue stands
//! still while others move.

/// How often a late request is looked at until it fails: the device is reset for the first half of them.
pub(crate) const LOOKS: u32 = 2;

/// How many looks it gets before it is lost while the device erases, which may take minutes: two of them by default.
pub(crate) const ERASING_LOOKS: u32 = 8;

/// What a look at a late request finds. Counts may wrap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    /// Requests that had come back on its queue when the device was given this one.
    pub(crate) given: u32,
    /// Those that had at the look before, if there was one.
    pub(crate) before: Option<u32>,
    /// Those that have now.
    pub(crate) now: u32,
    /// Requests that the queue has room for.
    pub(crate) room: u32,
    /// Nothing came back on any queue for as long as two looks are apart.
    pub(crate) silent: bool,
}

impl Look {
    /// Whether the request is lost.
    pub(crate) fn is_lost(self) -> bool {
        let passed = self.now.wrapping_sub(self.given);

        self.silent || passed > self.room || self.before == Some(self.now)
    }
}

/// What is done about a request that is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Remedy {
    /// The device begins anew. The request is issued again, or ends if it was before.
    Reset,
    /// The same, and it is about to happen already.
    Coming,
    /// The device is given up.
    GiveUp,
}

/// A moment in the life of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// How many requests had come back.
    pub(crate) completions: u32,
    /// How often the device had begun anew, twice over; odd while it does.
    pub(crate) epoch: u32,
}

/// Decides about a device of which a request is lost `now`: `asked` is when it was to begin anew for such a reason last.
/// `leaving`: its driver is about to be unbound, and waits.
pub(crate) fn remedy(now: Moment, asked: Option<Moment>, leaving: bool) -> Remedy {
    match asked {
        _ if leaving => Remedy::GiveUp,
        _ if now.epoch % 2 != 0 => Remedy::Coming,
        Some(asked) if now.epoch.wrapping_sub(asked.epoch) < 2 => Remedy::Coming,
        Some(asked) if now.completions == asked.completions => Remedy::GiveUp,
        _ => Remedy::Reset,
    }
}

/// Milliseconds between two looks, so that a request of a device that answers nothing ends after `io_timeout` seconds; zero
/// is the block layer's default, 30.
pub(crate) fn interval_ms(io_timeout: u32) -> u32 {
    let seconds = if io_timeout == 0 { 30 } else { io_timeout };

    seconds.saturating_mul(1000) / LOOKS
}
