// SPDX-License-Identifier: GPL-2.0

//! Every interleaving of the ring and a device on another processor, under a weak memory model (crate
//! `loom`): no kick and no interrupt is lost, and what is announced is there to be read.
//!
//! Shared memory is atomics that are accessed relaxed, so that only the ring's barriers order them.

use std::collections::BTreeMap;

use loom::{
    sync::{
        atomic::{
            fence,
            AtomicU16,
            AtomicU32,
            AtomicU64,
            Ordering::{
                Acquire,
                Relaxed,
                Release,
                SeqCst, //
            }, //
        },
        Arc, //
    },
    thread, //
};
use vring::{
    need_event,
    Addressing,
    Area,
    Format,
    InOrder,
    Le16,
    Packed,
    RawDesc,
    Ring,
    RingConfig,
    RingMem,
    Segment,
    Slot,
    Split,
    Untrusted, //
};

const SIZE: u16 = 2;
const ADDR: u64 = 0x1234;
/// Packed: `RING_EVENT_FLAGS_DISABLE`, `RING_EVENT_FLAGS_DESC`; the first lap's wrap counter.
const DISABLE: u32 = 1;
const DESC: u32 = 2;
const WRAP: u32 = 1 << 15;
/// Packed: the flags of an available and of a used descriptor in the first lap.
const AVAIL: u16 = 1 << 7;
const USED: u16 = AVAIL | 1 << 15;

/// A location of shared memory, as wide as it is written.
enum Cell {
    W16(AtomicU16),
    W32(AtomicU32),
    W64(AtomicU64),
}

/// What is left out, to see that it is missed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Without {
    Nothing,
    Write,
    Read,
    Full,
}

/// The shared memory of a queue. It belongs to both sides from the start.
#[derive(Clone)]
struct Shared(Arc<Memory>);

struct Memory {
    cells: BTreeMap<(u8, usize), Cell>,
    without: Without,
}

impl Shared {
    fn new(packed: bool, without: Without) -> Self {
        let mut cells = BTreeMap::new();
        let mut add = |area, at, bytes| {
            let cell = match bytes {
                2 => Cell::W16(AtomicU16::new(0)),
                4 => Cell::W32(AtomicU32::new(0)),
                _ => Cell::W64(AtomicU64::new(0)),
            };
            cells.insert((area as u8, at), cell);
        };
        for entry in 0..usize::from(SIZE) {
            add(Area::Desc, 16 * entry, 8);
            if packed {
                add(Area::Desc, 16 * entry + 8, 4);
                add(Area::Desc, 16 * entry + 12, 2);
                add(Area::Desc, 16 * entry + 14, 2);
            } else {
                add(Area::Desc, 16 * entry + 8, 8);
                add(Area::Driver, 4 + 2 * entry, 2);
                add(Area::Device, 4 + 8 * entry, 4);
                add(Area::Device, 8 + 8 * entry, 4);
            }
        }
        add(Area::Driver, 0, 2);
        add(Area::Driver, 2, 2);
        if packed {
            add(Area::Device, 0, 4);
        } else {
            add(Area::Driver, 4 + 2 * usize::from(SIZE), 2);
            add(Area::Device, 0, 2);
            add(Area::Device, 2, 2);
            add(Area::Device, 4 + 8 * usize::from(SIZE), 2);
        }
        Self(Arc::new(Memory { cells, without }))
    }

    fn cell(&self, area: Area, at: usize) -> &Cell {
        &self.0.cells[&(area as u8, at)]
    }

    fn load(&self, area: Area, at: usize) -> u64 {
        match self.cell(area, at) {
            Cell::W16(cell) => cell.load(Relaxed).into(),
            Cell::W32(cell) => cell.load(Relaxed).into(),
            Cell::W64(cell) => cell.load(Relaxed),
        }
    }

    fn store(&self, area: Area, at: usize, value: u64) {
        match self.0.cells.get(&(area as u8, at)) {
            Some(Cell::W16(cell)) => cell.store(value as u16, Relaxed),
            Some(Cell::W32(cell)) => cell.store(value as u32, Relaxed),
            Some(Cell::W64(cell)) => cell.store(value, Relaxed),
            // The upper half of what the device reads and writes as a whole: the ring writes it once,
            // before there is a device.
            None => {
                let whole = self.load(area, at - 2) & 0xffff;
                self.store(area, at - 2, whole | value << 16);
            }
        }
    }
}

impl Addressing for Shared {
    type Piece = Segment;

    fn segment(piece: Segment) -> Segment {
        piece
    }
}

impl RingMem for Shared {
    fn write_desc(&self, index: u16, desc: RawDesc) {
        let at = 16 * usize::from(index);
        let [addr, meta] = desc.words();
        let meta = meta.get();
        self.store(Area::Desc, at, addr.get());
        match self.cell(Area::Desc, at + 8) {
            Cell::W64(cell) => cell.store(meta, Relaxed),
            _ => {
                self.store(Area::Desc, at + 8, meta & 0xffff_ffff);
                self.store(Area::Desc, at + 12, meta >> 32);
                self.store(Area::Desc, at + 14, meta >> 48);
            }
        }
    }

