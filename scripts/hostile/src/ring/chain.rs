// SPDX-License-Identifier: GPL-2.0

//! A buffer as the device found it.

use super::{
    Nonsense,
    INDIRECT,
    NEXT,
    WRITE, //
};
use crate::memory::{
    Fault,
    Memory, //
};

/// A descriptor as it stands in memory. What its fourth field is, depends on the ring.
#[derive(Clone, Copy, Debug)]
pub(super) struct Desc {
    pub addr: u64,
    pub len: u32,
    /// Split: flags. Packed: id.
    pub third: u16,
    /// Split: next. Packed: flags.
    pub fourth: u16,
}

impl Desc {
    pub(super) fn read(memory: &Memory, table: u64, index: u64) -> Result<Self, Fault> {
        let bytes: [u8; 16] = memory.bytes(table.wrapping_add(16 * index))?;

        Ok(Self {
            addr: u64::from_le_bytes(bytes[0..8].try_into().unwrap()),
            len: u32::from_le_bytes(bytes[8..12].try_into().unwrap()),
            third: u16::from_le_bytes([bytes[12], bytes[13]]),
            fourth: u16::from_le_bytes([bytes[14], bytes[15]]),
        })
    }
}

/// A buffer: pieces that the device may read, then pieces that it may write.
#[derive(Clone, Debug, Default)]
pub struct Chain {
    /// What the device gives it back by.
    pub id: u16,
    /// Descriptors that it takes in the ring.
    pub descs: u16,
    /// Which ones they are.
    pub indices: Vec<u16>,
    /// Address and bytes of its table, if it has one.
    pub table: Option<(u64, u32)>,
    pub readable: Vec<(u64, u32)>,
    pub writable: Vec<(u64, u32)>,
}

impl Chain {
    pub(super) fn push(&mut self, desc: &Desc, flags: u16) -> Result<(), Nonsense> {
        if desc.len == 0 {
            return Err(Nonsense("a descriptor of no bytes".into()));
        }
        if flags & WRITE != 0 {
            self.writable.push((desc.addr, desc.len));
        } else if self.writable.is_empty() {
            self.readable.push((desc.addr, desc.len));
        } else {
            return Err(Nonsense("readable behind writable (2.7.4.2)".into()));
        }
        Ok(())
    }

    /// Reads the table of an indirect descriptor.
    pub(super) fn push_table(
        &mut self,
        memory: &Memory,
        table: &Desc,
        size: u16,
        packed: bool,
    ) -> Result<(), Nonsense> {
        let entries = u64::from(table.len) / 16;

        if table.len % 16 != 0 || entries == 0 || entries > u64::from(size) {
            return Err(Nonsense(format!("a table of {} bytes", table.len)));
        }
        let mut index = 0;

        self.table = Some((table.addr, table.len));
        for _ in 0..entries {
            let desc = Desc::read(memory, table.addr, index)?;
            let flags = if packed { desc.fourth } else { desc.third };

            if flags & INDIRECT != 0 {
                return Err(Nonsense("a table in a table (2.7.5.3.1)".into()));
            }
            self.push(&desc, flags)?;
            index = if packed {
                index + 1
            } else if flags & NEXT == 0 {
                return Ok(());
            } else {
                desc.fourth.into()
            };
            if index >= entries {
                break;
            }
        }
        if packed {
            Ok(())
        } else {
            Err(Nonsense("a table that does not end".into()))
        }
    }

    pub fn readable_len(&self) -> u64 {
        self.readable.iter().map(|piece| u64::from(piece.1)).sum()
    }

    pub fn writable_len(&self) -> u64 {
        self.writable.iter().map(|piece| u64::from(piece.1)).sum()
    }

    /// The bytes of each descriptor of the readable part, `from` bytes after its start.
    pub fn read_segments(&self, from: u64) -> Vec<u64> {
        segments(&self.readable, from, u64::MAX)
    }

    /// The bytes of each descriptor of the first `length` bytes that are writable.
    pub fn written_segments(&self, length: u64) -> Vec<u64> {
        segments(&self.writable, 0, length)
    }

    /// Reads from the readable part, `from` bytes after its start.
    pub fn read(&self, memory: &Memory, from: u64, into: &mut [u8]) -> Result<(), Nonsense> {
        walk(&self.readable, from, into.len(), |at, range| {
            memory.read(at, &mut into[range])
        })
    }

    /// What stands in the writable part, `from` bytes after its start.
    pub fn peek(&self, memory: &Memory, from: u64, into: &mut [u8]) -> Result<(), Nonsense> {
        walk(&self.writable, from, into.len(), |at, range| {
            memory.read(at, &mut into[range])
        })
    }

    /// Writes into the writable part, `from` bytes after its start.
    pub fn write(&self, memory: &Memory, from: u64, bytes: &[u8]) -> Result<(), Nonsense> {
        walk(&self.writable, from, bytes.len(), |at, range| {
            memory.write(at, &bytes[range])
        })
    }
}

fn segments(pieces: &[(u64, u32)], mut from: u64, mut length: u64) -> Vec<u64> {
    let mut found = Vec::new();

    for &(_, len) in pieces {
        let part = u64::from(len).saturating_sub(from).min(length);

        from = from.saturating_sub(len.into());
        length -= part;
        if part != 0 {
            found.push(part);
        }
    }
    found
}

fn walk(
    pieces: &[(u64, u32)],
    mut from: u64,
    length: usize,
    mut visit: impl FnMut(u64, std::ops::Range<usize>) -> Result<(), Fault>,
) -> Result<(), Nonsense> {
    let mut done = 0;

    for &(addr, len) in pieces {
        let len = u64::from(len);

        if from >= len {
            from -= len;
            continue;
        }
        let part = (len - from).min((length - done) as u64) as usize;

        visit(addr.wrapping_add(from), done..done + part)?;
        done += part;
        from = 0;
        if done == length {
            return Ok(());
        }
    }
    if done == length {
        Ok(())
    } else {
        Err(Nonsense(format!(
            "a buffer {} bytes too short",
            length - done
        )))
    }
}
