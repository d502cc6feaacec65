// SPDX-License-Identifier: GPL-2.0

//! A ring and a device side by side, with everything checked that each may rely on.

use std::collections::HashMap;

use vring::{
    AddError,
    Format,
    IndirectWriter,
    Ring,
    RingConfig,
    Segment,
    Slot, //
};

use super::{
    config,
    device::{
        Buffer,
        Device, //
    },
    seg,
    FakeMem,
    FakeTable, //
};

/// A device that keeps to the rules, for one format.
pub trait Model: Sized {
    type Format: Format;

    /// A ring and its device.
    fn start_with(config: RingConfig) -> (WorldRing<Self::Format>, Self);
    /// A device that has just been told of a ring in `mem`.
    fn attach(mem: FakeMem, config: RingConfig) -> Self;
    /// The usual ones.
    fn start(size: u16, event_idx: bool) -> (WorldRing<Self::Format>, Self) {
        Self::start_with(config(size, event_idx))
    }
    /// The shared memory.
    fn mem(&self) -> &FakeMem;
    /// Whether it has found nothing available and waits for a kick.
    fn asleep(&mut self) -> &mut bool;
    /// Indirect tables by device address.
    fn tables(&mut self) -> &mut HashMap<u64, Vec<u8>>;
    fn sleep(&mut self);
    fn poll(&mut self);
    /// How many buffers are available and not fetched.
    fn visible(&self) -> usize;
    /// Whether a kick is due for the last so many buffers and descriptors.
    fn wants_kick(&mut self, buffers: u16, descs: u16) -> bool;
    fn fetch(&mut self) -> Option<Buffer>;
    /// Uses a batch of buffers: in order, with one entry for the last of them. Returns whether an
    /// interrupt is due.
    fn complete(&mut self, batch: &[(Buffer, u32)]) -> bool;
    /// Packed. Whether a delayed callback stays delayed when `enable_cb_delayed` said that there is more;
    /// and whether there may be a kick that nobody has asked for.
    const STAYS: bool;
    /// What `enable_cb_delayed` has to say with so many used buffers waiting, of those published.
    fn delayed(waiting: usize, published: usize) -> bool;
}

pub type WorldRing<F> = Ring<u32, FakeMem, Vec<Slot<u32>>, F>;
/// With a split virtqueue.
pub type World = Walk<Device>;

/// Writes indirect tables as rings of format `F` want them.
pub type Writer<'a, F> = IndirectWriter<'a, FakeTable, <F as Format>::Layout>;

/// A step of the driver or of the device. Numbers are reduced to what is possible.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    Add {
        readable: u8,
        writable: u8,
    },
    AddIndirect {
        readable: u8,
        writable: u8,
    },
    Kick,
    Pop {
        most: u8,
    },
    DisableCb,
    EnableCb,
    EnableCbDelayed,
    DeviceFetch {
        most: u8,
    },
    DeviceComplete {
        which: u8,
        batch: u8,
        len: u32,
    },
    DeviceSleep,
    DevicePoll,
    /// The device is reset; the ring goes on with a new one.
    Reset,
}

/// What the driver was promised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Promise {
    /// Nothing: callbacks are off, or it has to pop first.
    None,
    /// A callback at the next used buffer.
    Next,
    /// A callback at the latest when all published buffers are used.
    Later,
}

struct Posted {
    readable: Vec<Segment>,
    writable: Vec<Segment>,
    descs: u16,
    published: bool,
}

pub struct Walk<D: Model> {
    pub ring: WorldRing<D::Format>,
    config: RingConfig,
    room: u16,
    pub device: D,
    posted: HashMap<u32, Posted>,
    /// In the order in which they were added, the ones that the device has not fetched.
    order: std::collections::VecDeque<u32>,
    /// Fetched and not completed.
    fetched: Vec<(u32, Buffer)>,
    /// Completed and not popped: token and length.
    completed: std::collections::VecDeque<(u32, u32)>,
    next_token: u32,
    callbacks: bool,
    /// The callback that was asked for last is a delayed one, and has not come.
    delayed: bool,
    promise: Promise,
    pub popped: u64,
    pub kicks: u64,
    pub interrupts: u64,
}

impl<D: Model> Walk<D> {
    pub fn new(size: u16, event_idx: bool) -> Self {
        Self::with(config(size, event_idx))
    }

