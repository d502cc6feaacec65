// SPDX-License-Identifier: GPL-2.0

//! The packed virtqueue (1.4, "2.8 Packed Virtqueues").

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

/// The largest queue (1.4, "2.8 Packed Virtqueues").
const MAX_SIZE: u16 = 1 << 15;

/// The length and the buffer id of a descriptor; both are written by the device, too.
const LEN: usize = 8;
/// The flags of a descriptor.
const FLAGS: usize = 14;

/// `off_wrap` of both event suppression structures.
const EVENT: usize = 0;
/// `flags` of both event suppression structures.
const EVENT_FLAGS: usize = 2;
/// `RING_EVENT_FLAGS_ENABLE`, `DISABLE` and `DESC`.
const ENABLE: u16 = 0;
const DISABLE: u16 = 1;
const DESC: u16 = 2;

/// Returns whether a packed virtqueue may have this size.
pub(crate) const fn size_is_valid(size: u16) -> bool {
    size != 0 && size <= MAX_SIZE
}

/// A place in the ring, with the wrap counter of the lap that it is in.
///
/// # Invariants
///
/// `index` is below the queue size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    index: u16,
    wrap: bool,
}

impl Place {
    /// Where both sides begin (1.4, "2.8.1 Driver and Device Ring Wrap Counters").
    const FIRST: Self = Self {
        index: 0,
        wrap: true,
    };

    /// Returns the place `count` descriptors on, at most `size` of them.
    #[inline]
    const fn ahead(self, count: u16, size: u16) -> Self {
        // Both are at most 32768: the sum may be 65536 - 1.
        let index = self.index.wrapping_add(count);

        // INVARIANT: Below twice the size, so below the size after one lap.
        if index >= size {
            Self {
                index: index.wrapping_sub(size),
                wrap: !self.wrap,
            }
        } else {
            Self {
                index,
                wrap: self.wrap,
            }
        }
    }

    /// Returns the place as it stands in an event suppression structure.
    #[inline]
    const fn event(self) -> u16 {
        if self.wrap {
            self.index | 1 << 15
        } else {
            self.index
        }
    }

    /// Returns where a field of its descriptor stands in the Descriptor Area.
    #[inline]
    fn field(self, field: usize) -> usize {
        RawDesc::SIZE
            .wrapping_mul(self.index.into())
            .wrapping_add(field)
    }

    /// Returns `flags`, with those that make a descriptor available in this lap.
    #[inline]
    const fn available(self, flags: DescFlags) -> DescFlags {
        flags.with(if self.wrap {
            DescFlags::AVAIL
        } else {
            DescFlags::USED
        })
    }

    /// Returns the flags of a descriptor that is neither available nor used in this lap.
    #[inline]
    const fn withheld(self) -> DescFlags {
        if self.wrap {
            DescFlags::NONE
        } else {
            DescFlags::AVAIL.with(DescFlags::USED)
        }
    }

    /// Returns whether these are the flags of a descriptor that was used in this lap.
    #[inline]
    const fn is_used(self, flags: u16) -> bool {
        let both = DescFlags::AVAIL.with(DescFlags::USED).bits();

        flags & both == if self.wrap { both } else { 0 }
    }
}

/// The positions within the ring of a packed virtqueue.
///
/// A buffer's id is its head slot; its descriptors stand in ring order, wherever its slots are.
///
/// # Invariants
///
/// - From `last_used` to `avail` there are as many descriptors as buffers in flight have, at most
///   `size`.
/// - If `in_line` is not 0 the flags of the first descriptor in line are in `held`, and the device sees
///   none of those in line.
#[derive(Debug)]
pub struct Packed {
    /// The queue size.
    size: u16,
    /// Whether the events may name a descriptor.
    event_idx: bool,
    /// What the flags of the driver's event suppression structure hold.
    event_flags: u16,
    /// How many descriptors are to be used before the one at which a callback was asked for.
    event_ahead: u16,
    /// Whether that one was passed, and no other was asked for.
    event_passed: bool,
    /// Where the next buffer goes.
    avail: Place,
    /// How many descriptors are in line.
    in_line: u16,
    /// The first descriptor in line, and its flags.
    held: (Place, DescFlags),
    /// The used descriptor to consume next.
    last_used: Place,
    /// How many descriptors there are from `last_used` to `avail`.
    outstanding: u16,
}

impl Packed {
    #[inline]
    fn write_flags<M: RingMem>(mem: &M, place: Place, flags: DescFlags) {
        mem.write16(Area::Desc, place.field(FLAGS), Le16::new(flags.bits()));
    }

