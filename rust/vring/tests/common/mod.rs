// SPDX-License-Identifier: GPL-2.0

//! What the tests and the fuzzers share: memory that plays the shared memory, and the device.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test program uses another part of this module"
)]

pub mod device;
pub mod fuzzed;
pub mod packed;
pub mod world;

use std::{
    cell::{
        Cell,
        RefCell, //
    },
    rc::Rc, //
};

use vring::{
    packed_layout,
    split_layout,
    Addressing,
    Area,
    Format,
    Le16,
    RawDesc,
    Ring,
    RingConfig,
    RingMem,
    RingSizes,
    Segment,
    Slot,
    TableMem,
    Untrusted, //
};

/// One access of the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    WriteDesc(u16),
    Write(Area, usize, u32),
    Read(Area, usize),
    WriteBarrier,
    ReadBarrier,
    FullBarrier,
}

struct Inner {
    desc: Vec<Cell<u8>>,
    driver: Vec<Cell<u8>>,
    device: Vec<Cell<u8>>,
    live: Cell<bool>,
    /// The device writes to the Desc Area, too: a packed virtqueue.
    packed: bool,
    trace: RefCell<Option<Vec<Op>>>,
}

/// Memory that plays the three areas. Clones are the same memory.
///
/// It is stricter than the trait asks for: accesses out of range, reads of what the driver
/// itself wrote, and writes to the Device Area after the setup are failures of the test.
#[derive(Clone)]
pub struct FakeMem(Rc<Inner>);

impl FakeMem {
    pub fn new(size: u16) -> Self {
        Self::with(split_layout(size).unwrap(), false)
    }

    pub fn packed(size: u16) -> Self {
        Self::with(packed_layout(size).unwrap(), true)
    }

    fn with(sizes: RingSizes, packed: bool) -> Self {
        // Garbage, so that a field that the ring forgets to set is noticed.
        let area = |bytes| vec![Cell::new(0xa5); bytes];
        Self(Rc::new(Inner {
            desc: area(sizes.desc.bytes),
            driver: area(sizes.driver.bytes),
            device: area(sizes.device.bytes),
            live: Cell::new(false),
            packed,
            trace: RefCell::new(None),
        }))
    }

    /// From now on the Device Area belongs to the device.
    pub fn go_live(&self) {
        self.0.live.set(true);
    }

    /// The device was reset: the Device Area belongs to the driver again.
    pub fn reset(&self) {
        self.0.live.set(false);
    }

    pub fn start_trace(&self) {
        *self.0.trace.borrow_mut() = Some(Vec::new());
    }

    pub fn take_trace(&self) -> Vec<Op> {
        self.0.trace.borrow_mut().take().unwrap_or_default()
    }

    fn log(&self, op: Op) {
        if let Some(trace) = self.0.trace.borrow_mut().as_mut() {
            trace.push(op);
        }
    }

    fn area(&self, area: Area) -> &[Cell<u8>] {
        match area {
            Area::Desc => &self.0.desc,
            Area::Driver => &self.0.driver,
            Area::Device => &self.0.device,
        }
    }

    /// What the device reads: the device may read and write everything.
    pub fn peek<const N: usize>(&self, area: Area, offset: usize) -> [u8; N] {
        let cells = &self.area(area)[offset..offset + N];
        std::array::from_fn(|i| cells[i].get())
    }

    /// What the device writes.
    pub fn poke(&self, area: Area, offset: usize, bytes: &[u8]) {
        for (cell, byte) in self.area(area)[offset..][..bytes.len()].iter().zip(bytes) {
            cell.set(*byte);
        }
    }

    pub fn peek16(&self, area: Area, offset: usize) -> u16 {
        u16::from_le_bytes(self.peek(area, offset))
    }

    pub fn poke16(&self, area: Area, offset: usize, value: u16) {
        self.poke(area, offset, &value.to_le_bytes());
    }

    pub fn len(&self, area: Area) -> usize {
        self.area(area).len()
    }

    fn store(&self, area: Area, offset: usize, bytes: &[u8]) {
        assert!(
            area != Area::Device || !self.0.live.get(),
            "driver wrote to the Device Area"
        );
        assert_eq!(offset % bytes.len(), 0, "unaligned access");
        self.poke(area, offset, bytes);
    }

