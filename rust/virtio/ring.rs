// SPDX-License-Identifier: GPL-2.0

//! The ring of a virtqueue, in the format that the device's features ask for.

use crate::{
    feature::Features,
    memory::QueueMemory,
    transport_feature, //
};
use core::fmt;
use kernel::prelude::*;
use kernel_ext::{
    dma::Segment,
    time, //
};
use vring::{
    packed_layout,
    split_layout,
    AddError,
    Completion,
    InOrder,
    IndirectTable,
    Packed,
    Ring,
    RingConfig,
    RingSizes,
    SetupError,
    Slot,
    Split,
    Violation, //
};

/// The format of all queues of a device (virtio 1.4, 2.7 and 2.8).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RingFormat {
    /// `VIRTIO_F_RING_PACKED`: descriptors and their use share one ring.
    pub packed: bool,
    /// `VIRTIO_F_IN_ORDER`: buffers are used in the order in which they were made available.
    pub in_order: bool,
}

impl RingFormat {
    /// The format that was agreed on.
    pub const fn of(features: Features) -> Self {
        Self {
            packed: features.contains(transport_feature::RING_PACKED),
            in_order: features.contains(transport_feature::IN_ORDER),
        }
    }

    /// The memory of a queue with `size` entries.
    ///
    /// # Errors
    ///
    /// [`SetupError::BadSize`] for a size that the format cannot have.
    pub(crate) const fn sizes(self, size: u16) -> Result<RingSizes, SetupError> {
        if self.packed {
            packed_layout(size)
        } else {
            split_layout(size)
        }
    }

    /// How many descriptors are kept back. QEMU (11.1) loses a buffer of a packed ring that is used in
    /// order when it has taken all descriptors: it looks for it among none.
    pub(crate) const fn kept(self) -> u16 {
        if self.packed && self.in_order {
            1
        } else {
            0
        }
    }

    /// The largest size that is not above `limit`, which is not zero.
    pub(crate) fn largest(self, limit: u16) -> u16 {
        if self.packed {
            limit
        } else {
            limit.checked_ilog2().map_or(1, |log| 1 << log)
        }
    }
}

impl fmt::Display for RingFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.packed, self.in_order) {
            (false, false) => "split",
            (false, true) => "split, in order",
            (true, false) => "packed",
            (true, true) => "packed, in order",
        })
    }
}

/// The ring's private state, one slot for each descriptor.
pub(crate) struct Slots<T>(KVec<Slot<T>>);

impl<T> Slots<T> {
    /// Makes `size` empty slots.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    fn new(size: u16) -> Result<Self> {
        let mut slots = KVec::with_capacity(size.into(), GFP_KERNEL)?;

        for _ in 0..size {
            slots.push(Slot::new(), GFP_KERNEL)?;
        }
        Ok(Self(slots))
    }
}

impl<T> AsRef<[Slot<T>]> for Slots<T> {
    #[inline]
    fn as_ref(&self) -> &[Slot<T>] {
        &self.0
    }
}

impl<T> AsMut<[Slot<T>]> for Slots<T> {
    #[inline]
    fn as_mut(&mut self) -> &mut [Slot<T>] {
        &mut self.0
    }
}

type Of<T, F> = Ring<T, QueueMemory, Slots<T>, F>;

/// A ring of one of the four formats. Each operation is a branch to the code of its format, which the
/// processor predicts; there is no table of functions.
pub(crate) enum AnyRing<T> {
    Split(Of<T, Split>),
    SplitInOrder(Of<T, InOrder<Split>>),
    Packed(Of<T, Packed>),
    PackedInOrder(Of<T, InOrder<Packed>>),
}

/// Does the same with the ring of any format.
macro_rules! with {
    ($any:expr, $ring:ident => $what:expr) => {
        match $any {
            AnyRing::Split($ring) => $what,
            AnyRing::SplitInOrder($ring) => $what,
            AnyRing::Packed($ring) => $what,
            AnyRing::PackedInOrder($ring) => $what,
        }
    };
}

