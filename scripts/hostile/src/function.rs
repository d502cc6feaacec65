// SPDX-License-Identifier: GPL-2.0

//! The whole function: registers, rings, the device behind them, and the personality that stands between these and the guest.

use std::{
    collections::{
        BTreeMap,
        BTreeSet,
        VecDeque, //
    },
    fs::File,
    sync::Arc,
    time::{
        Duration,
        Instant, //
    },
};

use crate::{
    admin::Admin,
    config_space::{
        self,
        cap,
        ConfigSpace,
        BAR_BYTES,
        DEVICE_CAP,
        MULTIPLIER,
        NOTIFY_CAP,
        VECTORS, //
    },
    device::{
        Context,
        Model,
        Served, //
    },
    interrupts::Interrupts,
    lie::{
        Area,
        Lie,
        Lies,
        Space,
        What, //
    },
    memory::Memory,
    options::{
        bit,
        Options, //
    },
    registers::{
        at,
        status,
        Effect,
        Registers, //
    },
    ring::{
        Agreed,
        Chain,
        Nonsense,
        Ring,
        Told, //
    },
    tampering::Tampering,
};

/// How many accesses are remembered.
const REMEMBERED: usize = 64;
/// Buffers that one notification may lead to: a driver that keeps posting is not served for ever.
const MOST_BUFFERS: usize = 4096;

/// A piece of a buffer with so many bytes is no header.
const LEAST_PIECE: u32 = 512;
const NO_PIECES: (u64, u64, u64) = (0, u64::MAX, 0);

/// Buffers with how much was written to each.
type Buffers = Vec<(Chain, u32)>;

/// Whether a reset was confirmed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Confirmed {
    Yes,
    /// It was asked for, and the status was not read since.
    NotYet,
    /// It was read, and was not zero.
    No,
}

/// Buffers that go back later.
struct Late {
    due: Instant,
    queue: u16,
    buffers: Buffers,
}

/// What a driver has done wrong something with.
#[derive(Clone, Copy)]
enum About {
    /// A ring, or what a buffer holds.
    Buffer,
    Register,
    Doorbell,
}

pub struct Function {
    memory: Arc<Memory>,
    interrupts: Interrupts,
    model: Box<dyn Model>,
    /// The administration queue, behind the others.
    admin: Option<Admin>,
    options: Options,
    lies: Lies,
    space: ConfigSpace,
    registers: Registers,
    isr: u8,
    gone: bool,
    /// It has spoilt what it would read itself, so it serves nothing any more.
    mad: bool,
    late: Vec<Late>,
    /// Buffers that go back together with the next one of their queue.
    together: BTreeMap<u16, Buffers>,
    /// Buffers that nothing was done with, and that come back all the same.
    undone: BTreeMap<u16, Vec<Chain>>,
    /// What is being done to the memory of rings. Nothing is looked at meanwhile.
    tampering: Tampering,
    /// What was reset: whether the driver has seen that it was, and may go on.
    reset: Confirmed,
    accesses: VecDeque<String>,
    /// What the driver did wrong.
    complaints: Vec<String>,
    /// No queue raises an interrupt; how many were kept back so far.
    mute: bool,
    withheld: u64,
    requests: u64,
    notifications: u64,
    /// How often the driver has reset it since the strike.
    resets: u64,
    /// All features that were agreed on with a device that lies, in all lives.
    agreed: u128,
    /// Of these, those that said just how far the driver had got.
    up_to_date: u64,
    /// Pieces of buffers that are data rather than headers: how many, and the lowest and the highest address in them.
    pieces: (u64, u64, u64),
    /// What was under way when it was last reset, of buffers that were to be answered later.
    cut_off: usize,
}

