// SPDX-License-Identifier: GPL-2.0

//! Large blocks of memory that the guest sets aside for a while.

use super::reporting::LARGEST_BLOCK;
use crate::{
    bindings,
    dma::Run, //
};
use core::ptr::NonNull;
use kernel::page::PAGE_SIZE;

/// Pages of a block.
// CAST: A small constant.
pub const BLOCK_PAGES: usize = LARGEST_BLOCK as usize / PAGE_SIZE;

/// A block of [`LARGEST_BLOCK`] bytes, taken from the allocator. Nobody reads or writes it through this.
/// Dropping it gives it back; any context.
///
/// # Invariants
///
/// `0` is the first page of a block that is ours alone.
pub struct Block(NonNull<bindings::page>);

// SAFETY: Pages belong to no thread.
unsafe impl Send for Block {}
// SAFETY: Through `&self` only its place is read, which does not change.
unsafe impl Sync for Block {}

impl Block {
    /// Takes a block if there is one to be had without effort: nothing is reclaimed for it, and the
    /// kernel's reserves stay. Process context.
    pub fn take() -> Option<Self> {
        // SAFETY: Process context.
        let page = unsafe { bindings::rvirtio_helper_block_take() };

        // INVARIANT: Allocated just now.
        NonNull::new(page).map(Self)
    }

    /// Its memory.
    pub fn run(&self) -> Run {
        // SAFETY: By the type invariant the page is valid.
        let frame = unsafe { bindings::rvirtio_helper_page_to_pfn(self.0.as_ptr()) };

        // CAST: Widening.
        Run::new((frame as u64).wrapping_mul(PAGE_SIZE as u64), LARGEST_BLOCK)
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: By the type invariant the block is ours alone, and nobody has it afterwards.
        unsafe { bindings::rvirtio_helper_block_give(self.0.as_ptr()) };
    }
}

/// Any number of blocks; it needs no memory to hold them.
///
/// # Invariants
///
/// `first` is the first page of a [`Block`] that is ours, whose link is the next one, and so on, `count`
/// in all.
pub struct Hoard {
    first: Option<NonNull<bindings::page>>,
    count: usize,
}

// SAFETY: It owns blocks, which are `Send`.
unsafe impl Send for Hoard {}
// SAFETY: Nothing is done through `&self` but to read a number.
unsafe impl Sync for Hoard {}

impl Hoard {
    /// An empty one.
    pub const fn new() -> Self {
        Self {
            first: None,
            count: 0,
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Adds a block.
    pub fn push(&mut self, block: Block) {
        let page = core::mem::ManuallyDrop::new(block).0;
        let next = self.first.map_or(core::ptr::null_mut(), NonNull::as_ptr);

        // SAFETY: The block is ours, and so is the link of its first page.
        unsafe { bindings::rvirtio_helper_page_set_link(page.as_ptr(), next) };
        // INVARIANT: One more, with the others behind it.
        self.first = Some(page);
        self.count = self.count.wrapping_add(1);
    }

    /// Takes a block out.
    pub fn pop(&mut self) -> Option<Block> {
        let page = self.first?;

        // SAFETY: By the type invariant.
        let next = unsafe { bindings::rvirtio_helper_page_take_link(page.as_ptr()) };

        // INVARIANT: One less, from the second one on.
        self.first = NonNull::new(next);
        self.count = self.count.wrapping_sub(1);
        // INVARIANT: The block was ours, and is in no hoard any more.
        Some(Block(page))
    }
}

impl Default for Hoard {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Hoard {
    fn drop(&mut self) {
        // BOUND: Each turn takes a block off the list.
        while let Some(block) = self.pop() {
            drop(block);
        }
    }
}
