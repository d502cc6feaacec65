// SPDX-License-Identifier: GPL-2.0

//! A packet that is owned.

use super::{
    napi::Polling,
    pool::Piece, //
};
use crate::{
    bindings,
    dma::{
        Direct,
        Run,
        Segment, //
    }, //
};
use core::{
    marker::PhantomData,
    mem::ManuallyDrop,
    ptr::NonNull, //
};
use kernel::{
    error::to_result,
    prelude::*, //
};

/// Bytes that say what is left to do for a packet's checksum and segments: those of
/// `struct virtio_net_hdr` (virtio 1.4, 5.1.6), little-endian.
pub const OFFLOAD_BYTES: usize = 10;

/// Bytes of [`Packet::prefix`]: those, and two more.
pub const PREFIX_BYTES: usize = 12;

/// A packet. Nobody else changes it. Dropping it counts as a loss; see [`Polling::consume`] for one that was sent.
///
/// # Invariants
///
/// `0` is a packet with one reference, which is ours.
pub struct Packet(NonNull<bindings::sk_buff>);

// SAFETY: A packet may be passed to another thread; all access through `&self` is reading.
unsafe impl Send for Packet {}
// SAFETY: As above.
unsafe impl Sync for Packet {}

impl Packet {
    /// # Safety
    ///
    /// `raw` must be a packet whose reference is handed over.
    #[inline]
    pub(super) unsafe fn from_raw(raw: NonNull<bindings::sk_buff>) -> Self {
        // INVARIANT: Promised by the caller.
        Self(raw)
    }

    #[inline]
    pub(super) fn into_raw(self) -> *mut bindings::sk_buff {
        ManuallyDrop::new(self).0.as_ptr()
    }

    #[inline]
    pub(super) fn as_raw(&self) -> *mut bindings::sk_buff {
        self.0.as_ptr()
    }

    /// Makes a packet with a copy of `bytes`, which begin with the Ethernet header. `None` when
    /// memory is short.
    #[inline]
    pub fn copy(polling: &Polling<'_>, piece: &Piece, at: u32, length: u32) -> Option<Self> {
        let data = piece.range(at, length)?;
        // SAFETY: `data` has as many bytes; the poller is being polled.
        let raw = unsafe {
            bindings::rvirtio_helper_skb_copy(polling.as_raw(), data.as_ptr().cast(), length)
        };

        // INVARIANT: A new packet.
        NonNull::new(raw).map(Self)
    }

    /// Makes a packet in `piece`, of the `length` bytes at `at`, without a copy. The piece goes
    /// with the packet.
    ///
    /// # Errors
    ///
    /// Gives the piece back when memory is short, or when there are not [`PACKET_OVERHEAD`]
    /// bytes behind the data.
    ///
    /// [`PACKET_OVERHEAD`]: super::PACKET_OVERHEAD
    #[inline]
    pub fn build(
        _polling: &Polling<'_>,
        piece: Piece,
        at: u32,
        length: u32,
    ) -> Result<Self, Piece> {
        let whole = at
            .checked_add(length)
            .and_then(|end| end.checked_add(super::PACKET_OVERHEAD));

        if whole.is_none_or(|whole| whole > piece.size()) {
            return Err(piece);
        }
        // SAFETY: The piece is ours and has room for the data and what a packet has behind it. It
        // is aligned as its pool aligns it. Softirq context, as the poller proves.
        let raw = unsafe {
            bindings::rvirtio_helper_skb_build(piece.as_ptr().cast(), piece.size(), at, length)
        };

        match NonNull::new(raw) {
            Some(raw) => {
                // The packet gives it back to its pool.
                piece.into_page();
                // INVARIANT: A new packet.
                Ok(Self(raw))
            }
            None => Err(piece),
        }
    }

    /// Bytes of the packet.
    #[inline]
    pub fn length(&self) -> u32 {
        // SAFETY: The packet is valid.
        unsafe { (*self.as_raw()).len }
    }

    /// Takes the time at which the packet is sent, if somebody wants to know, and lets go of the connection that it belongs to, which the
    /// device must not keep from ending. To be called right before it is sent.
    #[inline]
    pub fn depart(&mut self) {
        // SAFETY: The packet is ours alone.
        unsafe { bindings::rvirtio_helper_skb_depart(self.as_raw()) };
    }

