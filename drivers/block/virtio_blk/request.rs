// SPDX-License-Identifier: GPL-2.0

//! The wire format of a request (virtio 1.4, 5.2.6): a header that the device reads, the data, and
//! a status byte that it writes. Pure.

/// Command types.
pub(crate) mod command {
    /// Read.
    pub(crate) const IN: u32 = 0;
    /// Write.
    pub(crate) const OUT: u32 = 1;
    /// Flush the cache.
    pub(crate) const FLUSH: u32 = 4;
    /// Tell the serial number, [`super::SERIAL_BYTES`] bytes.
    pub(crate) const GET_ID: u32 = 8;
    /// Tell how worn the medium is.
    pub(crate) const GET_LIFETIME: u32 = 10;
    /// Forget the ranges that the data says.
    pub(crate) const DISCARD: u32 = 11;
    /// Make the ranges that the data says read as zeros.
    pub(crate) const WRITE_ZEROES: u32 = 13;
    /// Forget the ranges that the data says, for good.
    pub(crate) const SECURE_ERASE: u32 = 14;

    /// Write where the zone is written next, and tell where that was.
    pub(crate) const ZONE_APPEND: u32 = 15;
    /// Tell what the zones are like.
    pub(crate) const ZONE_REPORT: u32 = 16;
    pub(crate) const ZONE_OPEN: u32 = 18;
    pub(crate) const ZONE_CLOSE: u32 = 20;
    pub(crate) const ZONE_FINISH: u32 = 22;
    pub(crate) const ZONE_RESET: u32 = 24;
    pub(crate) const ZONE_RESET_ALL: u32 = 26;

    /// Whether the data of a command are ranges.
    #[inline]
    pub(crate) const fn has_ranges(command: u32) -> bool {
        matches!(command, DISCARD | WRITE_ZEROES | SECURE_ERASE)
    }
}

/// Bytes of a serial number; no NUL at its end when it fills them.
pub(crate) const SERIAL_BYTES: usize = 20;

/// Where the header is in the front of a request's place, and how long it is.
pub(crate) const HEADER_AT: usize = 0;
pub(crate) const HEADER_BYTES: u32 = 16;
/// Where the status byte is.
pub(crate) const STATUS_AT: usize = 16;
pub(crate) const STATUS_BYTES: u32 = 1;
/// Where an append's answer is: a sector, and the status byte behind it.
pub(crate) const APPENDED_AT: usize = 16;
pub(crate) const APPENDED_STATUS_AT: usize = 24;
pub(crate) const APPENDED_BYTES: u32 = 9;
/// Bytes of the front: header and status, in 16 byte units.
pub(crate) const FRONT_BYTES: usize = 32;

/// What the status byte holds until the device writes it. No status of the specification.
pub(crate) const UNWRITTEN: u8 = 0xff;

/// A header, as the two 64-bit words that it is made of. `priority` goes where the specification
/// has a reserved field and C has the I/O priority.
pub(crate) const fn header(command: u32, priority: u16, sector: u64) -> (u64, u64) {
    // CAST: Widening.
    (command as u64 | (priority as u64) << 32, sector)
}

/// Bytes of a range.
pub(crate) const RANGE_BYTES: u32 = 16;
/// The only flag of a range, for [`command::WRITE_ZEROES`] alone.
const UNMAP: u32 = 1;

/// A range of sectors, as the two 64-bit words that it is made of.
#[inline]
pub(crate) const fn range(sector: u64, sectors: u32, unmap: bool) -> (u64, u64) {
    let flags = if unmap { UNMAP } else { 0 };

    // CAST: Widening.
    (sector, sectors as u64 | (flags as u64) << 32)
}

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Done.
    Ok,
    /// The device does not know the command.
    Unsupported,
    /// The device says it failed.
    Failed,
    /// Too many zones would be open.
    ZonesOpen,
    /// Too many zones would be active.
    ZonesActive,
    /// The device never wrote the status, or wrote one that does not exist.
    NoStatus,
    /// The device says it is done, but has not written all the data.
    Short,
}

/// Judges a request that came back: `status` is the status byte, `written` the bytes that the
/// device says it wrote, `data` the bytes of data that it had to write.
pub(crate) const fn judge(status: u8, written: u32, data: u32) -> Outcome {
    match status {
        // Data and status; a device that says less has not written all the data (2.7.8.2). Where
        // there is no data, the status byte speaks for itself.
        0 if data != 0 && written <= data => Outcome::Short,
        0 => Outcome::Ok,
        // 3 and 4: a command that a zone does not take, and a write that is not where it is written next.
        1 | 3 | 4 => Outcome::Failed,
        2 => Outcome::Unsupported,
        5 => Outcome::ZonesOpen,
        6 => Outcome::ZonesActive,
        _ => Outcome::NoStatus,
    }
}
