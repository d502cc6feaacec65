// SPDX-License-Identifier: GPL-2.0

//! What can go wrong, and the words for it.

use core::fmt;

/// Why a ring could not be set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SetupError {
    /// The queue size is not one that the layout allows.
    BadSize {
        /// The size asked for, in descriptors.
        size: u16,
    },
    /// There is not exactly one slot a descriptor.
    BadSlots {
        /// The number of slots that the caller brought.
        slots: usize,
        /// The queue size, in descriptors.
        size: u16,
    },
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadSize { size } => write!(f, "queue size {size} is not supported"),
            Self::BadSlots { slots, size } => {
                write!(f, "{slots} slots for a queue of size {size}")
            }
        }
    }
}

/// Why a buffer was not added. The ring is as it was before the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AddError {
    /// Not enough free descriptors now. It may fit when buffers were popped.
    Full,
    /// More descriptors than the queue has, or more than 2^32 - 1 bytes: it will never fit.
    TooLong,
    /// The buffer has no segment.
    Empty,
    /// A segment has no bytes. Devices reject such a buffer, so it is not shown to them.
    ZeroLength,
    /// The ring is broken, see [`Ring::broken`](crate::Ring::broken).
    Broken,
}

impl fmt::Display for AddError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "queue is full",
            Self::TooLong => "buffer does not fit the queue",
            Self::Empty => "buffer has no segment",
            Self::ZeroLength => "segment of zero length",
            Self::Broken => "queue is broken",
        })
    }
}

/// Why a segment was not added to an indirect table, or the table not finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TableError {
    /// The table has no room for another entry.
    Full,
    /// The segments together have more than 2^32 - 1 bytes.
    TooLong,
    /// The table has no entry.
    Empty,
    /// A segment has no bytes.
    ZeroLength,
    /// A device-readable segment was to follow a device-writable one.
    Order,
}

impl fmt::Display for TableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Full => "indirect table is full",
            Self::TooLong => "buffer has more than 4 GiB",
            Self::Empty => "indirect table has no entry",
            Self::ZeroLength => "segment of zero length",
            Self::Order => "readable segment after a writable one",
        })
    }
}

/// Why a ring is broken.
///
/// The first reason stands. A broken ring accepts no buffer and returns none, since the device
/// may still own all of them. The way out is to reset the device and to drain the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// The device moved its used index past what it was given, or backwards.
    IndexJump {
        /// The used index that was read.
        idx: u16,
        /// The used index up to which the driver has consumed.
        last: u16,
        /// How many published buffers the device had.
        in_flight: u16,
    },
    /// The device returned an id that is not a descriptor.
    IdOutOfRange {
        /// The id that was read.
        id: u32,
    },
    /// The device returned a descriptor that is not the head of a buffer in flight, for
    /// instance one that it returned before.
    IdNotInFlight {
        /// The id that was read.
        id: u32,
    },
    /// The device returned a buffer that was added but not published yet.
    IdNotPublished {
        /// The id that was read.
        id: u32,
    },
    /// The device claims to have written more bytes than were writable.
    LenTooLong {
        /// The id that was read.
        id: u32,
        /// The length that was read, in bytes.
        len: u32,
        /// The writable bytes of the buffer.
        writable: u32,
    },
    /// In order: the device returned a buffer that stands further on than the used index.
    BatchTooLong {
        /// The id that was read.
        id: u32,
    },
    /// The driver has closed the queue. No fault of the device.
    Closed,
    /// The private slots are not as the ring left them: a bug of the driver.
    Slots,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IndexJump {
                idx,
                last,
                in_flight,
            } => write!(
                f,
                "used index {idx} is not within {in_flight} buffers from {last}"
            ),
            Self::IdOutOfRange { id } => write!(f, "used id {id} is out of range"),
            Self::IdNotInFlight { id } => write!(f, "used id {id} is not in flight"),
            Self::IdNotPublished { id } => write!(f, "used id {id} was not published yet"),
            Self::LenTooLong { id, len, writable } => write!(
                f,
                "used length {len} of id {id} exceeds {writable} writable bytes"
            ),
            Self::BatchTooLong { id } => {
                write!(f, "used id {id} stands further on than the used index")
            }
            Self::Closed => f.write_str("queue is closed"),
            Self::Slots => f.write_str("private slots are damaged"),
        }
    }
}
