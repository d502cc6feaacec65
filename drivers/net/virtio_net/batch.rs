// SPDX-License-Identifier: GPL-2.0

//! A short list in memory that it is given.

use core::ops::DerefMut;

/// As many things as `S` has places for, first in, first out; once it was emptied it can be filled
/// again.
pub(crate) struct Batch<S> {
    places: S,
    /// Where the next one goes.
    end: usize,
    /// Where the next one is.
    start: usize,
}

impl<T, S: DerefMut<Target = [Option<T>]>> Batch<S> {
    /// An empty one; what is in `places` does not matter.
    pub(crate) fn new(places: S) -> Self {
        Self {
            places,
            end: 0,
            start: 0,
        }
    }

    /// Appends `item`; gives it back when there is no room.
    #[inline]
    pub(crate) fn push(&mut self, item: T) -> Result<(), T> {
        match self.places.get_mut(self.end) {
            Some(place) => {
                *place = Some(item);
                // At most as many as there are places.
                self.end = self.end.wrapping_add(1);
                Ok(())
            }
            None => Err(item),
        }
    }

    /// Takes the first one.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<T> {
        if self.start == self.end {
            return None;
        }
        let item = self.places.get_mut(self.start)?.take();

        // At most `end`.
        self.start = self.start.wrapping_add(1);
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
        item
    }
}
