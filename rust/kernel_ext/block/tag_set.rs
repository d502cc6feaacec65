// SPDX-License-Identifier: GPL-2.0

//! The tags of a disk: how many requests may be under way, on how many queues.

use super::{
    operations::{
        Operations,
        Table, //
    },
    request::Private, //
};
use crate::bindings;
use core::marker::PhantomData;
use kernel::{
    error::to_result,
    prelude::*,
    types::Opaque, //
};

/// The shape of a tag set.
#[derive(Clone, Copy)]
pub struct TagSetConfig {
    /// Hardware queues.
    pub queues: u32,
    /// Requests under way on each.
    pub depth: u32,
    /// After how many seconds [`Operations::timeout`] is called.
    pub timeout_s: u32,
}

/// The tags of a disk.
///
/// # Invariants
///
/// `raw` was set up by `blk_mq_alloc_tag_set()`.
#[pin_data(PinnedDrop)]
pub struct TagSet<O: Operations> {
    #[pin]
    raw: Opaque<bindings::blk_mq_tag_set>,
    _operations: PhantomData<fn() -> O>,
}

// SAFETY: The block layer does its own locking.
unsafe impl<O: Operations> Send for TagSet<O> {}
// SAFETY: As above.
unsafe impl<O: Operations> Sync for TagSet<O> {}

impl<O: Operations> TagSet<O> {
    /// Allocates the tags and the requests. The block layer may give fewer than `depth`.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a depth or queue count of zero, `ENOMEM`.
    pub fn new(config: TagSetConfig) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            // INVARIANT: Filled in, then handed to `blk_mq_alloc_tag_set()`.
            raw <- Opaque::try_ffi_init(move |set: *mut bindings::blk_mq_tag_set| {
                // SAFETY: `set` is memory for a tag set; all-zero is its initial state.
                unsafe {
                    set.write_bytes(0, 1);
                    (*set).ops = Table::<O>::OPS_REF;
                    (*set).nr_hw_queues = config.queues;
                    (*set).queue_depth = config.depth;
                    (*set).cmd_size = size_of::<Private>() as u32;
                    (*set).numa_node = bindings::NUMA_NO_NODE;
                    (*set).timeout = config.timeout_s.saturating_mul(bindings::HZ);
                    to_result(bindings::blk_mq_alloc_tag_set(set))
                }
            }),
            _operations: PhantomData,
        })
    }

    pub(super) fn as_raw(&self) -> *mut bindings::blk_mq_tag_set {
        self.raw.get()
    }

    /// Keeps requests from [`Operations::queue_rq`]; none is in it when this returns. They wait.
    /// Process context; sleeps, but does not wait for memory.
    pub fn hold(&self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::blk_mq_quiesce_tagset(self.raw.get()) };
    }

    /// Ends one [`Self::hold`]. Process context.
    pub fn go_on(&self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::blk_mq_unquiesce_tagset(self.raw.get()) };
    }

    /// Requests that may be under way on each hardware queue.
    pub fn depth(&self) -> u32 {
        // SAFETY: Set up once, then constant.
        unsafe { (*self.raw.get()).queue_depth }
    }
}

#[pinned_drop]
impl<O: Operations> PinnedDrop for TagSet<O> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant; all disks that use it hold a reference, so none is left.
        unsafe { bindings::blk_mq_free_tag_set(self.raw.get()) };
    }
}