impl Function {
    pub fn new(
        memory: Arc<Memory>,
        model: Box<dyn Model>,
        admin: Option<Admin>,
        options: Options,
    ) -> Self {
        let space = ConfigSpace::new(model.id(), model.class(), model.config().len());
        let registers = Registers::new(model.queues(), admin.is_some().into(), options.queue_size);

        Self {
            memory,
            interrupts: Interrupts::default(),
            model,
            admin,
            options,
            lies: Lies::new(&[], 0),
            space,
            registers,
            isr: 0,
            gone: false,
            mad: false,
            late: Vec::new(),
            together: BTreeMap::new(),
            undone: BTreeMap::new(),
            tampering: Tampering::default(),
            reset: Confirmed::Yes,
            accesses: VecDeque::new(),
            complaints: Vec::new(),
            mute: false,
            withheld: 0,
            requests: 0,
            notifications: 0,
            resets: 0,
            agreed: 0,
            up_to_date: 0,
            pieces: NO_PIECES,
            cut_off: 0,
        }
    }

    /// A new life, as another device. No driver may be bound.
    pub fn become_other(
        &mut self,
        model: Box<dyn Model>,
        admin: Option<Admin>,
        options: Options,
        lies: &[Lie],
        seed: u64,
    ) {
        let command = [self.space.0[4], self.space.0[5]];

        self.model = model;
        self.admin = admin;
        self.options = options;
        self.lies = Lies::new(lies, seed);
        self.space = ConfigSpace::new(
            self.model.id(),
            self.model.class(),
            self.model.config().len(),
        );
        self.space.write(4, &command);
        self.gone = false;
        self.mad = false;
        self.complaints.clear();
        self.accesses.clear();
        self.mute = false;
        self.withheld = 0;
        self.requests = 0;
        self.notifications = 0;
        self.resets = 0;
        self.up_to_date = 0;
        self.pieces = NO_PIECES;
        self.reset();
    }

    pub fn reset(&mut self) {
        let admin = self.admin.is_some().into();

        self.registers = Registers::new(self.model.queues(), admin, self.options.queue_size);
        self.cut_off = self.late.len();
        self.late.clear();
        self.together.clear();
        self.undone.clear();
        self.tampering.end(None);
        self.lies.queue_reset(None);
        self.isr = 0;
        self.model.reset();
        if let Some(admin) = &mut self.admin {
            admin.reset();
        }
    }

    /// Has the model do something, or the function ask for a reset or keep its queues' interrupts back; `None` when it does no
    /// such thing.
    pub fn order(&mut self, words: &[&str]) -> Option<()> {
        match words {
            ["needs-reset"] => {
                self.ask_for_reset();
                return Some(());
            }
            ["mute", state @ ("on" | "off")] => {
                self.mute = *state == "on";
                return Some(());
            }
            _ => {}
        }
        if self.model.order(words)? && !self.gone {
            self.registers.generation = self.registers.generation.wrapping_add(1);
            self.config_interrupt();
        }
        self.serve(0);
        Some(())
    }

    /// The time has come for lies that wait for it.
    pub fn strike(&mut self) {
        self.resets = 0;
        self.lies.strike();
        self.events();
    }

    /// How an honest device was left by its guest.
    pub fn as_left(&self) -> Option<String> {
        (!self.lies.has(|_| true)).then(|| {
            format!(
                "status {}, under way {}, complaints: {}",
                self.registers.status,
                self.cut_off,
                self.complaints.join("; ")
            )
        })
    }

    /// What there is to be said of it when the machine has gone: how often the lie was told, the driver's resets since the
    /// strike, whether it is gone itself, what was agreed on with devices that lie, and what it complains of.
    pub fn last_words(&self) -> String {
        let told = self.lies.told().map(|told| told.to_string());

        format!(
            "{} {} {} {:#x} {}",
            told.as_deref().unwrap_or("none"),
            self.resets,
            match (self.gone, self.is_master()) {
                (true, _) => "gone",
                (_, false) => "mute",
                (_, true) => "there",
            },
            self.agreed,
            self.complaints.join("; ")
        )
    }