    /// Makes the packet one piece; says whether that worked, which may need much memory.
    pub fn linearize(&mut self) -> bool {
        // SAFETY: The packet is ours alone.
        unsafe { bindings::rvirtio_helper_skb_linearize(self.as_raw()) == 0 }
    }

    /// Frees a packet that was sent. See also [`Polling::consume`].
    pub fn consume(self) {
        // SAFETY: The packet is ours; a budget of zero is for any context.
        unsafe { bindings::napi_consume_skb(self.into_raw(), 0) };
    }

    /// The transmit queue that the stack has chosen.
    #[inline]
    pub(super) fn queue(&self) -> u16 {
        // SAFETY: The packet is valid.
        unsafe { bindings::rvirtio_helper_skb_queue(self.as_raw()) }
    }

    /// What the hardware has to do with a packet to be sent.
    ///
    /// # Errors
    ///
    /// `EINVAL` when it would have to do what no offload says.
    #[inline]
    pub fn offload(&self) -> Result<[u8; OFFLOAD_BYTES]> {
        let mut header = [0; OFFLOAD_BYTES];

        // SAFETY: The packet is valid, and the header has as many bytes.
        to_result(unsafe {
            bindings::rvirtio_helper_skb_offload(self.as_raw(), header.as_mut_ptr())
        })?;
        Ok(header)
    }

    /// Takes in what the hardware says about a packet that was received, before it is passed on.
    ///
    /// # Errors
    ///
    /// `EINVAL` when it does not fit the packet.
    #[inline]
    pub fn apply(&mut self, polling: &Polling<'_>, header: &[u8; OFFLOAD_BYTES]) -> Result {
        // SAFETY: The packet is ours alone, the device valid.
        to_result(unsafe {
            bindings::rvirtio_helper_skb_apply(
                self.as_raw(),
                polling.device().as_raw(),
                header.as_ptr(),
            )
        })
    }

    /// Writes what [`Self::offload`] says, and zeros up to [`PREFIX_BYTES`], right before a packet that is in one
    /// piece. Gives both together, for a device that uses guest-physical addresses. The prefix is no part of the packet,
    /// and stays there as long as the packet is under way.
    ///
    /// # Errors
    ///
    /// `ENOSPC` when the packet is not in one piece, or there is no room before it that is ours; `EINVAL` as for
    /// [`Self::offload`].
    #[inline]
    pub fn prefix(&mut self, direct: Direct) -> Result<Segment> {
        let mut phys = 0;
        // SAFETY: The packet is ours alone.
        let whole = unsafe { bindings::rvirtio_helper_skb_prefix(self.as_raw(), &mut phys) };

        match u32::try_from(whole) {
            Ok(whole) => Ok(direct.segment(Run::new(phys, whole))),
            Err(_) => Err(Error::from_errno(whole)),
        }
    }

    /// The pieces of the packet.
    #[inline]
    pub fn segments(&self) -> Segments<'_> {
        Segments {
            raw: self.as_raw(),
            index: 0,
            _packet: PhantomData,
        }
    }
}

impl Drop for Packet {
    fn drop(&mut self) {
        // SAFETY: The packet is ours. Not in hard interrupt context, as for all of this module.
        unsafe {
            bindings::sk_skb_reason_drop(
                core::ptr::null_mut(),
                self.as_raw(),
                bindings::skb_drop_reason_SKB_DROP_REASON_NOT_SPECIFIED,
            )
        };
    }
}

/// The pieces of a packet. Those without a byte are left out.
#[derive(Clone)]
pub struct Segments<'a> {
    raw: *const bindings::sk_buff,
    index: u32,
    _packet: PhantomData<&'a Packet>,
}

/// The number of the last piece that a packet can have.
const LAST_PIECE: u32 = super::MAX_FRAGMENTS as u32;

impl Iterator for Segments<'_> {
    type Item = Run;

    #[inline]
    fn next(&mut self) -> Option<Run> {
        // BOUND: The index goes up each turn.
        while self.index <= LAST_PIECE {
            let mut phys = 0;
            // SAFETY: The packet is valid as long as it is borrowed.
            let length =
                unsafe { bindings::rvirtio_helper_skb_segment(self.raw, self.index, &mut phys) };

            self.index = self.index.wrapping_add(1);
            if length != 0 {
                return Some(Run::new(phys, length));
            }
        }
        None
    }
}
