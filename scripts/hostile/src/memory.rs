// SPDX-License-Identifier: GPL-2.0

//! The guest's memory, as the device sees it.

use std::{
    fs::File,
    io,
    os::fd::AsRawFd,
    ptr,
    sync::{
        atomic::{
            fence,
            AtomicU16,
            Ordering::SeqCst, //
        },
        RwLock,
    },
};

/// An address that is not the guest's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault(pub u64);

struct Region {
    start: u64,
    size: u64,
    at: *mut u8,
}

// SAFETY: It is memory that is shared with another process anyway: all accesses are by raw pointers.
unsafe impl Send for Region {}
// SAFETY: As above.
unsafe impl Sync for Region {}

impl Drop for Region {
    fn drop(&mut self) {
        // SAFETY: Mapped by `Memory::map` with this size, and nobody keeps a pointer.
        unsafe { libc::munmap(self.at.cast(), self.size as usize) };
    }
}

/// All of it. The guest, and threads of ours, use it at the same time.
#[derive(Default)]
pub struct Memory {
    regions: RwLock<Vec<Region>>,
}

impl Memory {
    /// Adds what QEMU shares.
    pub fn map(&self, file: &File, offset: u64, start: u64, size: u64) -> io::Result<()> {
        // SAFETY: A new mapping at a place that the kernel chooses.
        let at = unsafe {
            libc::mmap(
                ptr::null_mut(),
                size as usize,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                offset as libc::off_t,
            )
        };
        if at == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let at = at.cast();
        self.regions
            .write()
            .unwrap()
            .push(Region { start, size, at });
        Ok(())
    }

    pub fn unmap(&self, start: u64, size: u64) {
        self.regions
            .write()
            .unwrap()
            .retain(|region| region.start < start || region.start - start >= size);
    }

    fn with<R>(&self, start: u64, length: usize, f: impl FnOnce(*mut u8) -> R) -> Result<R, Fault> {
        let regions = self.regions.read().unwrap();
        let length = length as u64;
        let region = regions
            .iter()
            .find(|r| start >= r.start && start - r.start < r.size)
            .filter(|r| length <= r.size - (start - r.start))
            .ok_or(Fault(start))?;

        // SAFETY: Inside the mapping, by the checks above; the lock keeps it.
        Ok(f(unsafe { region.at.add((start - region.start) as usize) }))
    }

    pub fn read(&self, start: u64, into: &mut [u8]) -> Result<(), Fault> {
        self.with(start, into.len(), |at| {
            // SAFETY: `with` has checked the length.
            unsafe { ptr::copy_nonoverlapping(at, into.as_mut_ptr(), into.len()) }
        })
    }

    pub fn write(&self, start: u64, bytes: &[u8]) -> Result<(), Fault> {
        self.with(start, bytes.len(), |at| {
            // SAFETY: `with` has checked the length.
            unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), at, bytes.len()) }
        })
    }

    pub fn bytes<const N: usize>(&self, start: u64) -> Result<[u8; N], Fault> {
        let mut bytes = [0; N];

        self.read(start, &mut bytes)?;
        Ok(bytes)
    }

    /// A 16-bit field that the other side writes meanwhile: what was read later is younger.
    pub fn load16(&self, start: u64) -> Result<u16, Fault> {
        let value = self.with(start & !1, 2, |at| {
            // SAFETY: Aligned, by the mask, and inside the mapping.
            unsafe { AtomicU16::from_ptr(at.cast()) }.load(SeqCst)
        })?;

        fence(SeqCst);
        Ok(u16::from_le(value))
    }

    /// A 16-bit field that the other side waits for: what was written before is seen before.
    pub fn store16(&self, start: u64, value: u16) -> Result<(), Fault> {
        fence(SeqCst);
        self.with(start & !1, 2, |at| {
            // SAFETY: Aligned, by the mask, and inside the mapping.
            unsafe { AtomicU16::from_ptr(at.cast()) }.store(value.to_le(), SeqCst)
        })?;
        fence(SeqCst);
        Ok(())
    }
}
