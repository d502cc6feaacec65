// SPDX-License-Identifier: GPL-2.0

//! The control queue (virtio 1.4, 5.1.6.5): commands that wait for their answer, with an end.

use crate::feature::Framing;
use core::iter;
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        atomic::{
            ordering::Relaxed,
            AtomicFlag, //
        },
        Arc,
        Mutex, //
    },
    time::{
        Instant,
        Monotonic, //
    }, //
};
use kernel_ext::dma::SharedMemory;
use virtio::{
    transport_feature,
    Budget,
    Device,
    Exchange,
    FeaturesOk,
    QueueOptions,
    Silent,
    Timeout, //
};

/// Bytes of the queue's memory: a command, and behind it the answer.
const BYTES: usize = 4096;
/// Where the answer is.
const ANSWER_AT: usize = BYTES - 1;
/// Bytes of a command's head: class and command.
const HEAD: usize = 2;
/// The most bytes that a command can have behind its head.
pub(crate) const MOST: usize = ANSWER_AT - HEAD;
/// Bytes of an address in a table.
const ADDRESS: usize = 6;
/// What stands there before the device answers; no answer of the specification.
const UNANSWERED: u8 = 0xff;
/// The answers that all went well, and that it did not (5.1.6.5).
const OK: u8 = 0;
const REFUSED: u8 = 1;
/// A command: class and number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Command(u8, u8);

impl Command {
    /// Receive everything, or not.
    pub(crate) const PROMISCUOUS: Self = Self(0, 0);
    /// Receive all multicasts, or not.
    pub(crate) const ALL_MULTICAST: Self = Self(0, 1);
    /// These are the addresses to receive.
    pub(crate) const ADDRESS_TABLE: Self = Self(1, 0);
    /// This is the address.
    pub(crate) const ADDRESS: Self = Self(1, 1);
    /// Receive a VLAN.
    pub(crate) const ADD_VLAN: Self = Self(2, 0);
    /// Do not receive a VLAN.
    pub(crate) const REMOVE_VLAN: Self = Self(2, 1);
    /// The interface was announced.
    pub(crate) const ANNOUNCED: Self = Self(3, 0);
    /// Use as many pairs of queues.
    pub(crate) const PAIRS: Self = Self(4, 0);
    /// Use these offloads on what is received.
    pub(crate) const OFFLOADS: Self = Self(5, 0);

    /// How many bytes of its data are a segment of their own, where there is a rule for that: of two tables the
    /// first one, which begins with a count of addresses; of other data all.
    fn first_part(self, data: &[u8]) -> usize {
        match (self, data) {
            (Self::ADDRESS_TABLE, &[a, b, c, d, ..]) => {
                let addresses = u32::from_le_bytes([a, b, c, d]);

                // CAST: Widening.
                (addresses as usize)
                    .saturating_mul(ADDRESS)
                    .saturating_add(4)
                    .min(data.len())
            }
            _ => data.len(),
        }
    }
}

/// The control queue of a device.
#[pin_data]
pub(crate) struct Control {
    exchange: Arc<Exchange>,
    device: Arc<Device>,
    /// The queue's number.
    index: u16,
    /// The log has a line about a command that was not carried out.
    warned: AtomicFlag,
    /// Each part of a command is a segment of its own.
    apart: bool,
    #[pin]
    turn: Mutex<Turn>,
    /// The zero of the clock of [`Turn::budget`].
    made: Instant<Monotonic>,
}

/// What the one has whose turn it is to have a command under way.
struct Turn {
    memory: SharedMemory,
    /// Who asks holds RTNL, as a rule, and may have many commands.
    budget: Budget,
}

