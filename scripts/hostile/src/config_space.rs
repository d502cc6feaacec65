// SPDX-License-Identifier: GPL-2.0

//! The function's PCI configuration space: one BAR, MSI-X, and the virtio capabilities (4.1.4).
//!
//! QEMU reads the chain of capabilities once and keeps it; what stands in them is read each time. So there are more of
//! them than a device needs: SPARE is of a reserved kind, until a lie says otherwise.

/// The only BAR, and its bytes.
pub const BAR: u8 = 0;
pub const BAR_BYTES: u64 = 0x8000;
/// What lies where in it.
pub const COMMON: u64 = 0x0000;
pub const ISR: u64 = 0x1000;
pub const DEVICE: u64 = 0x2000;
pub const NOTIFY: u64 = 0x3000;
const TABLE: u32 = 0x4000;
const PENDING: u32 = 0x5000;
pub const SHARED: u64 = 0x6000;

/// Bytes between doorbells.
pub const MULTIPLIER: u32 = 4;
pub const COMMON_BYTES: usize = 64;
pub const NOTIFY_BYTES: u64 = 0x1000;
/// Vectors.
pub const VECTORS: u16 = 5;

/// Where the capabilities stand.
const MSIX_CAP: usize = 0x40;
pub const COMMON_CAP: usize = 0x50;
pub const NOTIFY_CAP: usize = 0x60;
pub const ISR_CAP: usize = 0x78;
pub const DEVICE_CAP: usize = 0x88;
const ACCESS_CAP: usize = 0x98;
const SHARED_CAP: usize = 0xb0;
pub const SPARE_CAP: usize = 0xc8;

/// Fields of a capability (struct `virtio_pci_cap`).
pub mod cap {
    pub const LEN: usize = 2;
    pub const TYPE: usize = 3;
    pub const BAR: usize = 4;
    pub const OFFSET: usize = 8;
    pub const LENGTH: usize = 12;
    /// In the one for notifications: the multiplier.
    pub const MORE: usize = 16;
}

pub struct ConfigSpace(pub [u8; 256]);

impl ConfigSpace {
    /// Of a device of the type `id`, whose configuration has so many bytes.
    pub fn new(id: u16, class: u32, config_bytes: usize) -> Self {
        let mut space = Self([0; 256]);

        space.put(0x00, &0x1af4u16.to_le_bytes());
        space.put(0x02, &(0x1040 + id).to_le_bytes());
        // There are capabilities.
        space.put(0x06, &0x0010u16.to_le_bytes());
        space.put(0x08, &(class << 8 | 1).to_le_bytes());
        space.put(0x2c, &0x1af4u16.to_le_bytes());
        space.put(0x2e, &(0x1100u16).to_le_bytes());
        space.put(0x34, &[MSIX_CAP as u8]);
        // INTA.
        space.put(0x3d, &[1]);

        space.put(MSIX_CAP, &[0x11, COMMON_CAP as u8]);
        space.put(MSIX_CAP + 2, &(VECTORS - 1).to_le_bytes());
        space.put(MSIX_CAP + 4, &(TABLE | u32::from(BAR)).to_le_bytes());
        space.put(MSIX_CAP + 8, &(PENDING | u32::from(BAR)).to_le_bytes());

        space.vendor(COMMON_CAP, NOTIFY_CAP, 16, 1, COMMON, COMMON_BYTES as u64);
        space.vendor(NOTIFY_CAP, ISR_CAP, 20, 2, NOTIFY, NOTIFY_BYTES);
        space.put(NOTIFY_CAP + cap::MORE, &MULTIPLIER.to_le_bytes());
        space.vendor(ISR_CAP, DEVICE_CAP, 16, 3, ISR, 1);
        // What has no configuration shows none.
        let kind = if config_bytes == 0 { 0xee } else { 4 };

        space.vendor(
            DEVICE_CAP,
            ACCESS_CAP,
            16,
            kind,
            DEVICE,
            config_bytes as u64,
        );
        space.vendor(ACCESS_CAP, SHARED_CAP, 20, 5, 0, 0);
        // One area of shared memory, of the id 0, with the high halves of offset and length behind.
        space.vendor(SHARED_CAP, SPARE_CAP, 24, 8, SHARED, 0x1000);
        space.vendor(SPARE_CAP, 0, 24, 0xee, COMMON, COMMON_BYTES as u64);
        space
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.0[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn vendor(&mut self, at: usize, next: usize, length: u8, kind: u8, offset: u64, bytes: u64) {
        self.put(at, &[9, next as u8, length, kind, BAR]);
        self.put(at + cap::OFFSET, &(offset as u32).to_le_bytes());
        self.put(at + cap::LENGTH, &(bytes as u32).to_le_bytes());
    }

    /// Only the command register is kept; QEMU has the rest itself.
    pub fn write(&mut self, at: usize, bytes: &[u8]) {
        for (at, byte) in (at..).zip(bytes) {
            if matches!(at, 0x04 | 0x05 | 0x3c) {
                self.0[at] = *byte;
            }
        }
    }
}
