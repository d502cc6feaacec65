// SPDX-License-Identifier: GPL-2.0

//! Our driver side against the device side of rust-vmm (crate `virtio-queue`).
//!
//! The device copies the number that it finds in the readable part of a buffer to its writable
//! part, so that the whole way there and back is seen: descriptors, tables, rings and events.

use std::{
    cell::Cell,
    collections::VecDeque,
    sync::{
        atomic::{
            fence,
            Ordering, //
        },
        mpsc::{
            channel,
            RecvTimeoutError, //
        },
    },
    thread,
    time::Duration, //
};

use virtio_queue::{
    Queue,
    QueueT, //
};
use vm_memory::{
    AtomicAccess,
    Bytes,
    GuestAddress,
    GuestMemoryMmap, //
};
use vring::{
    split_layout,
    Addressing,
    Area,
    Format,
    InOrder,
    IndirectTable,
    IndirectWriter,
    Le16,
    RawDesc,
    Ring,
    RingConfig,
    RingMem,
    Segment,
    Slot,
    Split,
    TableMem,
    Untrusted, //
};

/// The three areas, well apart.
const DESC: u64 = 0x10_0000;
const DRIVER: u64 = 0x20_0000;
const DEVICE: u64 = 0x30_0004;
/// One indirect table and one data page for each token.
const TABLES: u64 = 0x40_0000;
const DATA: u64 = 0x80_0000;
const RAM: usize = 0x100_0000;

struct GuestRing<'a> {
    ram: &'a GuestMemoryMmap,
    size: u16,
}

impl GuestRing<'_> {
    fn at(&self, area: Area, offset: usize, bytes: usize) -> Option<GuestAddress> {
        let end = split_layout(self.size).unwrap().area(area).bytes;
        let base = match area {
            Area::Desc => DESC,
            Area::Driver => DRIVER,
            Area::Device => DEVICE,
        };
        (offset + bytes <= end).then(|| GuestAddress(base + offset as u64))
    }

    fn store<T: AtomicAccess>(&self, area: Area, offset: usize, value: T) {
        if let Some(at) = self.at(area, offset, size_of::<T>()) {
            self.ram.store(value, at, Ordering::Relaxed).unwrap();
        }
    }

    fn load<T: AtomicAccess + Default>(&self, area: Area, offset: usize) -> T {
        self.at(area, offset, size_of::<T>())
            .map(|at| self.ram.load(at, Ordering::Relaxed).unwrap())
            .unwrap_or_default()
    }
}

impl Addressing for GuestRing<'_> {
    type Piece = Segment;

    fn segment(piece: Segment) -> Segment {
        piece
    }
}

impl RingMem for GuestRing<'_> {
    fn write_desc(&self, index: u16, desc: RawDesc) {
        let at = usize::from(index) * RawDesc::SIZE;
        let [low, high] = desc.words();
        self.store(Area::Desc, at, u64::from_ne_bytes(low.to_bytes()));
        self.store(Area::Desc, at + 8, u64::from_ne_bytes(high.to_bytes()));
    }

    fn write16(&self, area: Area, offset: usize, value: Le16) {
        self.store(area, offset, u16::from_ne_bytes(value.to_bytes()));
    }

    fn read16(&self, area: Area, offset: usize) -> Untrusted<u16> {
        Untrusted::new(u16::from_le(self.load(area, offset)))
    }

    fn read32(&self, area: Area, offset: usize) -> Untrusted<u32> {
        Untrusted::new(u32::from_le(self.load(area, offset)))
    }

    /// One aligned load, since the Device Area starts at 4 modulo 8.
    fn read64(&self, area: Area, offset: usize) -> Untrusted<u64> {
        Untrusted::new(u64::from_le(self.load(area, offset)))
    }

    fn write_barrier(&self) {
        fence(Ordering::Release);
    }

    fn read_barrier(&self) {
        fence(Ordering::Acquire);
    }

    fn full_barrier(&self) {
        fence(Ordering::SeqCst);
    }
}

struct GuestTable<'a>(&'a GuestMemoryMmap, u64);

impl Addressing for GuestTable<'_> {
    type Piece = Segment;

    fn segment(piece: Segment) -> Segment {
        piece
    }
}

impl TableMem for GuestTable<'_> {
    fn write_desc(&self, index: u16, desc: RawDesc) {
        let at = self.1 + u64::from(index) * RawDesc::SIZE as u64;
        let [low, high] = desc.words();
        self.0.write_obj(low.to_bytes(), GuestAddress(at)).unwrap();
        self.0
            .write_obj(high.to_bytes(), GuestAddress(at + 8))
            .unwrap();
    }
}

