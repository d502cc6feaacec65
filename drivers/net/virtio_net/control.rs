// SPDX-License-Identifier: GPL-2.0

//! The control queue (virtio 1.4, 5.1.6.5): commands that wait for their answer, with an end.

use core::iter;
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    }, //
};
use kernel_ext::dma::SharedMemory;
use virtio::{
    Device,
    Exchange,
    FeaturesOk,
    QueueOptions,
    Segment,
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
/// What stands there before the device answers; no answer of the specification.
const UNANSWERED: u8 = 0xff;
/// The answer that all went well (5.1.6.5).
const OK: u8 = 0;
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
}

/// The control queue of a device.
#[pin_data]
pub(crate) struct Control {
    exchange: Arc<Exchange>,
    device: Arc<Device>,
    /// Held by the one whose turn it is to have a command under way.
    #[pin]
    memory: Mutex<SharedMemory>,
}

impl Control {
    /// Makes the control queue, which has number `index`.
    pub(crate) fn new(setup: &FeaturesOk, index: u16) -> Result<Arc<Self>> {
        let device = setup.device().clone();
        // One command at a time, of two descriptors.
        let exchange = Exchange::new(setup, index, QueueOptions::sized(4), 2)?;
        let memory = SharedMemory::new(device.master(), BYTES)?;

        Arc::pin_init(
            pin_init!(Self {
                exchange,
                device,
                memory <- new_mutex!(memory),
            }),
            GFP_KERNEL,
        )
    }

    /// Enables the queue in the device.
    pub(crate) fn connect(&self, setup: &mut FeaturesOk) -> Result {
        self.exchange.connect(setup, fmt!("control"))
    }

    /// Has the device carry out `command` with `data`. Waits for the answer, [`Timeout::Control`]
    /// at most; a device that does not answer is broken. Process context.
    ///
    /// # Errors
    ///
    /// `EINVAL` when the device refuses; `E2BIG` when there is too much data; `ETIMEDOUT` when it does not
    /// answer; `EIO` when it is broken.
    pub(crate) fn command(&self, command: Command, data: &[u8]) -> Result {
        let memory = self.memory.lock();

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

        let order = Segment {
            addr: memory.address(),
            // CAST: At most a page.
            len: HEAD.wrapping_add(data.len()) as u32,
        };
        let answer = Segment {
            addr: memory.address().wrapping_add(ANSWER_AT as u64),
            len: 1,
        };
        self.exchange
            .post(iter::once(order), iter::once(answer))
            .map_err(|_| EIO)?;
        if self.exchange.wait(Timeout::Control.ms()).is_none() {
            if self.device.broken().is_some() {
                return Err(EIO);
            }
            self.exchange.give_up();
            return Err(ETIMEDOUT);
        }
        if memory.read8(ANSWER_AT) == OK {
            Ok(())
        } else {
            Err(EINVAL)
        }
    }

    /// Lets go of what is under way, after the device was reset.
    pub(crate) fn drain(&self) {
        self.exchange.close();
    }
}
