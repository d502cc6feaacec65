// SPDX-License-Identifier: GPL-2.0

//! Which queue is for administration commands (virtio 1.4, 4.1.4.3 and 2.13). Pure.

use core::fmt;

/// Why none is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum AdminQueueError {
    /// The device says that there is none.
    None,
    /// Its number is that of an ordinary queue.
    Ordinary {
        /// Its number.
        index: u16,
        /// How many ordinary queues there are.
        queues: u16,
    },
    /// There are more of them than there are numbers.
    TooMany {
        /// The first number.
        index: u16,
        /// How many there are.
        count: u16,
    },
}

impl fmt::Display for AdminQueueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("device has no administration queue"),
            Self::Ordinary { index, queues } => write!(
                f,
                "administration queue {index} is one of {queues} ordinary queues"
            ),
            Self::TooMany { index, count } => write!(
                f,
                "{count} administration queues from {index} on are not possible"
            ),
        }
    }
}

/// Numbers of queues end here.
const NUMBERS: u32 = 1 << 16;

/// The first administration queue of a device that says so of its queues: `queues` ordinary ones, which it is none of, and
/// `count` for administration from `index` on.
///
/// # Errors
///
/// See [`AdminQueueError`].
pub(crate) fn admin_queue(queues: u16, index: u16, count: u16) -> Result<u16, AdminQueueError> {
    if count == 0 {
        return Err(AdminQueueError::None);
    }
    if index < queues {
        return Err(AdminQueueError::Ordinary { index, queues });
    }
    if u32::from(index).saturating_add(count.into()) > NUMBERS {
        return Err(AdminQueueError::TooMany { index, count });
    }
    Ok(index)
}
