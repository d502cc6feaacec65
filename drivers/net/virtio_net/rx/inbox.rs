// SPDX-License-Identifier: GPL-2.0

//! What a poll has at hand: buffers that the device has used, and those that are to be posted again.

use super::{
    RxQueue,
    RxRing, //
};
use crate::batch::Batch;
use kernel::prelude::*;
use kernel_ext::net::Piece;
use virtio::Completion;

/// Buffers taken out at once.
const BATCH: usize = 16;
/// Buffers to be posted again after a poll: as many as a poll has packets, as a rule.
const SPARE: usize = 64;
/// What a poll has at hand. Not on the stack: the whole receive path of the kernel runs above it.
pub(super) struct Hands {
    /// Taken out of the queue, to be looked at.
    taken: Batch<KVec<Option<Completion<Piece>>>>,
    /// To be posted again.
    pub(super) spare: Batch<KVec<Option<Piece>>>,
}

impl Hands {
    pub(super) fn new() -> Result<Self> {
        Ok(Self {
            taken: Batch::new(places(BATCH)?),
            spare: Batch::new(places(SPARE)?),
        })
    }
}

/// Room for `count` things.
fn places<T>(count: usize) -> Result<KVec<Option<T>>> {
    let mut places = KVec::with_capacity(count, GFP_KERNEL)?;

    for _ in 0..count {
        places.push(None, GFP_KERNEL)?;
    }
    Ok(places)
}

/// A buffer that the device has used.
pub(super) struct Filled {
    pub(super) piece: Piece,
    /// Bytes written, from where the device begins.
    pub(super) written: u32,
}

/// Takes buffers out of a queue, several at once.
pub(super) struct Inbox<'a> {
    queue: &'a RxQueue,
    pub(super) hands: Hands,
    /// There were no more in the queue when it was looked at last.
    empty: bool,
}

impl Inbox<'_> {
    /// Begins a poll for up to `limit` packets: no interrupts are wanted any more.
    pub(super) fn open(queue: &RxQueue, limit: usize) -> Option<Inbox<'_>> {
        let mut ring = queue.queue.lock();
        let mut hands = ring.data().hands.take()?;

        ring.disable_callbacks();
        let empty = Self::take(&mut ring, &mut hands, limit);
        Some(Inbox {
            queue,
            hands,
            empty,
        })
    }

    /// Takes up to `limit` buffers out of the queue. Says whether there were no more.
    #[inline]
    fn take(ring: &mut RxRing<'_>, hands: &mut Hands, limit: usize) -> bool {
        for _ in 0..limit.min(BATCH) {
            let Some(completion) = ring.pop() else {
                return true;
            };

            // There is room: it is empty, and has that many places.
            drop(hands.taken.push(completion));
        }
        false
    }

    /// The next buffer that was used, which a packet begins with. A queue that was empty is not looked at again:
    /// it is at the end of the poll.
    #[inline]
    pub(super) fn first(&mut self, limit: usize) -> Option<Filled> {
        if let Some(completion) = self.hands.taken.pop() {
            return Some(completion.into());
        }
        if self.empty {
            return None;
        }
        self.next(limit)
    }

    /// The next buffer that was used. When none is at hand up to `limit` are taken out, so that
    /// nothing is left at the end of a poll.
    pub(super) fn next(&mut self, limit: usize) -> Option<Filled> {
        if let Some(completion) = self.hands.taken.pop() {
            return Some(completion.into());
        }
        self.empty = Self::take(&mut self.queue.queue.lock(), &mut self.hands, limit);
        self.hands.taken.pop().map(Filled::from)
    }

    /// Takes out up to `count` buffers that belong to a packet that is lost.
    pub(super) fn skip(&mut self, count: u16) {
        for left in (1..=count).rev() {
            let Some(Filled { piece, .. }) = self.next(left.into()) else {
                break;
            };

            self.reuse(piece);
        }
    }

    /// Keeps a buffer to be posted again.
    #[inline]
    pub(super) fn reuse(&mut self, piece: Piece) {
        // Without room it goes back to the pool.
        drop(self.hands.spare.push(piece));
    }
}

impl From<Completion<Piece>> for Filled {
    #[inline]
    fn from(completion: Completion<Piece>) -> Self {
        let (piece, written) = completion.into_parts();

        Self { piece, written }
    }
}