    /// Returns whether the next descriptor is used.
    #[inline]
    fn is_used<M: RingMem>(&self, mem: &M) -> bool {
        mem.read16(Area::Desc, self.last_used.field(FLAGS))
            .test(|flags| self.last_used.is_used(flags))
    }

    /// Names the descriptor `ahead` of the next one for a callback.
    #[inline]
    fn name_event<M: RingMem>(&mut self, mem: &M, ahead: u16) {
        let event = self.last_used.ahead(ahead, self.size).event();

        mem.write16(Area::Driver, EVENT, Le16::new(event));
        self.event_ahead = ahead;
        self.event_passed = false;
    }

    /// Returns whether the device asks for a notification at a descriptor that it has used already. That
    /// cannot be meant: it went on without asking anew, and would wait for ever. QEMU (11.1.3 at least) does
    /// so when a packet that a NIC could not pass on at once is gone.
    ///
    /// `event` and `new` are places of one lap, `event` perhaps of the one before.
    #[inline]
    const fn is_behind(&self, event: u16, new: u16) -> bool {
        let back = new.wrapping_sub(event);

        back > self.outstanding && back <= self.size
    }

    #[inline]
    fn set_event_flags<M: RingMem>(&mut self, mem: &M, flags: u16) {
        if self.event_flags != flags {
            self.event_flags = flags;
            mem.write16(Area::Driver, EVENT_FLAGS, Le16::new(flags));
        }
    }

    /// Asks for a callback, and returns whether there is a used buffer.
    #[inline]
    fn arm<M: RingMem>(&mut self, mem: &M, ahead: u16) -> bool {
        if self.event_idx {
            self.name_event(mem, ahead);
            if self.event_flags != DESC {
                // The flags say that the place counts.
                mem.write_barrier();
            }
            self.set_event_flags(mem, DESC);
        } else {
            self.set_event_flags(mem, ENABLE);
        }
        // The device either sees the request, or its descriptor is seen here.
        mem.full_barrier();
        self.is_used(mem)
    }
}

impl Sealed for Packed {}

impl Layout for Packed {
    const COUNTED: bool = false;
    /// 1.4, "2.8.6 Next Flag: Descriptor Chaining": without `WRITE` it is reserved, and to be ignored.
    const LEN_ALWAYS: bool = false;

    fn check_size(size: u16) -> Result<(), SetupError> {
        if size_is_valid(size) {
            Ok(())
        } else {
            Err(SetupError::BadSize { size })
        }
    }

    fn new<M: RingMem>(config: RingConfig, mem: &M) -> Self {
        for index in 0..config.size {
            let place = Place { index, wrap: true };

            Self::write_flags(mem, place, place.withheld());
        }
        let event_flags = if config.event_idx { DESC } else { ENABLE };

        mem.write16(Area::Driver, EVENT, Le16::new(Place::FIRST.event()));
        mem.write16(Area::Driver, EVENT_FLAGS, Le16::new(event_flags));
        // The device owns this area only once it knows the queue.
        mem.write16(Area::Device, EVENT, Le16::new(0));
        mem.write16(Area::Device, EVENT_FLAGS, Le16::new(ENABLE));
        // INVARIANT: Nothing is in flight.
        Self {
            size: config.size,
            event_idx: config.event_idx,
            event_flags,
            event_ahead: 0,
            event_passed: false,
            avail: Place::FIRST,
            in_line: 0,
            held: (Place::FIRST, DescFlags::NONE),
            last_used: Place::FIRST,
            outstanding: 0,
        }
    }

    /// 1.4, "2.8.21.1 Placing Available Buffers Into The Descriptor Ring". The first descriptor is
    /// withheld, and keeps the others from the device.
    #[inline]
    fn write_element<M: RingMem>(&self, mem: &M, element: Element, next: Option<u16>) {
        let place = self.avail.ahead(element.ordinal, self.size);
        let flags = if element.ordinal == 0 {
            place.withheld()
        } else if next.is_some() {
            place.available(element.flags.with(DescFlags::NEXT))
        } else {
            place.available(element.flags)
        };

        mem.write_desc(
            place.index,
            RawDesc::packed(element.segment, element.head, flags),
        );
    }

    /// Descriptors that stay behind would be taken for a part of the next, shorter, buffer.
    #[cold]
    fn discard<M: RingMem>(&self, mem: &M, count: u16) {
        for ordinal in 1..count {
            let place = self.avail.ahead(ordinal, self.size);

            Self::write_flags(mem, place, place.withheld());
        }
    }

