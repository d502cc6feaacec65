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
    indirect::IndirectTable,
    layout::{
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
    split::Split, //
};

/// The driver side of one virtqueue.
///
/// `T` is the token that goes with a buffer: handed in by [`add`](Self::add), it comes back
/// exactly once, from a failed `add`, from [`pop`](Self::pop) or from
/// [`drain_one`](Self::drain_one). `M` is the shared memory, `S` the private slots, `L` the
/// layout.
///
/// Dropping the ring drops the tokens that are in flight. Reset the device first: until then it
/// may write to their memory.
///
/// # Invariants
///
/// - `in_flight` is the number of slots that hold a token.
/// - While `broken` is set nothing is published and nothing is popped.
pub struct Ring<T, M, S, L = Split>
where
    M: RingMem,
    S: AsRef<[Slot<T>]> + AsMut<[Slot<T>]>,
    L: Layout,
{
    layout: L,
    slots: Slots<T, S>,
    mem: M,
    size: u16,
    in_flight: u16,
    /// The slot at which `drain_one` goes on.
    drained: u16,
    cut_len: bool,
    broken: Option<Violation>,
}

impl<T, M, S, L> Ring<T, M, S, L>
where
    M: RingMem,
    S: AsRef<[Slot<T>]> + AsMut<[Slot<T>]>,
    L: Layout,
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
        L::check_size(config.size)?;
        let slots = Slots::new(slots, config.size)?;
        // INVARIANT: No slot holds a token.
        Ok(Self {
            layout: L::new(config, &mem),
            slots,
            mem,
            size: config.size,
            in_flight: 0,
            drained: 0,
            cut_len: config.cut_len,
            broken: None,
        })
    }

    /// Gives up the ring for its memory and its slots, which a new ring may use after a reset.
    pub fn into_parts(self) -> (M, S) {
        (self.mem, self.slots.into_inner())
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
    /// - [`AddError::TooLong`]: more segments than the empty queue has descriptors, or more than
    ///   2^32 - 1 bytes (1.4, "2.7.5.2 Driver Requirements: The Virtqueue Descriptor Table").
    /// - [`AddError::Empty`]: no segment.
    /// - [`AddError::ZeroLength`]: a segment without bytes.
    /// - [`AddError::Broken`]: the ring is broken.
    #[inline]
    pub fn add<R, W>(&mut self, readable: R, writable: W, token: T) -> Result<(), (AddError, T)>
    where
        R: IntoIterator<Item = Segment>,
        W: IntoIterator<Item = Segment>,
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
        let error = if self.broken.is_some() {
            AddError::Broken
        } else if table.entries() > self.size {
            AddError::TooLong
        } else if self.slots.num_free() == 0 {
            AddError::Full
        } else {
            let head = self.slots.free_head();
            let segment = Segment {
                addr: table.addr(),
                len: table.bytes(),
            };
            let element = Element {
                slot: head,
                head,
                ordinal: 0,
                segment,
                flags: DescFlags::INDIRECT,
            };
            self.layout.write_element(&self.mem, element, None);
            let chain = Chain {
                head,
                tail: head,
                count: 1,
                writable: table.writable(),
                first: DescFlags::INDIRECT,
            };
            return self.commit(chain, token);
        };
        Err((error, token))
    }

    /// Writes the descriptors of a buffer into free slots, which stay free.
    #[inline]
    fn place<R, W>(&self, readable: R, writable: W) -> Result<Chain, AddError>
    where
        R: IntoIterator<Item = Segment>,
        W: IntoIterator<Item = Segment>,
    {
        if self.broken.is_some() {
            return Err(AddError::Broken);
        }
        let head = self.slots.free_head();
        let mut placer = Placer {
            count: 0,
            total: 0,
            readable: 0,
            first: DescFlags::NONE,
            held: Element {
                slot: head,
                head,
                ordinal: 0,
                segment: Segment::default(),
                flags: DescFlags::NONE,
            },
        };
        if let Err(error) = self.place_all(&mut placer, readable, writable) {
            // The held one was not written.
            self.layout
                .discard(&self.mem, placer.count.saturating_sub(1));
            return Err(error);
        }
        self.layout.write_element(&self.mem, placer.held, None);
        Ok(Chain {
            head,
            tail: placer.held.slot,
            count: placer.count,
            // CAST: A part of the total, which fits 32 bits.
            writable: placer.total.wrapping_sub(placer.readable) as u32,
            first: placer.first,
        })
    }

    /// Writes all elements of a buffer but the last one.
    #[inline]
    fn place_all<R, W>(&self, placer: &mut Placer, readable: R, writable: W) -> Result<(), AddError>
    where
        R: IntoIterator<Item = Segment>,
        W: IntoIterator<Item = Segment>,
    {
        for segment in readable {
            self.place_one(placer, segment, DescFlags::NONE)?;
        }
        placer.readable = placer.total;
        for segment in writable {
            self.place_one(placer, segment, DescFlags::WRITE)?;
        }
        if placer.count == 0 {
            return Err(AddError::Empty);
        }
        if u32::try_from(placer.total).is_err() {
            return Err(AddError::TooLong);
        }
        Ok(())
    }

    /// Holds one element, and writes the one before, since its successor is known now.
    #[inline]
    fn place_one(
        &self,
        placer: &mut Placer,
        segment: Segment,
        flags: DescFlags,
    ) -> Result<(), AddError> {
        if segment.len == 0 {
            return Err(AddError::ZeroLength);
        }
        if placer.count >= self.slots.num_free() {
            return Err(if placer.count >= self.size {
                AddError::TooLong
            } else {
                AddError::Full
            });
        }
        if placer.count != 0 {
            let next = self.slots.next(placer.held.slot).ok_or(AddError::Broken)?;
            self.layout
                .write_element(&self.mem, placer.held, Some(next));
            placer.held.slot = next;
        } else {
            placer.first = flags;
        }
        placer.held.ordinal = placer.count;
        placer.held.segment = segment;
        placer.held.flags = flags;
        placer.count = placer.count.wrapping_add(1);
        // At most 32768 times 2^32 - 1: it does not wrap.
        placer.total = placer.total.wrapping_add(segment.len.into());
        Ok(())
    }

    /// Takes a chain whose descriptors are written, and puts it in line for the device.
    #[inline]
    fn commit(&mut self, chain: Chain, token: T) -> Result<(), (AddError, T)> {
        let ticket = self.layout.ticket();
        if let Err(token) = self.slots.take(chain, ticket, token) {
            self.set_broken(Violation::Slots);
            return Err((AddError::Broken, token));
        }
        // INVARIANT: One more slot holds a token. There are at most 32768 slots.
        self.in_flight = self.in_flight.wrapping_add(1);
        self.layout
            .make_available(&self.mem, chain.head, chain.count, chain.first);
        Ok(())
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
        self.broken.is_none() && self.layout.publish(&self.mem)
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
        let Some(used) = self.layout.next_used(&self.mem)? else {
            return Ok(None);
        };
        let layout = &self.layout;
        let returned = self
            .slots
            .give_back(used.id, used.len, self.cut_len, |ticket| {
                layout.is_published(ticket)
            })?;
        // INVARIANT: One slot less holds a token.
        self.in_flight = self.in_flight.wrapping_sub(1);
        self.layout.retire(&self.mem, returned.count);
        Ok(Some(Completion::new(returned.token, returned.written)))
    }

    /// Returns whether [`pop`](Self::pop) would find a used buffer, or a violation. A broken
    /// ring has none.
    #[inline]
    pub fn has_used(&self) -> bool {
        self.broken.is_none() && self.layout.has_used(&self.mem)
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
        self.broken.is_none() && self.layout.enable_cb(&self.mem)
    }

    /// Asks the device for a callback when about three quarters of the published buffers are
    /// used, or, without event index, at the next one.
    ///
    /// Returns true if more than those are waiting already, and the caller must go on popping.
    /// Fewer may be waiting when it returns false; the callback will come for them too. A
    /// broken ring returns false.
    #[must_use = "used buffers that are waiting already may bring no callback"]
    #[inline]
    pub fn enable_cb_delayed(&mut self) -> bool {
        self.broken.is_none() && self.layout.enable_cb_delayed(&self.mem)
    }

    /// Takes back a buffer that is in flight, in slot order, until there is none left.
    ///
    /// The device must have been reset, or the queue (1.4, "2.6.1 Virtqueue Reset"), and the
    /// reset confirmed: before that the buffers belong to the device. The ring is broken from
    /// then on ([`Violation::Closed`] if it was not before). All calls together look at each
    /// slot once.
    pub fn drain_one(&mut self) -> Option<T> {
        self.set_broken(Violation::Closed);
        while self.drained < self.size {
            let slot = self.drained;
            // At most `size`.
            self.drained = self.drained.wrapping_add(1);
            if let Some((token, _)) = self.slots.free(slot) {
                // INVARIANT: One slot less holds a token.
                self.in_flight = self.in_flight.wrapping_sub(1);
                return Some(token);
            }
        }
        None
    }

    /// Breaks the ring, for a reason that the layer above has found. The first reason stands.
    #[cold]
    pub fn set_broken(&mut self, violation: Violation) {
        self.broken.get_or_insert(violation);
    }

    /// Returns why the ring is broken, if it is.
    #[inline]
    pub const fn broken(&self) -> Option<Violation> {
        self.broken
    }

    /// Returns the queue size, in descriptors.
    #[inline]
    pub const fn size(&self) -> u16 {
        self.size
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

/// A chain while it is written.
struct Placer {
    /// The number of elements so far.
    count: u16,
    /// Their bytes.
    total: u64,
    /// Those of the readable ones, once all are there.
    readable: u64,
    /// The flags of the first one.
    first: DescFlags,
    /// The last of them, which is not written yet. Before the first one: the head's slot.
    held: Element,
}

// A table of as many entries as the largest queue has fits the length field of a descriptor.
const _: () = assert!(RawDesc::SIZE * 65535 <= u32::MAX as usize);
