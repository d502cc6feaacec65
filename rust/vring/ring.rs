// SPDX-License-Identifier: GPL-2.0

//! The ring: what a driver does with a queue.

use crate::{
    completion::Completion,
    desc::{
        DescFlags,
        RawDesc,
        Segment, //
    },
    error::{
        AddError,
        SetupError,
        Violation, //
    },
    format::Format,
    indirect::IndirectTable,
    layout::{
        Buffer,
        Element,
        Layout,
        RingConfig, //
    },
    mem::RingMem,
    slots::{
        Chain,
        Slot,
        Slots, //
    },
    split::Split,
    untrusted::Untrusted, //
};

mod placer;

/// The driver side of one virtqueue.
///
/// `T` is the token that goes with a buffer: handed in by [`add`](Self::add), it comes back
/// exactly once, from a failed `add`, from [`pop`](Self::pop) or from
/// [`drain_one`](Self::drain_one). `M` is the shared memory, `S` the private slots, `F` the
/// format.
///
/// Dropping the ring drops the tokens that are in flight. Reset the device first: until then it
/// may write to their memory.
///
/// # Invariants
///
/// - `in_flight` is the number of slots that hold a token.
/// - While `broken` is set nothing is published and nothing is popped.
/// - The buffers from ticket `published` up to `added` are in line: the device does not see them.
/// - With `F::IN_ORDER`, `oldest` is the head of the buffer in flight that was added first, if there is
///   one; and if there is a `batch`, its last buffer is in flight and published.
pub struct Ring<T, M, S, F = Split>
where
    M: RingMem,
    S: AsRef<[Slot<T>]> + AsMut<[Slot<T>]>,
    F: Format,
{
    layout: F::Layout,
    slots: Slots<T, S, F>,
    mem: M,
    config: RingConfig,
    /// How many descriptors may be in flight.
    room: u16,
    in_flight: u16,
    /// How many buffers were added. Wraps.
    added: u32,
    /// How many of them the device was told of. Wraps.
    published: u32,
    /// What the caller's clock showed last.
    clock: u64,
    oldest: u16,
    /// The used buffers that the device told of at once and that were not popped yet.
    batch: Option<Batch>,
    /// The slot at which `drain_one` goes on.
    drained: u16,
    broken: Option<Violation>,
}

/// A batch of used buffers, in order.
#[derive(Clone, Copy)]
struct Batch {
    /// The head of the last one.
    last: u16,
    /// What was written to the last one. The others were used to the end.
    len: Untrusted<u32>,
}