    /// What the suite may want to know.
    pub fn ask(&mut self, words: &[&str]) -> Option<String> {
        match words {
            ["told"] if self.lies.is_betrayed() => Some("betrayed".into()),
            ["told"] => Some(match self.lies.told() {
                Some(told) => told.to_string(),
                None => "none".into(),
            }),
            ["lies"] => Some(self.lies.told_in_all().to_string()),
            ["requests"] => Some(self.requests.to_string()),
            ["notifications"] => Some(self.notifications.to_string()),
            ["up-to-date"] => Some(self.up_to_date.to_string()),
            ["withheld"] => Some(self.withheld.to_string()),
            ["queues"] => {
                let enabled = self.registers.queues.iter().filter(|queue| queue.enabled);
                let sizes: Vec<_> = enabled.map(|queue| queue.size.to_string()).collect();

                Some(sizes.join(" "))
            }
            ["admin"] => self.admin.as_ref().map(Admin::knows),
            ["pieces"] => {
                let (count, low, high) = self.pieces;

                Some(format!("{count} {low:#x} {high:#x}"))
            }
            ["words"] => {
                let list = |words: &BTreeSet<u32>| {
                    let words: Vec<_> = words.iter().map(u32::to_string).collect();

                    words.join(",")
                };

                Some(format!(
                    "{} {}",
                    list(&self.registers.words_read),
                    list(&self.registers.words_written)
                ))
            }
            ["resets"] => Some(self.resets.to_string()),
            ["status"] => Some(self.registers.status.to_string()),
            ["features"] => Some(format!("{:#x}", self.registers.accepted)),
            ["wrongs"] => {
                self.look_at_reset();
                Some(self.complaints.len().to_string())
            }
            ["complaints"] => {
                self.look_at_reset();
                Some(self.complaints.join("; "))
            }
            // A device that is given up touches no memory any more.
            ["at-rest"] => {
                let reaches = self.registers.status != 0 && self.is_master() && !self.gone;

                Some(if reaches { "no" } else { "yes" }.into())
            }
            ["accesses"] => {
                let lines: Vec<_> = self.accesses.iter().cloned().collect();

                Some(lines.join("; "))
            }
            _ => self.model.ask(words),
        }
    }

    pub fn set_interrupts(
        &mut self,
        index: u32,
        flags: u32,
        start: u32,
        count: u32,
        files: Vec<File>,
    ) {
        let unmasked = self.interrupts.set(index, flags, start, count, files);

        if unmasked && self.isr != 0 {
            self.interrupts.raise_line();
        }
    }

    /// A function whose bus mastering is off reaches no memory; nobody else sees to that here.
    fn is_master(&self) -> bool {
        self.space.0[4] & 4 != 0
    }

    fn offered(&self) -> u128 {
        let admin = u128::from(self.admin.is_some()) << bit::ADMIN_VQ;

        (self.options.features | self.model.features() | admin) & !self.options.hidden
    }

    // --- Accesses ---------------------------------------------------------------------------------------------------

    fn access(&mut self, what: &str, at: u64, bytes: &[u8]) {
        if self.accesses.len() == REMEMBERED {
            self.accesses.pop_front();
        }
        self.accesses
            .push_back(format!("{what} {at:#x} {bytes:02x?}"));
        if let Some(ms) = self.lies.tell(What::Slow, 0) {
            std::thread::sleep(Duration::from_millis(ms));
        }
        if self.lies.tell(What::VanishOnAccess, 0).is_some() {
            self.gone = true;
        }
    }

    pub fn read_pci(&mut self, at: u64, into: &mut [u8]) {
        self.access("pci read", at, &[]);
        if self.gone {
            into.fill(0xff);
            return;
        }
        let mut bytes = self.space.0;

        self.lies
            .twist_read(Space::Pci, &mut bytes, at as usize, into.len(), 0);
        give(&bytes, at, into);
    }

    pub fn write_pci(&mut self, at: u64, bytes: &[u8]) {
        self.access("pci write", at, bytes);
        if !self.gone {
            let before = self.is_master();

            self.space.write(at as usize, bytes);
            if self.is_master() && !before && self.reset != Confirmed::Yes {
                self.accuse("DMA is turned on, and the last reset was not confirmed".into());
            }
        }
    }

