// SPDX-License-Identifier: GPL-2.0

//! A queue as debugfs shows it.

use crate::{
    queue::{
        QueueLock,
        Virtqueue, //
    },
    ring::RingFormat,
    transport_feature, //
};
use core::fmt;
use kernel_ext::time;
use vring::{
    AddError,
    Violation, //
};

/// How a queue is.
pub struct QueueReport {
    format: RingFormat,
    size: u16,
    room: u16,
    indirect: bool,
    event_idx: bool,
    avail: u16,
    used: u16,
    in_flight: u16,
    /// Of the oldest in flight, in ticks.
    age: Option<u64>,
    kicks: u64,
    suppressed: u64,
    full: u64,
    refused: Option<AddError>,
    broken: Option<Violation>,
}

impl QueueReport {
    /// How `queue` is now. Takes its lock.
    pub(crate) fn of<T: Send + Unpin, L: QueueLock, D: Send + Unpin>(
        queue: &Virtqueue<T, L, D>,
    ) -> Self {
        let features = queue.device().features();
        let guarded = queue.guarded().lock();
        let ring = &guarded.ring;
        let activity = &guarded.activity;

        Self {
            format: RingFormat::of(features),
            size: queue.size(),
            room: queue.room(),
            indirect: features.contains(transport_feature::INDIRECT_DESC),
            event_idx: features.contains(transport_feature::EVENT_IDX),
            avail: ring.next_avail(),
            used: ring.next_used(),
            in_flight: ring.in_flight(),
            age: ring.oldest_age(time::ticks()),
            kicks: activity.kicks,
            suppressed: activity.batches.wrapping_sub(activity.kicks),
            full: activity.full,
            refused: activity.refused,
            broken: ring.broken(),
        }
    }

    /// A place in the ring: in a packed one with the lap's wrap counter (virtio 1.4, 2.8.1).
    fn place(&self, f: &mut fmt::Formatter<'_>, what: &str, place: u16) -> fmt::Result {
        if self.format.packed {
            writeln!(f, "{what}: {} wrap {}", place & 0x7fff, place >> 15)
        } else {
            writeln!(f, "{what}: {place}")
        }
    }
}

impl fmt::Display for QueueReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let yes = |is| if is { "yes" } else { "no" };

        writeln!(f, "format: {}", self.format)?;
        writeln!(f, "size: {}", self.size)?;
        writeln!(f, "room: {}", self.room)?;
        writeln!(f, "indirect: {}", yes(self.indirect))?;
        writeln!(f, "event_index: {}", yes(self.event_idx))?;
        self.place(f, "avail", self.avail)?;
        self.place(f, "used", self.used)?;
        writeln!(f, "in_flight: {}", self.in_flight)?;
        match self.age {
            Some(age) => writeln!(f, "age_ms: {}", time::ticks_to_ms(age))?,
            None => f.write_str("age_ms: none\n")?,
        }
        writeln!(f, "kicks: {}", self.kicks)?;
        writeln!(f, "suppressed_kicks: {}", self.suppressed)?;
        writeln!(f, "full: {}", self.full)?;
        match (self.broken, self.refused) {
            (Some(violation), _) => writeln!(f, "last_error: {violation}"),
            (None, Some(error)) => writeln!(f, "last_error: {error}"),
            (None, None) => f.write_str("last_error: none\n"),
        }
    }
}
