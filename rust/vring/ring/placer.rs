// SPDX-License-Identifier: GPL-2.0

//! How the descriptors of a buffer are written, one behind the other.

use super::Ring;
use crate::{
    desc::{
        DescFlags,
        Segment, //
    },
    error::AddError,
    format::Format,
    layout::{
        Element,
        Layout, //
    },
    mem::RingMem,
    slots::{
        Chain,
        Slot, //
    }, //
};

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

impl<T, M, S, F> Ring<T, M, S, F>
where
    M: RingMem,
    S: AsRef<[Slot<T>]> + AsMut<[Slot<T>]>,
    F: Format,
{
    /// Writes the descriptors of a buffer into free slots, which stay free.
    #[inline]
    pub(super) fn place<R, W>(&self, readable: R, writable: W) -> Result<Chain, AddError>
    where
        R: IntoIterator<Item = M::Piece>,
        W: IntoIterator<Item = M::Piece>,
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
        R: IntoIterator<Item = M::Piece>,
        W: IntoIterator<Item = M::Piece>,
    {
        // Not a `for`: of a chain each part has a loop of its own so.
        readable
            .into_iter()
            .try_for_each(|piece| self.place_one(placer, M::segment(piece), DescFlags::NONE))?;
        placer.readable = placer.total;
        writable
            .into_iter()
            .try_for_each(|piece| self.place_one(placer, M::segment(piece), DescFlags::WRITE))?;
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
            return Err(if placer.count >= self.room {
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
}
