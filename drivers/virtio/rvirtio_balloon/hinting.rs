// SPDX-License-Identifier: GPL-2.0

//! Hints of free memory (virtio 1.4, 5.5.6.4), which the host asks for before it migrates the guest:
//! what is free need not be moved.
//!
//! A hinted block is set aside, so that nobody writes to it, until the host says that it is done, or
//! until the kernel wants it back: a block that is written to is moved all the same.
//!
//! Answers are looked for, not waited for: QEMU gives them from a thread of its own, and what interrupts
//! that raises gets lost without MSI-X. C has no interrupt for this queue either.

use crate::{
    config,
    hint::{
        self,
        Step,
        DONE,
        STOP, //
    }, //
};
use core::iter;
use kernel::{
    new_mutex,
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
        Arc,
        Mutex, //
    },
    time::{
        Instant,
        Monotonic, //
    },
    workqueue::{
        impl_has_work,
        new_work,
        Work,
        WorkItem, //
    }, //
};
use kernel_ext::{
    balloon::{
        Block,
        Hoard,
        BLOCK_PAGES,
        LARGEST_BLOCK, //
    },
    dma::{
        Direction,
        Mapping,
        SharedMemory, //
    },
    shrinker::Shrink,
    time,
    work::{
        self,
        OwnedQueue, //
    }, //
};
use virtio::{
    AnyQueue,
    Device,
    FeaturesOk,
    Irq,
    QueueHandler,
    QueueOptions,
    Reason,
    Restart,
    Silent,
    Timeout,
    Virtqueue, //
};

/// The most entries that a ring is given, and so the most blocks that are hinted at once.
const MAX_QUEUE_SIZE: u16 = 64;
/// Bytes of a number for the host, and where the two are.
const WORD: usize = 4;
const ROUND_AT: usize = 0;
const STOP_AT: usize = ROUND_AT + WORD;
/// Milliseconds after which a host that does not answer is notified again.
const REMIND_MS: i64 = 1000;

/// What is under way to the host.
pub(crate) struct Sent {
    /// The block that is hinted, mapped; none with a number.
    block: Option<(Block, Mapping)>,
}

/// The hinting queue. Behind its lock are the blocks that are set aside.
#[pin_data]
pub(crate) struct Hinter {
    work: Arc<OwnedQueue>,
    #[pin]
    queue: Virtqueue<Sent, Irq, Hoard>,
    device: Arc<Device>,
    /// The numbers that the host is sent: that of the round, and the one for its end.
    memory: SharedMemory,
    /// The configuration has changed since it was read.
    changed: AtomicFlag,
    /// The driver leaves the device.
    leaving: AtomicFlag,
    /// The round that was served last. Held while one is under way.
    #[pin]
    served: Mutex<u32>,
    #[pin]
    round: Work<Self>,
}

impl_has_work! {
    impl HasWork<Self> for Hinter { self.round }
}

impl Hinter {
    /// Makes the queue with number `index`.
    ///
    /// # Errors
    ///
    /// Those of [`Virtqueue::with`].
    pub(crate) fn new(setup: &FeaturesOk, index: u16, work: Arc<OwnedQueue>) -> Result<Arc<Self>> {
        let device = setup.device().clone();
        let memory = SharedMemory::new(device.master(), 2 * WORD)?;
        // What the host says it wrote is of no interest: the blocks' content is lost anyway.
        let options = QueueOptions {
            max_size: MAX_QUEUE_SIZE,
            lenient_length: true,
        };
        let (queue, _) = Virtqueue::with(setup, index, options, |_| Ok(Hoard::new()))?;

        Arc::pin_init(
            try_pin_init!(Self {
                work,
                queue <- queue,
                device,
                memory,
                changed: AtomicFlag::new(false),
                leaving: AtomicFlag::new(false),
                served <- new_mutex!(DONE),
                round <- new_work!("rvirtio_balloon::hinting"),
            }),
            GFP_KERNEL,
        )
    }

    /// Looks what the host wants, soon. The device is live. Any context.
    pub(crate) fn follow(self: &Arc<Self>) {
        self.changed.store(true, Release);
        // Not the balloons' queue: a round is long, and shrinking a balloon may be urgent. Enqueued
        // already is as good.
        let _ = self.work.queue().enqueue::<Arc<Self>, 0>(self.clone());
    }

    /// Hints no more, and gives back what is set aside; what is under way to the host comes back when the
    /// device was reset. Process context.
    pub(crate) fn stop(self: &Arc<Self>) {
        self.leaving.store(true, Relaxed);
        work::disable_sync::<Self, 0>(self);
        self.shrink(usize::MAX);
    }

    /// Ends [`Self::stop`], when the device was reset and works again.
    pub(crate) fn resume(self: &Arc<Self>) {
        *self.served.lock() = DONE;
        self.leaving.store(false, Relaxed);
        self.shrink(usize::MAX);
        work::enable::<Self, 0>(self);
        self.follow();
    }

    /// Gives all blocks back. Whoever waits for the device finds out that it was reset.
    pub(crate) fn close(&self, silent: Silent<'_>) {
        // BOUND: Each turn takes out one of what was under way.
        while let Some(sent) = self.queue.drain_one(silent) {
            drop(self.take_back(sent));
        }
        self.shrink(usize::MAX);
    }

    /// The host has seen it, or will not any more. The block, if it is one.
    fn take_back(&self, sent: Sent) -> Option<Block> {
        let (block, mapping) = sent.block?;

        self.device.master().unmap(mapping);
        Some(block)
    }

