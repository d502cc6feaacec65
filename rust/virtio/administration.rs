// SPDX-License-Identifier: GPL-2.0

//! The administration queue of a device (virtio 1.4, 2.13): asks what can be had of each group of devices, and says what
//! will be used of it.
//!
//! Nobody waits for that but a work item of its own. A device that does not answer loses its queue, until it is reset, and
//! nothing else.

use crate::{
    admin_command::{
        head,
        result,
        Commands,
        Group,
        Opcode,
        Refusal,
        ANSWER_HEAD,
        LIST,
        UNANSWERED, //
    },
    device::Device,
    exchange::Exchange,
    life::FeaturesOk,
    queue::QueueOptions,
    silent::Silent,
    timeouts::Timeout,
    transport_feature, //
};
use core::{
    fmt::{
        self,
        Display, //
    },
    iter, //
};
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    },
    workqueue::{
        impl_has_work,
        new_work,
        Work,
        WorkItem, //
    }, //
};
use kernel_ext::{
    debugfs::Text,
    dma::SharedMemory,
    work, //
};

/// Bytes of the queue's memory: a command, and in the other half the answer.
const BYTES: usize = 256;
/// Where the answer is.
const ANSWER_AT: usize = BYTES / 2;
/// Bytes of the longest answer.
const ANSWER: usize = ANSWER_HEAD + LIST;
/// The entries that there is a use for: a command and its answer, or a table that leads to both.
const ENTRIES: u16 = 4;
/// Milliseconds between two looks whether there is an answer: the queue has no interrupt.
const LOOK_MS: u32 = 4;

/// The administration queue while a driver has the device.
#[pin_data]
pub(crate) struct Administration {
    exchange: Arc<Exchange>,
    index: u16,
    device: Arc<Device>,
    /// The device's until it has answered, or is reset; so who takes it asks whether it is ([`Exchange::is_free`]). Held by who waits
    /// for an answer.
    #[pin]
    memory: Mutex<SharedMemory>,
    /// What came of asking for the commands of each group.
    #[pin]
    found: Mutex<[Option<Found>; Group::COUNT]>,
    #[pin]
    work: Work<Self>,
}

impl_has_work! {
    impl HasWork<Self> for Administration { self.work }
}

/// What came of asking.
type Found = Result<Commands, Failure>;

/// Why there is no list.
#[derive(Clone, Copy)]
enum Failure {
    /// The device says why.
    Refused(Refusal),
    /// It has not answered in time, so its queue is not used.
    NoAnswer,
    /// It is broken, or was reset meanwhile.
    Lost,
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => write!(f, "{refusal}"),
            Self::NoAnswer => f.write_str("no answer"),
            Self::Lost => f.write_str("lost in a reset"),
        }
    }
}

impl Administration {
    /// Makes the queue of a device that has one, to be enabled with the others. A device whose queue cannot be used is
    /// used without; a line in the log says so.
    pub(crate) fn make(setup: &mut FeaturesOk) {
        if !setup.features().contains(transport_feature::ADMIN_VQ) {
            return;
        }
        let made = setup
            .device()
            .transport()
            .admin_queue()
            .and_then(|index| Self::new(setup, index));

        match made {
            Ok(administration) => setup.device().administer(administration),
            Err(error) => dev_warn!(
                setup.device().node(),
                "administration queue cannot be used: {:?}\n",
                error
            ),
        }
    }

    fn new(setup: &mut FeaturesOk, index: u16) -> Result<Arc<Self>> {
        let device = setup.device().clone();
        let memory = SharedMemory::new(device.master(), BYTES)?;
        let exchange = Exchange::new(setup, index, QueueOptions::sized(ENTRIES), 2)?;

        exchange.connect_polled(setup, format_args!("admin"))?;
        // Without memory for this it is enabled, and nobody uses it.
        Arc::pin_init(
            pin_init!(Self {
                exchange,
                index,
                device,
                memory <- new_mutex!(memory),
                found <- new_mutex!([None; Group::COUNT]),
                work <- new_work!("virtio::administration"),
            }),
            GFP_KERNEL,
        )
    }

    /// Has the device asked, in a work item: it works, or works again.
    pub(crate) fn begin(self: &Arc<Self>) {
        let queue = self.device.work_queue();

        // Already enqueued is as good.
        let _ = queue.enqueue::<Arc<Self>, 0>(self.clone());
    }