    #[inline]
    fn make_available<M: RingMem>(&mut self, mem: &M, buffer: Buffer) {
        let Buffer { count, first, .. } = buffer;
        let flags = self.avail.available(if count > 1 {
            first.with(DescFlags::NEXT)
        } else {
            first
        });

        if self.in_line == 0 {
            // INVARIANT: The first one in line.
            self.held = (self.avail, flags);
        } else {
            // Behind one that is held back.
            Self::write_flags(mem, self.avail, flags);
        }
        // INVARIANT: The ring has as many free descriptors.
        self.avail = self.avail.ahead(count, self.size);
        self.in_line = self.in_line.wrapping_add(count);
        self.outstanding = self.outstanding.wrapping_add(count);
    }

    /// 1.4, "2.8.21.2 Updating Flags" and "2.8.21.3 Notifying The Device".
    #[inline]
    fn publish<M: RingMem>(&mut self, mem: &M, _old: u32, _new: u32) -> bool {
        let (place, flags) = self.held;

        // All descriptors are visible before the first one.
        mem.write_barrier();
        Self::write_flags(mem, place, flags);
        // INVARIANT: Nothing is in line.
        let new = self.avail.index;
        let old = new.wrapping_sub(self.in_line);

        self.in_line = 0;
        // The flags are visible before the device's wish is read.
        mem.full_barrier();
        mem.read32(Area::Device, EVENT).test(|event| {
            // CAST: The two halves of the structure.
            let (event, flags) = (event as u16, (event >> 16) as u16 & 3);

            match flags {
                DISABLE => false,
                DESC if self.event_idx => {
                    let index = event & !(1 << 15);
                    // One of the lap before is that far behind.
                    let index = if (event >> 15 != 0) == self.avail.wrap {
                        index
                    } else {
                        index.wrapping_sub(self.size)
                    };

                    need_event(index, new, old) || self.is_behind(index, new)
                }
                _ => true,
            }
        })
    }

    /// 1.4, "2.8.22 Receiving Used Buffers From The Device".
    #[inline]
    fn next_used<M: RingMem>(&mut self, mem: &M) -> Result<Option<Used>, Violation> {
        if !self.is_used(mem) {
            if !self.event_passed {
                return Ok(None);
            }
            // The next used buffer has to bring a callback: the device either sees that, or what
            // it used meanwhile is seen now.
            self.name_event(mem, 0);
            mem.full_barrier();
            if !self.is_used(mem) {
                return Ok(None);
            }
        }
        // The flags were written last.
        mem.read_barrier();
        let (len, id) = mem.read64(Area::Desc, self.last_used.field(LEN)).halves();

        Ok(Some(Used {
            id: id.low_half(),
            len,
        }))
    }

    #[inline]
    fn next_avail(&self) -> u16 {
        self.avail.event()
    }

    fn next_used_place(&self) -> u16 {
        self.last_used.event()
    }

    #[inline]
    fn is_counted(&self) -> bool {
        true
    }

    #[inline]
    fn retire<M: RingMem>(&mut self, _mem: &M, count: u16) {
        // INVARIANT: The buffer was in flight.
        self.last_used = self.last_used.ahead(count, self.size);
        self.outstanding = self.outstanding.wrapping_sub(count);
        if self.event_flags == DESC {
            match self.event_ahead.checked_sub(count) {
                Some(ahead) => self.event_ahead = ahead,
                None => self.event_passed = true,
            }
        }
    }

    #[inline]
    fn has_used<M: RingMem>(&self, mem: &M) -> bool {
        self.is_used(mem)
    }

    /// 1.4, "2.8.14 Event Suppression Structure Format".
    #[inline]
    fn disable_cb<M: RingMem>(&mut self, mem: &M) {
        self.set_event_flags(mem, DISABLE);
        self.event_passed = false;
    }

    #[inline]
    fn enable_cb<M: RingMem>(&mut self, mem: &M) -> bool {
        self.arm(mem, 0)
    }

    #[inline]
    fn enable_cb_delayed<M: RingMem>(&mut self, mem: &M) -> bool {
        // Three quarters, and less than all unless there is none. What is in line counts not: it may
        // stay there.
        let seen = self.outstanding.wrapping_sub(self.in_line);

        // One that is still to come, and not before half of them, is not asked for again.
        if self.event_flags == DESC
            && !self.event_passed
            && self.event_ahead < seen
            && self.event_ahead >= seen / 2
            && !self.is_used(mem)
        {
            return false;
        }
        self.arm(mem, seen.wrapping_sub(seen.div_ceil(4)))
    }

    /// 1.4, "2.8.7 Indirect Flag: Scatter-Gather Support": the order of the table is that of the
    /// buffer.
    #[inline]
    fn table_entry(_index: u16, segment: Segment, flags: DescFlags, _last: bool) -> RawDesc {
        RawDesc::packed(segment, 0, flags)
    }
}
