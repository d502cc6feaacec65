// SPDX-License-Identifier: GPL-2.0

//! The split virtqueue (1.4, "2.7 Split Virtqueues").

use crate::{
    desc::{
        DescFlags,
        RawDesc,
        Segment, //
    },
    error::{
        SetupError,
        Violation, //
    },
    event::need_event,
    layout::{
        sealed::Sealed,
        Buffer,
        Element,
        Layout,
        RingConfig,
        Used, //
    },
    le::Le16,
    mem::{
        Area,
        RingMem, //
    },
};

/// The largest queue (1.4, "2.7 Split Virtqueues").
const MAX_SIZE: u16 = 1 << 15;

/// `flags` of both rings.
const FLAGS: usize = 0;
/// `idx` of both rings.
const IDX: usize = 2;
/// The first entry of both rings.
const RING: usize = 4;
/// The size of an entry of the available ring.
const AVAIL_ENTRY: usize = 2;
/// The size of an element of the used ring.
const USED_ELEM: usize = 8;

/// `VIRTQ_AVAIL_F_NO_INTERRUPT`: the driver asks for no used buffer notification.
const AVAIL_F_NO_INTERRUPT: u16 = 1;
/// `VIRTQ_USED_F_NO_NOTIFY`: the device asks for no available buffer notification.
const USED_F_NO_NOTIFY: u16 = 1;

/// Returns whether a split virtqueue may have this size.
pub(crate) const fn size_is_valid(size: u16) -> bool {
    size.is_power_of_two() && size <= MAX_SIZE
}

/// Returns where `used_event` stands in the Driver Area.
#[inline]
pub(crate) const fn used_event_offset(size: u16) -> usize {
    // CAST: A widening cast; `From` is not available in a `const fn`.
    RING.wrapping_add(AVAIL_ENTRY.wrapping_mul(size as usize))
}

/// Returns where `avail_event` stands in the Device Area.
#[inline]
pub(crate) const fn avail_event_offset(size: u16) -> usize {
    // CAST: A widening cast; `From` is not available in a `const fn`.
    RING.wrapping_add(USED_ELEM.wrapping_mul(size as usize))
}

/// The positions within the rings of a split virtqueue.
///
/// # Invariants
///
/// All numbers wrap. In the order `last_used`, `cached_used`, `published` each is level with the one
/// before or ahead of it, and all lie within `size` steps.
#[derive(Debug)]
pub struct Split {
    /// The queue size; a power of two.
    size: u16,
    /// Whether the event index fields are in use.
    event_idx: bool,
    /// Whether the driver wants used buffer notifications.
    callbacks: bool,
    /// Whether `used_event` was stored and no full barrier followed yet.
    event_unfenced: bool,
    /// What `used_event` holds.
    used_event: u16,
    /// The used element to consume next.
    last_used: u16,
    /// The used index that was read last: elements before it may be consumed.
    cached_used: u16,
    /// What `avail.idx` holds: how many buffers the device was told of.
    published: u16,
}

impl Split {
    /// Returns how many buffers the device can see and the driver has not consumed.
    #[inline]
    fn outstanding(&self) -> u16 {
        self.published.wrapping_sub(self.last_used)
    }

    /// Returns the index of a free-running position into a ring.
    #[inline]
    fn index(&self, position: u16) -> usize {
        usize::from(position & self.size.wrapping_sub(1))
    }

    /// Stores `used_event`.
    #[inline]
    fn set_used_event<M: RingMem>(&mut self, mem: &M, event: u16) {
        self.used_event = event;
        let offset = used_event_offset(self.size);
        mem.write16(Area::Driver, offset, Le16::new(event));
    }

    /// Asks for a callback at `event`, or for one at each used buffer without event index.
    /// Returns whether more than `patience` used buffers wait, asked after that became visible.
    #[inline]
    fn arm<M: RingMem>(&mut self, mem: &M, event: u16, patience: u16) -> bool {
        if self.event_idx {
            self.set_used_event(mem, event);
        } else if !self.callbacks {
            mem.write16(Area::Driver, FLAGS, Le16::new(0));
        }
        self.callbacks = true;
        // The device either sees the request, or its used index is seen here.
        mem.full_barrier();
        self.event_unfenced = false;
        // An index that makes no sense counts as "yes": `next_used` will judge it.
        mem.read16(Area::Device, IDX)
            .test(|idx| idx.wrapping_sub(self.last_used) > patience)
    }
}