    fn write16(&self, area: Area, offset: usize, value: Le16) {
        self.store(area, offset, value.get().into());
    }

    fn read16(&self, area: Area, offset: usize) -> Untrusted<u16> {
        Untrusted::new(self.load(area, offset) as u16)
    }

    fn read32(&self, area: Area, offset: usize) -> Untrusted<u32> {
        Untrusted::new(self.load(area, offset) as u32)
    }

    fn read64(&self, area: Area, offset: usize) -> Untrusted<u64> {
        let low = self.load(area, offset);
        Untrusted::new(low | self.load(area, offset + 4) << 32)
    }

    fn write_barrier(&self) {
        if self.0.without != Without::Write {
            fence(Release);
        }
    }

    fn read_barrier(&self) {
        if self.0.without != Without::Read {
            fence(Acquire);
        }
    }

    fn full_barrier(&self) {
        if self.0.without != Without::Full {
            fence(SeqCst);
        }
    }
}

/// What a device does, for each layout.
trait Side: Format + 'static {
    const PACKED: bool;

    /// It polls, and wants no kick.
    fn poll(mem: &Shared, event_idx: bool);
    /// It wants a kick for the next buffer, and looks for that once more. Returns whether it is there.
    fn sleep(mem: &Shared, event_idx: bool) -> bool;
    /// It uses buffer `nth`, with so many bytes written. Returns whether it interrupts.
    fn use_one(mem: &Shared, event_idx: bool, nth: u16, len: u32) -> bool;
}

fn split_poll(mem: &Shared, event_idx: bool) {
    if event_idx {
        mem.store(Area::Device, 4 + 8 * usize::from(SIZE), 0x8000);
    } else {
        mem.store(Area::Device, 0, 1);
    }
}

fn split_sleep(mem: &Shared, event_idx: bool) -> bool {
    let wish = if event_idx {
        4 + 8 * usize::from(SIZE)
    } else {
        0
    };
    mem.store(Area::Device, wish, 0);
    fence(SeqCst);
    if mem.load(Area::Driver, 2) == 0 {
        return false;
    }
    fence(Acquire);
    assert_eq!(mem.load(Area::Driver, 4), 0, "entry not there");
    assert_eq!(mem.load(Area::Desc, 0), ADDR, "descriptor not there");
    true
}

fn split_use(mem: &Shared, event_idx: bool, nth: u16, len: u32) -> bool {
    let elem = 4 + 8 * usize::from(nth % SIZE);
    mem.store(Area::Device, elem, u64::from(nth % SIZE));
    mem.store(Area::Device, elem + 4, len.into());
    fence(Release);
    mem.store(Area::Device, 2, u64::from(nth + 1));
    fence(SeqCst);
    if event_idx {
        let event = mem.load(Area::Driver, 4 + 2 * usize::from(SIZE));
        need_event(event as u16, nth + 1, nth)
    } else {
        mem.load(Area::Driver, 0) == 0
    }
}

fn packed_poll(mem: &Shared) {
    mem.store(Area::Device, 0, (DISABLE << 16).into());
}

fn packed_sleep(mem: &Shared, event_idx: bool) -> bool {
    let flags = if event_idx { DESC } else { 0 };
    mem.store(Area::Device, 0, (WRAP | flags << 16).into());
    fence(SeqCst);
    if mem.load(Area::Desc, 14) as u16 & USED != AVAIL {
        return false;
    }
    fence(Acquire);
    assert_eq!(mem.load(Area::Desc, 0), ADDR, "descriptor not there");
    true
}

fn packed_use(mem: &Shared, nth: u16, len: u32) -> bool {
    let desc = 16 * usize::from(nth % SIZE);
    mem.store(Area::Desc, desc + 8, len.into());
    mem.store(Area::Desc, desc + 12, u64::from(nth % SIZE));
    fence(Release);
    mem.store(Area::Desc, desc + 14, USED.into());
    fence(SeqCst);
    match mem.load(Area::Driver, 2) as u32 {
        0 => true,
        DESC => {
            fence(Acquire);
            let event = mem.load(Area::Driver, 0) as u32;
            event == WRAP | u32::from(nth)
        }
        _ => false,
    }
}

macro_rules! split {
    ($format:ty) => {
        impl Side for $format {
            const PACKED: bool = false;

            fn poll(mem: &Shared, event_idx: bool) {
                split_poll(mem, event_idx);
            }

            fn sleep(mem: &Shared, event_idx: bool) -> bool {
                split_sleep(mem, event_idx)
            }

            fn use_one(mem: &Shared, event_idx: bool, nth: u16, len: u32) -> bool {
                split_use(mem, event_idx, nth, len)
            }
        }
    };
}

macro_rules! packed {
    ($format:ty) => {
        impl Side for $format {
            const PACKED: bool = true;

            fn poll(mem: &Shared, _event_idx: bool) {
                packed_poll(mem);
            }

            fn sleep(mem: &Shared, event_idx: bool) -> bool {
                packed_sleep(mem, event_idx)
            }

            fn use_one(mem: &Shared, _event_idx: bool, nth: u16, len: u32) -> bool {
                packed_use(mem, nth, len)
            }
        }
    };
}

