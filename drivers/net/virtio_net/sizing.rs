// SPDX-License-Identifier: GPL-2.0

//! How large receive buffers are.
//!
//! A buffer is a piece of a page, never more than the page. What the device may write stands between
//! room for headers of the stack and what a packet needs behind its data:
//!
//! ```text
//! | headroom - header | header, packet ...        | overhead |
//! 0                   ^ the device's from here on ^
//! ```

/// What a platform's packets need, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    /// Before the packet.
    pub(crate) headroom: u32,
    /// Behind it.
    pub(crate) overhead: u32,
    /// The device's header, which stands right before the packet, in the headroom.
    pub(crate) header: u32,
}

/// The largest piece.
pub(crate) const PAGE: u32 = 4096;
/// A frame of 1500 bytes of payload with Ethernet header and a VLAN tag.
const FRAME: u32 = 1518;
/// The largest packet that a device puts together, with the headers before it (64 KiB and some).
const LARGEST: u32 = (64 << 10) + 64;
/// What an Ethernet header and a VLAN tag need besides the payload.
const LINK_HEADERS: u32 = 18;
/// The average moves by one part in as many.
const WEIGHT: u32 = 64;

impl Room {
    /// Where the device begins to write.
    pub(crate) const fn begin(self) -> u32 {
        self.headroom.saturating_sub(self.header)
    }

    /// Bytes of packet that fit into a piece of `size` bytes.
    pub(crate) const fn capacity(self, size: u32) -> u32 {
        size.saturating_sub(self.headroom)
            .saturating_sub(self.overhead)
    }

    /// The largest MTU for which one buffer holds any packet.
    pub(crate) const fn largest_mtu(self) -> u32 {
        self.capacity(PAGE).saturating_sub(LINK_HEADERS)
    }

    /// The piece for packets of `length` bytes, cut at a page.
    pub(crate) fn piece(self, length: u32) -> u32 {
        length
            .saturating_add(self.headroom)
            .saturating_add(self.overhead)
            .min(PAGE)
    }
}

/// The length of buffers of one queue, which follows that of its packets where a packet may be in
/// several buffers.
#[derive(Debug)]
pub(crate) struct Sizing {
    room: Room,
    /// The average length of a packet, in 1/`WEIGHT` bytes; `None` where all buffers are alike.
    average: Option<u32>,
    /// The least length, or the only one.
    least: u32,
}

impl Sizing {
    /// Buffers that hold any packet up to `mtu`.
    pub(crate) fn fixed(room: Room, mtu: u32) -> Self {
        Self {
            room,
            average: None,
            least: mtu.saturating_add(LINK_HEADERS).max(FRAME),
        }
    }

    /// Buffers that follow the packets, and of which `buffers` hold the largest one: a device waits
    /// for more when they do not, and it would wait for ever.
    pub(crate) fn following(room: Room, buffers: u16) -> Self {
        let least = LARGEST.div_ceil(u32::from(buffers).max(1)).max(FRAME);

        Self {
            room,
            average: Some(FRAME.saturating_mul(WEIGHT)),
            least,
        }
    }

    /// Whether `buffers` buffers can hold the largest packet.
    pub(crate) fn suffices(room: Room, buffers: u16) -> bool {
        room.capacity(PAGE).saturating_mul(buffers.into()) >= LARGEST
    }

    /// There are `buffers` buffers from now on. Of those that are all alike that makes no difference.
    pub(crate) fn share(&mut self, buffers: u16) {
        if self.average.is_some() {
            self.least = Self::following(self.room, buffers).least;
        }
    }

    /// What packets need around them.
    pub(crate) fn room(&self) -> Room {
        self.room
    }

    /// How large the next piece should be.
    pub(crate) fn piece(&self) -> u32 {
        let length = match self.average {
            Some(average) => (average / WEIGHT).max(self.least),
            None => self.least,
        };

        self.room.piece(length)
    }

    /// There were `packets` packets, of `bytes` bytes together.
    pub(crate) fn note(&mut self, packets: u32, bytes: u32) {
        let (Some(average), Some(mean)) = (self.average, bytes.checked_div(packets)) else {
            return;
        };
        let count = packets.min(WEIGHT);
        // A packet has 2^17 bytes at most, see `mean.min()`, so nothing saturates. What stays is
        // rounded up: rounded down, the average would stop short of packets that are longer.
        let keep = average
            .saturating_mul(WEIGHT.saturating_sub(count))
            .div_ceil(WEIGHT);
        let add = mean.min(1 << 17).saturating_mul(count);

        self.average = Some(keep.saturating_add(add));
    }
}
