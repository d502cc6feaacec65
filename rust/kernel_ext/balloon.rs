// SPDX-License-Identifier: GPL-2.0

//! What a memory balloon needs of the memory management.
//!
//! - [`Pages`] holds the pages that the guest has given up, and lets the kernel move them; a
//!   [`Batch`] holds pages on their way into it or out of it.
//! - [`OomNotifier`] asks for memory before a task is killed for it.
//! - A [`Block`] is memory that the guest sets aside for a while, and a [`Hoard`] holds many.
//! - [`Reporting`] offers blocks of free memory, so that the host can take what backs them.
//! - [`Counters`] are what the guest tells the host of its memory.
//!
//! C headers: [`include/linux/balloon.h`](srctree/include/linux/balloon.h),
//! [`include/linux/page_reporting.h`](srctree/include/linux/page_reporting.h),
//! [`include/linux/oom.h`](srctree/include/linux/oom.h)
//!
//! Upstream replacement: none yet. A `kernel::mm::balloon` would be the first, a
//! `kernel::notifier` the second.

mod batch;
mod blocks;
mod counters;
mod oom;
mod pages;
mod reporting;

pub use self::batch::Batch;
pub use self::blocks::{
    Block,
    Hoard,
    BLOCK_PAGES, //
};
pub use self::counters::{
    free_pages_filled_with,
    Counters,
    Events, //
};
pub use self::oom::{
    OomNotifier,
    OutOfMemory, //
};
pub use self::pages::{
    Migrate,
    Pages, //
};
pub use self::reporting::{
    Blocks,
    Report,
    Reporting,
    LARGEST_BLOCK,
    MOST_BLOCKS, //
};
