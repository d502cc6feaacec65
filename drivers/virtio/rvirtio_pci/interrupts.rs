// SPDX-License-Identifier: GPL-2.0

//! Which interrupt is whose (virtio 1.4, 4.1.5.1.2 and 4.1.5.3).

use crate::{
    registers::{
        ISR_CONFIG,
        ISR_QUEUE,
        NO_VECTOR, //
    },
    sharing::{
        Sharing,
        CONFIG_VECTOR,
        FEWEST, //
    }, //
};
use kernel::{
    prelude::*,
    str::CString,
    sync::Arc, //
};
use kernel_ext::{
    irq,
    pci::{
        Function,
        Vectors,
        Window, //
    }, //
};
use virtio::{
    Delivery,
    InterruptHandler,
    Interrupts,
    QueueInterrupt, //
};

/// What interrupts need of a device's registers.
pub(crate) trait VectorRegisters {
    /// The function that has the vectors.
    fn function(&self) -> &Function;

    /// The ISR status: one byte, which reading clears.
    fn isr(&self) -> &Window;

    /// Sets the vector for configuration changes. Only while MSI-X is on.
    ///
    /// # Errors
    ///
    /// `EBUSY` when the device does not take it.
    fn set_config_vector(&self, vector: u16) -> Result;

    /// Sets the vector of a queue that is not enabled. Only while MSI-X is on.
    ///
    /// # Errors
    ///
    /// `EBUSY` when the device does not take it.
    fn set_queue_vector(&self, queue: u16, vector: u16) -> Result;
}

/// Which interrupts are tried, best first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    /// MSI-X, a vector for each queue, kept on its share of the CPUs: only where the queues ask for that.
    Spread,
    /// MSI-X, with as many vectors as there is a use for.
    Many,
    /// MSI-X, with as few as possible.
    Few,
    /// The function's INTx line, shared with other functions.
    Intx,
}

impl Plan {
    pub(crate) const ALL: [Self; 4] = [Self::Spread, Self::Many, Self::Few, Self::Intx];
}

/// Interrupts that are taken. The handlers go before the vectors do.
pub(crate) struct Active {
    handlers: KVec<irq::Registration>,
    /// The queues' vectors, where they have some.
    queues: KVec<(u16, u16)>,
    vectors: Vectors,
}

/// One handler on one vector.
struct One(Arc<dyn InterruptHandler>);

impl irq::Handler for One {
    fn handle(&self) -> bool {
        self.0.used()
    }
}

/// Several handlers on one vector.
struct All(KVec<Arc<dyn InterruptHandler>>);

impl irq::Handler for All {
    fn handle(&self) -> bool {
        let mut any = false;

        for handler in &self.0 {
            any |= handler.used();
        }
        any
    }
}

/// The queues that have interrupts.
fn interrupted(interrupts: &Interrupts) -> impl Iterator<Item = &QueueInterrupt> {
    interrupts
        .queues
        .iter()
        .filter(|queue| queue.delivery != Delivery::Polled)
}

/// How many there are; a device has no more queues than that.
fn count<T>(queues: impl Iterator<Item = T>) -> u16 {
    queues.fold(0, |count: u16, _| count.saturating_add(1))
}

/// Whether a queue is the first to share its vector.
fn is_slow(queue: &QueueInterrupt) -> bool {
    queue.delivery == Delivery::Slow
}

/// The handlers of all `queues`.
fn handlers<'a>(queues: impl Iterator<Item = &'a QueueInterrupt>) -> Result<All> {
    let mut handlers = KVec::new();

    for queue in queues {
        handlers.push(queue.handler.clone(), GFP_KERNEL)?;
    }
    Ok(All(handlers))
}

/// Everything on the INTx line; the ISR status says what it is about, and reading it lowers the
/// line.
struct Line {
    isr: Window,
    config: Arc<dyn InterruptHandler>,
    queues: All,
}

impl irq::Handler for Line {
    fn handle(&self) -> bool {
        // The interrupt is another's: the function may be out of reach while it is reset by others.
        if self.config.is_at_rest() {
            return false;
        }
        let isr = self.isr.read8(0).unwrap_or(0);

        // All-ones: the device is gone, and the interrupt is another's.
        if isr == 0 || isr == u8::MAX {
            return false;
        }
        // A line that is raised for nothing new is left to the kernel's own watch over such lines.
        let config = isr & ISR_CONFIG != 0 && self.config.used();
        let queues = isr & ISR_QUEUE != 0 && self.queues.handle();

        config || queues
    }
}

impl Active {
    /// Takes interrupts by `plan`, and tells the device its vectors.
    ///
    /// # Errors
    ///
    /// `ENOSPC` when there are too few vectors, `EBUSY` when the device does not take one, others
    /// from the interrupt layer. The device has no vector then.
    pub(crate) fn new(
        device: &dyn VectorRegisters,
        plan: Plan,
        interrupts: &Interrupts,
    ) -> Result<Self> {
        match plan {
            Plan::Spread | Plan::Many | Plan::Few => Self::msix(device, plan, interrupts),
            Plan::Intx => Self::intx(device, interrupts),
        }
    }

    /// Whether MSI-X is on.
    pub(crate) fn is_msix(&self) -> bool {
        self.vectors.is_msix()
    }