split!(Split);
split!(InOrder<Split>);
packed!(Packed);
packed!(InOrder<Packed>);

fn ring<F: Side>(
    event_idx: bool,
    without: Without,
) -> (Ring<u32, Shared, Vec<Slot<u32>>, F>, Shared) {
    let mem = Shared::new(F::PACKED, without);
    let config = RingConfig {
        size: SIZE,
        event_idx,
        cut_len: false,
        kept: 0,
    };
    let slots = (0..SIZE).map(|_| Slot::new()).collect();
    (Ring::new(config, mem.clone(), slots).unwrap(), mem)
}

fn segment() -> Segment {
    Segment {
        addr: ADDR,
        len: 100,
    }
}

/// The driver shows a buffer while the device goes to sleep.
fn kick<F: Side>(event_idx: bool, without: Without) {
    loom::model(move || {
        let (mut ring, mem) = ring::<F>(event_idx, without);
        F::poll(&mem, event_idx);
        let device = thread::spawn(move || F::sleep(&mem, event_idx));
        ring.add([segment()], [], 0).unwrap();
        let kicked = ring.kick_prepare();
        let saw = device.join().unwrap();
        assert!(kicked || saw, "lost kick");
    });
}

/// The driver asks for interrupts again, or for one later, while the device uses a buffer.
fn interrupt<F: Side>(event_idx: bool, delayed: bool, without: Without) {
    loom::model(move || {
        let (mut ring, mem) = ring::<F>(event_idx, without);
        ring.disable_cb();
        ring.add([], [segment()], 7).unwrap();
        let _ = ring.kick_prepare();
        let device = thread::spawn(move || F::use_one(&mem, event_idx, 0, 50));
        let more = if delayed {
            ring.enable_cb_delayed()
        } else {
            ring.enable_cb()
        };
        let popped = ring.pop().unwrap();
        let interrupted = device.join().unwrap();
        if let Some(done) = popped {
            assert_eq!(done.into_parts(), (7, 50), "used buffer not there");
        } else {
            assert!(!more, "used buffer seen and not found");
            assert!(interrupted, "lost interrupt");
        }
    });
}

/// The driver takes back what is used, with interrupts on, while the device uses one more.
fn last_one<F: Side>(event_idx: bool, without: Without) {
    loom::model(move || {
        let (mut ring, mem) = ring::<F>(event_idx, without);
        ring.add([], [segment()], 7).unwrap();
        ring.add([], [segment()], 8).unwrap();
        let _ = ring.kick_prepare();
        assert!(F::use_one(&mem, event_idx, 0, 50));
        let device = thread::spawn(move || F::use_one(&mem, event_idx, 1, 60));
        assert_eq!(ring.pop().unwrap().unwrap().into_parts(), (7, 50));
        let popped = ring.pop().unwrap();
        let interrupted = device.join().unwrap();
        match popped {
            Some(done) => assert_eq!(done.into_parts(), (8, 60), "used buffer not there"),
            None => assert!(interrupted, "lost interrupt"),
        }
    });
}

fn all<F: Side>() {
    for event_idx in [false, true] {
        kick::<F>(event_idx, Without::Nothing);
        interrupt::<F>(event_idx, false, Without::Nothing);
        interrupt::<F>(event_idx, true, Without::Nothing);
        last_one::<F>(event_idx, Without::Nothing);
    }
}

#[test]
fn split() {
    all::<Split>();
}

#[test]
fn split_in_order() {
    all::<InOrder<Split>>();
}

#[test]
fn packed() {
    all::<Packed>();
}

#[test]
fn packed_in_order() {
    all::<InOrder<Packed>>();
}

// What is left out is missed: the tests above can fail.

#[test]
#[should_panic(expected = "lost kick")]
fn split_without_the_full_barrier() {
    kick::<Split>(true, Without::Full);
}

#[test]
#[should_panic(expected = "lost kick")]
fn packed_without_the_full_barrier() {
    kick::<Packed>(true, Without::Full);
}

#[test]
#[should_panic(expected = "lost interrupt")]
fn split_interrupt_without_the_full_barrier() {
    interrupt::<Split>(true, false, Without::Full);
}

#[test]
#[should_panic(expected = "lost interrupt")]
fn packed_interrupt_without_the_full_barrier() {
    interrupt::<Packed>(true, false, Without::Full);
}

#[test]
#[should_panic(expected = "lost interrupt")]
fn split_last_one_without_the_full_barrier() {
    last_one::<Split>(true, Without::Full);
}

#[test]
#[should_panic(expected = "not there")]
fn split_without_the_write_barrier() {
    kick::<Split>(true, Without::Write);
}

#[test]
#[should_panic(expected = "not there")]
fn packed_without_the_write_barrier() {
    kick::<Packed>(true, Without::Write);
}

#[test]
#[should_panic]
fn split_without_the_read_barrier() {
    last_one::<Split>(false, Without::Read);
}

#[test]
#[should_panic]
fn packed_without_the_read_barrier() {
    last_one::<Packed>(false, Without::Read);
}