    /// The end.
    pub(crate) fn close(self: &Arc<Self>, silent: Silent<'_>) {
        work::disable_sync::<Self, 0>(self);
        self.exchange.close(silent);
    }

    /// What can be had of each group, a line for each.
    pub(crate) fn show(&self, text: &mut Text) {
        let found = *self.found.lock();

        text.add(format_args!("queue: {}\n", self.index));
        for (group, found) in Group::ALL.iter().zip(found) {
            match found {
                Some(Ok(commands)) => text.add(format_args!("{group}: {commands}\n")),
                Some(Err(failure)) => text.add(format_args!("{group}: {failure}\n")),
                None => text.add(format_args!("{group}: not asked\n")),
            }
        }
    }

    /// Asks each group, until one of them is not answered.
    fn ask_all(&self) {
        let mut all = [None; Group::COUNT];

        for (group, slot) in Group::ALL.iter().zip(all.iter_mut()) {
            let found = self.ask(*group);

            *slot = Some(found);
            match found {
                Ok(_) | Err(Failure::Refused(Refusal::Status(..))) => {}
                Err(Failure::Refused(refusal)) => dev_warn!(
                    self.device.node(),
                    "queue {}: group {}\n",
                    self.index,
                    format_args!("{group}: {refusal}")
                ),
                Err(Failure::NoAnswer) => {
                    dev_warn!(
                        self.device.node(),
                        "queue {}: administration command was not answered within {} ms: the queue is not used\n",
                        self.index,
                        Timeout::Control.ms()
                    );
                    break;
                }
                Err(Failure::Lost) => break,
            }
        }
        *self.found.lock() = all;
    }

    /// Asks what there is of a group, and says what will be used of that (2.12.1.1): these two commands.
    fn ask(&self, group: Group) -> Found {
        let mut list = [0; LIST];

        self.command(Opcode::ListQuery, group, &[], &mut list)?;
        let offered = Commands::from_list(&list);

        if !offered.contains(Commands::USED) {
            return Err(Failure::Refused(Refusal::NoList));
        }
        self.command(Opcode::ListUse, group, &Commands::USED.list(), &mut [])?;
        Ok(offered)
    }

    /// Has a command carried out. Of its result `into` gets as much as there is.
    fn command(
        &self,
        opcode: Opcode,
        group: Group,
        data: &[u8],
        into: &mut [u8],
    ) -> Result<(), Failure> {
        let memory = self.memory.lock();

        // An answer that was not waited for may still come.
        if !self.exchange.is_free() {
            return Err(Failure::Lost);
        }
        let bytes = head(opcode, group);
        let all = Iterator::chain(bytes.iter(), data);
        let mut length = 0;

        for (at, byte) in all.enumerate().take(ANSWER_AT) {
            memory.write8(at, *byte);
            length = at.wrapping_add(1);
        }
        for at in 0..ANSWER {
            memory.write8(ANSWER_AT.wrapping_add(at), UNANSWERED);
        }
        // CAST: Not above `ANSWER_AT`, and a small constant.
        let order = memory.segment(0, length as u32);
        let answer = memory.segment(ANSWER_AT, ANSWER as u32);

        self.exchange
            .post(iter::once(order), iter::once(answer))
            .map_err(|_| Failure::Lost)?;
        let written = self.wait()?;
        let mut copy = [0; ANSWER];

        for (at, byte) in copy.iter_mut().enumerate() {
            *byte = memory.read8(ANSWER_AT.wrapping_add(at));
        }
        let found = result(&copy, written).map_err(Failure::Refused)?;

        for (to, from) in into.iter_mut().zip(found) {
            *to = *from;
        }
        Ok(())
    }

    /// Looks for the answer, [`Timeout::Control`] at most, as long as the device may still give it.
    fn wait(&self) -> Result<u32, Failure> {
        let limit = Timeout::Control.ms();
        let mut waited = 0u32;

        // BOUND: The limit is ten minutes at most, and each round takes some of it.
        while waited < limit {
            if let Some(written) = self.exchange.wait(LOOK_MS) {
                return Ok(written);
            }
            let device = &self.device;

            if !device.is_live()
                || device.broken().is_some()
                || device.leaves(self.exchange.session())
            {
                return Err(Failure::Lost);
            }
            waited = waited.saturating_add(LOOK_MS);
        }
        Err(Failure::NoAnswer)
    }
}

impl WorkItem for Administration {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        this.ask_all();
    }
}