    /// A reset that is not confirmed has to be the end of DMA at least.
    fn look_at_reset(&mut self) {
        if self.reset == Confirmed::No && self.is_master() {
            self.accuse("DMA is left on, and the last reset was not confirmed".into());
        }
    }

    /// Bytes of the device's own configuration, by what its capability says.
    fn configured(&self) -> u64 {
        let claim = |field, size| self.lies.claim(Space::Pci, DEVICE_CAP + field, size);

        match (claim(cap::TYPE, 1), claim(cap::OFFSET, 4)) {
            (None, None) => claim(cap::LENGTH, 4).unwrap_or(u64::MAX),
            _ => 0,
        }
    }

    pub fn read_bar(&mut self, at: u64, into: &mut [u8]) {
        self.access("read", at, &[]);
        if self.gone || at >= BAR_BYTES {
            into.fill(0xff);
            return;
        }
        let place = at & 0xfff;
        let size = self.options.queue_size;

        into.fill(0);
        match at & !0xfff {
            config_space::COMMON => {
                let mut bytes = self.registers.bytes(self.offered());

                self.lies.about(Some(self.registers.selection()));
                self.lies
                    .twist_read(Space::Common, &mut bytes, place as usize, into.len(), size);
                self.lies.about(None);
                self.registers.was_read(place as usize, into.len(), &bytes);
                give(&bytes, place, into);
                if place == at::STATUS as u64 && self.reset != Confirmed::Yes {
                    self.reset = match bytes[at::STATUS] {
                        0 => Confirmed::Yes,
                        _ => Confirmed::No,
                    };
                }
            }
            config_space::ISR if place == 0 => {
                let mut bytes = [std::mem::take(&mut self.isr)];

                self.lies.twist_read(Space::Isr, &mut bytes, 0, 1, size);
                give(&bytes, 0, into);
            }
            config_space::DEVICE => {
                let mut bytes = self.model.config();
                let end = place + into.len() as u64;

                self.lies
                    .twist_read(Space::Device, &mut bytes, place as usize, into.len(), size);
                give(&bytes, place, into);
                if end > self.configured() {
                    self.accuse(format!(
                        "the configuration is read up to {end}, behind its end"
                    ));
                    into.fill(0xff);
                }
            }
            _ => {}
        }
    }

    pub fn write_bar(&mut self, at: u64, bytes: &[u8]) {
        self.access("write", at, bytes);
        if self.gone || at >= BAR_BYTES {
            return;
        }
        let place = at & 0xfff;

        match at & !0xfff {
            config_space::COMMON => self.write_common(place as usize, bytes),
            config_space::DEVICE => {
                if !self.lies.is_deaf(Space::Device, place as usize, bytes) {
                    self.model.write_config(place as usize, bytes);
                }
            }
            config_space::NOTIFY => self.notified(place, bytes),
            _ => {}
        }
    }

    fn write_common(&mut self, at: usize, bytes: &[u8]) {
        if self.lies.is_deaf(Space::Common, at, bytes) {
            return;
        }
        let offered = self.offered();

        match self.registers.write(at, bytes, offered, VECTORS) {
            Effect::None => {}
            Effect::Reset => {
                self.resets += 1;
                self.reset();
                self.reset = Confirmed::NotYet;
            }
            Effect::Status => {
                if self.registers.status & status::DRIVER_OK != 0 {
                    let wrong = self.registers.accepted & self.options.never;

                    self.lies.go_live();
                    if self.lies.has(|_| true) {
                        self.agreed |= self.registers.accepted;
                    }
                    if wrong != 0 {
                        self.accuse(format!("the features {wrong:#x} are accepted"));
                    }
                }
            }
            Effect::Enable(queue) => self.enable(queue),
            Effect::Wrong(what) => {
                let queue = self.registers.selection();

                self.complain(About::Register, format!("queue {queue}: {what}"));
            }
            Effect::ResetQueue(queue) => {
                let size = self.options.queue_size;

                self.together.remove(&queue);
                self.undone.remove(&queue);
                self.tampering.end(Some(queue));
                self.late.retain(|late| late.queue != queue);
                self.model.reset_queue(queue);
                self.lies.queue_reset(Some(queue));
                let queue = &mut self.registers.queues[usize::from(queue)];

                queue.ring = None;
                queue.enabled = false;
                queue.size = size;
                queue.vector = crate::interrupts::NO_VECTOR;
            }
        }
    }