impl Sealed for Split {}

impl Layout for Split {
    const COUNTED: bool = true;
    const LEN_ALWAYS: bool = true;

    fn check_size(size: u16) -> Result<(), SetupError> {
        if size_is_valid(size) {
            Ok(())
        } else {
            Err(SetupError::BadSize { size })
        }
    }

    fn new<M: RingMem>(config: RingConfig, mem: &M) -> Self {
        let zero = Le16::new(0);
        mem.write16(Area::Driver, FLAGS, zero);
        mem.write16(Area::Driver, IDX, zero);
        mem.write16(Area::Driver, used_event_offset(config.size), zero);
        // The device owns this area only once it knows the queue. 1.4, 2.7.10.1: "The driver
        // MUST initialize flags in the used ring to 0".
        mem.write16(Area::Device, FLAGS, zero);
        mem.write16(Area::Device, IDX, zero);
        mem.write16(Area::Device, avail_event_offset(config.size), zero);
        // INVARIANT: All positions are level.
        Self {
            size: config.size,
            event_idx: config.event_idx,
            callbacks: true,
            event_unfenced: false,
            used_event: 0,
            last_used: 0,
            cached_used: 0,
            published: 0,
        }
    }

    /// 1.4, "2.7.13.1 Placing Buffers Into The Descriptor Table".
    #[inline]
    fn write_element<M: RingMem>(&self, mem: &M, element: Element, next: Option<u16>) {
        let (flags, next) = match next {
            Some(next) => (element.flags.with(DescFlags::NEXT), next),
            None => (element.flags, 0),
        };
        mem.write_desc(element.slot, RawDesc::split(element.segment, flags, next));
    }

    /// Nobody is told of them.
    #[inline]
    fn discard<M: RingMem>(&self, _mem: &M, _count: u16) {}

    /// 1.4, "2.7.13.2 Updating The Available Ring". A buffer's place is its ticket.
    #[inline]
    fn make_available<M: RingMem>(&mut self, mem: &M, buffer: Buffer) {
        // The product is at most 65534, plus 4.
        let entry = AVAIL_ENTRY.wrapping_mul(self.index(low(buffer.ticket)));
        let head = Le16::new(buffer.head);
        mem.write16(Area::Driver, RING.wrapping_add(entry), head);
    }

    /// 1.4, "2.7.13.3 Updating idx" and "2.7.13.4 Notifying The Device".
    #[inline]
    fn publish<M: RingMem>(&mut self, mem: &M, old: u32, new: u32) -> bool {
        let (old, new) = (low(old), low(new));
        // 2.7.13.3.1: descriptors and ring entries are visible before the index.
        mem.write_barrier();
        mem.write16(Area::Driver, IDX, Le16::new(new));
        // INVARIANT: Each buffer in flight has a descriptor at least, so there are at most `size`.
        self.published = new;
        // 2.7.13.4.1: the index is visible before the device's wish is read.
        mem.full_barrier();
        self.event_unfenced = false;
        if self.event_idx {
            // 2.7.10.1: `flags` must be ignored.
            mem.read16(Area::Device, avail_event_offset(self.size))
                .test(|event| need_event(event, new, old))
        } else {
            mem.read16(Area::Device, FLAGS)
                .test(|flags| flags & USED_F_NO_NOTIFY == 0)
        }
    }

    /// 1.4, "2.7.14 Receiving Used Buffers From The Device".
    #[inline]
    fn next_used<M: RingMem>(&mut self, mem: &M) -> Result<Option<Used>, Violation> {
        let last = self.last_used;
        if self.cached_used == last {
            let mut idx = mem.read16(Area::Device, IDX);
            if idx.test(|idx| idx == last) {
                if !self.event_unfenced {
                    return Ok(None);
                }
                // `retire` asked for a callback. Either the device has seen that, or what it
                // used meanwhile is seen now.
                mem.full_barrier();
                self.event_unfenced = false;
                idx = mem.read16(Area::Device, IDX);
                if idx.test(|idx| idx == last) {
                    return Ok(None);
                }
            }
            let in_flight = self.outstanding();
            // INVARIANT: `cached_used` is between `last_used` and `published`.
            self.cached_used = idx.validate(|idx| {
                if idx.wrapping_sub(last) <= in_flight {
                    Ok(idx)
                } else {
                    Err(Violation::IndexJump {
                        idx,
                        last,
                        in_flight,
                    })
                }
            })?;
            // 2.7.8.2: the elements were written before the index.
            mem.read_barrier();
        }
        // The product is at most 262136, plus 4.
        let elem = USED_ELEM.wrapping_mul(self.index(last));
        let (id, len) = mem.read64(Area::Device, RING.wrapping_add(elem)).halves();
        Ok(Some(Used { id, len }))
    }

