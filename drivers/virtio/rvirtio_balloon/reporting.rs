// SPDX-License-Identifier: GPL-2.0

//! Free blocks for the host (virtio 1.4, 5.5.6.5).
//!
//! A report is a buffer that is made of the free blocks themselves; when the host has used it, their
//! content is lost and what was behind them is the host's again, until the guest touches them.

use core::iter;
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            ordering::{
                Acquire,
                Release, //
            },
            AtomicFlag, //
        },
        Arc, //
    }, //
};
use kernel_ext::{
    balloon::{
        Blocks,
        Report,
        LARGEST_BLOCK,
        MOST_BLOCKS, //
    },
    completion::Completion,
    dma::Direction, //
};
use virtio::{
    Device,
    FeaturesOk,
    QueueHandler,
    QueueOptions,
    Reason,
    Segment,
    Virtqueue,
    BALLOON_MS, //
};

/// The reporting queue. The kernel makes one report at a time.
#[pin_data]
pub(crate) struct Reporter {
    #[pin]
    queue: Virtqueue<()>,
    device: Arc<Device>,
    /// How many blocks fit into a report.
    capacity: u16,
    /// The host is done with the report.
    done: AtomicFlag,
    /// Wakes who waits for the host.
    #[pin]
    answered: Completion,
}

impl Reporter {
    /// Makes the queue with number `index`.
    ///
    /// # Errors
    ///
    /// Those of [`Virtqueue::new`].
    pub(crate) fn new(setup: &FeaturesOk, index: u16) -> Result<Arc<Self>> {
        let device = setup.device().clone();
        // What the host says it wrote is of no interest: the blocks' content is lost anyway.
        let options = QueueOptions {
            // CAST: A small constant.
            max_size: MOST_BLOCKS as u16,
            lenient_length: true,
        };
        let (queue, capacity) = Virtqueue::new(setup, index, options)?;

        Arc::pin_init(
            try_pin_init!(Self {
                queue <- queue,
                device,
                capacity,
                done: AtomicFlag::new(false),
                answered <- Completion::new(),
            }),
            GFP_KERNEL,
        )
    }

    /// The virtqueue.
    pub(crate) fn virtqueue(&self) -> &Virtqueue<()> {
        &self.queue
    }

    /// How many blocks fit into a report.
    pub(crate) fn capacity(&self) -> u16 {
        self.capacity
    }

    /// Whether reports make sense: not where the device gets to see a copy of the block only
    /// (bounce buffers, which are smaller as well).
    pub(crate) fn is_useful(&self) -> bool {
        self.device.master().max_mapping() >= LARGEST_BLOCK
    }

    /// The device has been reset.
    pub(crate) fn close(&self) {
        while self.queue.drain_one().is_some() {}
        self.answered.complete();
    }

    /// Hands the segments over and waits until the host has used them, or cannot any more.
    fn hand_over(&self, segments: &[Segment]) -> Result {
        self.done.store(false, Release);
        self.answered.reset();

        let mut ring = self.queue.lock();
        let added = ring.add(iter::empty(), segments.iter().copied(), ());
        let kick = ring.commit();

        drop(ring);
        added.map_err(|_| EIO)?;
        if kick {
            self.queue.notify();
        }
        if !self.answered.wait_ms(BALLOON_MS) {
            // An interrupt may have been lost.
            self.used();
        }
        if self.done.load(Acquire) {
            return Ok(());
        }
        // Late, or broken. When this returns, the blocks are free for everybody, so the host must
        // not have them any more.
        self.device.break_and_wait(Reason::TimedOut {
            index: self.queue.index(),
        });
        Err(EIO)
    }
}

impl QueueHandler for Reporter {
    fn used(&self) -> bool {
        self.queue.take_back(|(), _| {
            self.done.store(true, Release);
            self.answered.complete();
        })
    }
}

impl Report for Reporter {
    fn report(&self, blocks: &Blocks<'_>) -> Result {
        if self.device.broken().is_some() {
            return Err(EIO);
        }
        let master = self.device.master();
        let mut segments = [Segment { addr: 0, len: 0 }; MOST_BLOCKS];
        let mut mapped: usize = 0;
        let mut room = Ok(());

        for (segment, (phys, length)) in segments.iter_mut().zip(blocks.iter()) {
            match master.map(phys, length, Direction::FromDevice) {
                Ok(addr) => *segment = Segment { addr, len: length },
                Err(error) => {
                    room = Err(error);
                    break;
                }
            }
            mapped = mapped.wrapping_add(1);
        }
        let segments = segments.get(..mapped).unwrap_or(&[]);
        let result = room.and_then(|()| self.hand_over(segments));

        for segment in segments {
            master.unmap(segment.addr, segment.len, Direction::FromDevice);
        }
        result
    }
}
