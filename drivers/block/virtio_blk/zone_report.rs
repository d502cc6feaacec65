// SPDX-License-Identifier: GPL-2.0

//! The device's answer to `VIRTIO_BLK_T_ZONE_REPORT` (virtio 1.4, 5.2.6). Pure.

/// Bytes of the answer's head, and of each zone that follows.
pub(crate) const HEAD_BYTES: usize = 64;
pub(crate) const ZONE_BYTES: usize = 64;

/// Offsets of a zone's fields.
const CAPACITY: usize = 0;
const START: usize = 8;
const WRITE_POINTER: usize = 16;
const TYPE: usize = 24;
const STATE: usize = 25;

/// What kind of zone it is. The numbers are those of the specification and of Linux.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ZoneType {
    /// Written anywhere.
    Conventional = 1,
    /// Written in sequence.
    Sequential = 2,
    /// Best written in sequence.
    Preferred = 3,
}

/// What state it is in. The numbers are those of the specification and of Linux.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ZoneState {
    /// A conventional zone.
    NoPointer = 0,
    /// Nothing is written.
    Empty = 1,
    /// Opened by a write.
    Open = 2,
    /// Opened by a command.
    OpenedExplicitly = 3,
    /// Partly written, and not open.
    Closed = 4,
    /// To be read only.
    ReadOnly = 13,
    /// Nothing more can be written.
    Full = 14,
    /// Neither to be read nor to be written.
    Offline = 15,
}

/// A zone, of which all is possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Zone {
    /// The first sector.
    pub(crate) start: u64,
    /// Sectors from this zone to the next.
    pub(crate) length: u64,
    /// Sectors that can be written, at most as many.
    pub(crate) capacity: u64,
    /// Where the next write goes; all-ones where that has no meaning.
    pub(crate) write_pointer: u64,
    pub(crate) kind: ZoneType,
    pub(crate) state: ZoneState,
}

/// What is wrong with a zone of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ZoneError {
    /// It is not all there.
    Short,
    /// It does not begin where the zone before it ends.
    Start(u64),
    /// It has no type that exists.
    Type(u8),
    /// It has no state that exists, or that a zone of its type may have.
    State(u8),
    /// More can be written than it is long, or nothing at all.
    Capacity(u64),
    /// The next write is not in it.
    WritePointer(u64),
}

/// How many zones an answer of `length` bytes holds that says it has `claimed`.
pub(crate) fn count(claimed: u64, length: usize) -> usize {
    let room = length.saturating_sub(HEAD_BYTES) / ZONE_BYTES;

    usize::try_from(claimed).unwrap_or(room).min(room)
}

/// Reads the number of zones that an answer says it has.
pub(crate) fn claimed(answer: &[u8]) -> Option<u64> {
    word(answer, 0)
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// Reads zone number `index` of an answer: the one that begins at `start`, of a disk of `capacity` sectors
/// in zones of `zone_sectors`.
///
/// # Errors
///
/// See [`ZoneError`].
pub(crate) fn zone(
    answer: &[u8],
    index: usize,
    start: u64,
    zone_sectors: u32,
    capacity: u64,
) -> Result<Zone, ZoneError> {
    let at = index
        .checked_mul(ZONE_BYTES)
        .and_then(|at| at.checked_add(HEAD_BYTES))
        .ok_or(ZoneError::Short)?;
    let bytes = answer.get(at..).ok_or(ZoneError::Short)?;
    let field = |at| word(bytes, at).ok_or(ZoneError::Short);
    let byte = |at: usize| bytes.get(at).copied().ok_or(ZoneError::Short);
    let begins = field(START)?;

    // The last zone may be a smaller one.
    let length = capacity
        .checked_sub(start)
        .map(|rest| rest.min(zone_sectors.into()))
        .filter(|_| begins == start)
        .ok_or(ZoneError::Start(begins))?;
    let kind = match byte(TYPE)? {
        1 => ZoneType::Conventional,
        2 => ZoneType::Sequential,
        3 => ZoneType::Preferred,
        other => return Err(ZoneError::Type(other)),
    };
    let conventional = kind == ZoneType::Conventional;
    let state = match byte(STATE)? {
        0 if conventional => ZoneState::NoPointer,
        1 if !conventional => ZoneState::Empty,
        2 if !conventional => ZoneState::Open,
        3 if !conventional => ZoneState::OpenedExplicitly,
        4 if !conventional => ZoneState::Closed,
        13 => ZoneState::ReadOnly,
        14 if !conventional => ZoneState::Full,
        15 => ZoneState::Offline,
        other => return Err(ZoneError::State(other)),
    };
    let writable = field(CAPACITY)?;

    if writable == 0 || writable > length {
        return Err(ZoneError::Capacity(writable));
    }
    let pointer = field(WRITE_POINTER)?;
    let end = start.saturating_add(length);
    let write_pointer = match state {
        ZoneState::NoPointer | ZoneState::ReadOnly | ZoneState::Offline => u64::MAX,
        ZoneState::Full => end,
        ZoneState::Empty if pointer == start => start,
        ZoneState::Open | ZoneState::OpenedExplicitly | ZoneState::Closed
            if (start..end).contains(&pointer) =>
        {
            pointer
        }
        _ => return Err(ZoneError::WritePointer(pointer)),
    };

    Ok(Zone {
        start,
        length,
        capacity: writable,
        write_pointer,
        kind,
        state,
    })
}
