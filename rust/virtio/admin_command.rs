// SPDX-License-Identifier: GPL-2.0

//! Commands to a group of devices (virtio 1.4, 2.12.1): how they and their answers stand in memory. Pure.

use core::{
    fmt,
    ops::BitAnd, //
};

/// Bytes of a command before its data: opcode, group type, 12 that are reserved, the member's id.
pub(crate) const HEAD: usize = 24;
/// Bytes of an answer before its result: status, its qualifier, 4 that are reserved.
pub(crate) const ANSWER_HEAD: usize = 8;
/// Bytes of a list of commands that are looked at: a bit for each opcode below 128.
pub(crate) const LIST: usize = 16;

/// What a device does not write: no status of the specification.
pub(crate) const UNANSWERED: u8 = 0xff;

/// The name of each opcode.
const NAMES: &[(u16, &str)] = &[
    (0x00, "LIST_QUERY"),
    (0x01, "LIST_USE"),
    (0x02, "LEGACY_COMMON_CFG_WRITE"),
    (0x03, "LEGACY_COMMON_CFG_READ"),
    (0x04, "LEGACY_DEV_CFG_WRITE"),
    (0x05, "LEGACY_DEV_CFG_READ"),
    (0x06, "LEGACY_NOTIFY_INFO"),
    (0x07, "CAP_ID_LIST_QUERY"),
    (0x08, "DEVICE_CAP_GET"),
    (0x09, "DRIVER_CAP_SET"),
    (0x0a, "RESOURCE_OBJ_CREATE"),
    (0x0b, "RESOURCE_OBJ_MODIFY"),
    (0x0c, "RESOURCE_OBJ_QUERY"),
    (0x0d, "RESOURCE_OBJ_DESTROY"),
    (0x0e, "DEV_PARTS_METADATA_GET"),
    (0x0f, "DEV_PARTS_GET"),
    (0x10, "DEV_PARTS_SET"),
    (0x11, "DEV_MODE_SET"),
];

/// The commands that this driver has a use for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Opcode {
    /// Which commands there are.
    ListQuery,
    /// Which of them will be used.
    ListUse,
}

impl Opcode {
    const fn raw(self) -> u16 {
        match self {
            Self::ListQuery => 0,
            Self::ListUse => 1,
        }
    }
}

/// Whom a command is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Group {
    /// The device itself.
    Own,
    /// Its virtual functions.
    SrIov,
}

impl Group {
    /// How many there are.
    pub(crate) const COUNT: usize = 2;
    /// All of them.
    pub(crate) const ALL: [Self; Self::COUNT] = [Self::Own, Self::SrIov];

    const fn raw(self) -> u16 {
        match self {
            Self::Own => 0,
            Self::SrIov => 1,
        }
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Own => "self",
            Self::SrIov => "sr-iov",
        })
    }
}

/// What stands before a command's data; it is about no single member.
pub(crate) fn head(opcode: Opcode, group: Group) -> [u8; HEAD] {
    let mut head = [0; HEAD];
    let [a, b] = opcode.raw().to_le_bytes();
    let [c, d] = group.raw().to_le_bytes();

    for (to, from) in head.iter_mut().zip([a, b, c, d]) {
        *to = from;
    }
    head
}

/// Why there is no result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    /// The device says that it has written less than a status.
    Short(u32),
    /// Its status, and what qualifies it.
    Status(u16, u16),
    /// The commands for asking are not in its list.
    NoList,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short(bytes) => write!(f, "an answer of {bytes} bytes"),
            Self::Status(status, qualifier) => {
                write!(f, "refused with status {status}")?;
                match qualifier {
                    0 => Ok(()),
                    1 => f.write_str(": command"),
                    2 => f.write_str(": opcode"),
                    3 => f.write_str(": field"),
                    4 => f.write_str(": group"),
                    5 => f.write_str(": member"),
                    6 => f.write_str(": no resource"),
                    7 => f.write_str(": try again"),
                    other => write!(f, ": qualifier {other}"),
                }
            }
            Self::NoList => f.write_str("its list lacks LIST_QUERY or LIST_USE"),
        }
    }
}

/// The result in an `answer`, of which the device has written so many bytes.
///
/// # Errors
///
/// See [`Refusal`].
pub(crate) fn result(answer: &[u8], written: u32) -> Result<&[u8], Refusal> {
    let there = usize::try_from(written)
        .unwrap_or(usize::MAX)
        .min(answer.len());
    let short = Refusal::Short(written);
    let (head, result) = answer
        .get(..there)
        .and_then(|there| there.split_at_checked(ANSWER_HEAD))
        .ok_or(short)?;
    let &[a, b, c, d, ..] = head else {
        return Err(short);
    };

    match (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])) {
        // 2.12.1: the qualifier of success is reserved.
        (0, _) => Ok(result),
        (status, qualifier) => Err(Refusal::Status(status, qualifier)),
    }
}

/// A set of commands: a bit for each opcode.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Commands(u128);

impl Commands {
    /// Those that are used.
    pub(crate) const USED: Self = Self(1 << Opcode::ListQuery.raw() | 1 << Opcode::ListUse.raw());

    /// A list as it stands in a result; what is not there is none, and of more than [`LIST`] bytes the rest is not looked at.
    pub(crate) fn from_list(list: &[u8]) -> Self {
        let mut bytes = [0; LIST];

        for (to, from) in bytes.iter_mut().zip(list) {
            *to = *from;
        }
        Self(u128::from_le_bytes(bytes))
    }

    /// The list as a command has it, of opcodes below 64: what is used is among them.
    pub(crate) fn list(self) -> [u8; 8] {
        // CAST: The low word.
        (self.0 as u64).to_le_bytes()
    }

    /// Whether all of `others` are in it.
    pub(crate) fn contains(self, others: Self) -> bool {
        self & others == others
    }
}

impl BitAnd for Commands {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// By name where they have one, by number else.
impl fmt::Display for Commands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut gap = "";

        for opcode in (0..128u16).filter(|opcode| self.0 >> opcode & 1 != 0) {
            let name = NAMES.iter().find(|(other, _)| *other == opcode);

            match name {
                Some((_, name)) => write!(f, "{gap}{name}")?,
                None => write!(f, "{gap}{opcode}")?,
            }
            gap = " ";
        }
        if gap.is_empty() {
            f.write_str("none")?;
        }
        Ok(())
    }
}
