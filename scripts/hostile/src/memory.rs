// SPDX-License-Identifier: GPL-2.0

//! The guest's memory, as the device sees it.

use std::{
    fs::File,
    hint::spin_loop,
    io,
    os::fd::AsRawFd,
    ptr,
    sync::{
        atomic::{
            fence,
            AtomicU16,
            AtomicU32,
            AtomicU64,
            Ordering::SeqCst, //
        },
        RwLock,
    },
    time::Instant,
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

    /// A field of 2, 4 or 8 bytes that the other side may write at the same time.
    pub fn load(&self, start: u64, bytes: u8) -> Result<u64, Fault> {
        self.atomic(start, bytes, |word| word.load())
    }

    /// Puts `new` where `old` stands, if it does.
    pub fn exchange(&self, start: u64, bytes: u8, old: u64, new: u64) -> Result<bool, Fault> {
        self.atomic(start, bytes, |word| word.exchange(old, new))
    }

    /// Has a field be `honest` and `lie` in turn, mostly the former, until `end`; what the other side writes there stays.
    pub fn flicker(
        &self,
        start: u64,
        bytes: u8,
        honest: u64,
        lie: u64,
        end: Instant,
    ) -> Result<(), Fault> {
        self.atomic(start, bytes, |word| {
            while Instant::now() < end {
                for _ in 0..100 {
                    word.exchange(honest, lie);
                    for _ in 0..3 {
                        spin_loop();
                    }
                    word.exchange(lie, honest);
                    for _ in 0..6 {
                        spin_loop();
                    }
                }
            }
            word.exchange(lie, honest);
        })
    }

    fn atomic<R>(&self, start: u64, bytes: u8, f: impl FnOnce(Word) -> R) -> Result<R, Fault> {
        let aligned = start & !(u64::from(bytes) - 1);

        self.with(aligned, bytes.into(), |at| {
            // SAFETY: Aligned, by the mask, inside the mapping, and used while the lock keeps it.
            f(unsafe {
                match bytes {
                    2 => Word::Short(AtomicU16::from_ptr(at.cast())),
                    4 => Word::Long(AtomicU32::from_ptr(at.cast())),
                    _ => Word::Double(AtomicU64::from_ptr(at.cast())),
                }
            })
        })
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

/// A field as the processor changes it at once.
#[derive(Clone, Copy)]
enum Word<'a> {
    Short(&'a AtomicU16),
    Long(&'a AtomicU32),
    Double(&'a AtomicU64),
}

impl Word<'_> {
    fn load(self) -> u64 {
        match self {
            Self::Short(word) => u16::from_le(word.load(SeqCst)).into(),
            Self::Long(word) => u32::from_le(word.load(SeqCst)).into(),
            Self::Double(word) => u64::from_le(word.load(SeqCst)),
        }
    }

    fn exchange(self, old: u64, new: u64) -> bool {
        match self {
            Self::Short(word) => word
                .compare_exchange((old as u16).to_le(), (new as u16).to_le(), SeqCst, SeqCst)
                .is_ok(),
            Self::Long(word) => word
                .compare_exchange((old as u32).to_le(), (new as u32).to_le(), SeqCst, SeqCst)
                .is_ok(),
            Self::Double(word) => word
                .compare_exchange(old.to_le(), new.to_le(), SeqCst, SeqCst)
                .is_ok(),
        }
    }
}