/// A queue of rust-vmm over the same memory.
fn device_queue(ram: &GuestMemoryMmap, size: u16, event_idx: bool) -> Queue {
    let mut queue = Queue::new(size).unwrap();
    queue.set_size(size);
    queue.set_desc_table_address(Some(DESC as u32), Some(0));
    queue.set_avail_ring_address(Some(DRIVER as u32), Some(0));
    queue.set_used_ring_address(Some(DEVICE as u32), Some(0));
    queue.set_event_idx(event_idx);
    queue.set_ready(true);
    assert!(queue.is_valid(ram));
    queue
}

struct Device<'a> {
    ram: &'a GuestMemoryMmap,
    queue: Queue,
    /// Heads with the length to report, popped and not completed yet.
    held: Vec<(u16, u32)>,
}

impl Device<'_> {
    /// Takes what is available, all of it.
    fn take(&mut self) {
        while let Some(chain) = self.queue.pop_descriptor_chain(self.ram) {
            let head = chain.head_index();
            let number = chain
                .clone()
                .readable()
                .next()
                .map(|d| self.ram.read_obj::<u64>(d.addr()).unwrap())
                .expect("each buffer has a readable segment");
            let mut len = 0;
            for desc in chain.clone().writable() {
                assert_eq!(desc.len(), 8);
                self.ram.write_obj(number, desc.addr()).unwrap();
                len += desc.len();
            }
            assert_eq!(
                chain.count() as u64,
                1 + number % 2 + u64::from(len / 8),
                "number of descriptors"
            );
            self.held.push((head, len));
        }
    }

    /// Completes one buffer. Returns whether an interrupt is due.
    fn complete(&mut self, index: usize) -> bool {
        let (head, len) = self.held.remove(index);
        self.queue.add_used(self.ram, head, len).unwrap();
        self.queue.needs_notification(self.ram).unwrap()
    }
}

/// The number of a buffer, and its page.
type Token = (u64, u64);

/// A buffer's segments: one or two readable, up to three writable.
fn shape(number: u64, data: u64) -> (Vec<Segment>, Vec<Segment>) {
    let seg = |i: u64, len| Segment {
        addr: data + 64 * i,
        len,
    };
    let readable = (0..1 + number % 2).map(|i| seg(i, 8)).collect();
    let writable = (0..number % 4).map(|i| seg(8 + i, 8)).collect();
    (readable, writable)
}

fn table(ram: &GuestMemoryMmap, addr: u64, shape: &(Vec<Segment>, Vec<Segment>)) -> IndirectTable {
    let memory = GuestTable(ram, addr);
    let mut writer = IndirectWriter::<_, Split>::new(&memory, 8);
    for segment in &shape.0 {
        writer.push_readable(*segment).unwrap();
    }
    for segment in &shape.1 {
        writer.push_writable(*segment).unwrap();
    }
    writer.finish(Segment { addr, len: 128 }).unwrap()
}

/// How many buffers are sent at least: what a test wants, or more by `RVIRTIO_WALK_STEPS`. Each of them is four
/// operations: added, found, completed and taken back.
fn buffers(least: u64) -> u64 {
    match std::env::var("RVIRTIO_WALK_STEPS") {
        Ok(steps) => {
            let steps: u64 = steps.parse().expect("RVIRTIO_WALK_STEPS is not a number");

            least.max(steps / 4)
        }
        Err(_) => least,
    }
}