impl<T, M, S, F> Ring<T, M, S, F>
where
    M: RingMem,
    S: AsRef<[Slot<T>]> + AsMut<[Slot<T>]>,
    F: Format,
{
    /// Sets up the ring and the fields of the shared memory that the device will read.
    ///
    /// Call it before the device is told of the queue. Tokens that are left in `slots` are
    /// dropped. Callbacks are enabled.
    ///
    /// # Errors
    ///
    /// - [`SetupError::BadSize`]: the layout does not allow the queue size.
    /// - [`SetupError::BadSlots`]: the number of slots is not the queue size.
    pub fn new(config: RingConfig, mem: M, slots: S) -> Result<Self, SetupError> {
        F::Layout::check_size(config.size)?;
        let room = config.room();
        let slots = Slots::new(slots, config.size, room)?;
        // INVARIANT: No slot holds a token. The first buffer will start at the first slot.
        Ok(Self {
            layout: F::Layout::new(config, &mem),
            slots,
            mem,
            config,
            room,
            in_flight: 0,
            added: 0,
            published: 0,
            clock: 0,
            oldest: 0,
            batch: None,
            drained: 0,
            broken: None,
        })
    }

    /// Makes the ring as it was made: nothing is in flight, callbacks are enabled, and it is not broken.
    /// Tokens in flight are dropped; [`drain_one`](Self::drain_one) gives them back before.
    ///
    /// Call it while the device does not know of the queue: after a reset, before the queue is enabled
    /// again.
    pub fn renew(&mut self) {
        self.slots.renew(self.room);
        self.layout = F::Layout::new(self.config, &self.mem);
        // INVARIANT: No slot holds a token. The first buffer will start at the first slot.
        self.in_flight = 0;
        self.added = 0;
        self.published = 0;
        self.oldest = 0;
        self.batch = None;
        self.drained = 0;
        self.broken = None;
    }

    /// Adds a buffer: the readable segments, then the writable ones (1.4, "2.7.4.2 Driver
    /// Requirements: Message Framing"), one descriptor each.
    ///
    /// The buffer belongs to the device from now on. It is told so by the next
    /// [`kick_prepare`](Self::kick_prepare); one call is enough for many buffers.
    ///
    /// No more segments are asked for than there are free descriptors, and one.
    ///
    /// # Errors
    ///
    /// The token comes back, and the ring is as before.
    ///
    /// - [`AddError::Full`]: fewer free descriptors than segments.
    /// - [`AddError::TooLong`]: more segments than the empty queue has room for, or more than
    ///   2^32 - 1 bytes (1.4, "2.7.5.2 Driver Requirements: The Virtqueue Descriptor Table").
    /// - [`AddError::Empty`]: no segment.
    /// - [`AddError::ZeroLength`]: a segment without bytes.
    /// - [`AddError::Broken`]: the ring is broken.
    #[inline]
    pub fn add<R, W>(&mut self, readable: R, writable: W, token: T) -> Result<(), (AddError, T)>
    where
        R: IntoIterator<Item = M::Piece>,
        W: IntoIterator<Item = M::Piece>,
    {
        match self.place(readable, writable) {
            Ok(chain) => self.commit(chain, token),
            Err(error) => Err((error, token)),
        }
    }

    /// Adds a buffer that an indirect table describes: one descriptor, however many segments
    /// (1.4, "2.7.5.3 Indirect Descriptors").
    ///
    /// `VIRTIO_F_INDIRECT_DESC` must have been negotiated. The memory of the table belongs to
    /// the device as long as the buffer does.
    ///
    /// # Errors
    ///
    /// The token comes back, and the ring is as before.
    ///
    /// - [`AddError::Full`]: no free descriptor.
    /// - [`AddError::TooLong`]: more entries than the queue has descriptors (1.4, "2.7.5.3.1
    ///   Driver Requirements: Indirect Descriptors").
    /// - [`AddError::Broken`]: the ring is broken.
    #[inline]
    pub fn add_indirect(&mut self, table: IndirectTable, token: T) -> Result<(), (AddError, T)> {
        if table.entries() > self.config.size && self.broken.is_none() {
            return Err((AddError::TooLong, token));
        }
        let segment = Segment {
            addr: table.addr(),
            len: table.bytes(),
        };
        self.add_single(segment, DescFlags::INDIRECT, table.writable(), token)
    }

    /// Adds a buffer of one segment, which the device reads: [`add`](Self::add) in short.
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn add_readable(&mut self, piece: M::Piece, token: T) -> Result<(), (AddError, T)> {
        self.add_single(M::segment(piece), DescFlags::NONE, 0, token)
    }

    /// Adds a buffer of one segment, which the device writes: [`add`](Self::add) in short.
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn add_writable(&mut self, piece: M::Piece, token: T) -> Result<(), (AddError, T)> {
        let segment = M::segment(piece);

        self.add_single(segment, DescFlags::WRITE, segment.len, token)
    }

    /// Adds a buffer of one descriptor.
    // Always: else the token would go there and back by way of memory.
    #[inline(always)]
    fn add_single(
        &mut self,
        segment: Segment,
        flags: DescFlags,
        writable: u32,
        token: T,
    ) -> Result<(), (AddError, T)> {
        let error = if self.broken.is_some() {
            AddError::Broken
        } else if segment.len == 0 {
            AddError::ZeroLength
        } else if self.slots.num_free() == 0 {
            AddError::Full
        } else {
            let head = self.slots.free_head();
            let element = Element {
                slot: head,
                head,
                ordinal: 0,
                segment,
                flags,
            };
            self.layout.write_element(&self.mem, element, None);
            let chain = Chain {
                head,
                tail: head,
                count: 1,
                writable,
                first: flags,
            };
            return self.commit(chain, token);
        };
        Err((error, token))
    }

    /// Takes a chain whose descriptors are written, and puts it in line for the device.
    #[inline]
    fn commit(&mut self, chain: Chain, token: T) -> Result<(), (AddError, T)> {
        let ticket = self.added;
        // CAST: The low bits; `oldest_age` finds the others.
        if let Err(token) = self.slots.take(chain, ticket, self.clock as u16, token) {
            self.set_broken(Violation::Slots);
            return Err((AddError::Broken, token));
        }
        // INVARIANT: One more slot holds a token. There are at most 32768 slots.
        self.in_flight = self.in_flight.wrapping_add(1);
        let Chain {
            head, count, first, ..
        } = chain;
        self.layout.make_available(
            &self.mem,
            Buffer {
                ticket,
                head,
                count,
                first,
            },
        );
        self.added = ticket.wrapping_add(1);
        Ok(())
    }

    /// Sets the clock of the buffers that are added from now on, in any unit: see
    /// [`oldest_age`](Self::oldest_age).
    #[inline]
    pub fn set_clock(&mut self, now: u64) {
        self.clock = now;
    }

    /// Returns how long ago the buffer in flight was added that was added first, by the clock of
    /// [`set_clock`](Self::set_clock), which shows `now`.
    ///
    /// A buffer keeps 16 bits of the clock. It cannot be younger than the buffer that was added last, whose time is
    /// known in full; so this is right unless other buffers were added 2^16 or more after it.
    ///
    /// Looks at each slot: not for the data path.
    pub fn oldest_age(&self, now: u64) -> Option<u64> {
        let oldest = self.slots.oldest(self.added)?;
        let last = now.saturating_sub(self.clock);
        // CAST: The low bits of either.
        let earlier = (self.clock as u16).wrapping_sub(oldest);

        Some(last.saturating_add(earlier.into()))
    }

    /// Shows the device all buffers that were added (1.4, "2.7.13.3 Updating idx"). Returns
    /// whether it wants an available buffer notification for them (1.4, "2.7.13.4 Notifying The
    /// Device").
    ///
    /// If so the caller must notify it, now or after unlocking; the question is not answered a
    /// second time for the same buffers.
    #[must_use = "a device that is not notified may never look at the buffers"]
    #[inline]
    pub fn kick_prepare(&mut self) -> bool {
        let (old, new) = (self.published, self.added);
        if old == new || self.broken.is_some() {
            return false;
        }
        // INVARIANT: Nothing is in line any more.
        self.published = new;
        self.layout.publish(&self.mem, old, new)
    }

    /// Returns where the next buffer will stand, for an available buffer notification that says so
    /// (`VIRTIO_F_NOTIFICATION_DATA`; 1.4, "2.9 Driver Notifications"): `next_off` in the low 15 bits,
    /// `next_wrap` in the highest. To be asked after [`kick_prepare`](Self::kick_prepare), before anything is
    /// added.
    #[inline]
    pub fn next_avail(&self) -> u16 {
        self.layout.next_avail()
    }

    /// Returns how many buffers were added so far. Wraps.
    #[inline]
    pub const fn added(&self) -> u32 {
        self.added
    }

    /// Returns how many of them the device was shown. Wraps.
    #[inline]
    pub const fn published(&self) -> u32 {
        self.published
    }

    /// Returns where the next used buffer is expected, in the form of [`next_avail`](Self::next_avail).
    #[inline]
    pub fn next_used(&self) -> u16 {
        self.layout.next_used_place()
    }

    /// Takes back the next buffer that the device has used, if there is one.
    ///
    /// While callbacks are enabled, pop until there is none left: only then does the next used
    /// buffer bring a callback.
    ///
    /// # Errors
    ///
    /// What the device did not respect. The ring is broken from then on and says the same each
    /// time.
    #[inline]
    pub fn pop(&mut self) -> Result<Option<Completion<T>>, Violation> {
        if let Some(violation) = self.broken {
            return Err(violation);
        }
        match self.take_used() {
            Ok(completion) => Ok(completion),
            Err(violation) => {
                self.set_broken(violation);
                Err(violation)
            }
        }
    }

    #[inline]
    fn take_used(&mut self) -> Result<Option<Completion<T>>, Violation> {
        let Batch { last, len } = match self.batch {
            Some(batch) if F::IN_ORDER => {
                // The last one was published, so the batch ends with it; but not as many were counted.
                if F::Layout::COUNTED && !self.layout.is_counted() {
                    return Err(Violation::BatchTooLong {
                        id: batch.last.into(),
                    });
                }
                batch
            }
            _ => {
                let Some(used) = self.layout.next_used(&self.mem)? else {
                    return Ok(None);
                };
                let (published, in_line) =
                    (self.published, self.added.wrapping_sub(self.published));
                // A ticket is mistaken for a later one only if its buffer stayed in flight while
                // 2^32 others went by.
                let last = self
                    .slots
                    .identify(used.id, |ticket| ticket.wrapping_sub(published) >= in_line)?;
                Batch {
                    last,
                    len: used.len,
                }
            }
        };
        let head = if F::IN_ORDER { self.oldest } else { last };
        let writable = self.slots.writable(head)?;
        let written = if head == last {
            self.batch = None;
            self.check_len(head, len, writable)?
        } else {
            // INVARIANT: The last one is in flight and published, see above, and is not the one that is
            // freed now. 2.7.9: the device has used all before it, to the end.
            self.batch = Some(Batch { last, len });
            writable
        };
        let freed = self.slots.free(head).ok_or(Violation::Slots)?;
        // INVARIANT: One slot less holds a token; in order, the next chain began where this ended.
        self.in_flight = self.in_flight.wrapping_sub(1);
        self.oldest = freed.after;
        self.layout.retire(&self.mem, freed.count);
        Ok(Some(Completion::new(freed.token, written)))
    }

    /// Checks a used length against the bytes that were writable.
    #[inline]
    fn check_len(&self, id: u16, len: Untrusted<u32>, writable: u32) -> Result<u32, Violation> {
        match len.at_most(writable) {
            Some(written) => Ok(written),
            None if writable == 0 && !F::Layout::LEN_ALWAYS => Ok(0),
            None if self.config.cut_len => Ok(writable),
            None => Err(Violation::LenTooLong {
                id: id.into(),
                len: len.raw_for_log(),
                writable,
            }),
        }
    }

    /// Returns whether there are used buffers that the device has told of already.
    #[inline]
    const fn has_batch(&self) -> bool {
        F::IN_ORDER && self.batch.is_some()
    }

    /// Returns whether [`pop`](Self::pop) would find a used buffer, or a violation. A broken
    /// ring has none.
    #[inline]
    pub fn has_used(&self) -> bool {
        self.broken.is_none() && (self.has_batch() || self.layout.has_used(&self.mem))
    }

    /// Asks the device for no callbacks (1.4, "2.7.7 Used Buffer Notification Suppression").
    ///
    /// It is a hint: a callback that is under way still comes, and a stray one may.
    #[inline]
    pub fn disable_cb(&mut self) {
        self.layout.disable_cb(&self.mem);
    }

    /// Asks the device for a callback at the next used buffer.
    ///
    /// Returns true if used buffers are waiting already. They may bring no callback, so the
    /// caller must go on popping. A broken ring returns false: the loop around it ends.
    #[must_use = "used buffers that are waiting already may bring no callback"]
    #[inline]
    pub fn enable_cb(&mut self) -> bool {
        self.broken.is_none() && (self.layout.enable_cb(&self.mem) || self.has_batch())
    }

    /// Asks the device for a callback when about three quarters of the published buffers are
    /// used, or, without event index, at the next one. One that was asked for before and comes when
    /// half of them are used, or later, stays: so this costs little after each buffer of many.
    ///
    /// Returns true if more than those are waiting already, and the caller must go on popping.
    /// Fewer may be waiting when it returns false; the callback will come for them too. A
    /// broken ring returns false.
    #[must_use = "used buffers that are waiting already may bring no callback"]
    #[inline]
    pub fn enable_cb_delayed(&mut self) -> bool {
        // Where they are counted, the layout's answer has those of a batch in it.
        self.broken.is_none()
            && (self.layout.enable_cb_delayed(&self.mem)
                || (!F::Layout::COUNTED && self.has_batch()))
    }

    /// Takes back a buffer that is in flight, in slot order, until there is none left.
    ///
    /// The device must have been reset, or the queue (1.4, "2.6.1 Virtqueue Reset"), and the
    /// reset confirmed: before that the buffers belong to the device. The ring is broken from
    /// then on ([`Violation::Closed`] if it was not before). All calls together look at each
    /// slot once.
    pub fn drain_one(&mut self) -> Option<T> {
        self.set_broken(Violation::Closed);
        // BOUND: `drained` goes up each turn.
        while self.drained < self.config.size {
            let slot = self.drained;
            // At most `size`.
            self.drained = self.drained.wrapping_add(1);
            if let Some(freed) = self.slots.free(slot) {
                // INVARIANT: One slot less holds a token. Nothing is popped any more.
                self.in_flight = self.in_flight.wrapping_sub(1);
                return Some(freed.token);
            }
        }
        None
    }

    /// Breaks the ring, for a reason that the layer above has found. The first reason stands.
    #[cold]
    pub fn set_broken(&mut self, violation: Violation) {
        self.broken.get_or_insert(violation);
    }

    /// Takes back a [`Violation::Closed`]: the ring goes on as it was. Not after a buffer was asked for with
    /// [`drain_one`](Self::drain_one), and not if the ring is broken for another reason.
    pub fn reopen(&mut self) {
        if self.drained == 0 {
            self.broken
                .take_if(|violation| *violation == Violation::Closed);
        }
    }

    /// Returns why the ring is broken, if it is.
    #[inline]
    pub const fn broken(&self) -> Option<Violation> {
        self.broken
    }

    /// Returns the queue size, in descriptors.
    #[inline]
    pub const fn size(&self) -> u16 {
        self.config.size
    }

    /// Returns the number of free descriptors.
    #[inline]
    pub const fn num_free(&self) -> u16 {
        self.slots.num_free()
    }

    /// Returns the number of buffers in flight.
    #[inline]
    pub const fn in_flight(&self) -> u16 {
        self.in_flight
    }

    /// Returns the shared memory.
    #[inline]
    pub const fn mem(&self) -> &M {
        &self.mem
    }
}

// A table of as many entries as the largest queue has fits the length field of a descriptor.
const _: () = assert!(RawDesc::SIZE * 65535 <= u32::MAX as usize);