    fn load<const N: usize>(&self, area: Area, offset: usize) -> [u8; N] {
        let theirs = area == Area::Device || (area == Area::Desc && self.0.packed);
        assert!(theirs, "driver read back what it wrote");
        self.log(Op::Read(area, offset));
        self.peek(area, offset)
    }
}

impl Addressing for FakeMem {
    type Piece = Segment;

    fn segment(piece: Segment) -> Segment {
        piece
    }
}

impl RingMem for FakeMem {
    fn write_desc(&self, index: u16, desc: RawDesc) {
        self.log(Op::WriteDesc(index));
        let [low, high] = desc.words();
        let at = usize::from(index) * RawDesc::SIZE;
        self.store(Area::Desc, at, &low.to_bytes());
        self.store(Area::Desc, at + 8, &high.to_bytes());
    }

    fn write16(&self, area: Area, offset: usize, value: Le16) {
        self.log(Op::Write(area, offset, value.get().into()));
        self.store(area, offset, &value.to_bytes());
    }

    fn read16(&self, area: Area, offset: usize) -> Untrusted<u16> {
        Untrusted::new(u16::from_le_bytes(self.load(area, offset)))
    }

    fn read32(&self, area: Area, offset: usize) -> Untrusted<u32> {
        Untrusted::new(u32::from_le_bytes(self.load(area, offset)))
    }

    fn read64(&self, area: Area, offset: usize) -> Untrusted<u64> {
        Untrusted::new(u64::from_le_bytes(self.load(area, offset)))
    }

    fn write_barrier(&self) {
        self.log(Op::WriteBarrier);
    }

    fn read_barrier(&self) {
        self.log(Op::ReadBarrier);
    }

    fn full_barrier(&self) {
        self.log(Op::FullBarrier);
    }
}

/// Memory that plays one indirect table.
pub struct FakeTable(RefCell<Vec<u8>>, Cell<u32>);

impl FakeTable {
    pub fn new(capacity: u16) -> Self {
        let bytes = usize::from(capacity) * RawDesc::SIZE;
        Self(RefCell::new(vec![0xa5; bytes]), Cell::new(0))
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.0.borrow().clone()
    }

    pub fn writes(&self) -> u32 {
        self.1.get()
    }
}

impl Addressing for FakeTable {
    type Piece = Segment;

    fn segment(piece: Segment) -> Segment {
        piece
    }
}

impl TableMem for FakeTable {
    fn write_desc(&self, index: u16, desc: RawDesc) {
        let at = usize::from(index) * RawDesc::SIZE;
        let [low, high] = desc.words();
        let mut bytes = self.0.borrow_mut();
        bytes[at..at + 8].copy_from_slice(&low.to_bytes());
        bytes[at + 8..at + 16].copy_from_slice(&high.to_bytes());
        self.1.set(self.1.get() + 1);
    }
}

pub type TestRing<T> = Ring<T, FakeMem, Vec<Slot<T>>>;

pub fn slots<T>(size: u16) -> Vec<Slot<T>> {
    (0..size).map(|_| Slot::new()).collect()
}

/// A ring, and its memory as the device sees it.
pub fn ring<T>(size: u16, event_idx: bool) -> (TestRing<T>, FakeMem) {
    start(FakeMem::new(size), config(size, event_idx))
}

/// What is usual.
pub fn config(size: u16, event_idx: bool) -> RingConfig {
    RingConfig {
        size,
        event_idx,
        cut_len: false,
        kept: 0,
    }
}

/// A ring of any format on `mem`.
pub fn start<T, F: Format>(
    mem: FakeMem,
    config: RingConfig,
) -> (Ring<T, FakeMem, Vec<Slot<T>>, F>, FakeMem) {
    let ring = Ring::new(config, mem.clone(), slots(config.size)).unwrap();
    mem.go_live();
    (ring, mem)
}

pub fn seg(addr: u64, len: u32) -> Segment {
    Segment { addr, len }
}

/// A small generator for long runs (xorshift).
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    pub fn next(&mut self) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 32) as u32
    }
}
