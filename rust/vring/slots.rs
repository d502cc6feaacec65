// SPDX-License-Identifier: GPL-2.0

//! Slots: the private memory of what is in flight.

use core::marker::PhantomData;

use crate::{
    desc::DescFlags,
    error::{
        SetupError,
        Violation, //
    },
    format::Format,
    untrusted::Untrusted, //
};

/// The private counterpart of one descriptor.
///
/// The caller allocates as many as the queue has descriptors and hands them to
/// [`Ring::new`](crate::Ring::new). The device never sees them.
#[derive(Debug)]
pub struct Slot<T> {
    /// The token of the buffer whose head this is, while it is in flight.
    token: Option<T>,
    /// The device-writable bytes of that buffer.
    writable: u32,
    /// When that buffer was made available, see `Layout::make_available`.
    ticket: u32,
    /// The next slot: of the chain if in flight, of the free list otherwise.
    next: u16,
    /// The last slot of the chain.
    tail: u16,
    /// The number of descriptors of the chain.
    count: u16,
    /// What the caller's clock showed when that buffer was added, cut to what fits into the padding.
    clock: u16,
}

impl<T> Slot<T> {
    /// Makes an empty slot.
    #[inline]
    pub const fn new() -> Self {
        Self {
            token: None,
            writable: 0,
            ticket: 0,
            next: 0,
            tail: 0,
            count: 0,
            clock: 0,
        }
    }
}

impl<T> Default for Slot<T> {
    #[inline]
    fn default() -> Self {
        Self::new()
    }
}

/// A chain of free slots that is about to be taken.
#[derive(Clone, Copy)]
pub(crate) struct Chain {
    pub(crate) head: u16,
    pub(crate) tail: u16,
    pub(crate) count: u16,
    pub(crate) writable: u32,
    /// The flags of its first element.
    pub(crate) first: DescFlags,
}

/// A chain that is free again.
pub(crate) struct Freed<T> {
    pub(crate) token: T,
    /// How many descriptors it had.
    pub(crate) count: u16,
    /// The slot that followed its last one when it left the free list.
    pub(crate) after: u16,
}

/// All slots of a queue, with the list of the free ones.
///
/// # Invariants
///
/// - Of the slots that are not part of a chain in flight, `num_free` form a list that starts at
///   `free_head` and goes on by `next`. If others are kept back, the list leads to them.
/// - The slots of a chain are linked by `next` from its head to its tail, in the order in which
///   they left the free list. So a chain goes back to the list as a whole.
/// - A slot has a token if and only if it is the head of a chain in flight.
///
/// With `F::IN_ORDER` chains are freed in the order in which they were taken. Then the links never change:
/// each slot is followed by the next one, the last by the first, and both the free ones and each chain
/// stand in this order. [`Ring::drain_one`](crate::Ring::drain_one) frees in another order; nothing is taken
/// after that.
pub(crate) struct Slots<T, S, F> {
    slots: S,
    free_head: u16,
    num_free: u16,
    _types: PhantomData<(T, fn() -> F)>,
}

impl<T, S: AsRef<[Slot<T>]> + AsMut<[Slot<T>]>, F: Format> Slots<T, S, F> {
    /// Links all slots into the free list, in index order. Old tokens are dropped.
    ///
    /// `room`, which is not above `size`, is how many may leave the list at a time.
    pub(crate) fn new(slots: S, size: u16, room: u16) -> Result<Self, SetupError> {
        let count = slots.as_ref().len();
        if count != usize::from(size) {
            return Err(SetupError::BadSlots { slots: count, size });
        }
        // INVARIANT: None is free until they are linked.
        let mut this = Self {
            slots,
            free_head: 0,
            num_free: 0,
            _types: PhantomData,
        };
        this.renew(room);
        Ok(this)
    }

    /// Links all slots into the free list again, as [`Self::new`] does.
    pub(crate) fn renew(&mut self, room: u16) {
        let all = self.slots.as_mut();
        let size = all.len();
        let mut next: u16 = 0;
        for slot in all {
            // The last one leads to the first one again. Whether that is followed says `num_free`.
            next = if usize::from(next).wrapping_add(1) < size {
                next.wrapping_add(1)
            } else {
                0
            };
            *slot = Slot::new();
            slot.next = next;
        }
        // INVARIANT: All slots are empty and linked; the first `room` are free.
        self.free_head = 0;
        self.num_free = room;
    }

    /// Returns the number of free slots.
    #[inline]
    pub(crate) const fn num_free(&self) -> u16 {
        self.num_free
    }

