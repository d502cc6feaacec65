// SPDX-License-Identifier: GPL-2.0

//! Registers in a BAR that are reached through configuration space: a capability that says where, and has four
//! bytes that stand for what is there.
//!
//! The capability is virtio's (1.4, 4.1.4.9), but all that is known of it here is where its fields are.

use super::function::{
    raw,
    Function, //
};
use crate::bindings;
use kernel::{
    new_spinlock_irq,
    pci,
    prelude::*,
    sync::{
        aref::ARef,
        Arc,
        SpinLockIrq, //
    }, //
};

/// Which BAR. 8 bits.
const BAR: c_int = 4;
/// Bytes from its start. 32 bits.
const OFFSET: c_int = 8;
/// How many bytes are accessed: 1, 2 or 4. 32 bits.
const LENGTH: c_int = 12;
/// What stands there.
const DATA: c_int = 16;
/// How long the capability is.
const BYTES: u8 = 20;
/// The end of what is known of as configuration space.
const END: u16 = 256;

/// How wide an access is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Width {
    Byte,
    Word,
    Long,
}

impl Width {
    const fn bytes(self) -> u32 {
        match self {
            Self::Byte => 1,
            Self::Word => 2,
            Self::Long => 4,
        }
    }
}

/// The way to a function's registers through its configuration space: several accesses for each one, so slow.
///
/// Any context, also hard interrupts.
///
/// # Invariants
///
/// The fields of the capability at `at` are inside the first [`END`] bytes of configuration space.
#[pin_data]
pub struct ConfigAccess {
    pdev: ARef<pci::Device>,
    at: u8,
    /// Held from saying where until the access is over. A leaf.
    #[pin]
    selected: SpinLockIrq<()>,
}

impl ConfigAccess {
    /// The way by the vendor-specific capability at `at`.
    ///
    /// # Errors
    ///
    /// `EINVAL` when it is too short, or not inside configuration space; `ENOMEM`.
    pub fn new(function: &Function, at: u8) -> Result<Arc<Self>> {
        let mut head = [0; 3];

        function.read_config(at, &mut head);
        let [id, _, length] = head;

        if u32::from(id) != bindings::PCI_CAP_ID_VNDR
            || length < BYTES
            || u16::from(at).saturating_add(u16::from(BYTES)) > END
        {
            return Err(EINVAL);
        }
        // INVARIANT: Checked just now.
        Arc::pin_init(
            pin_init!(Self {
                pdev: function.pci().into(),
                at,
                selected <- new_spinlock_irq!((), "rvirtio_config_access"),
            }),
            GFP_KERNEL,
        )
    }

    /// Where a field of the capability stands.
    fn field(&self, field: c_int) -> c_int {
        // Below 256, by the type invariant.
        c_int::from(self.at).saturating_add(field)
    }

    /// Says which register is meant. With the lock held.
    ///
    /// What the function does not answer changes nothing, and reads as all-ones.
    fn select(&self, bar: u8, offset: u32, width: Width) {
        let pdev = raw(&self.pdev);

        // SAFETY: The device is valid; the fields are inside configuration space by the type invariant.
        unsafe {
            bindings::pci_write_config_byte(pdev, self.field(BAR), bar);
            bindings::pci_write_config_dword(pdev, self.field(LENGTH), width.bytes());
            bindings::pci_write_config_dword(pdev, self.field(OFFSET), offset);
        }
    }

    /// Reads a register, which has the given width, and is aligned to it.
    pub(super) fn read(&self, bar: u8, offset: u32, width: Width) -> u32 {
        let _selected = self.selected.lock();
        let pdev = raw(&self.pdev);
        let data = self.field(DATA);
        let (mut byte, mut word, mut long) = (u8::MAX, u16::MAX, u32::MAX);

        self.select(bar, offset, width);
        match width {
            Width::Byte => {
                // SAFETY: As in `select`; `byte` can be written.
                unsafe { bindings::pci_read_config_byte(pdev, data, &mut byte) };
                byte.into()
            }
            Width::Word => {
                // SAFETY: As in `select`; `word` can be written.
                unsafe { bindings::pci_read_config_word(pdev, data, &mut word) };
                word.into()
            }
            Width::Long => {
                // SAFETY: As in `select`; `long` can be written.
                unsafe { bindings::pci_read_config_dword(pdev, data, &mut long) };
                long
            }
        }
    }

    /// Writes the low bytes of `value` to a register, which has the given width, and is aligned to it.
    pub(super) fn write(&self, bar: u8, offset: u32, width: Width, value: u32) {
        let _selected = self.selected.lock();
        let pdev = raw(&self.pdev);
        let data = self.field(DATA);

        self.select(bar, offset, width);
        // SAFETY: As in `select`.
        // CAST: The low bytes are what is meant.
        unsafe {
            match width {
                Width::Byte => bindings::pci_write_config_byte(pdev, data, value as u8),
                Width::Word => bindings::pci_write_config_word(pdev, data, value as u16),
                Width::Long => bindings::pci_write_config_dword(pdev, data, value),
            }
        };
    }
}
