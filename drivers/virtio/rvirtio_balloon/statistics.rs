// SPDX-License-Identifier: GPL-2.0

//! Statistics for the host (virtio 1.4, 5.5.6.3).
//!
//! The queue works the other way round: the driver hands over a buffer with statistics, and when
//! the host gives it back, it asks for new ones.

use crate::stat::{
    Stat,
    Tag,
    STATS,
    STAT_BYTES, //
};
use core::iter;
use kernel::{
    page::PAGE_SIZE,
    prelude::*,
    sync::{
        atomic::{
            ordering::{
                Full,
                Relaxed,
                Release, //
            },
            AtomicFlag, //
        },
        Arc, //
    },
    time::msecs_to_jiffies,
    workqueue::{
        impl_has_delayed_work,
        new_delayed_work,
        DelayedWork,
        WorkItem, //
    }, //
};
use kernel_ext::{
    balloon::Counters,
    dma::SharedMemory,
    work::{
        self,
        OwnedQueue, //
    }, //
};
use virtio::{
    AnyQueue,
    Device,
    FeaturesOk,
    QueueHandler,
    QueueOptions,
    Restart,
    Silent,
    Virtqueue, //
};

/// Milliseconds between a question of the host and its answer, so that a host that asks all the time
/// does not keep a CPU busy.
const PAUSE_MS: u32 = 100;

/// The statistics queue.
#[pin_data]
pub(crate) struct Statistics {
    work: Arc<OwnedQueue>,
    #[pin]
    queue: Virtqueue<()>,
    device: Arc<Device>,
    memory: SharedMemory,
    /// The buffer is ours: the host wants new statistics in it.
    asked: AtomicFlag,
    #[pin]
    answer: DelayedWork<Self>,
}

impl_has_delayed_work! {
    impl HasDelayedWork<Self> for Statistics { self.answer }
}

impl Statistics {
    /// Makes the queue with number `index`.
    ///
    /// # Errors
    ///
    /// Those of [`Virtqueue::new`].
    pub(crate) fn new(setup: &FeaturesOk, index: u16, work: Arc<OwnedQueue>) -> Result<Arc<Self>> {
        let device = setup.device().clone();
        let memory = SharedMemory::new(device.master(), STATS * STAT_BYTES)?;
        // Some hosts say that they wrote what they read.
        let options = QueueOptions {
            max_size: 2,
            lenient_length: true,
        };
        let (queue, _) = Virtqueue::new(setup, index, options)?;

        Arc::pin_init(
            try_pin_init!(Self {
                work,
                queue <- queue,
                device,
                memory,
                asked: AtomicFlag::new(true),
                answer <- new_delayed_work!("rvirtio_balloon::statistics"),
            }),
            GFP_KERNEL,
        )
    }

    /// Hands over the first statistics. The device is live, perhaps once more.
    pub(crate) fn start(self: &Arc<Self>) {
        work::hurry(self.work.queue(), self);
    }

    /// Answers no more. Process context.
    pub(crate) fn stop(self: &Arc<Self>) {
        work::disable_delayed_sync::<Self, 0>(self);
    }

    /// Nobody asks any more.
    pub(crate) fn close(&self, silent: Silent<'_>) {
        // BOUND: Each turn takes out one of what was under way.
        while self.queue.drain_one(silent).is_some() {}
    }

    /// Writes the statistics, and returns how many bytes they are.
    fn write(&self) -> u32 {
        let mut bytes: u32 = 0;

        for (at, byte) in (0..STATS * STAT_BYTES).zip(
            gather(&Counters::read())
                .into_iter()
                .flatten()
                .flat_map(Stat::bytes),
        ) {
            self.memory.write8(at, byte);
            bytes = bytes.wrapping_add(1);
        }
        bytes
    }

    /// Hands over new statistics; not while the device is being reset to begin anew.
    fn post(&self) -> bool {
        let segment = self.memory.segment(0, self.write());
        let mut ring = self.queue.lock();

        // Under the lock, so that the queue does not begin anew before the buffer is in it.
        if !self.device.is_live() {
            return false;
        }
        // It fails only when the ring is broken: then nobody asks any more.
        let _ = ring.add(iter::once(segment), iter::empty(), ());
        let kick = ring.commit();

        drop(ring);
        if kick {
            self.queue.notify();
        }
        true
    }
}

impl WorkItem for Statistics {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        if this.device.broken().is_none() && this.asked.xchg(false, Full) && !this.post() {
            // It is asked for when the device works again.
            this.asked.store(true, Release);
        }
    }
}

/// What the interrupt of the queue does; it holds the reference that the work item needs.
pub(crate) struct Question(pub(crate) Arc<Statistics>);

impl QueueHandler for Question {
    fn used(&self) -> bool {
        let Self(statistics) = self;
        let any = statistics.queue.take_back(|(), _| {
            statistics.asked.store(true, Release);
        });

        if any && statistics.asked.load(Relaxed) {
            // Enqueued already is as good.
            let _ = statistics
                .work
                .queue()
                .enqueue_delayed(statistics.clone(), msecs_to_jiffies(PAUSE_MS));
        }
        any
    }

    fn restart(&self, again: &Restart<'_>) -> Result {
        let Self(statistics) = self;

        statistics.queue.restart(again, |(), ()| {
            statistics.asked.store(true, Release);
        })
    }

    fn queue(&self) -> &dyn AnyQueue {
        &self.0.queue
    }
}

/// The statistics in C's order; what this kernel does not count is left out.
fn gather(counters: &Counters) -> [Option<Stat>; STATS] {
    let pages = |tag, value| Stat::pages(tag, value, PAGE_SIZE);
    let events = counters.events.as_ref();
    let hugetlb = counters.hugetlb;

    [
        events.map(|events| pages(Tag::SwapIn, events.swap_in)),
        events.map(|events| pages(Tag::SwapOut, events.swap_out)),
        events.map(|events| Stat::count(Tag::MajorFaults, events.major_faults)),
        events.map(|events| Stat::count(Tag::MinorFaults, events.minor_faults)),
        events.map(|events| Stat::count(Tag::OomKills, events.oom_kills)),
        events.map(|events| Stat::count(Tag::AllocStalls, events.alloc_stalls)),
        events.map(|events| pages(Tag::AsyncScans, events.async_scans)),
        events.map(|events| pages(Tag::DirectScans, events.direct_scans)),
        events.map(|events| pages(Tag::AsyncReclaims, events.async_reclaims)),
        events.map(|events| pages(Tag::DirectReclaims, events.direct_reclaims)),
        hugetlb.map(|(allocations, _)| Stat::count(Tag::HugetlbAllocations, allocations)),
        hugetlb.map(|(_, failures)| Stat::count(Tag::HugetlbFailures, failures)),
        Some(pages(Tag::Free, counters.free)),
        Some(pages(Tag::Total, counters.total)),
        Some(pages(Tag::Available, counters.available)),
        Some(pages(Tag::Caches, counters.caches)),
    ]
}
