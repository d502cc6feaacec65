// SPDX-License-Identifier: GPL-2.0

//! A short list that lives on the stack.

/// Up to `N` things, first in, first out; once it was emptied it can be filled again.
pub(crate) struct Batch<T, const N: usize> {
    items: [Option<T>; N],
    /// Where the next one goes.
    end: usize,
    /// Where the next one is.
    start: usize,
}

impl<T, const N: usize> Batch<T, N> {
    /// An empty one.
    #[inline]
    pub(crate) fn new() -> Self {
        Self {
            items: [const { None }; N],
            end: 0,
            start: 0,
        }
    }

    /// Appends `item`; gives it back when there is no room.
    #[inline]
    pub(crate) fn push(&mut self, item: T) -> Result<(), T> {
        match self.items.get_mut(self.end) {
            Some(place) => {
                *place = Some(item);
                // At most `N`.
                self.end = self.end.wrapping_add(1);
                Ok(())
            }
            None => Err(item),
        }
    }

    /// Takes the first one.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<T> {
        let item = self.items.get_mut(self.start)?.take()?;

        // At most `end`.
        self.start = self.start.wrapping_add(1);
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
        Some(item)
    }
}
