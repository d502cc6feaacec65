// SPDX-License-Identifier: GPL-2.0

//! Memory for packets to come.
//!
//! C header: [`include/net/page_pool/helpers.h`](srctree/include/net/page_pool/helpers.h)

use super::{
    napi::{
        Napi,
        Quiet, //
    },
    PACKET_ALIGN, //
};
use crate::{
    bindings,
    device::raw_device,
    dma::{
        Master,
        Segment, //
    }, //
};
use core::{
    mem::ManuallyDrop,
    ptr::NonNull, //
};
use kernel::{
    error::from_err_ptr,
    prelude::*,
    sync::Arc, //
};

/// A pool of pages, cut into pieces, which come back to it when their packets are freed. Pages are
/// mapped for the device once, where that is needed. Dropping it disables its poller: process context,
/// and not from [`Napi::while_idle`].
///
/// # Invariants
///
/// `raw` is a valid pool. Its pieces may outlive it. The poller that it knows is `napi`.
pub struct PagePool {
    raw: NonNull<bindings::page_pool>,
    napi: Arc<Napi>,
}

// SAFETY: Taking needs `&mut self`, and that nobody else polls; giving back is locked by the pool itself, but for
// the poller, which gives back what is only its own.
unsafe impl Send for PagePool {}
// SAFETY: Nothing is done through `&self` but what may be done from anywhere.
unsafe impl Sync for PagePool {}

impl PagePool {
    /// Makes a pool that keeps up to `pages` pages, and 16384 at most, for a queue that `napi` polls.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(master: &Master, napi: &Arc<Napi>, pages: u32) -> Result<Self> {
        let device = if master.is_translated() {
            raw_device(master.device())
        } else {
            core::ptr::null_mut()
        };
        // SAFETY: The poller was added to a device; both outlive the pool.
        let raw = from_err_ptr(unsafe {
            bindings::rvirtio_helper_pool_create(device, napi.as_raw(), pages)
        })?;

        // INVARIANT: Made just now.
        Ok(Self {
            raw: NonNull::new(raw).ok_or(ENOMEM)?,
            napi: napi.clone(),
        })
    }

    /// Takes a piece of `size` bytes at least and 4096 at most; `None` when memory is short, or when
    /// `quiet` is about another poller.
    #[inline]
    pub fn take(&mut self, quiet: &impl Quiet, size: u32) -> Option<Piece> {
        if !core::ptr::eq(quiet.napi(), &*self.napi) {
            return None;
        }
        let mut raw = bindings::rvirtio_pool_piece {
            page: core::ptr::null_mut(),
            memory: core::ptr::null_mut(),
            address: 0,
            offset: 0,
            size: size.checked_next_multiple_of(PACKET_ALIGN)?,
        };

        // SAFETY: The pool is valid. Nobody else takes, by `&mut self`; nobody gives back past the
        // pool's lock, which only its poller does: that is us, or disabled.
        if !unsafe { bindings::rvirtio_helper_pool_take(self.raw.as_ptr(), &mut raw) } {
            return None;
        }
        // INVARIANT: Taken just now.
        Some(Piece {
            page: NonNull::new(raw.page)?,
            memory: NonNull::new(raw.memory.cast())?,
            address: raw.address,
            offset: raw.offset,
            size: raw.size,
        })
    }
}

impl Drop for PagePool {
    fn drop(&mut self) {
        // It gives back past the pool's lock.
        self.napi.disable();
        // SAFETY: The pool is valid; it stays until its last piece is back. The poller that it knows is
        // disabled.
        unsafe { bindings::page_pool_destroy(self.raw.as_ptr()) };
    }
}

/// A piece of a page, which is ours. Dropping it gives it back to its pool; not in hard interrupt
/// context.
///
/// # Invariants
///
/// `page` is a page of a pool, which counts a user for us; `memory` are `size` bytes of it at
/// `offset`, which the device knows as `address`.
pub struct Piece {
    page: NonNull<bindings::page>,
    memory: NonNull<u8>,
    address: u64,
    offset: u32,
    size: u32,
}

// SAFETY: Memory that is owned.
unsafe impl Send for Piece {}
// SAFETY: Access through `&self` copies bytes out.
unsafe impl Sync for Piece {}

impl Piece {
    /// What the device calls all of it but the first `before` bytes and the last `behind` bytes.
    #[inline]
    pub fn segment(&self, before: u32, behind: u32) -> Segment {
        // Nothing is left, which no ring takes, where there are not as many.
        let length = self.size.saturating_sub(before).saturating_sub(behind);

        Segment::new(self.address.wrapping_add(before.into()), length)
    }

    /// Bytes that it has.
    #[inline]
    pub fn size(&self) -> u32 {
        self.size
    }

    /// Makes what the device wrote into the first `length` bytes visible, where memory is mapped for
    /// it.
    #[inline]
    pub fn sync(&self, length: u32) {
        // SAFETY: By the type invariant the page is one of a pool; the bytes are inside the piece.
        unsafe {
            bindings::rvirtio_helper_pool_sync(
                self.page.as_ptr(),
                self.offset,
                length.min(self.size),
            )
        };
    }

    pub(super) fn as_ptr(&self) -> *mut u8 {
        self.memory.as_ptr()
    }

    pub(super) fn page(&self) -> *mut bindings::page {
        self.page.as_ptr()
    }

    pub(super) fn offset(&self) -> u32 {
        self.offset
    }

    /// The user of the page that we count as is somebody else now.
    #[inline]
    pub(super) fn into_page(self) {
        let _ = ManuallyDrop::new(self);
    }

    /// A pointer to `length` bytes at `at`, if it has them.
    #[inline]
    pub(super) fn range(&self, at: u32, length: u32) -> Option<NonNull<u8>> {
        if at.checked_add(length)? > self.size {
            return None;
        }
        // CAST: Widening.
        // SAFETY: Inside the piece, by the check above.
        Some(unsafe { self.memory.add(at as usize) })
    }

    /// Copies `N` bytes at `at` out, each read once; `None` when it does not have them.
    #[inline]
    pub fn read<const N: usize>(&self, at: u32) -> Option<[u8; N]> {
        // CAST: A header is short.
        let from = self.range(at, const { N as u32 })?;

        // SAFETY: As many bytes are there. The device may write to them: any bytes are a value.
        Some(unsafe { from.cast::<[u8; N]>().read_volatile() })
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        // SAFETY: By the type invariant one user of the page is ours.
        unsafe { bindings::rvirtio_helper_pool_give(self.page.as_ptr()) };
    }
}
