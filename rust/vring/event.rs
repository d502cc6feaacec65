// SPDX-License-Identifier: GPL-2.0

//! Notifications: at which ring position a side wants one, and what it says.

/// Returns whether moving an index from `old` to `new` passed the position `event`.
///
/// This is the question of `VIRTIO_F_EVENT_IDX` in both directions: entry `event` is one of
/// those that were written, `old` up to and without `new` (1.4, "2.7.7 Used Buffer Notification
/// Suppression" and "2.7.10 Available Buffer Notification Suppression"). All three wrap at
/// 65536, and `new` is less than 65536 steps ahead of `old`.
#[inline]
pub const fn need_event(event: u16, new: u16, old: u16) -> bool {
    // The distance of `event` back from the last entry, against the number of entries.
    new.wrapping_sub(event).wrapping_sub(1) < new.wrapping_sub(old)
}

/// Returns what an available buffer notification says with `VIRTIO_F_NOTIFICATION_DATA`: the number that
/// names the queue, and where the next buffer will stand, see [`Ring::next_avail`](crate::Ring::next_avail)
/// (1.4, "2.9 Driver Notifications").
#[inline]
pub const fn notification(queue: u16, next_avail: u16) -> u32 {
    // CAST: Two widening casts; `From` is not available in a `const fn`.
    queue as u32 | (next_avail as u32) << 16
}
