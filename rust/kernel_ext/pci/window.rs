// SPDX-License-Identifier: GPL-2.0

//! Checked windows into BARs.

use super::{
    bar::Bar,
    config_access::{
        ConfigAccess,
        Width, //
    },
    doorbell::{
        Doorbell,
        Word, //
    }, //
};
use crate::bindings;
use kernel::{
    prelude::*,
    sync::Arc, //
};

/// A part of a BAR; every access is checked against its bounds.
///
/// Multi-byte values are little-endian in the device and native here, as `readl()` does it.
///
/// # Invariants
///
/// `offset + length` does not overflow, nor is it beyond the end of what `way` reaches: a mapping, or what 32 bits
/// can say.
#[derive(Clone)]
pub struct Window {
    way: Way,
    offset: usize,
    length: usize,
}

/// How the registers are reached.
#[derive(Clone)]
enum Way {
    /// By loads and stores.
    Mapped(Arc<Bar>),
    /// By configuration space.
    Config {
        access: Arc<ConfigAccess>,
        bar: u8, //
    },
}

impl PartialEq for Way {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Mapped(bar), Self::Mapped(other)) => Arc::ptr_eq(bar, other),
            (
                Self::Config { access, bar },
                Self::Config {
                    access: other,
                    bar: other_bar,
                },
            ) => Arc::ptr_eq(access, other) && bar == other_bar,
            _ => false,
        }
    }
}

/// The same registers, reached in the same way.
impl PartialEq for Window {
    fn eq(&self, other: &Self) -> bool {
        self.way == other.way && self.offset == other.offset && self.length == other.length
    }
}

impl Eq for Window {}

macro_rules! accessors {
    ($read:ident, $write:ident, $type:ty, $width:ident, $raw_read:ident, $raw_write:ident) => {
        #[doc = concat!("Reads a `", stringify!($type), "` at `offset` bytes into the window.")]
        ///
        /// # Errors
        ///
        /// `ERANGE` outside the window, `EINVAL` when not aligned to its size.
        pub fn $read(&self, offset: usize) -> Result<$type> {
            let at = self.place::<$type>(offset)?;

            match &self.way {
                Way::Mapped(bar) => {
                    // SAFETY: `place()` checked the access against the mapping.
                    // CAST: The C accessor returns an `unsigned int` that holds the narrower value.
                    Ok(unsafe { bindings::$raw_read(bar.at(at).as_ptr()) } as $type)
                }
                Way::Config { access, bar } => {
                    // CAST: As wide as was asked for.
                    Ok(access.read(*bar, u32::try_from(at)?, Width::$width) as $type)
                }
            }
        }

        #[doc = concat!("Writes a `", stringify!($type), "` at `offset` bytes into the window.")]
        ///
        /// # Errors
        ///
        /// `ERANGE` outside the window, `EINVAL` when not aligned to its size.
        pub fn $write(&self, offset: usize, value: $type) -> Result {
            let at = self.place::<$type>(offset)?;

            match &self.way {
                // SAFETY: `place()` checked the access against the mapping.
                Way::Mapped(bar) => unsafe {
                    bindings::$raw_write(value.into(), bar.at(at).as_ptr())
                },
                Way::Config { access, bar } => {
                    access.write(*bar, u32::try_from(at)?, Width::$width, value.into());
                }
            }
            Ok(())
        }
    };
}

impl Window {
    /// Takes `length` bytes from `offset` of `bar`.
    ///
    /// # Errors
    ///
    /// `ERANGE` when that is not inside the BAR.
    pub fn new(bar: Arc<Bar>, offset: u64, length: u64) -> Result<Self> {
        let end = bar.length();

        Self::inside(Way::Mapped(bar), end, offset, length)
    }

    /// Takes `length` bytes from `offset` of the BAR number `bar`, which is not mapped.
    ///
    /// # Errors
    ///
    /// `ERANGE` when 32 bits cannot say that.
    pub fn through(access: Arc<ConfigAccess>, bar: u8, offset: u64, length: u64) -> Result<Self> {
        let end = usize::try_from(u32::MAX).map_err(|_| ERANGE)?;

        Self::inside(Way::Config { access, bar }, end, offset, length)
    }

    fn inside(way: Way, end: usize, offset: u64, length: u64) -> Result<Self> {
        let offset = usize::try_from(offset).map_err(|_| ERANGE)?;
        let length = usize::try_from(length).map_err(|_| ERANGE)?;

        if offset.checked_add(length).is_none_or(|last| last > end) {
            return Err(ERANGE);
        }
        // INVARIANT: Checked just now.
        Ok(Self {
            way,
            offset,
            length,
        })
    }

    /// The `length` bytes at `offset`.
    ///
    /// # Errors
    ///
    /// `ERANGE` when they are not inside the window.
    pub fn part(&self, offset: usize, length: usize) -> Result<Self> {
        if offset
            .checked_add(length)
            .is_none_or(|end| end > self.length)
        {
            return Err(ERANGE);
        }
        // INVARIANT: Inside a window that is inside.
        Ok(Self {
            way: self.way.clone(),
            offset: self.offset.checked_add(offset).ok_or(ERANGE)?,
            length,
        })
    }

    /// The window's length in bytes.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Whether the registers are mapped, so that there are doorbells.
    pub fn is_mapped(&self) -> bool {
        matches!(self.way, Way::Mapped(_))
    }

    /// Where a `T` that stands `offset` bytes into the window is in the BAR.
    fn place<T>(&self, offset: usize) -> Result<usize> {
        if offset
            .checked_add(size_of::<T>())
            .is_none_or(|end| end > self.length)
        {
            return Err(ERANGE);
        }
        let at = self.offset.checked_add(offset).ok_or(ERANGE)?;
        if at % size_of::<T>() != 0 {
            return Err(EINVAL);
        }
        // Inside what is reached, by the type invariant and the check above.
        Ok(at)
    }

    accessors!(read8, write8, u8, Byte, ioread8, iowrite8);
    accessors!(read16, write16, u16, Word, ioread16, iowrite16);
    accessors!(read32, write32, u32, Long, ioread32, iowrite32);

    /// Makes a doorbell of the register at `offset`, of 16 or 32 bits.
    ///
    /// # Errors
    ///
    /// `ERANGE` outside the window, `EINVAL` when not aligned, `ENXIO` when the registers are not mapped.
    pub fn doorbell<T: Word>(&self, offset: usize) -> Result<Doorbell<T>> {
        let at = self.place::<T>(offset)?;

        match &self.way {
            Way::Mapped(bar) => Doorbell::new(bar.clone(), at),
            Way::Config { .. } => Err(ENXIO),
        }
    }
}
