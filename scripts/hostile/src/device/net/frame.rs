// SPDX-License-Identifier: GPL-2.0

//! What stands before a frame (virtio 1.4, 5.1.6), and checksums.

use crate::{
    device::Context,
    lie::Part, //
};

/// Bytes of it, since version 1.
pub const HEADER_BYTES: usize = 12;

const NEEDS_CSUM: u8 = 1;
const GSO_NONE: u8 = 0;
const GSO_TCP4: u8 = 1;
const GSO_TCP6: u8 = 4;
const GSO_ECN: u8 = 0x80;

/// Its fields, with their offsets and lengths.
const FIELDS: [(u8, usize); 7] = [(0, 1), (1, 1), (2, 2), (4, 2), (6, 2), (8, 2), (10, 2)];

pub struct Header([u8; HEADER_BYTES]);

impl From<[u8; HEADER_BYTES]> for Header {
    fn from(bytes: [u8; HEADER_BYTES]) -> Self {
        Self(bytes)
    }
}

impl Header {
    /// Of a frame in so many buffers, about which there is nothing to be said.
    pub fn of_received(buffers: u16) -> Self {
        let mut bytes = [0; HEADER_BYTES];

        bytes[10..].copy_from_slice(&buffers.to_le_bytes());
        Self(bytes)
    }

    pub fn bytes(&self) -> &[u8; HEADER_BYTES] {
        &self.0
    }

    /// The same with what is lied about it.
    pub fn lied(mut self, context: &mut Context<'_>) -> Self {
        for (offset, length) in FIELDS {
            let field = &mut self.0[usize::from(offset)..][..length];
            let mut word = [0; 8];

            word[..length].copy_from_slice(field);
            if let Some(value) = context.answer(Part::Field(offset), u64::from_le_bytes(word)) {
                field.copy_from_slice(&value.to_le_bytes()[..length]);
            }
        }
        self
    }

    fn word(&self, at: usize) -> usize {
        u16::from_le_bytes([self.0[at], self.0[at + 1]]).into()
    }

    /// What is wrong about it, when a driver sends it with `frame` (5.1.6.2.1).
    pub fn wrong(&self, frame: &[u8]) -> Option<&'static str> {
        let kind = self.0[1] & !GSO_ECN;

        if frame.len() < 14 {
            return Some("no Ethernet header");
        }
        if self.0[0] & !NEEDS_CSUM != 0 {
            return Some("flags that are the device's");
        }
        if self.word(10) != 0 {
            return Some("a number of buffers");
        }
        if self.0[0] & NEEDS_CSUM != 0 && self.word(6) + self.word(8) + 2 > frame.len() {
            return Some("a checksum outside of it");
        }
        match kind {
            GSO_NONE => None,
            GSO_TCP4 | GSO_TCP6 if self.word(4) == 0 => Some("segments of no bytes"),
            GSO_TCP4 | GSO_TCP6 if self.0[0] & NEEDS_CSUM == 0 => {
                Some("segments without a checksum")
            }
            GSO_TCP4 | GSO_TCP6 => None,
            _ => Some("a kind of segments that was not agreed on"),
        }
    }

    /// Fills in the checksum that was left to the device.
    pub fn complete(&self, frame: &mut [u8]) {
        let (start, offset) = (self.word(6), self.word(8));

        if self.0[0] & NEEDS_CSUM != 0 && start + offset + 2 <= frame.len() {
            let sum = checksum(&frame[start..]);

            frame[start + offset..][..2].copy_from_slice(&sum.to_be_bytes());
        }
    }
}

/// The checksum of the Internet (RFC 1071).
pub fn checksum(bytes: &[u8]) -> u16 {
    let sum: u64 = bytes
        .chunks(2)
        .map(|pair| u64::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)])))
        .sum();
    let fold = |sum: u64| (sum & 0xffff) + (sum >> 16);

    !(fold(fold(fold(sum))) as u16)
}
