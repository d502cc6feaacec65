// SPDX-License-Identifier: GPL-2.0

//! Pages between the guest and its balloon.

use crate::bindings;
use core::{
    marker::PhantomPinned,
    pin::Pin,
    ptr::NonNull, //
};
use kernel::{
    prelude::*,
    types::Opaque, //
};

/// As many pages are asked of the page allocator at once.
const AT_ONCE: usize = 16;

/// Pages of one owner: allocated for a balloon and not in it yet, or taken out and not free yet.
/// Dropping it frees them.
///
/// It needs no memory of its own but where it stands, so that it can be used where none is to be
/// had: make it on the stack, with `stack_pin_init!`. The pages' content is nobody's: it is not
/// reachable here.
///
/// # Invariants
///
/// `list` is a list of `length` pages, linked by their `lru`, each with one reference that `self`
/// owns. Nobody else uses their `lru`.
#[pin_data(PinnedDrop)]
pub struct Batch {
    #[pin]
    list: Opaque<bindings::list_head>,
    length: usize,
    #[pin]
    _pinned: PhantomPinned,
}

impl Batch {
    /// Makes an empty batch.
    pub fn new() -> impl PinInit<Self> {
        // INVARIANT: The list is empty.
        pin_init!(Self {
            list <- Opaque::ffi_init(|list: *mut bindings::list_head| {
                // SAFETY: `list` is memory for a list head, which stays where it is.
                unsafe { bindings::INIT_LIST_HEAD(list) };
            }),
            length: 0,
            _pinned: PhantomPinned,
        })
    }

    /// How many pages there are.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Adds `count` pages from the page allocator, or fewer: as many as can be had without using
    /// reserves, and none whose frame number is above `highest`. Returns how many. May sleep and
    /// reclaim, not for long; never ends a task.
    pub fn allocate(mut self: Pin<&mut Self>, count: usize, highest: u64) -> usize {
        let before = self.length;
        let mut left = count;

        // BOUND: Each turn takes a page at least, or is the last.
        while left != 0 {
            let mut pages = [core::ptr::null_mut(); AT_ONCE];
            let wanted = left.min(AT_ONCE);
            // CAST: A small number.
            // SAFETY: There are as many places, which hold null.
            let had = unsafe {
                bindings::rvirtio_helper_balloon_pages(wanted as c_int, pages.as_mut_ptr())
            };
            let mut refused = had == 0;

            for page in pages.into_iter().filter_map(NonNull::new) {
                // SAFETY: It was just allocated.
                if unsafe { frame(page) } > highest {
                    refused = true;
                    // SAFETY: The reference is that of the allocation; the page is on no list.
                    unsafe { bindings::rvirtio_helper_put_page(page.as_ptr()) };
                    continue;
                }
                // INVARIANT: The allocation gave one reference, and nobody else knows the page.
                //
                // SAFETY: The page is valid and on no list; the list is initialised.
                unsafe { bindings::rvirtio_helper_page_list_add(page.as_ptr(), self.list.get()) };
                let length = self.as_mut().project().length;

                *length = length.wrapping_add(1);
                left = left.saturating_sub(1);
            }
            if refused {
                break;
            }
        }
        self.length.wrapping_sub(before)
    }

    /// The frame numbers of the pages: guest-physical addresses in units of the page size.
    pub fn frames(&self) -> impl Iterator<Item = u64> + '_ {
        let mut page = core::ptr::null_mut();

        core::iter::from_fn(move || {
            // SAFETY: The list is initialised; `page` is null or on it, and the list does not
            // change while `self` is borrowed.
            page = unsafe { bindings::rvirtio_helper_page_list_next(self.list.get(), page) };
            // SAFETY: What is on the list is a valid page.
            NonNull::new(page).map(|page| unsafe { frame(page) })
        })
    }

    /// Frees the pages, and returns how many there were. Process context.
    pub fn free(self: Pin<&mut Self>) -> usize {
        // SAFETY: The list is initialised; its pages, and a reference of each, are `self`'s.
        unsafe { bindings::rvirtio_helper_page_list_free(self.list.get()) };
        // INVARIANT: The list is empty.
        core::mem::take(self.project().length)
    }

    /// Lets `change` add pages to the list or take some off it. It says by how many pages the list
    /// is longer (positive) or shorter.
    ///
    /// # Safety
    ///
    /// `change` must leave a list that fits the type invariant, and return the right number.
    pub(super) unsafe fn change(
        self: Pin<&mut Self>,
        change: impl FnOnce(*mut bindings::list_head) -> isize,
    ) {
        let by = change(self.list.get());
        let length = self.project().length;

        // INVARIANT: Promised by the caller.
        *length = length.saturating_add_signed(by);
    }
}

#[pinned_drop]
impl PinnedDrop for Batch {
    fn drop(self: Pin<&mut Self>) {
        self.free();
    }
}

/// The frame number of a page.
///
/// # Safety
///
/// `page` must be a valid page.
pub(super) unsafe fn frame(page: NonNull<bindings::page>) -> u64 {
    // SAFETY: Promised by the caller.
    // CAST: `unsigned long` is no wider.
    unsafe { bindings::rvirtio_helper_page_to_pfn(page.as_ptr()) as u64 }
}
