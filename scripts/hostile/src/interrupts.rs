// SPDX-License-Identifier: GPL-2.0

//! The interrupts that the guest has set up, as QEMU hands them over: an eventfd each.

use std::{
    fs::File,
    io::Write, //
};

use vfio_bindings::bindings::vfio::{
    VFIO_IRQ_SET_ACTION_TRIGGER,
    VFIO_IRQ_SET_ACTION_UNMASK,
    VFIO_IRQ_SET_DATA_EVENTFD,
    VFIO_PCI_INTX_IRQ_INDEX,
    VFIO_PCI_MSIX_IRQ_INDEX, //
};

/// The register's value for no vector.
pub const NO_VECTOR: u16 = 0xffff;

#[derive(Default)]
pub struct Interrupts {
    line: Option<File>,
    vectors: Vec<Option<File>>,
}

impl Interrupts {
    /// What QEMU says. True when the line was unmasked, so that it has to be raised again if it is still due.
    pub fn set(
        &mut self,
        index: u32,
        flags: u32,
        start: u32,
        count: u32,
        files: Vec<File>,
    ) -> bool {
        if flags & VFIO_IRQ_SET_ACTION_UNMASK != 0 {
            return index == VFIO_PCI_INTX_IRQ_INDEX;
        }
        if flags & VFIO_IRQ_SET_ACTION_TRIGGER == 0 {
            return false;
        }
        let mut files = files.into_iter();

        match index {
            VFIO_PCI_INTX_IRQ_INDEX => self.line = files.next(),
            VFIO_PCI_MSIX_IRQ_INDEX if flags & VFIO_IRQ_SET_DATA_EVENTFD != 0 => {
                let (start, end) = (start as usize, start as usize + count as usize);

                if end <= 2048 {
                    self.vectors
                        .resize_with(self.vectors.len().max(end), || None);
                    for vector in start..end {
                        self.vectors[vector] = files.next();
                    }
                }
            }
            VFIO_PCI_MSIX_IRQ_INDEX => self.vectors.clear(),
            _ => {}
        }
        false
    }

    /// Whether the guest uses MSI-X.
    pub fn has_vectors(&self) -> bool {
        self.vectors.iter().any(Option::is_some)
    }

    /// Whether the guest has set up any interrupt.
    pub fn is_heard(&self) -> bool {
        self.has_vectors() || self.line.is_some()
    }

    pub fn raise(&self, vector: u16) {
        if let Some(Some(file)) = self.vectors.get(usize::from(vector)) {
            signal(file);
        }
    }

    /// Every vector there is.
    pub fn raise_all(&self) {
        self.vectors.iter().flatten().for_each(signal);
    }

    pub fn raise_line(&self) {
        if let Some(file) = &self.line {
            signal(file);
        }
    }
}

fn signal(mut file: &File) {
    // A counter that is full is due already.
    let _ = file.write(&1u64.to_ne_bytes());
}