/// See [`Ring`] for all of it.
impl<T> AnyRing<T> {
    /// Makes a ring on `memory`, which is of the same format and size.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a size that the format cannot have, `ENOMEM`.
    // Not into the frame of whoever makes a device.
    #[inline(never)]
    pub(crate) fn new(format: RingFormat, config: RingConfig, memory: QueueMemory) -> Result<Self> {
        let slots = Slots::new(config.size)?;

        match (format.packed, format.in_order) {
            (false, false) => Ring::new(config, memory, slots).map(Self::Split),
            (false, true) => Ring::new(config, memory, slots).map(Self::SplitInOrder),
            (true, false) => Ring::new(config, memory, slots).map(Self::Packed),
            (true, true) => Ring::new(config, memory, slots).map(Self::PackedInOrder),
        }
        .map_err(|_| EINVAL)
    }

    #[inline]
    pub(crate) fn add(
        &mut self,
        readable: impl Iterator<Item = Segment>,
        writable: impl Iterator<Item = Segment>,
        token: T,
    ) -> Result<(), (AddError, T)> {
        let now = time::ticks();

        with!(self, ring => {
            ring.set_clock(now);
            ring.add(readable, writable, token)
        })
    }

    #[inline]
    pub(crate) fn add_readable(&mut self, segment: Segment, token: T) -> Result<(), (AddError, T)> {
        let now = time::ticks();

        with!(self, ring => {
            ring.set_clock(now);
            ring.add_readable(segment, token)
        })
    }

    #[inline]
    pub(crate) fn add_writable(&mut self, segment: Segment, token: T) -> Result<(), (AddError, T)> {
        let now = time::ticks();

        with!(self, ring => {
            ring.set_clock(now);
            ring.add_writable(segment, token)
        })
    }

    #[inline]
    pub(crate) fn add_indirect(
        &mut self,
        table: IndirectTable,
        token: T,
    ) -> Result<(), (AddError, T)> {
        let now = time::ticks();

        with!(self, ring => {
            ring.set_clock(now);
            ring.add_indirect(table, token)
        })
    }

    /// Returns how many buffers were shown, too.
    #[inline]
    pub(crate) fn kick_prepare(&mut self) -> (u32, bool) {
        with!(self, ring => {
            let before = ring.published();
            let kick = ring.kick_prepare();

            (ring.published().wrapping_sub(before), kick)
        })
    }

    #[inline]
    pub(crate) fn next_avail(&self) -> u16 {
        with!(self, ring => ring.next_avail())
    }

    pub(crate) fn oldest_age(&self, now: u64) -> Option<u64> {
        with!(self, ring => ring.oldest_age(now))
    }

    #[inline]
    pub(crate) fn added(&self) -> u32 {
        with!(self, ring => ring.added())
    }

    #[inline]
    pub(crate) fn in_flight(&self) -> u16 {
        with!(self, ring => ring.in_flight())
    }

    pub(crate) fn next_used(&self) -> u16 {
        with!(self, ring => ring.next_used())
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Result<Option<Completion<T>>, Violation> {
        with!(self, ring => ring.pop())
    }

    #[inline]
    pub(crate) fn has_used(&self) -> bool {
        with!(self, ring => ring.has_used())
    }

    #[inline]
    pub(crate) fn disable_cb(&mut self) {
        with!(self, ring => ring.disable_cb());
    }

    #[inline]
    pub(crate) fn enable_cb(&mut self) -> bool {
        with!(self, ring => ring.enable_cb())
    }

    #[inline]
    pub(crate) fn enable_cb_delayed(&mut self) -> bool {
        with!(self, ring => ring.enable_cb_delayed())
    }

    pub(crate) fn drain_one(&mut self) -> Option<T> {
        with!(self, ring => ring.drain_one())
    }

    pub(crate) fn renew(&mut self) {
        with!(self, ring => ring.renew());
    }

    pub(crate) fn set_broken(&mut self, violation: Violation) {
        with!(self, ring => ring.set_broken(violation));
    }

    pub(crate) fn reopen(&mut self) {
        with!(self, ring => ring.reopen());
    }

    #[inline]
    pub(crate) fn broken(&self) -> Option<Violation> {
        with!(self, ring => ring.broken())
    }

    #[inline]
    pub(crate) fn num_free(&self) -> u16 {
        with!(self, ring => ring.num_free())
    }
}