/// Sends `total` buffers through a queue. No kick and no interrupt may be lost: either side
/// only moves when it has work by itself or was notified.
fn run<F: Format<Layout = Split>>(size: u16, event_idx: bool, indirect: bool, total: u64) {
    let total = buffers(total);
    let ram = &GuestMemoryMmap::<()>::from_ranges(&[(GuestAddress(0), RAM)]).unwrap();
    let mut ring: Ring<Token, _, Vec<Slot<Token>>, F> = Ring::new(
        RingConfig {
            size,
            event_idx,
            cut_len: false,
            kept: 0,
        },
        GuestRing { ram, size },
        (0..size).map(|_| Slot::new()).collect(),
    )
    .unwrap();
    let mut device = Device {
        ram,
        queue: device_queue(ram, size, event_idx),
        held: Vec::new(),
    };
    let mut pages: VecDeque<u64> = (0..u64::from(size)).collect();
    let random = Cell::new(u64::from(size) | 1);
    let next = |bound: u64| {
        random.set(
            random
                .get()
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407),
        );
        (random.get() >> 33) % bound
    };
    let (mut sent, mut received) = (0u64, 0u64);
    let (mut kicks, mut interrupts) = (0u64, 0u64);
    let (mut kicked, mut interrupted) = (false, false);
    while received < total {
        // The driver posts a batch.
        for _ in 0..next(5) {
            let Some(page) = pages.pop_front() else { break };
            let data = DATA + page * 0x1000;
            ram.write_obj(sent, GuestAddress(data)).unwrap();
            let shape = shape(sent, data);
            let token = (sent, page);
            let result = if indirect {
                let table = table(ram, TABLES + page * 128, &shape);
                ring.add_indirect(table, token)
            } else {
                ring.add(shape.0, shape.1, token)
            };
            match result {
                Ok(()) => sent += 1,
                Err((_, (_, page))) => pages.push_front(page),
            }
        }
        if ring.kick_prepare() {
            kicks += 1;
            kicked = true;
        }
        // The device wakes only if it was kicked, and polls until it may sleep.
        if kicked && next(2) == 0 {
            kicked = false;
            loop {
                device.queue.disable_notification(ram).unwrap();
                device.take();
                if !device.queue.enable_notification(ram).unwrap() {
                    break;
                }
            }
        }
        for _ in 0..next(6) {
            if !device.held.is_empty() {
                let index = if F::IN_ORDER {
                    0
                } else {
                    next(device.held.len() as u64) as usize
                };
                if device.complete(index) {
                    interrupts += 1;
                    interrupted = true;
                }
            }
        }
        // The driver wakes only if it was interrupted.
        if interrupted && next(2) == 0 {
            interrupted = false;
            loop {
                ring.disable_cb();
                while let Some(done) = ring.pop().unwrap() {
                    let ((number, page), written) = done.into_parts();
                    let data = DATA + page * 0x1000;
                    let (_, writable) = shape(number, data);
                    assert_eq!(written as usize, 8 * writable.len());
                    for segment in writable {
                        let found: u64 = ram.read_obj(GuestAddress(segment.addr)).unwrap();
                        assert_eq!(found, number);
                    }
                    pages.push_back(page);
                    received += 1;
                }
                let more = if next(2) == 0 {
                    ring.enable_cb()
                } else {
                    ring.enable_cb_delayed()
                };
                if !more {
                    break;
                }
            }
        }
        // Nobody has anything to do, and nobody was told: something was lost.
        let idle = !kicked && !interrupted && device.held.is_empty();
        assert!(!(idle && ring.num_free() == 0), "stall after {received}");
    }
    assert!(kicks > 0 && interrupts > 0);
    println!(
        "in order {}, indirect {indirect}, event index {event_idx}: {received} buffers, {kicks} kicks, {interrupts} interrupts",
        F::IN_ORDER
    );
}

#[test]
fn clause_2_7_13_direct_with_event_idx() {
    run::<Split>(64, true, false, 200_000);
}

#[test]
fn clause_2_7_13_direct_without_event_idx() {
    run::<Split>(64, false, false, 200_000);
}

#[test]
fn clause_2_7_5_3_indirect_with_event_idx() {
    run::<Split>(16, true, true, 200_000);
}

#[test]
fn clause_2_7_5_3_indirect_without_event_idx() {
    run::<Split>(16, false, true, 200_000);
}

/// rust-vmm uses what it is told to; here in order, buffer by buffer.
#[test]
fn clause_2_7_9_in_order() {
    for event_idx in [true, false] {
        run::<InOrder<Split>>(64, event_idx, false, 100_000);
        run::<InOrder<Split>>(16, event_idx, true, 100_000);
    }
}

#[test]
fn clause_2_7_small_and_large_queues() {
    run::<Split>(8, true, true, 70_000);
    run::<Split>(8, true, false, 70_000);
    run::<Split>(1024, true, false, 70_000);
}

