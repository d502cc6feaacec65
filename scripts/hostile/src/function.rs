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

mod accesses;
mod events;
mod queues;

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
}
