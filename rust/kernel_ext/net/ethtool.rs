// SPDX-License-Identifier: GPL-2.0

//! What `ethtool` shows.
//!
//! C header: [`include/linux/ethtool.h`](srctree/include/linux/ethtool.h)

use crate::bindings;
use core::{
    iter,
    marker::PhantomData, //
};
use kernel::{
    fmt::{
        self,
        Write, //
    },
    prelude::*, //
};

/// Who the driver is (`ethtool -i`).
pub struct DriverInfo<'a>(pub(super) &'a mut bindings::ethtool_drvinfo);

impl DriverInfo<'_> {
    /// The driver's name.
    pub fn driver(&mut self, name: &CStr) {
        put(&mut self.0.driver, name);
    }

    /// The driver's version.
    pub fn version(&mut self, version: &CStr) {
        put(&mut self.0.version, version);
    }

    /// Where the device is, such as a PCI address.
    pub fn bus(&mut self, place: &CStr) {
        put(&mut self.0.bus_info, place);
    }
}

/// Copies as much as fits; the rest, one character at least, becomes NUL.
fn put<const N: usize>(field: &mut [c_char; N], text: &CStr) {
    let text = text.to_bytes().iter().take(N.saturating_sub(1));

    for (to, from) in field
        .iter_mut()
        .zip(Iterator::chain(text, iter::repeat(&0)))
    {
        // CAST: A byte is a character.
        *to = *from as c_char;
    }
}

/// Queues (`ethtool -l`), of which there are as many for each direction.
#[derive(Clone, Copy, Debug)]
pub struct Channels {
    /// The most that there can be.
    pub most: u16,
    /// In use.
    pub pairs: u16,
}

/// The link (`ethtool`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Link {
    /// Mbit/s, if known.
    pub speed: Option<u32>,
    /// Full, or half, duplex, if known.
    pub full_duplex: Option<bool>,
}

impl Link {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self {
        speed: None,
        full_duplex: None,
    };

    pub(super) fn store(self, raw: &mut bindings::ethtool_link_ksettings) {
        // CAST: -1, as C has it.
        raw.base.speed = self.speed.unwrap_or(bindings::SPEED_UNKNOWN as u32);
        // CAST: Small numbers.
        raw.base.duplex = match self.full_duplex {
            Some(true) => bindings::DUPLEX_FULL as u8,
            Some(false) => bindings::DUPLEX_HALF as u8,
            None => bindings::DUPLEX_UNKNOWN as u8,
        };
        // CAST: A small number.
        raw.base.port = bindings::PORT_OTHER as u8;
    }

    pub(super) fn load(raw_speed: u32, raw_duplex: u8) -> Self {
        Self {
            // CAST: -1, as C has it.
            speed: (raw_speed != bindings::SPEED_UNKNOWN as u32).then_some(raw_speed),
            full_duplex: match u32::from(raw_duplex) {
                bindings::DUPLEX_FULL => Some(true),
                bindings::DUPLEX_HALF => Some(false),
                _ => None,
            },
        }
    }
}

/// The sizes of the rings, in entries (`ethtool -g`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rings {
    /// For reception.
    pub rx: u32,
    /// For transmission.
    pub tx: u32,
}

/// Takes the names of values (`ethtool -S`).
pub struct StatNames<'a> {
    at: *mut u8,
    left: usize,
    _buffer: PhantomData<&'a mut u8>,
}

/// Bytes of a name, with the NUL.
const NAME_BYTES: usize = bindings::ETH_GSTRING_LEN as usize;

impl StatNames<'_> {
    /// # Safety
    ///
    /// `at` must have room for `count` names.
    pub(super) unsafe fn new(at: *mut u8, count: usize) -> Self {
        Self {
            at,
            left: count,
            _buffer: PhantomData,
        }
    }

    /// The next name, which is cut at 31 bytes. More than there is room for are left out.
    pub fn push(&mut self, name: fmt::Arguments<'_>) {
        let Some(left) = self.left.checked_sub(1) else {
            return;
        };
        // SAFETY: There is room for one more, by the requirement of `new`.
        let bytes = unsafe { &mut *self.at.cast::<[u8; NAME_BYTES]>() };
        let mut text = Text { bytes, length: 0 };

        // Cut, not an error.
        let _ = text.write_fmt(name);
        self.left = left;
        // SAFETY: At most one beyond the last.
        self.at = unsafe { self.at.add(NAME_BYTES) };
    }
}

struct Text<'a> {
    bytes: &'a mut [u8; NAME_BYTES],
    length: usize,
}

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            let next = self.length.wrapping_add(1);

            match self.bytes.get_mut(self.length) {
                Some(to) if next < NAME_BYTES => *to = byte,
                _ => return Err(fmt::Error),
            }
            self.length = next;
        }
        Ok(())
    }
}

/// Takes values (`ethtool -S`).
pub struct StatValues<'a> {
    at: *mut u64,
    left: usize,
    _buffer: PhantomData<&'a mut u64>,
}

impl StatValues<'_> {
    /// # Safety
    ///
    /// `at` must have room for `count` values.
    pub(super) unsafe fn new(at: *mut u64, count: usize) -> Self {
        Self {
            at,
            left: count,
            _buffer: PhantomData,
        }
    }

    /// The next value. More than there is room for are left out.
    pub fn push(&mut self, value: u64) {
        if let Some(left) = self.left.checked_sub(1) {
            // SAFETY: There is room for one more, by the requirement of `new`.
            unsafe {
                self.at.write(value);
                self.at = self.at.add(1);
            }
            self.left = left;
        }
    }
}
