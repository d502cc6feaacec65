// SPDX-License-Identifier: GPL-2.0

//! What a request asks for.

/// What to do with a zone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ZoneAction {
    /// Open it.
    Open,
    /// Close it.
    Close,
    /// Make it full.
    Finish,
    /// Make it empty.
    Reset,
    /// Make all zones empty.
    ResetAll,
}

/// What a request asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// Read sectors into the request's segments.
    Read,
    /// Write sectors from the request's segments.
    Write,
    /// Make all completed writes permanent.
    Flush,
    /// Forget what is in the request's extents.
    Discard,
    /// Make the request's extent read as zeros.
    WriteZeroes {
        /// It shall keep its place on the medium.
        keep: bool,
    },
    /// Forget what is in the request's extent, and any copy of it, for good.
    SecureErase,
    /// Do something with the zone at the request's sector.
    Zone(ZoneAction),
    /// Write from the request's segments where the zone at the request's sector is written next, and say
    /// where that was.
    ZoneAppend,
    /// A driver's own request that reads, see
    /// [`DiskRef::driver_read`](super::DiskRef::driver_read).
    DriverRead {
        /// What the driver asks for, in its own words.
        command: u32,
        /// Where.
        sector: u64,
    },
    /// Anything that this crate has no word for yet; holds the `REQ_OP_*` number.
    Other(u32),
}
