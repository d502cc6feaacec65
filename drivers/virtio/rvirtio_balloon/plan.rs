// SPDX-License-Identifier: GPL-2.0

//! What to do next. Pure.

use core::cmp::Ordering;

/// Bytes of a page as the host counts them, whatever the guest's page size is (5.5.6).
pub(crate) const UNIT: usize = 4096;
/// The most page numbers of a notice.
pub(crate) const MOST_NUMBERS: usize = 256;
/// Bytes of a page number.
pub(crate) const NUMBER_BYTES: usize = 4;

/// The part of the guest's memory that is kept available: one in this many.
const FLOOR_PART: u64 = 64;
/// The least that is kept available, in bytes.
const FLOOR_LEAST: u64 = 8 << 20;
/// The most that is kept available, in bytes.
const FLOOR_MOST: u64 = 128 << 20;

/// The sizes that everything follows from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    /// A page of the guest has two to the power of this page numbers, at most [`MOST_NUMBERS`].
    order: u32,
    /// Pages that are kept available.
    floor: u64,
}

/// One step towards the host's wish, in the guest's pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Put so many into the balloon.
    Inflate(usize),
    /// Take so many out of it.
    Deflate(usize),
    /// There is nothing to do.
    Done,
}

impl Plan {
    /// For a guest with pages of `page_size` bytes, of which it has `total`.
    pub(crate) const fn new(page_size: usize, total: u64) -> Self {
        let order = match (page_size / UNIT).checked_ilog2() {
            None => 0,
            Some(more) if more > MOST_NUMBERS.ilog2() => MOST_NUMBERS.ilog2(),
            Some(some) => some,
        };
        let page_bits = UNIT.ilog2() + order;
        let (least, most) = (FLOOR_LEAST >> page_bits, FLOOR_MOST >> page_bits);
        let part = total / FLOOR_PART;

        Self {
            order,
            floor: if part < least {
                least
            } else if part > most {
                most
            } else {
                part
            },
        }
    }

    /// The most pages of a notice.
    pub(crate) const fn most(&self) -> usize {
        MOST_NUMBERS.wrapping_shr(self.order)
    }

    /// The highest frame number that the host can be told of: page numbers have 32 bits.
    pub(crate) const fn highest(&self) -> u64 {
        // CAST: Widening.
        (u32::MAX as u64).wrapping_shr(self.order)
    }

    /// The page numbers of a frame, which is at most [`Self::highest`].
    pub(crate) fn numbers(&self, frame: u64) -> impl Iterator<Item = u32> {
        let count = 1u64.wrapping_shl(self.order);
        let first = frame.saturating_mul(count);

        // Above the highest, nothing: a page that the host is not told of is better than one that
        // it takes for another.
        (first..first.saturating_add(count)).filter_map(|number| u32::try_from(number).ok())
    }

    /// The next step from `have` pages towards `wanted` page numbers. Part of a page is a whole
    /// one, so that the balloon comes to rest.
    pub(crate) fn step(&self, wanted: u32, have: usize) -> Step {
        let part = wanted & 1u32.wrapping_shl(self.order).wrapping_sub(1);
        // CAST: Widening, on machines with 32 bits or more.
        let wanted =
            (wanted.wrapping_shr(self.order) as usize).saturating_add(usize::from(part != 0));

        match wanted.cmp(&have) {
            Ordering::Greater => Step::Inflate(wanted.saturating_sub(have).min(self.most())),
            Ordering::Less => Step::Deflate(have.saturating_sub(wanted).min(self.most())),
            Ordering::Equal => Step::Done,
        }
    }

    /// How many of `pages` may go into the balloon, of a guest that has `available` of them left.
    pub(crate) fn allowed(&self, pages: usize, available: u64) -> usize {
        let above = available.saturating_sub(self.floor);

        usize::try_from(above).map_or(pages, |above| pages.min(above))
    }

    /// `pages` in the host's units.
    pub(crate) fn actual(&self, pages: usize) -> u32 {
        pages
            .checked_mul(1usize.wrapping_shl(self.order))
            .and_then(|numbers| u32::try_from(numbers).ok())
            .unwrap_or(u32::MAX)
    }
}