    /// Returns the first free slot. It means something only while there is one.
    #[inline]
    pub(crate) const fn free_head(&self) -> u16 {
        self.free_head
    }

    /// Returns the slot that follows `slot` in its list.
    #[inline]
    pub(crate) fn next(&self, slot: u16) -> Option<u16> {
        let all = self.slots.as_ref();
        all.get(masked(slot, all.len())).map(|slot| slot.next)
    }

    /// Takes `chain`, which starts at the head of the free list, off the list.
    ///
    /// Returns the token if the slots are damaged, and changes nothing then.
    #[inline]
    pub(crate) fn take(
        &mut self,
        chain: Chain,
        ticket: u32,
        clock: u16,
        token: T,
    ) -> Result<(), T> {
        let Some(rest) = self.next(chain.tail) else {
            return Err(token);
        };
        let all = self.slots.as_mut();
        let index = masked(chain.head, all.len());
        let Some(slot) = all.get_mut(index) else {
            return Err(token);
        };
        slot.token = Some(token);
        slot.writable = chain.writable;
        slot.ticket = ticket;
        slot.tail = chain.tail;
        slot.count = chain.count;
        slot.clock = clock;
        // INVARIANT: The list goes on behind the tail, with `count` slots less; the links
        // within the chain stay.
        self.free_head = rest;
        self.num_free = self.num_free.wrapping_sub(chain.count);
        Ok(())
    }

    /// Checks the id that the device gave. Returns the slot if it is the head of a buffer in flight of
    /// which the device may know: `published` tells that by its ticket.
    #[inline]
    pub(crate) fn identify(
        &self,
        id: Untrusted<u32>,
        published: impl FnOnce(u32) -> bool,
    ) -> Result<u16, Violation> {
        let all = self.slots.as_ref();
        let head = id.validate(|id| match u16::try_from(id) {
            Ok(head) if usize::from(head) < all.len() => Ok(head),
            _ => Err(Violation::IdOutOfRange { id }),
        })?;
        // The check above counts for what is done, the mask for what is done speculatively.
        let index = masked(head, all.len());
        let slot = all.get(index).ok_or(Violation::Slots)?;
        if slot.token.is_none() {
            return Err(Violation::IdNotInFlight { id: head.into() });
        }
        if !published(slot.ticket) {
            return Err(Violation::IdNotPublished { id: head.into() });
        }
        Ok(head)
    }

    /// Returns how many bytes of the buffer in flight at `head` the device may write.
    #[inline]
    pub(crate) fn writable(&self, head: u16) -> Result<u32, Violation> {
        let all = self.slots.as_ref();
        let slot = all.get(masked(head, all.len())).ok_or(Violation::Slots)?;
        Ok(slot.writable)
    }

    /// Returns the clock's value of the buffer in flight that was added first; the next ticket is `added`. Looks at
    /// each slot.
    pub(crate) fn oldest(&self, added: u32) -> Option<u16> {
        self.slots
            .as_ref()
            .iter()
            .filter(|slot| slot.token.is_some())
            .max_by_key(|slot| added.wrapping_sub(slot.ticket))
            .map(|slot| slot.clock)
    }

    /// Frees the chain in flight that starts at `head`.
    #[inline]
    pub(crate) fn free(&mut self, head: u16) -> Option<Freed<T>> {
        let all = self.slots.as_mut();
        let len = all.len();
        let slot = all.get_mut(masked(head, len))?;
        let token = slot.token.take()?;
        let (tail, count) = (slot.tail, slot.count);
        let tail = all.get_mut(masked(tail, len))?;
        let after = tail.next;
        if !F::IN_ORDER {
            // INVARIANT: The chain is put before the list as a whole.
            tail.next = self.free_head;
            self.free_head = head;
        }
        // INVARIANT: In order, the list goes on behind its last slot with the oldest chain.
        self.num_free = self.num_free.wrapping_add(count);
        Some(Freed {
            token,
            count,
            after,
        })
    }
}

/// Reduces a slot number to an index into `len` slots: to 0 if it is none.
///
/// The reduction is arithmetic on data, not a branch: it holds under speculation as well
/// (Spectre-v1).
#[inline]
fn masked(slot: u16, len: usize) -> usize {
    let slot = usize::from(slot);
    // CAST: To shift the sign in: all ones if the difference is negative, which it is for an index.
    let below = (slot.wrapping_sub(len) as isize >> (usize::BITS - 1)) as usize;

    slot & below
}