    /// Sets aside what the host has seen. Says how much that was, and whether nothing is under way.
    fn look(&self) -> (usize, bool) {
        let mut ring = self.queue.lock();
        let mut seen: usize = 0;

        ring.disable_callbacks();
        // BOUND: Nothing is added meanwhile, and no buffer comes back twice.
        while let Some(completion) = ring.pop() {
            seen = seen.wrapping_add(1);
            if let Some(block) = self.take_back(completion.into_token()) {
                ring.data().push(block);
            }
        }
        (seen, ring.free() == self.queue.room())
    }

    /// Shows the host what was added.
    fn show(&self) {
        let kick = self.queue.lock().commit();

        if kick {
            self.queue.notify();
        }
    }

    /// Shows the host what was added, and waits until it has seen all.
    ///
    /// # Errors
    ///
    /// `EIO` when it does not, and is given up, or when the driver leaves.
    fn finish(&self) -> Result {
        self.show();

        let session = self.queue.lock().session();
        let mut told = Instant::<Monotonic>::now();

        time::wait_until(Timeout::Balloon.ms(), || {
            let (_, quiet) = self.look();

            if self.device.broken().is_some() || self.leaving.load(Relaxed) {
                return Err(EIO);
            }
            if !quiet && told.elapsed().as_millis() >= REMIND_MS {
                // A notification may have been lost: by a migration, which this is about, or between
                // the host's last look and its wish to be notified.
                self.queue.notify();
                told = Instant::now();
            }
            Ok(quiet)
        })
        .map_err(|_| {
            if !self.leaving.load(Relaxed) {
                self.device.give_up(
                    Reason::TimedOut {
                        index: self.queue.index(),
                    },
                    session,
                );
            }
            EIO
        })
    }

    /// Tells the host a number.
    fn tell(&self, at: usize, number: u32) -> Result {
        self.memory.write32(at, number.to_le());
        // CAST: Four.
        let segment = self.memory.segment(at, WORD as u32);
        let sent = Sent { block: None };
        let added = self
            .queue
            .lock()
            .add(iter::once(segment), iter::empty(), sent);

        added.map_err(|_| EIO)?;
        self.finish()
    }

    /// Adds a block.
    fn add(&self, block: Block) -> Result {
        let master = self.device.master();
        let mapping = master.map(block.run(), Direction::FromDevice)?;
        let segment = mapping.segment();
        let sent = Sent {
            block: Some((block, mapping)),
        };
        let added = self
            .queue
            .lock()
            .add(iter::empty(), iter::once(segment), sent);

        added.map_err(|(_, sent)| {
            drop(self.take_back(sent));
            EIO
        })
    }

    /// What the host wants now.
    fn wanted(&self) -> Result<u32> {
        config::hint_command(&self.device.config())
    }

    /// Hints what is free, until nothing is, or until the host wants something else.
    fn hint(&self, round: u32) -> Result {
        // Not where the device gets to see a copy of a block only (bounce buffers).
        let mut more = self.device.master().max_mapping() >= LARGEST_BLOCK;

        self.tell(ROUND_AT, round)?;
        // BOUND: Blocks stay here, so memory runs out; where the kernel takes them back, the host may ask for more as
        // long as the driver stays. Each turn waits for `Timeout::Balloon` at most.
        while more && !self.leaving.load(Relaxed) {
            // One that cannot be read is no wish to go on.
            if self.changed.xchg(false, Full) && hint::is_over(self.wanted().unwrap_or(DONE), round)
            {
                break;
            }
            for _ in 0..self.queue.room() {
                // No memory, or no room for its mapping.
                more = Block::take().is_some_and(|block| self.add(block).is_ok());
                if !more {
                    break;
                }
                // At once: the host moves memory meanwhile.
                self.show();
            }
            self.finish()?;
        }
        self.tell(STOP_AT, STOP)
    }
}

/// The driver's hold on a hinter.
pub(crate) struct Held(pub(crate) Arc<Hinter>);

impl Drop for Held {
    /// The device was reset, since it has gone its way through `Device::close`, and perhaps nobody was
    /// told. Blocks are unmapped before they are freed.
    fn drop(&mut self) {
        let Self(hinter) = self;

        // Else it never worked, and nothing was hinted.
        if let Some(silent) = hinter.device.silent() {
            hinter.close(silent);
        }
    }
}

impl WorkItem for Hinter {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        let mut served = this.served.lock();

        if this.device.broken().is_some() {
            return;
        }
        // What changes from here on is seen in the round, and enqueues the work once more.
        this.changed.xchg(false, Full);
        // One that cannot be read ends the rounds: to give back what was hinted is never wrong.
        let command = this.wanted().unwrap_or(DONE);

        match hint::step(command, *served) {
            Step::Rest => {}
            Step::Release => {
                *served = DONE;
                this.shrink(usize::MAX);
            }
            Step::Round(round) => {
                *served = round;
                // A device that fails is broken by now, and the log says why.
                let _ = this.hint(round);
            }
        }
    }
}

impl QueueHandler for Hinter {
    fn used(&self) -> bool {
        let (seen, _) = self.look();

        seen != 0
    }

    fn restart(&self, again: &Restart<'_>) -> Result {
        self.queue.restart(again, |hoard, sent| {
            // Freed when the device works, without the lock.
            if let Some(block) = self.take_back(sent) {
                hoard.push(block);
            }
        })
    }

    fn queue(&self) -> &dyn AnyQueue {
        &self.queue
    }
}

impl Shrink for Hinter {
    fn count(&self) -> usize {
        self.queue.lock().data().count().saturating_mul(BLOCK_PAGES)
    }

    fn shrink(&self, pages: usize) -> usize {
        let mut freed: usize = 0;

        // BOUND: Each turn takes a block off the list.
        while freed < pages {
            let block = self.queue.lock().data().pop();
            let Some(block) = block else {
                break;
            };

            // Without the lock.
            drop(block);
            freed = freed.saturating_add(BLOCK_PAGES);
        }
        freed
    }
}