    fn enable(&mut self, index: u16) {
        let agreed = Agreed {
            packed: self.registers.has(bit::PACKED),
            event_idx: self.registers.has(bit::EVENT_IDX),
        };
        let queue = &mut self.registers.queues[usize::from(index)];
        let possible = match queue.size {
            0 => false,
            size if agreed.packed => size <= 32768,
            size => size.is_power_of_two(),
        };

        queue.enabled = true;
        if possible {
            queue.ring = Some(Ring::new(queue.areas, queue.size, agreed));
        } else {
            let size = queue.size;

            self.complain(
                About::Register,
                format!("queue {index}: enabled with {size} entries"),
            );
        }
    }

    /// What a lie that was told may have led the driver to is not its fault.
    fn complain(&mut self, about: About, what: String) {
        // What was spoilt here is not the driver's fault, from then on.
        let own = self.lies.has_told(|lie| match about {
            About::Buffer => matches!(
                lie,
                What::Race(_)
                    | What::Overwrite
                    | What::Spoil(_)
                    | What::Flicker(_)
                    | What::Undone
                    | What::Twice
                    | What::Ring(_)
                    | What::Read(..)
                    | What::Deaf(..)
            ),
            About::Register => matches!(lie, What::Read(..) | What::Deaf(..)),
            About::Doorbell => {
                matches!(lie, What::Deaf(Space::Common, at, _) if *at == at::STATUS as u32)
            }
        });

        if !own {
            self.accuse(what);
        }
    }

    /// No lie is an excuse for that.
    fn accuse(&mut self, what: String) {
        if self.complaints.len() < 8 {
            self.complaints.push(what);
        }
    }

    // --- Queues -----------------------------------------------------------------------------------------------------

    /// A doorbell was written (4.1.5.2).
    fn notified(&mut self, place: u64, bytes: &[u8]) {
        let queue = (place / u64::from(MULTIPLIER)) as u16;
        let wide = self.registers.has(bit::NOTIFICATION_DATA);
        let named = self.registers.has(bit::NOTIF_CONFIG_DATA);
        let called = match self.registers.queues.get(usize::from(queue)) {
            // What it is told to say may be a lie, and is to be said all the same.
            Some(of) if named => of.called,
            Some(_) => Some(queue),
            None => None,
        };

        self.notifications += 1;
        // After a reset the last ones may still be on their way (3.1.1).
        if self.registers.status != 0 && self.registers.status & status::DRIVER_OK == 0 {
            self.complain(
                About::Doorbell,
                format!("queue {queue}: notified before DRIVER_OK"),
            );
        }
        match bytes {
            [a, b] if !wide && called == Some(u16::from_le_bytes([*a, *b])) => {}
            [a, b, c, d] if wide && called == Some(u16::from_le_bytes([*a, *b])) => {
                self.told(queue, u16::from_le_bytes([*c, *d]));
            }
            _ => {
                let what = format!("queue {queue}: notified with {bytes:02x?}");
                let doorbells = NOTIFY_CAP as u32..NOTIFY_CAP as u32 + 20;

                // Where it is lied about the doorbells, it is another queue's, or none.
                if self.lies.has(|what| {
                    matches!(what, What::Read(Space::Pci, at, _) if doorbells.contains(at))
                        || matches!(what, What::Read(Space::Common, at, _) if *at == at::QUEUE_NOTIFY_OFF as u32)
                }) {
                    self.complain(About::Register, what);
                } else {
                    self.accuse(what);
                }
            }
        }
        self.serve(queue);
    }

