// SPDX-License-Identifier: GPL-2.0

//! A fuzzer's input, field by field.

/// What is left of it. After its end there are zeros.
pub struct Input<'a>(pub &'a [u8]);

impl Input<'_> {
    /// Whether something is left.
    pub fn more(&self) -> bool {
        !self.0.is_empty()
    }

    /// The next bytes.
    pub fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        let (head, tail) = self.0.split_at(self.0.len().min(N));

        bytes[..head.len()].copy_from_slice(head);
        self.0 = tail;
        bytes
    }

    /// The next byte.
    pub fn u8(&mut self) -> u8 {
        u8::from_le_bytes(self.bytes())
    }

    /// The next 16 bits.
    pub fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.bytes())
    }

    /// The next 32 bits.
    pub fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.bytes())
    }

    /// The next 64 bits.
    pub fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.bytes())
    }
}
