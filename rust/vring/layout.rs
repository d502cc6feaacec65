// SPDX-License-Identifier: GPL-2.0

//! What differs between the layouts of a virtqueue.

use crate::{
    desc::{
        DescFlags,
        RawDesc,
        Segment, //
    },
    error::{
        SetupError,
        Violation, //
    },
    mem::RingMem,
    untrusted::Untrusted, //
};

/// What was negotiated for a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RingConfig {
    /// The queue size, in descriptors.
    pub size: u16,
    /// Whether `VIRTIO_F_EVENT_IDX` was negotiated.
    pub event_idx: bool,
    /// Whether a used length beyond the writable bytes is cut to them, rather than taken as a
    /// violation: for devices that are known to count wrongly.
    pub cut_len: bool,
    /// How many descriptors are kept back, so that the device never has all of them: for devices that
    /// are known to lose their way then, or that have more than there is a use for. One is left at least.
    pub kept: u16,
}

impl RingConfig {
    /// Returns how many descriptors may be in flight.
    #[inline]
    pub const fn room(&self) -> u16 {
        match self.size.saturating_sub(self.kept) {
            // Also of a size of zero, which no ring has.
            0 if self.size != 0 => 1,
            room => room,
        }
    }
}

/// One element of a buffer that is to become a descriptor of the ring.
#[derive(Clone, Copy, Debug)]
pub struct Element {
    /// The private slot of this descriptor.
    pub slot: u16,
    /// The slot of the buffer's first descriptor.
    pub head: u16,
    /// How many descriptors of the buffer stand before this one.
    pub ordinal: u16,
    /// The memory: a segment, or an indirect table.
    pub segment: Segment,
    /// `WRITE` or `INDIRECT` or none. The layout adds what it needs to chain.
    pub flags: DescFlags,
}

/// A buffer whose descriptors are written.
#[derive(Clone, Copy, Debug)]
pub struct Buffer {
    /// Its ticket: a number that grows with each buffer and wraps.
    pub ticket: u32,
    /// The slot of its first descriptor.
    pub head: u16,
    /// How many descriptors it has.
    pub count: u16,
    /// The flags of its first element.
    pub first: DescFlags,
}

/// One used buffer, or the last one of a batch, as the device reported it.
#[derive(Clone, Copy, Debug)]
pub struct Used {
    /// The head of the buffer.
    pub id: Untrusted<u32>,
    /// The number of bytes that the device has written.
    pub len: Untrusted<u32>,
}

pub(crate) mod sealed {
    /// Keeps the layouts to those of this crate.
    pub trait Sealed {}
}

/// A format of the shared memory: where a buffer goes and how a used one is found.
///
/// A layout holds the positions within the rings, nothing else. Slots, tokens, lengths,
/// unwinding and the broken state are common to all layouts and live in
/// [`Ring`](crate::Ring), as does the order of use: see [`Format`](crate::Format). A ring is
/// monomorphised for its format: no operation asks which one it is.
pub trait Layout: sealed::Sealed + Sized {
    /// Whether the device counts the buffers that it has used, so that the driver knows how many wait.
    const COUNTED: bool;

    /// Whether a used length means something for a buffer without writable bytes.
    const LEN_ALWAYS: bool;

    /// Checks the size of a queue.
    ///
    /// # Errors
    ///
    /// [`SetupError::BadSize`]: the layout does not allow the size.
    fn check_size(size: u16) -> Result<(), SetupError>;

    /// Writes the initial state of the areas. The device must not know the queue yet.
    fn new<M: RingMem>(config: RingConfig, mem: &M) -> Self;

    /// Writes the descriptor of one element. `next` is the slot of the element that follows it
    /// in the same buffer.
    fn write_element<M: RingMem>(&self, mem: &M, element: Element, next: Option<u16>);

    /// Forgets the first `count` elements of a buffer, which were written and will not be made
    /// available.
    fn discard<M: RingMem>(&self, mem: &M, count: u16);

    /// Puts a complete buffer in line for the device, not yet visible.
    fn make_available<M: RingMem>(&mut self, mem: &M, buffer: Buffer);

    /// Makes visible what is in line: the buffers from ticket `old` up to `new`, of which there is one at
    /// least. Returns whether the device wants a notification for them.
    fn publish<M: RingMem>(&mut self, mem: &M, old: u32, new: u32) -> bool;

    /// Returns where the next buffer will stand, as an available buffer notification with data says it
    /// (1.4, "2.9 Driver Notifications"): `next_off` in the low 15 bits, `next_wrap` in the highest. Right
    /// as long as nothing is in line.
    fn next_avail(&self) -> u16;

    /// Returns where the next used buffer is expected, in the form of [`next_avail`](Self::next_avail).
    fn next_used_place(&self) -> u16;

    /// Reads the next used buffer, and does not pass it yet.
    ///
    /// # Errors
    ///
    /// What the device did not respect.
    fn next_used<M: RingMem>(&mut self, mem: &M) -> Result<Option<Used>, Violation>;

    /// Returns whether the count that was read last covers the next buffer. True where nothing is counted.
    fn is_counted(&self) -> bool;

    /// Passes the next used buffer, a chain of `count` descriptors.
    fn retire<M: RingMem>(&mut self, mem: &M, count: u16);

    /// Returns whether there is a used buffer.
    fn has_used<M: RingMem>(&self, mem: &M) -> bool;

    /// Asks the device not to notify of used buffers.
    fn disable_cb<M: RingMem>(&mut self, mem: &M);

    /// Asks the device to notify of the next used buffer. Returns whether there is one already.
    fn enable_cb<M: RingMem>(&mut self, mem: &M) -> bool;

    /// Asks the device to notify when most buffers in flight are used. Returns whether so many
    /// are used already.
    fn enable_cb_delayed<M: RingMem>(&mut self, mem: &M) -> bool;

    /// Returns entry `index` of an indirect table. `last` tells that no entry follows.
    fn table_entry(index: u16, segment: Segment, flags: DescFlags, last: bool) -> RawDesc;
}
