// SPDX-License-Identifier: GPL-2.0

//! A packet that comes in several pieces of memory.

use super::{
    napi::Polling,
    packet::Packet,
    pool::Piece, //
};
use crate::bindings;

/// A packet that is being put together.
///
/// # Invariants
///
/// `head` was made by [`Packet::build`]; `tail` is it, or the last packet of its list of fragments.
pub struct Assembly<'a> {
    polling: &'a Polling<'a>,
    head: Packet,
    tail: *mut bindings::sk_buff,
}

impl<'a> Assembly<'a> {
    /// Begins with the `length` bytes at `at` of `piece`, see [`Packet::build`].
    ///
    /// # Errors
    ///
    /// As there.
    #[inline]
    pub fn begin(
        polling: &'a Polling<'_>,
        piece: Piece,
        at: u32,
        length: u32,
    ) -> Result<Self, Piece> {
        let head = Packet::build(polling, piece, at, length)?;
        let tail = head.as_raw();

        // INVARIANT: As the type says.
        Ok(Self {
            polling,
            head,
            tail,
        })
    }

    /// Goes on with the `length` bytes at `at` of `piece`, which goes with the packet.
    ///
    /// # Errors
    ///
    /// Gives the piece back when memory is short, or when it is not that long.
    #[inline]
    pub fn append(&mut self, piece: Piece, at: u32, length: u32) -> Result<(), Piece> {
        if piece.range(at, length).is_none() {
            return Err(piece);
        }
        // SAFETY: Head and tail are as the type says; the bytes are inside the piece, which is of a
        // pool, as the head's is. The poller is being polled.
        let appended = unsafe {
            bindings::rvirtio_helper_skb_append(
                self.polling.as_raw(),
                self.head.as_raw(),
                &mut self.tail,
                piece.page(),
                piece.offset().wrapping_add(at),
                length,
                piece.size(),
            )
        };

        if !appended {
            return Err(piece);
        }
        // The packet gives it back to its pool.
        piece.into_page();
        Ok(())
    }

    /// The packet.
    #[inline]
    pub fn finish(self) -> Packet {
        self.head
    }
}