    pub fn with(config: RingConfig) -> Self {
        let (ring, mut device) = D::start_with(config);
        device.sleep();
        Self {
            ring,
            config,
            room: config.room(),
            device,
            posted: HashMap::new(),
            order: Default::default(),
            fetched: Vec::new(),
            completed: Default::default(),
            next_token: 0,
            callbacks: true,
            delayed: false,
            promise: Promise::Next,
            popped: 0,
            kicks: 0,
            interrupts: 0,
        }
    }

    fn segments(&self, count: u8, kind: u64) -> Vec<Segment> {
        (0..u64::from(count))
            .map(|i| {
                let addr = (u64::from(self.next_token) << 24) | (kind << 16) | (i << 8);
                seg(addr, 1 + (self.next_token.wrapping_add(i as u32) % 5000))
            })
            .collect()
    }

    fn free_descs(&self) -> u16 {
        let used: u16 = self.posted.values().map(|p| p.descs).sum();
        self.room - used
    }

    fn posted(&mut self, readable: Vec<Segment>, writable: Vec<Segment>, descs: u16) {
        self.posted.insert(
            self.next_token,
            Posted {
                readable,
                writable,
                descs,
                published: false,
            },
        );
        self.order.push_back(self.next_token);
        self.next_token += 1;
    }

    fn add(&mut self, readable: u8, writable: u8) {
        let (r, w) = (self.segments(readable, 0), self.segments(writable, 1));
        let count = u16::from(readable) + u16::from(writable);
        let free = self.free_descs();
        let expected = match count {
            0 => Err(AddError::Empty),
            n if n > free && free == self.room => Err(AddError::TooLong),
            n if n > free => Err(AddError::Full),
            _ => Ok(()),
        };
        let result = self
            .ring
            .add(r.iter().copied(), w.iter().copied(), self.next_token);
        assert_eq!(result, expected.map_err(|e| (e, self.next_token)));
        if result.is_ok() {
            self.posted(r, w, count);
        }
    }

    fn add_indirect(&mut self, readable: u8, writable: u8) {
        let (r, w) = (self.segments(readable, 2), self.segments(writable, 3));
        let count = u16::from(readable) + u16::from(writable);
        if count == 0 {
            return;
        }
        let memory = FakeTable::new(count);
        let mut writer = Writer::<D::Format>::new(&memory, count);
        r.iter().for_each(|s| writer.push_readable(*s).unwrap());
        w.iter().for_each(|s| writer.push_writable(*s).unwrap());
        let addr = (1 << 60) | u64::from(self.next_token);
        let table = writer.finish(seg(addr, 16)).unwrap();
        assert_eq!(memory.writes(), u32::from(count));
        let expected = if count > self.ring.size() {
            Err(AddError::TooLong)
        } else if self.free_descs() == 0 {
            Err(AddError::Full)
        } else {
            Ok(())
        };
        let result = self.ring.add_indirect(table, self.next_token);
        assert_eq!(result, expected.map_err(|e| (e, self.next_token)));
        if result.is_ok() {
            self.device.tables().insert(addr, memory.bytes());
            self.posted(r, w, 1);
        }
    }

    fn kick(&mut self) {
        let line = |p: &&Posted| !p.published;
        let in_line = self.posted.values().filter(line).count();
        let descs = self.posted.values().filter(line).map(|p| p.descs).sum();
        let seen = self.order.len() - in_line;
        assert_eq!(self.device.visible(), seen, "published before the kick");
        let kick = self.ring.kick_prepare();
        assert_eq!(self.device.visible(), self.order.len());
        self.posted.values_mut().for_each(|p| p.published = true);
        let wanted = in_line != 0 && self.device.wants_kick(in_line as u16, descs);
        // A packed ring kicks, too, when the device asks for it at a place that it has passed.
        assert!(kick == wanted || (kick && D::STAYS), "lost kick");
        if kick {
            self.kicks += 1;
            *self.device.asleep() = false;
        }
        assert!(
            !(*self.device.asleep() && self.device.visible() != 0),
            "lost kick"
        );
    }

    fn pop(&mut self, most: u8) {
        for _ in 0..most {
            assert_eq!(self.ring.has_used(), !self.completed.is_empty());
            let Some(done) = self.ring.pop().unwrap() else {
                assert!(self.completed.is_empty(), "used buffer not seen");
                if self.callbacks && self.promise == Promise::None {
                    self.promise = if self.delayed && D::STAYS {
                        Promise::Later
                    } else {
                        Promise::Next
                    };
                }
                return;
            };
            let expected = self.completed.pop_front().expect("buffer out of nothing");
            assert_eq!(done.into_parts(), expected);
            self.posted.remove(&expected.0).expect("token came twice");
            self.popped += 1;
        }
    }