#[test]
fn rust_vmm_finds_what_was_posted_and_no_more() {
    let ram = &GuestMemoryMmap::<()>::from_ranges(&[(GuestAddress(0), RAM)]).unwrap();
    let config = RingConfig {
        size: 8,
        event_idx: true,
        cut_len: false,
        kept: 0,
    };
    let mem = GuestRing { ram, size: 8 };
    let slots: Vec<Slot<()>> = (0..8).map(|_| Slot::new()).collect();
    let mut ring: Ring<(), _, _> = Ring::new(config, mem, slots).unwrap();
    let mut queue = device_queue(ram, 8, true);
    let segment = Segment {
        addr: DATA,
        len: 512,
    };
    ring.add([segment], [segment], ()).unwrap();
    assert!(queue.pop_descriptor_chain(ram).is_none(), "not published");
    assert!(ring.kick_prepare());
    let chain = queue.pop_descriptor_chain(ram).unwrap();
    let found: Vec<_> = chain
        .map(|d| (d.addr().0, d.len(), d.is_write_only()))
        .collect();
    assert_eq!(found, [(DATA, 512, false), (DATA, 512, true)]);
    assert!(queue.pop_descriptor_chain(ram).is_none());
}

/// How a driver waits for used buffers.
#[derive(Clone, Copy, PartialEq)]
enum Style {
    /// Callbacks off while it pops, then `enable_cb`.
    Enable,
    /// The same with `enable_cb_delayed`.
    Delayed,
    /// Callbacks always on: it pops until there is nothing left.
    AlwaysOn,
}

/// Both sides at the same time, each asleep until it is notified.
///
/// A stall would show a protocol mistake. A missing barrier seldom shows here, not even on two
/// processors; the tests of the order of accesses in `rust/vring/tests/split.rs` watch those.
fn run_threads(size: u16, event_idx: bool, style: Style, total: u64) {
    const PATIENCE: Duration = Duration::from_secs(10);
    let ram = &GuestMemoryMmap::<()>::from_ranges(&[(GuestAddress(0), RAM)]).unwrap();
    let config = RingConfig {
        size,
        event_idx,
        cut_len: false,
        kept: 0,
    };
    let slots: Vec<Slot<u64>> = (0..size).map(|_| Slot::new()).collect();
    let mut ring: Ring<u64, _, _> = Ring::new(config, GuestRing { ram, size }, slots).unwrap();
    let mut device = Device {
        ram,
        queue: device_queue(ram, size, event_idx),
        held: Vec::new(),
    };
    let (kick, kicked) = channel::<()>();
    let (interrupt, interrupted) = channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || loop {
            match kicked.recv_timeout(PATIENCE) {
                Ok(()) => {}
                Err(RecvTimeoutError::Disconnected) => return,
                Err(RecvTimeoutError::Timeout) => panic!("lost kick"),
            }
            loop {
                device.queue.disable_notification(ram).unwrap();
                while let Some(chain) = device.queue.pop_descriptor_chain(ram) {
                    device.held.push((chain.head_index(), 0));
                    if device.complete(0) && interrupt.send(()).is_err() {
                        return;
                    }
                }
                if !device.queue.enable_notification(ram).unwrap() {
                    break;
                }
            }
        });
        let (mut sent, mut received) = (0, 0);
        while received < total {
            // Batches of changing size; sometimes the ring is not filled.
            for _ in 0..1 + sent % 5 {
                let segment = Segment { addr: DATA, len: 8 };
                if sent == total || ring.add([segment], [], sent).is_err() {
                    break;
                }
                sent += 1;
            }
            if ring.kick_prepare() {
                kick.send(()).unwrap();
            }
            if style != Style::AlwaysOn {
                ring.disable_cb();
            }
            while ring.pop().unwrap().is_some() {
                received += 1;
            }
            let more = match style {
                Style::Enable => ring.enable_cb(),
                Style::Delayed => ring.enable_cb_delayed(),
                Style::AlwaysOn => false,
            };
            if !more && ring.in_flight() != 0 {
                interrupted.recv_timeout(PATIENCE).expect("lost interrupt");
            }
        }
        drop(kick);
    });
    assert!(ring.pop().unwrap().is_none());
}

#[test]
fn clause_2_7_13_4_1_threads_with_event_idx() {
    run_threads(2, true, Style::Enable, 200_000);
    run_threads(16, true, Style::Delayed, 200_000);
    run_threads(4, true, Style::AlwaysOn, 200_000);
}

#[test]
fn clause_2_7_13_4_1_threads_without_event_idx() {
    run_threads(2, false, Style::Enable, 200_000);
    run_threads(16, false, Style::Delayed, 200_000);
    run_threads(4, false, Style::AlwaysOn, 200_000);
}
