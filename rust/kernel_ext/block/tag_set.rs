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

/// Which hardware queue takes what. They are numbered in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Queues {
    /// Those for all that has none of its own; at least one.
    pub default: u32,
    /// Those for reads; where there are none, reads go to the former.
    pub read: u32,
    /// Those without interrupts, for requests that are polled ([`Operations::poll`]).
    pub poll: u32,
}

impl Queues {
    /// How many there are.
    pub const fn count(self) -> u32 {
        self.default
            .saturating_add(self.read)
            .saturating_add(self.poll)
    }
}

/// How many hardware queues there is a use for, one for each CPU that there may be, and at most `limit`; zero
/// is no limit.
pub fn possible_queues(limit: u32) -> u32 {
    // SAFETY: A plain query.
    unsafe { bindings::blk_mq_num_possible_queues(limit) }
}

/// Says which CPUs the interrupt of a hardware queue goes to: calls its second argument with each of them, and
/// returns false where that is open.
pub type Affinity<'a> = dyn Fn(u32, &mut dyn FnMut(u32)) -> bool + 'a;

/// The shape of a tag set.
#[derive(Clone, Copy)]
pub struct TagSetConfig<'a> {
    /// Hardware queues.
    pub queues: Queues,
    /// A CPU uses the queue whose interrupt goes to it. Asked while the tag set is made; where one queue's is open, all
    /// are shared out evenly, as those without interrupts are.
    pub affinity: &'a Affinity<'a>,
    /// Requests under way on each.
    pub depth: u32,
    /// After how many milliseconds [`Operations::timeout`] is called.
    pub timeout_ms: u32,
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
    pub fn new<'a>(config: TagSetConfig<'a>) -> impl PinInit<Self, Error> + 'a {
        try_pin_init!(Self {
            // INVARIANT: Filled in, then handed to `blk_mq_alloc_tag_set()`.
            raw <- Opaque::try_ffi_init(move |set: *mut bindings::blk_mq_tag_set| {
                // SAFETY: `set` is memory for a tag set; all-zero is its initial state. `config` lives as long as
                // `map_queues()` may be called: the number of queues does not change afterwards.
                unsafe {
                    set.write_bytes(0, 1);
                    (*set).ops = Table::<O>::OPS_REF;
                    (*set).nr_hw_queues = config.queues.count();
                    (*set).nr_maps = if config.queues.poll == 0 {
                        1
                    } else {
                        bindings::hctx_type_HCTX_MAX_TYPES
                    };
                    (*set).driver_data = core::ptr::from_ref(&config).cast_mut().cast();
                    (*set).queue_depth = config.depth;
                    (*set).cmd_size = size_of::<Private<O>>() as u32;
                    (*set).numa_node = bindings::NUMA_NO_NODE;
                    // CAST: What does not fit is a wait without end anyway.
                    (*set).timeout = bindings::__msecs_to_jiffies(config.timeout_ms)
                        .min(i32::MAX as usize) as u32;
                    let result = to_result(bindings::blk_mq_alloc_tag_set(set));

                    (*set).driver_data = core::ptr::null_mut();
                    result
                }
            }),
            _operations: PhantomData,
        })
    }

    pub(super) fn as_raw(&self) -> *mut bindings::blk_mq_tag_set {
        self.raw.get()
    }

    /// Keeps requests from [`Operations::queue_rq`]; none is in it when this returns. They wait. Nor is any in
    /// [`Operations::timeout`], or will be until a request is started again: what is under way has to be ended or given
    /// back before [`Self::go_on`], or nobody looks after it.
    ///
    /// Process context, not from [`Operations::timeout`] or under a lock that it takes; sleeps, but does not wait for memory.
    pub fn hold(&self) {
        // SAFETY: By the type invariant.
        unsafe {
            bindings::blk_mq_quiesce_tagset(self.raw.get());
            bindings::rvirtio_helper_sync_timeouts(self.raw.get());
        }
    }

    /// Ends one [`Self::hold`]. Process context.
    pub fn go_on(&self) {
        // SAFETY: By the type invariant.
        unsafe { bindings::blk_mq_unquiesce_tagset(self.raw.get()) };
    }
}

#[pinned_drop]
impl<O: Operations> PinnedDrop for TagSet<O> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant; all disks that use it hold a reference, so none is left.
        unsafe { bindings::blk_mq_free_tag_set(self.raw.get()) };
    }
}

/// Says which CPU uses which hardware queue.
///
/// # Safety
///
/// To be called by `blk_mq_alloc_tag_set()` alone, of a set whose data is a [`TagSetConfig`].
pub(super) unsafe extern "C" fn map_queues(set: *mut bindings::blk_mq_tag_set) {
    // SAFETY: Promised by the caller.
    let config = unsafe { &*(*set).driver_data.cast_const().cast::<TagSetConfig<'_>>() };
    // SAFETY: As above. The set has memory for the maps that it counts.
    let (maps, count) = unsafe { (&mut (*set).map, (*set).nr_maps as usize) };
    let Queues {
        default,
        read,
        poll,
    } = config.queues;
    let kinds = [(default, true), (read, true), (poll, false)];
    let mut first = 0u32;

    for (map, (queues, interrupts)) in maps.iter_mut().zip(kinds).take(count) {
        map.nr_queues = queues;
        map.queue_offset = first;
        if queues != 0 && !(interrupts && map_by_interrupt(map, config.affinity)) {
            // SAFETY: The map has an entry for each CPU.
            unsafe { bindings::blk_mq_map_queues(map) };
        }
        first = first.saturating_add(queues);
    }
}

/// Has each CPU use the queue whose interrupt goes to it, if that is known of all queues.
fn map_by_interrupt(map: &mut bindings::blk_mq_queue_map, affinity: &Affinity<'_>) -> bool {
    let first = map.queue_offset;
    // SAFETY: A plain query.
    let cpus = unsafe { bindings::rvirtio_helper_cpu_ids() };

    (first..first.saturating_add(map.nr_queues)).all(|queue| {
        affinity(queue, &mut |cpu| {
            if cpu < cpus {
                // SAFETY: The map has an entry for each CPU number below this.
                unsafe { *map.mq_map.add(cpu as usize) = queue };
            }
        })
    })
}
