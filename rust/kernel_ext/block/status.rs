// SPDX-License-Identifier: GPL-2.0

//! How a request ended.

use crate::bindings;

/// The outcome of a request, as the block layer counts it (`blk_status_t`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Status {
    /// Done, all of it.
    Ok,
    /// `EOPNOTSUPP`: the device does not know this operation.
    NotSupported,
    /// `EIO`: anything else that went wrong.
    IoError,
    /// `ETIMEDOUT`: it was not answered in time.
    TimedOut,
    /// `ETOOMANYREFS`: too many zones are open.
    ZoneOpenResource,
    /// `EOVERFLOW`: too many zones are active.
    ZoneActiveResource,
}

impl Status {
    #[inline]
    pub(super) const fn as_raw(self) -> bindings::blk_status_t {
        match self {
            Self::Ok => 0,
            Self::NotSupported => bindings::RVIRTIO_STS_NOTSUPP,
            Self::IoError => bindings::RVIRTIO_STS_IOERR,
            Self::TimedOut => bindings::RVIRTIO_STS_TIMEOUT,
            Self::ZoneOpenResource => bindings::RVIRTIO_STS_ZONE_OPEN,
            Self::ZoneActiveResource => bindings::RVIRTIO_STS_ZONE_ACTIVE,
        }
    }

    /// What the block layer says, in our words; anything unknown is an I/O error.
    pub(super) const fn from_raw(raw: bindings::blk_status_t) -> Self {
        match raw {
            0 => Self::Ok,
            bindings::RVIRTIO_STS_NOTSUPP => Self::NotSupported,
            bindings::RVIRTIO_STS_ZONE_OPEN => Self::ZoneOpenResource,
            bindings::RVIRTIO_STS_ZONE_ACTIVE => Self::ZoneActiveResource,
            _ => Self::IoError,
        }
    }
}
