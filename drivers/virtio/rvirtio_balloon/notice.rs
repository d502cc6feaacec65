// SPDX-License-Identifier: GPL-2.0

//! Queues on which the host is told page numbers, and acknowledges them (virtio 1.4, 5.5.6).

use crate::{
    places::{
        Fate,
        Handing,
        Places,
        Purpose,
        PLACES, //
    },
    plan::{
        Plan,
        MOST_NUMBERS,
        NUMBER_BYTES, //
    }, //
};
use core::iter;
use kernel::{
    new_spinlock_irq,
    prelude::*,
    sync::{
        Arc,
        SpinLockIrq, //
    }, //
};
use kernel_ext::{
    completion::Completion,
    dma::SharedMemory, //
};
use virtio::{
    AnyQueue,
    Device,
    FeaturesOk,
    QueueHandler,
    QueueOptions,
    Reason,
    Restart,
    Session,
    Silent,
    Timeout,
    Virtqueue, //
};

/// The most entries that a ring is given: one for each place, and some to spare.
const MAX_QUEUE_SIZE: u16 = 8;
/// Bytes of a place.
const PLACE_BYTES: usize = MOST_NUMBERS * NUMBER_BYTES;

/// What the host said to a notice.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It has read it, and done what follows.
    Acknowledged(Session),
    /// Nothing so far; it may still do it.
    Late(Session),
    /// It was not told, since its device is being reset, and has not been yet: it believes what it was told before.
    Untold,
    /// The device was reset, and knows nothing of it any more. It may be broken for good.
    Reset,
}

/// One of the two queues. Who waits for the host owns a place and holds no lock.
#[pin_data]
pub(crate) struct NoticeQueue {
    #[pin]
    queue: Virtqueue<usize>,
    device: Arc<Device>,
    /// One piece for each place. The page numbers in it are guest-physical also where the device's
    /// addresses are translated (`ACCESS_PLATFORM`): translation is for the addresses of buffers,
    /// and these are what is in a buffer (6 Reserved Feature Bits; QEMU takes them so).
    memory: SharedMemory,
    #[pin]
    places: SpinLockIrq<Places>,
    /// Wakes who waits for a place.
    #[pin]
    answered: [Completion; PLACES],
    plan: Plan,
    /// Whether the ring has an entry for each place.
    roomy: bool,
}

impl NoticeQueue {
    /// Makes the queue with number `index`.
    ///
    /// # Errors
    ///
    /// Those of [`Virtqueue::new`].
    pub(crate) fn new(setup: &FeaturesOk, index: u16, plan: Plan) -> Result<Arc<Self>> {
        let device = setup.device().clone();
        let memory = SharedMemory::new(device.master(), PLACES * PLACE_BYTES)?;
        // A length too many does no harm, it writes nothing.
        let options = QueueOptions {
            max_size: MAX_QUEUE_SIZE,
            lenient_length: true,
        };
        let (queue, size) = Virtqueue::new(setup, index, options)?;

        Arc::pin_init(
            try_pin_init!(Self {
                queue <- queue,
                device,
                memory,
                places <- new_spinlock_irq!(Places::new(), "rvirtio_balloon_places"),
                answered <- pin_init::pin_init_array_from_fn(|_| Completion::new()),
                plan,
                roomy: usize::from(size) >= PLACES,
            }),
            GFP_KERNEL,
        )
    }

    /// A place for a notice; none while another is under way for the same purpose, or while the device does
    /// not work. A ring without room for all is for [`Purpose::Resize`] alone.
    pub(crate) fn take(&self, purpose: Purpose) -> Option<Notice<'_>> {
        if !self.device.is_live() || !self.roomy && purpose != Purpose::Resize {
            return None;
        }
        let place = self.places.lock().take(purpose)?;

        Some(Notice {
            queue: self,
            place,
            bytes: 0,
            ours: true,
        })
    }

    /// After a reset: what the device does not know any more is settled, and it may be told again.
    pub(crate) fn begin(&self) {
        self.places.lock().begin();
    }

    /// Lets all who wait go on.
    pub(crate) fn close(&self, silent: Silent<'_>) {
        let awaited = self.places.lock().close();

        self.wake(awaited);
        // BOUND: Each turn takes out one of what was under way.
        while self.queue.drain_one(silent).is_some() {}
    }

    /// What is said of a host that takes too long.
    pub(crate) fn too_late(&self) -> Reason {
        Reason::TimedOut {
            index: self.queue.index(),
        }
    }

    fn wake(&self, awaited: [bool; PLACES]) {
        for (answered, awaited) in self.answered.iter().zip(awaited) {
            if awaited {
                answered.complete();
            }
        }
    }
}

impl QueueHandler for NoticeQueue {
    fn used(&self) -> bool {
        self.queue.take_back(|(), completion| {
            let place = completion.into_token();

            if self.places.lock().acknowledge(place) {
                if let Some(answered) = self.answered.get(place) {
                    answered.complete();
                }
            }
        })
    }

    fn restart(&self, again: &Restart<'_>) -> Result {
        // Nobody posts after this, see `Notice::post`.
        let awaited = {
            let _ring = self.queue.lock();

            self.places.lock().forget()
        };

        self.wake(awaited);
        self.queue.restart(again, |(), _| {})
    }