    /// A notification says how far the driver has got in a queue (2.9).
    fn told(&mut self, queue: u16, said: u16) {
        let ring = self
            .registers
            .queues
            .get(usize::from(queue))
            .and_then(|queue| queue.ring.as_ref());
        let Some(Ok(told)) = ring.map(|ring| ring.told(&self.memory, said)) else {
            return;
        };

        match told {
            Told::Now => self.up_to_date += 1,
            Told::Before => {}
            Told::Never => self.complain(
                About::Buffer,
                format!("queue {queue}: notified of {said:#x}, where the driver is not"),
            ),
        }
    }

    /// Serves all queues until nothing is left, beginning with one.
    fn serve(&mut self, first: u16) {
        let queues = self.registers.queues.len() as u16;

        for _ in 0..MOST_BUFFERS {
            let mut any = false;

            for queue in (first..queues).chain(0..first.min(queues)) {
                match self.serve_one(queue) {
                    Ok(served) => any |= served,
                    Err(Nonsense(why)) => {
                        self.complain(About::Buffer, format!("queue {queue}: {why}"));
                        self.registers.queues[usize::from(queue)].ring = None;
                        self.ask_for_reset();
                    }
                }
                if self.gone {
                    return;
                }
            }
            if !any {
                return;
            }
        }
    }

    /// Serves a queue until it is empty, or the model wants none of it.
    fn serve_one(&mut self, index: u16) -> Result<bool, Nonsense> {
        self.lies.about(Some(index));
        let result = self.serve_queue(index);

        self.lies.about(None);
        result
    }

    fn serve_queue(&mut self, index: u16) -> Result<bool, Nonsense> {
        let mut any = false;

        for _ in 0..MOST_BUFFERS {
            let works = self.registers.status & status::DRIVER_OK != 0
                && self.is_master()
                && !self.mad
                && self.tampering.is_over();

            let ordinary = index < self.registers.ordinary();

            if !works || ordinary && !self.model.wants(index) {
                break;
            }
            let Some(ring) = &mut self.registers.queues[usize::from(index)].ring else {
                break;
            };
            let Some(chain) = ring.fetch(&self.memory)? else {
                if ring.sleep(&self.memory, &mut self.lies)? {
                    break;
                }
                continue;
            };

            any = true;
            self.requests += 1;
            for (at, length) in chain.readable.iter().chain(&chain.writable) {
                if *length >= LEAST_PIECE {
                    let (count, low, high) = self.pieces;
                    let last = at + u64::from(*length) - 1;

                    self.pieces = (count + 1, low.min(*at), high.max(last));
                }
            }
            if self.lies.tell(What::Undone, 0).is_some() {
                self.undone.entry(index).or_default().push(chain);
                continue;
            }
            // What stands there before is what stands there afterwards.
            let short = self.shorten(&chain)?;
            let keep = self.lies.tell(What::Keep, 0).is_some();
            let mut complaints = Vec::new();
            let mut context = Context {
                memory: &self.memory,
                lies: &mut self.lies,
                accepted: self.registers.accepted,
                complaints: &mut complaints,
            };
            let served = match &mut self.admin {
                Some(admin) if !ordinary => admin.serve(&chain, &mut context)?,
                _ => self.model.serve(index, &chain, &mut context)?,
            };

            for complaint in complaints {
                self.complain(About::Buffer, format!("queue {index}: {complaint}"));
            }
            let served = match (served, short) {
                (Served::Used(written), Some((from, before))) => {
                    chain.write(&self.memory, from, &before)?;
                    Served::Used(match from {
                        0 => 0,
                        _ => written.saturating_sub(before.len() as u32),
                    })
                }
                (served, _) => served,
            };

            match served {
                Served::More(written) if !keep => {
                    let together = self.together.entry(index).or_default();

                    together.push((chain, written));
                }
                Served::Later(written, ms) if !keep => self.late.push(Late {
                    due: Instant::now() + Duration::from_millis(ms),
                    queue: index,
                    buffers: vec![(chain, written)],
                }),
                Served::Used(written) if !keep => {
                    let mut buffers = self.together.remove(&index).unwrap_or_default();

                    buffers.push((chain, written));
                    match self.lies.tell(What::Late, 0) {
                        Some(ms) => self.late.push(Late {
                            due: Instant::now() + Duration::from_millis(ms),
                            queue: index,
                            buffers,
                        }),
                        None => self.give_back(index, &buffers)?,
                    }
                }
                _ => {
                    self.together.remove(&index);
                }
            }
            self.events();
            if self.gone {
                break;
            }
        }
        Ok(any)
    }