    #[inline]
    fn next_avail(&self) -> u16 {
        self.published
    }

    fn next_used_place(&self) -> u16 {
        self.last_used
    }

    #[inline]
    fn is_counted(&self) -> bool {
        self.cached_used != self.last_used
    }

    #[inline]
    fn retire<M: RingMem>(&mut self, mem: &M, _count: u16) {
        // INVARIANT: `is_counted`, so `last_used` is behind `cached_used`.
        self.last_used = self.last_used.wrapping_add(1);
        if self.event_idx && self.callbacks && self.last_used == self.cached_used {
            // The event has to keep ahead, or the next used buffer brings no callback. An event
            // that is still to come is a delayed one and stays.
            let ahead = self.used_event.wrapping_sub(self.last_used);
            if ahead != 0 && ahead >= self.outstanding() {
                self.set_used_event(mem, self.last_used);
                self.event_unfenced = true;
            }
        }
    }

    #[inline]
    fn has_used<M: RingMem>(&self, mem: &M) -> bool {
        self.cached_used != self.last_used
            || mem
                .read16(Area::Device, IDX)
                .test(|idx| idx != self.last_used)
    }

    /// 1.4, "2.7.7.1 Driver Requirements: Used Buffer Notification Suppression": `flags` stays
    /// 0 with event index. There is no "never" then, so the event goes where it comes last:
    /// just behind what was consumed. The device passes it again after at least 32768 further
    /// buffers, and the driver has to live with a callback it did not want.
    #[inline]
    fn disable_cb<M: RingMem>(&mut self, mem: &M) {
        if !self.callbacks {
            return;
        }
        self.callbacks = false;
        if self.event_idx {
            self.set_used_event(mem, self.last_used.wrapping_sub(1));
            self.event_unfenced = false;
        } else {
            mem.write16(Area::Driver, FLAGS, Le16::new(AVAIL_F_NO_INTERRUPT));
        }
    }

    #[inline]
    fn enable_cb<M: RingMem>(&mut self, mem: &M) -> bool {
        self.arm(mem, self.last_used, 0)
    }

    #[inline]
    fn enable_cb_delayed<M: RingMem>(&mut self, mem: &M) -> bool {
        let outstanding = self.outstanding();
        // One that is still to come, and not before half of them, is not asked for again.
        let ahead = self.used_event.wrapping_sub(self.last_used);
        if self.event_idx
            && self.callbacks
            && !self.event_unfenced
            && ahead < outstanding
            && ahead >= outstanding / 2
            && mem
                .read16(Area::Device, IDX)
                .test(|idx| idx.wrapping_sub(self.last_used) <= ahead)
        {
            return false;
        }
        // Three quarters, and less than all unless there is none: at least one buffer is left
        // to bring the callback.
        let delay = outstanding.wrapping_sub(outstanding.div_ceil(4));
        self.arm(mem, self.last_used.wrapping_add(delay), delay)
    }

    /// 1.4, "2.7.5.3 Indirect Descriptors".
    #[inline]
    fn table_entry(index: u16, segment: Segment, flags: DescFlags, last: bool) -> RawDesc {
        if last {
            RawDesc::split(segment, flags, 0)
        } else {
            let flags = flags.with(DescFlags::NEXT);
            RawDesc::split(segment, flags, index.wrapping_add(1))
        }
    }
}

/// Returns the low half of a free-running number, as it stands in the rings.
#[inline]
const fn low(number: u32) -> u16 {
    // CAST: The truncation is intended: the rings count modulo 65536.
    number as u16
}