    fn fetch(&mut self, most: u8) {
        for _ in 0..most {
            let Some(buffer) = self.device.fetch() else {
                assert!(self.order.iter().all(|t| !self.posted[t].published));
                return;
            };
            let token = self.order.pop_front().expect("fetched what was not added");
            let posted = &self.posted[&token];
            assert_eq!(buffer.readable, posted.readable);
            assert_eq!(buffer.writable, posted.writable);
            self.fetched.push((token, buffer));
        }
    }

    fn complete(&mut self, which: u8, batch: u8, len: u32) {
        let mut used = Vec::new();
        for _ in 0..batch {
            if self.fetched.is_empty() {
                break;
            }
            let index = if D::Format::IN_ORDER {
                0
            } else {
                usize::from(which) % self.fetched.len()
            };
            let (token, buffer) = self.fetched.remove(index);
            let room: u32 = buffer.writable.iter().map(|s| s.len).sum();
            let len = if len % 3 == 0 { room } else { len % (room + 1) };
            used.push((buffer, token, len, room));
        }
        let Some(last) = used.len().checked_sub(1) else {
            return;
        };
        for (at, (_, token, len, room)) in used.iter().enumerate() {
            // 2.7.9: those that are skipped were used to the end.
            let skipped = D::Format::IN_ORDER && at < last;
            self.completed
                .push_back((*token, if skipped { *room } else { *len }));
        }
        let used: Vec<_> = used.into_iter().map(|(b, _, len, _)| (b, len)).collect();
        if self.device.complete(&used) {
            self.interrupts += 1;
            self.delayed = false;
            self.promise = Promise::None;
        }
    }

    /// Runs one step and checks what must hold between steps.
    pub fn step(&mut self, step: Step) {
        match step {
            Step::Add { readable, writable } => self.add(readable, writable),
            Step::AddIndirect { readable, writable } => self.add_indirect(readable, writable),
            Step::Kick => self.kick(),
            Step::Pop { most } => self.pop(most),
            Step::DisableCb => {
                self.ring.disable_cb();
                self.callbacks = false;
                self.promise = Promise::None;
            }
            Step::EnableCb => {
                let more = self.ring.enable_cb();
                assert_eq!(more, !self.completed.is_empty());
                self.callbacks = true;
                self.delayed = false;
                self.promise = if more { Promise::None } else { Promise::Next };
            }
            Step::EnableCbDelayed => {
                let more = self.ring.enable_cb_delayed();
                let published = self.posted.values().filter(|p| p.published).count();
                assert_eq!(more, D::delayed(self.completed.len(), published));
                self.callbacks = true;
                self.delayed = true;
                self.promise = if more { Promise::None } else { Promise::Later };
            }
            Step::DeviceFetch { most } => self.fetch(most),
            Step::DeviceComplete { which, batch, len } => self.complete(which, batch, len),
            Step::DeviceSleep => self.device.sleep(),
            Step::DevicePoll => self.device.poll(),
            Step::Reset => self.reset(),
        }
        self.check();
    }

    fn check(&self) {
        assert_eq!(self.ring.broken(), None);
        assert_eq!(self.ring.num_free(), self.free_descs());
        assert_eq!(usize::from(self.ring.in_flight()), self.posted.len());
        let waiting = self.completed.len();
        let published = self.posted.values().filter(|p| p.published).count();
        match self.promise {
            Promise::None => {}
            Promise::Next => assert_eq!(waiting, 0, "lost interrupt"),
            Promise::Later => assert!(waiting == 0 || waiting < published, "lost interrupt"),
        }
    }

    /// The device is reset, and the ring used again in the same memory.
    fn reset(&mut self) {
        let mem = self.device.mem().clone();
        mem.reset();
        self.take_all();
        self.ring.renew();
        mem.go_live();
        self.device = D::attach(mem, self.config);
        self.device.sleep();
        self.order.clear();
        self.fetched.clear();
        self.completed.clear();
        self.callbacks = true;
        self.delayed = false;
        self.promise = Promise::Next;
    }

    /// Ends the run as after a reset.
    pub fn drain(mut self) {
        self.take_all();
    }

    /// All that is in flight comes back, once.
    fn take_all(&mut self) {
        while let Some(token) = self.ring.drain_one() {
            self.posted.remove(&token).expect("token came twice");
        }
        assert!(self.posted.is_empty(), "token lost");
        assert_eq!(self.ring.num_free(), self.room);
        assert_eq!(self.ring.in_flight(), 0);
    }
}