    fn msix(device: &dyn VectorRegisters, plan: Plan, interrupts: &Interrupts) -> Result<Self> {
        let queues = || interrupted(interrupts);
        let all = count(queues());
        let slow = count(queues().filter(|queue| is_slow(queue)));
        let fast = all.saturating_sub(slow);
        let function = device.function();
        let vectors = match plan {
            Plan::Spread => {
                if all == 0 || queues().any(|queue| queue.delivery != Delivery::Spread) {
                    return Err(EINVAL);
                }
                Vectors::msix_spread(function, all.into())?
            }
            Plan::Many => {
                let most = Sharing::most(slow, fast);

                Vectors::msix(function, FEWEST.into(), most.into())?
            }
            _ => Vectors::msix(function, FEWEST.into(), FEWEST.into())?,
        };
        // At most as many as were asked for.
        let count = u16::try_from(vectors.count())?;
        let sharing = Sharing::new(count, slow, fast);
        let mut vectored = KVec::with_capacity(all.into(), GFP_KERNEL)?;
        let (mut slow_before, mut fast_before) = (0u16, 0u16);

        for queue in queues() {
            let vector = sharing.vector(slow_before, fast_before, is_slow(queue));
            let before = if is_slow(queue) {
                &mut slow_before
            } else {
                &mut fast_before
            };

            *before = before.saturating_add(1);
            vectored.push((queue.queue.index, vector), GFP_KERNEL)?;
        }
        let mut registrations = KVec::with_capacity(count.into(), GFP_KERNEL)?;

        for vector in 0..count {
            let sharers = || {
                queues()
                    .zip(&vectored)
                    .filter(move |(_, (_, own))| *own == vector)
                    .map(|(queue, _)| queue)
            };

            if let Some(registration) = Self::take(interrupts, &vectors, vector, &sharers)? {
                registrations.push(registration, GFP_KERNEL)?;
            }
        }
        Self::tell(device, &vectored).inspect_err(|_| {
            let _ = device.set_config_vector(NO_VECTOR);
            for (queue, _) in &vectored {
                let _ = device.set_queue_vector(*queue, NO_VECTOR);
            }
        })?;
        Ok(Self {
            handlers: registrations,
            queues: vectored,
            vectors,
        })
    }

    /// Tells the device its vectors.
    fn tell(device: &dyn VectorRegisters, queues: &[(u16, u16)]) -> Result {
        device.set_config_vector(CONFIG_VECTOR)?;
        queues
            .iter()
            .try_for_each(|(queue, vector)| device.set_queue_vector(*queue, *vector))
    }

    /// Takes one vector: for configuration changes, or for the queues that share it, if there are any.
    fn take<'a, I: Iterator<Item = &'a QueueInterrupt>>(
        interrupts: &Interrupts,
        vectors: &Vectors,
        vector: u16,
        sharers: &impl Fn() -> I,
    ) -> Result<Option<irq::Registration>> {
        let irq = vectors.irq(vector.into())?;
        let device = &*interrupts.device;

        if vector == CONFIG_VECTOR {
            let handler = Arc::new(One(interrupts.config.clone()), GFP_KERNEL)?;

            return irq::Registration::new(irq, false, fmt!("{}-config", device), handler)
                .map(Some);
        }
        let Some(first) = sharers().next() else {
            return Ok(None);
        };
        let mut registration = if sharers().nth(1).is_none() {
            let handler = Arc::new(One(first.handler.clone()), GFP_KERNEL)?;

            irq::Registration::new(irq, false, fmt!("{}-{}", device, &*first.name), handler)?
        } else {
            let handler = Arc::new(handlers(sharers())?, GFP_KERNEL)?;
            // What all queues share has the name that it has in C.
            let name = if vectors.count() == u32::from(FEWEST) {
                CString::try_from_fmt(fmt!("{}-virtqueues", device))?
            } else {
                CString::try_from_fmt(fmt!("{}-virtqueues.{}", device, &*first.name))?
            };

            irq::Registration::new(irq, false, fmt!("{}", &*name), handler)?
        };

        if let Delivery::Near(place) = first.delivery {
            registration.prefer(place.into());
        }
        Ok(Some(registration))
    }

    fn intx(device: &dyn VectorRegisters, interrupts: &Interrupts) -> Result<Self> {
        let vectors = Vectors::intx(device.function())?;
        let mut registrations = KVec::with_capacity(1, GFP_KERNEL)?;

        registrations.push(
            irq::Registration::new(
                vectors.irq(0)?,
                true,
                fmt!("{}", &*interrupts.device),
                Arc::new(
                    Line {
                        isr: device.isr().clone(),
                        config: interrupts.config.clone(),
                        queues: handlers(interrupted(interrupts))?,
                    },
                    GFP_KERNEL,
                )?,
            )?,
            GFP_KERNEL,
        )?;
        Ok(Self {
            handlers: registrations,
            queues: KVec::new(),
            vectors,
        })
    }

    /// Moves those interrupts that have a place to it.
    ///
    /// # Errors
    ///
    /// `EAGAIN` when a CPU is just coming or going.
    pub(crate) fn place(&mut self) -> Result {
        self.handlers
            .iter_mut()
            .try_for_each(irq::Registration::prefer_again)
    }

    /// The vector for configuration changes, if there is one.
    pub(crate) fn config_vector(&self) -> Option<u16> {
        self.vectors.is_msix().then_some(CONFIG_VECTOR)
    }

    /// See [`virtio::Transport::queue_cpus`].
    pub(crate) fn queue_cpus(&self, queue: u16, each: &mut dyn FnMut(u32)) -> bool {
        // Only where queues have vectors of their own does the kernel keep them in their places.
        self.vector(queue)
            .is_some_and(|vector| self.vectors.cpus(vector.into(), each))
    }

    /// The vector of a queue, if it has one.
    pub(crate) fn vector(&self, queue: u16) -> Option<u16> {
        self.queues
            .iter()
            .find(|(index, _)| *index == queue)
            .map(|(_, vector)| *vector)
    }
}
