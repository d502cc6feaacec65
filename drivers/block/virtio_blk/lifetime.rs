// SPDX-License-Identifier: GPL-2.0

//! How worn the medium is (virtio 1.4, 5.2.6, `VIRTIO_BLK_T_GET_LIFETIME`). Pure.

/// Bytes of the device's answer.
pub(crate) const BYTES: usize = 6;

/// The last value of `pre_eol_info` and of an estimate that has a meaning.
const PRE_EOL_INFO_URGENT: u16 = 3;
const ESTIMATE_EXCEEDED: u16 = 11;

/// What the device says. Zero is undefined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lifetime {
    /// How much of the reserved blocks is consumed: 1 normal, 2 warning, 3 urgent.
    pub(crate) pre_eol_info: u8,
    /// How much of the lifetime of SLC cells is used: in tenths, rounded up; 11 is more than all.
    pub(crate) type_a: u8,
    /// The same of MLC cells.
    pub(crate) type_b: u8,
}

/// Reads a device's answer. `None` when it has a value that is reserved.
pub(crate) fn parse(answer: &[u8]) -> Option<Lifetime> {
    let field = |at: usize, last: u16| {
        let bytes = answer.get(at..)?.first_chunk()?;
        let value = u16::from_le_bytes(*bytes);

        u8::try_from(value).ok().filter(|_| value <= last)
    };

    Some(Lifetime {
        pre_eol_info: field(0, PRE_EOL_INFO_URGENT)?,
        type_a: field(2, ESTIMATE_EXCEEDED)?,
        type_b: field(4, ESTIMATE_EXCEEDED)?,
    })
}