impl Control {
    /// Makes the control queue, which has number `index`.
    pub(crate) fn new(setup: &FeaturesOk, index: u16) -> Result<Arc<Self>> {
        let device = setup.device().clone();
        let Framing { apart, .. } = Framing::of(setup.features());
        // One command at a time: the command and the answer, or head, two tables and the answer.
        let segments = if apart { 4 } else { 2 };
        let options = QueueOptions {
            max_size: 4,
            // Devices before version 1 are known to count wrongly.
            lenient_length: !setup.features().contains(transport_feature::VERSION_1),
        };
        let exchange = Exchange::new(setup, index, options, segments)?;
        let memory = SharedMemory::new(device.master(), BYTES)?;

        Arc::pin_init(
            pin_init!(Self {
                exchange,
                device,
                index,
                warned: AtomicFlag::new(false),
                apart,
                turn <- new_mutex!(Turn {
                    memory,
                    budget: Budget::new(),
                }),
                made: Instant::now(),
            }),
            GFP_KERNEL,
        )
    }

    /// Enables the queue in the device.
    pub(crate) fn connect(&self, setup: &mut FeaturesOk) -> Result {
        self.exchange.connect(setup, fmt!("control"))
    }

    /// Has the device carry out `command` with `data`. Waits for the answer, [`Timeout::Control`]
    /// at most, or less if it has taken long for others just before, see [`Budget`]; a device that does not answer is broken.
    /// Process context.
    ///
    /// # Errors
    ///
    /// `EINVAL` when the device refuses; `E2BIG` when there is too much data; `ETIMEDOUT` when it does not
    /// answer; `EIO` when it is broken.
    pub(crate) fn command(&self, command: Command, data: &[u8]) -> Result {
        let turn = &mut *self.turn.lock();
        let memory = &turn.memory;

        if data.len() > MOST {
            return Err(E2BIG);
        }
        // What was under way when it broke may still be answered.
        if self.device.broken().is_some() {
            return Err(EIO);
        }
        memory.write8(0, command.0);
        memory.write8(1, command.1);
        for (at, byte) in data.iter().enumerate() {
            memory.write8(HEAD.wrapping_add(at), *byte);
        }
        memory.write8(ANSWER_AT, UNANSWERED);

        let parts = if self.apart {
            let first = command.first_part(data);

            [HEAD, first, data.len().saturating_sub(first)]
        } else {
            [HEAD.wrapping_add(data.len()), 0, 0]
        };
        let mut at = 0usize;
        let order = parts.into_iter().filter(|part| *part != 0).map(|part| {
            // CAST: At most a page.
            let segment = memory.segment(at, part as u32);

            at = at.wrapping_add(part);
            segment
        });
        let answer = memory.segment(ANSWER_AT, 1);
        let begun = self.now();
        let limit_ms = turn.budget.left(begun, Timeout::Control.ms());

        self.exchange
            .post(order, iter::once(answer))
            .map_err(|_| EIO)?;
        let answered = self.exchange.wait(limit_ms);

        turn.budget.spend(begun, self.now());
        if answered.is_none() {
            if self.device.broken().is_some() {
                return Err(EIO);
            }
            self.exchange.give_up();
            return Err(ETIMEDOUT);
        }
        match memory.read8(ANSWER_AT) {
            OK => Ok(()),
            other => {
                self.complain(command, other);
                Err(EINVAL)
            }
        }
    }

    /// Names the first command that is not carried out.
    #[cold]
    fn complain(&self, Command(class, number): Command, answer: u8) {
        if !self.warned.load(Relaxed) {
            self.warned.store(true, Relaxed);
            let how = match answer {
                REFUSED => "is refused",
                _ => "has no valid answer",
            };

            dev_warn!(
                self.device.node(),
                "queue {}: command {}.{} {}; it fails, as will others without a word\n",
                self.index,
                class,
                number,
                how
            );
        }
    }

    fn now(&self) -> u64 {
        self.made.elapsed().as_millis().unsigned_abs()
    }

    /// Lets go of what is under way.
    pub(crate) fn drain(&self, silent: Silent<'_>) {
        self.exchange.close(silent);
    }
}