    /// The data that a lie leaves out: where in the buffer, and what stands there. The byte behind them is the status.
    fn shorten(&mut self, chain: &Chain) -> Result<Option<(u64, Vec<u8>)>, Nonsense> {
        let data = chain.writable_len().saturating_sub(1);

        if data == 0 {
            return Ok(None);
        }
        let Some(less) = self.lies.tell(What::Short, 0) else {
            return Ok(None);
        };
        let mut before = vec![0; less.min(data) as usize];
        let from = data - before.len() as u64;

        chain.peek(&self.memory, from, &mut before)?;
        Ok(Some((from, before)))
    }

    fn give_back(&mut self, index: u16, buffers: &[(Chain, u32)]) -> Result<(), Nonsense> {
        if !self.is_master() {
            return Ok(());
        }
        self.tamper(index, buffers)?;
        let undone = self.undone.remove(&index).unwrap_or_default();
        let in_order = self.registers.has(bit::IN_ORDER);
        let queue = &mut self.registers.queues[usize::from(index)];
        let Some(ring) = &mut queue.ring else {
            return Ok(());
        };

        if let Some(value) = self.lies.tell(What::Overwrite, 0) {
            let [(desc, _), ..] = ring.areas();
            let word = value.to_le_bytes();
            let packed = matches!(ring, Ring::Packed(_));

            for index in buffers.iter().flat_map(|(chain, _)| &chain.indices) {
                let at = desc + 16 * u64::from(*index);
                // In a packed ring the flags would say that it is used.
                let behind = if packed { 6 } else { 8 };

                self.memory.write(at, &word)?;
                self.memory.write(at + 8, &word[..behind])?;
            }
        }
        if self.lies.tell(What::Scribble, 0).is_some() {
            for (at, length) in buffers
                .iter()
                .filter_map(|(chain, _)| chain.readable.first())
            {
                let nonsense = vec![0xa5; (*length).min(16) as usize];

                self.memory.write(*at, &nonsense)?;
            }
        }
        let mut interrupt = match undone.last() {
            None => ring.put(&self.memory, buffers, &mut self.lies)?,
            Some(_) if in_order => {
                let undone = undone.into_iter().map(|chain| (chain, 0));
                let batch: Buffers = undone.chain(buffers.iter().cloned()).collect();

                ring.put_batch(&self.memory, &batch, &mut self.lies)?
            }
            Some(chain) => {
                let written = chain.writable_len() as u32;

                ring.put(&self.memory, &[(chain.clone(), written)], &mut self.lies)?
            }
        };

        // What the driver says of interrupts may be nonsense of ours.
        interrupt |= self.tampering.is_damaging();

        if self.lies.tell(What::Twice, 0).is_some() {
            interrupt |= ring.put(&self.memory, buffers, &mut self.lies)?;
        }
        let vector = queue.vector;

        if interrupt && self.mute {
            self.withheld += 1;
        } else if interrupt {
            self.interrupt(1, vector);
        }
        Ok(())
    }

    /// Writes over what the driver has written, and has used elements change while they are read.
    fn tamper(&mut self, index: u16, buffers: &[(Chain, u32)]) -> Result<(), Nonsense> {
        let Some(ring) = &self.registers.queues[usize::from(index)].ring else {
            return Ok(());
        };
        let late = self.late.iter().filter(|late| late.queue == index);
        let chains: Vec<_> = late
            .flat_map(|late| &late.buffers)
            .chain(buffers)
            .map(|(chain, _)| chain)
            .collect();

        self.tampering
            .spoil(&self.memory, &mut self.lies, index, ring, &chains)?;
        if let Some((chain, written)) = buffers.first() {
            self.tampering
                .flicker(&self.memory, &mut self.lies, ring, chain, *written);
        }
        Ok(())
    }

