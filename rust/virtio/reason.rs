// SPDX-License-Identifier: GPL-2.0

//! Why a device is broken.

use core::fmt;
use kernel::prelude::*;
use vring::Violation;

/// Why a device is broken; its text is the line in the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reason {
    /// A queue broke the ring's rules.
    Queue {
        /// The queue's number.
        index: u16,
        /// The rule.
        violation: Violation,
    },
    /// The device set `DEVICE_NEEDS_RESET` (virtio 1.4, 2.1.1).
    NeedsReset,
    /// A request of queue `index` took longer than the driver allows.
    TimedOut {
        /// The queue's number.
        index: u16,
    },
    /// A queue was not given back when it was reset, or not taken again.
    QueueReset {
        /// The queue's number.
        index: u16,
    },
    /// The configuration changed each time it was read.
    Unsettled {
        /// How often that was.
        tries: u32,
    },
    /// The device did not come back from a reset.
    Reset,
    /// Its driver is taken away while it is reset by others.
    Abandoned,
    /// The device does not answer any more: it was taken out.
    Gone,
    /// The machine is going down; not a fault, and not logged.
    Shutdown,
}

impl Reason {
    /// What a reset that ended with `error` means.
    pub(crate) fn unanswered(error: Error) -> Self {
        if error == ENODEV {
            Self::Gone
        } else {
            Self::Reset
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Queue { index, violation } => write!(f, "queue {index}: {violation}"),
            Self::NeedsReset => f.write_str("device asks for a reset (DEVICE_NEEDS_RESET)"),
            Self::TimedOut { index } => {
                write!(f, "queue {index}: request was not answered in time")
            }
            Self::QueueReset { index } => write!(f, "queue {index}: reset has failed"),
            Self::Unsettled { tries } => {
                write!(f, "configuration changed {tries} times while it was read")
            }
            Self::Reset => f.write_str("device did not come back from a reset"),
            Self::Abandoned => f.write_str("driver leaves while device is being reset"),
            Self::Gone => f.write_str("device is gone"),
            Self::Shutdown => f.write_str("shut down"),
        }
    }
}