    fn queue(&self) -> &dyn AnyQueue {
        &self.queue
    }
}

/// A place on a queue, to be filled and sent. Dropping it gives it back.
pub(crate) struct Notice<'a> {
    queue: &'a NoticeQueue,
    place: usize,
    bytes: usize,
    /// Whether the place is still ours.
    ours: bool,
}

impl Notice<'_> {
    /// Where the place begins.
    fn offset(&self) -> usize {
        self.place.wrapping_mul(PLACE_BYTES)
    }

    /// Adds the page numbers of `frames`, as many as there is room for.
    pub(crate) fn write(&mut self, frames: impl Iterator<Item = u64>) {
        let plan = self.queue.plan;
        let begin = self.offset();

        for number in frames.flat_map(|frame| plan.numbers(frame)) {
            if self.bytes >= PLACE_BYTES {
                break;
            }
            self.queue
                .memory
                .write32(begin.wrapping_add(self.bytes), number.to_le());
            self.bytes = self.bytes.wrapping_add(NUMBER_BYTES);
        }
    }

    /// Shows the host the notice, and says in which session; waits for `limit_ms` milliseconds at most for a reset that has begun.
    fn post(&mut self, limit_ms: u32) -> Result<Session, Answer> {
        let NoticeQueue { queue, places, .. } = self.queue;

        // CAST: At most `PLACE_BYTES`.
        let segment = self.queue.memory.segment(self.offset(), self.bytes as u32);
        let mut ring = queue.lock();

        // Under the lock, so that the queue does not begin anew before the notice is in it.
        if !self.queue.device.is_live() {
            drop(ring);
            return Err(self.outlast(limit_ms));
        }
        let session = ring.session();
        let handing = places.lock().hand_over(self.place, true);

        match handing {
            Handing::Done => self.ours = false,
            Handing::Old => return Err(Answer::Reset),
            Handing::Closed => {
                drop(ring);
                return Err(self.broken());
            }
        }
        let added = ring.add(iter::once(segment), iter::empty(), self.place);
        let kick = ring.commit();

        drop(ring);
        if kick {
            queue.notify();
        }
        // There is room, so the ring is broken.
        added.map_err(|_| {
            places.lock().refused(self.place);
            self.ours = true;
            self.broken()
        })?;
        Ok(session)
    }

    /// The device is about to be reset, or just was: until it was, the host believes what it was told before.
    fn outlast(&self, limit_ms: u32) -> Answer {
        let device = &self.queue.device;

        if device.was_reset_within(limit_ms) {
            Answer::Reset
        } else if device.broken().is_some() {
            self.broken()
        } else {
            Answer::Untold
        }
    }

    /// The device is broken, or is given up now: waits until it has no memory any more.
    fn broken(&self) -> Answer {
        self.queue.device.break_and_wait(self.queue.too_late());
        Answer::Reset
    }

    /// Sends the notice and waits for the host, `limit_ms` milliseconds at most. One without page numbers, which
    /// nobody should send, counts as lost in a reset.
    pub(crate) fn send_within(self, limit_ms: u32) -> Answer {
        self.send_and(limit_ms, || {})
    }

    /// As [`Self::send_within`], with something to do as soon as the host can see the notice.
    pub(crate) fn send_and(mut self, limit_ms: u32, posted: impl FnOnce()) -> Answer {
        if self.bytes == 0 {
            return Answer::Reset;
        }
        let Some(answered) = self.queue.answered.get(self.place) else {
            return self.broken();
        };

        answered.reset();
        let session = match self.post(limit_ms) {
            Ok(session) => session,
            Err(answer) => return answer,
        };

        posted();
        if !answered.wait_ms(limit_ms) {
            // An interrupt may have been lost.
            self.queue.used();
        }
        let fate = self.queue.places.lock().stop_waiting(self.place);

        match fate {
            Fate::Acknowledged => Answer::Acknowledged(session),
            Fate::Late => Answer::Late(session),
            Fate::Failed if self.queue.device.broken().is_none() => Answer::Reset,
            Fate::Failed => self.broken(),
        }
    }

    /// Sends the notice and waits for the host, [`Timeout::Balloon`] at most; one that does not answer is given up. Gives the session in which
    /// it was acknowledged; `None` when the device was reset instead, and knows nothing of it any more.
    pub(crate) fn send(self) -> Option<Session> {
        self.insist(Timeout::Balloon.ms())
    }

    /// As [`Self::send`], for `limit_ms` milliseconds at most.
    pub(crate) fn insist(self, limit_ms: u32) -> Option<Session> {
        let queue = self.queue;
        let device = &queue.device;

        match self.send_within(limit_ms) {
            Answer::Acknowledged(session) => return Some(session),
            Answer::Late(session) => device.give_up(queue.too_late(), session),
            Answer::Untold if !device.was_reset_within(Timeout::Balloon.ms()) => {
                device.break_and_wait(queue.too_late());
            }
            Answer::Untold | Answer::Reset => {}
        }
        None
    }
}

impl Drop for Notice<'_> {
    fn drop(&mut self) {
        if self.ours {
            self.queue.places.lock().give_back(self.place);
        }
    }
}