    // --- Interrupts and events --------------------------------------------------------------------------------------

    /// `cause`: 1 for a queue, 2 for the configuration.
    fn interrupt(&mut self, cause: u8, vector: u16) {
        if self.interrupts.has_vectors() {
            self.interrupts.raise(vector);
        } else {
            self.isr |= cause;
            self.interrupts.raise_line();
        }
    }

    fn config_interrupt(&mut self) {
        self.interrupt(2, self.registers.config_vector);
    }

    fn ask_for_reset(&mut self) {
        if self.registers.status & status::NEEDS_RESET == 0 {
            self.registers.status |= status::NEEDS_RESET;
            self.config_interrupt();
        }
    }

    /// What a request, or the strike, may be the occasion for.
    fn events(&mut self) {
        if self.lies.tell(What::NeedsReset, 0).is_some() {
            self.ask_for_reset();
        }
        if self.lies.tell(What::Vanish, 0).is_some() {
            self.gone = true;
        }
    }

    /// Whether there is something to do every millisecond.
    pub fn is_restless(&self) -> bool {
        !self.late.is_empty()
            || !self.tampering.is_over()
            || self.lies.has(|what| {
                matches!(
                    what,
                    What::Storm | What::Change | What::Race(_) | What::Late
                )
            })
    }

    /// A millisecond has gone by.
    pub fn tick(&mut self) {
        if self.gone {
            return;
        }
        let now = Instant::now();

        if self.tampering.look(now, &self.memory, self.is_master()) {
            self.serve(0);
        }
        let (due, late): (Vec<_>, _) = std::mem::take(&mut self.late)
            .into_iter()
            .partition(|late| late.due <= now);

        self.late = late;
        for late in due {
            self.lies.about(Some(late.queue));
            let given = self.give_back(late.queue, &late.buffers);

            self.lies.about(None);
            if let Err(Nonsense(why)) = given {
                self.complain(About::Buffer, format!("queue {}: {why}", late.queue));
            }
        }
        // A lie that nobody can hear is not told: there has to be a driver, somewhere to raise an interrupt, a ring to write to.
        let has_driver = self.registers.status != 0 || self.is_master();

        if has_driver && self.interrupts.is_heard() && self.lies.tell(What::Storm, 0).is_some() {
            self.isr |= 3;
            self.interrupts.raise_all();
            if !self.interrupts.has_vectors() {
                self.interrupts.raise_line();
            }
        }
        if self.registers.status & status::DRIVER_OK != 0
            && self.lies.tell(What::NeedsReset, 0).is_some()
        {
            self.ask_for_reset();
        }
        if has_driver && self.lies.tell(What::Change, 0).is_some() {
            self.model.change();
            self.registers.generation = self.registers.generation.wrapping_add(1);
            self.config_interrupt();
        }
        let areas: Vec<_> = self
            .registers
            .queues
            .iter()
            .filter_map(|queue| Some(queue.ring.as_ref()?.areas()))
            .collect();

        if areas.is_empty() || !self.is_master() {
            return;
        }
        for area in [Area::Desc, Area::Driver, Area::Device] {
            if self.lies.tell(What::Race(area), 0).is_some() {
                // A descriptor that was spoilt leads into memory that is nobody's business.
                self.mad |= area != Area::Device;
                for areas in &areas {
                    self.race(areas[area as usize]);
                }
            }
        }
    }

    /// Writes random values all over an area.
    fn race(&mut self, (start, length): (u64, u64)) {
        for _ in 0..64 {
            let random = self.lies.random();
            let at = start + random.below(length / 2) * 2;
            let value = random.next() as u16;
            // Small numbers more often: they are believed more easily.
            let value = if random.below(2) == 0 {
                value % 256
            } else {
                value
            };

            let _ = self.memory.store16(at, value);
        }
    }
}

fn give(bytes: &[u8], at: u64, into: &mut [u8]) {
    for (at, byte) in (at as usize..).zip(into) {
        *byte = bytes.get(at).copied().unwrap_or(0);
    }
}
