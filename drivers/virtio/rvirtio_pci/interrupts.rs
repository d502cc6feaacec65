// SPDX-License-Identifier: GPL-2.0

//! Which interrupt is whose (virtio 1.4, 4.1.5.1.2 and 4.1.5.3).

use crate::{
    modern::Modern,
    registers::{
        ISR_CONFIG,
        ISR_QUEUE,
        NO_VECTOR, //
    }, //
};
use kernel::{
    prelude::*,
    sync::Arc, //
};
use kernel_ext::{
    irq,
    pci::{
        Vectors,
        Window, //
    }, //
};
use virtio::{
    Interrupts,
    QueueHandler, //
};

/// How interrupts are shared out, best first.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    /// MSI-X: one vector for configuration changes, one for each queue.
    Each,
    /// MSI-X: one vector for configuration changes, one for all queues.
    Shared,
    /// The function's INTx line, shared with other functions.
    Intx,
}

impl Plan {
    pub(crate) const ALL: [Self; 3] = [Self::Each, Self::Shared, Self::Intx];
}

/// The vector for configuration changes, in all plans with MSI-X.
const CONFIG_VECTOR: u16 = 0;
/// The first vector for queues.
const FIRST_QUEUE_VECTOR: u16 = 1;

/// Interrupts that are taken. The handlers go before the vectors do.
pub(crate) struct Active {
    _handlers: KVec<irq::Registration>,
    /// The queues' vectors, where they have some.
    queues: KVec<(u16, u16)>,
    _vectors: Vectors,
}

/// One handler on one vector.
struct One(Arc<dyn QueueHandler>);

impl irq::Handler for One {
    fn handle(&self) -> bool {
        self.0.used()
    }
}

/// All queues on one vector.
struct All(KVec<Arc<dyn QueueHandler>>);

impl All {
    fn of(interrupts: &Interrupts) -> Result<Self> {
        let mut handlers = KVec::with_capacity(interrupts.queues.len(), GFP_KERNEL)?;

        for queue in &interrupts.queues {
            handlers.push(queue.handler.clone(), GFP_KERNEL)?;
        }
        Ok(Self(handlers))
    }
}

impl irq::Handler for All {
    fn handle(&self) -> bool {
        let mut any = false;

        for handler in &self.0 {
            any |= handler.used();
        }
        any
    }
}

/// Everything on the INTx line; the ISR status says what it is about, and reading it lowers the
/// line.
struct Line {
    isr: Window,
    config: Arc<dyn QueueHandler>,
    queues: All,
}

impl irq::Handler for Line {
    fn handle(&self) -> bool {
        let isr = self.isr.read8(0).unwrap_or(0);

        // All-ones: the device is gone, and the interrupt is another's.
        if isr == 0 || isr == u8::MAX {
            return false;
        }
        // A line that is raised for nothing is left to the kernel's own watch over such lines.
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
    pub(crate) fn new(device: &Modern, plan: Plan, interrupts: &Interrupts) -> Result<Self> {
        match plan {
            Plan::Each | Plan::Shared => Self::msix(device, plan, interrupts).inspect_err(|_| {
                let _ = device.set_config_vector(NO_VECTOR);
                for queue in &interrupts.queues {
                    let _ = device.set_queue_vector(queue.queue.index, NO_VECTOR);
                }
            }),
            Plan::Intx => Self::intx(device, interrupts),
        }
    }

    fn msix(device: &Modern, plan: Plan, interrupts: &Interrupts) -> Result<Self> {
        let queues = u16::try_from(interrupts.queues.len())?;
        let queue_vectors = match plan {
            Plan::Each => queues,
            _ => queues.min(1),
        };
        let placed = interrupts.queues.iter().any(|queue| queue.place.is_some());
        let vectors = Vectors::msix(
            device.function(),
            u32::from(queue_vectors) + u32::from(FIRST_QUEUE_VECTOR),
            (!placed).then_some(FIRST_QUEUE_VECTOR.into()),
        )?;
        let mut handlers = KVec::with_capacity(usize::from(queue_vectors) + 1, GFP_KERNEL)?;
        let mut vectored = KVec::with_capacity(queues.into(), GFP_KERNEL)?;
        let name = &interrupts.device;

        handlers.push(
            irq::Registration::new(
                vectors.irq(CONFIG_VECTOR.into())?,
                false,
                fmt!("{}-config", &**name),
                Arc::new(One(interrupts.config.clone()), GFP_KERNEL)?,
            )?,
            GFP_KERNEL,
        )?;
        device.set_config_vector(CONFIG_VECTOR)?;

        if plan == Plan::Shared && queues != 0 {
            handlers.push(
                irq::Registration::new(
                    vectors.irq(FIRST_QUEUE_VECTOR.into())?,
                    false,
                    fmt!("{}-virtqueues", &**name),
                    Arc::new(All::of(interrupts)?, GFP_KERNEL)?,
                )?,
                GFP_KERNEL,
            )?;
        }
        for (queue, own) in interrupts.queues.iter().zip(FIRST_QUEUE_VECTOR..) {
            let vector = match plan {
                Plan::Each => own,
                _ => FIRST_QUEUE_VECTOR,
            };

            if plan == Plan::Each {
                let mut handler = irq::Registration::new(
                    vectors.irq(vector.into())?,
                    false,
                    fmt!("{}-{}", &**name, &*queue.name),
                    Arc::new(One(queue.handler.clone()), GFP_KERNEL)?,
                )?;

                if let Some(place) = queue.place {
                    handler.prefer(place.into());
                }
                handlers.push(handler, GFP_KERNEL)?;
            }
            device.set_queue_vector(queue.queue.index, vector)?;
            vectored.push((queue.queue.index, vector), GFP_KERNEL)?;
        }
        Ok(Self {
            _handlers: handlers,
            queues: vectored,
            _vectors: vectors,
        })
    }

    fn intx(device: &Modern, interrupts: &Interrupts) -> Result<Self> {
        let vectors = Vectors::intx(device.function())?;
        let mut handlers = KVec::with_capacity(1, GFP_KERNEL)?;

        handlers.push(
            irq::Registration::new(
                vectors.irq(0)?,
                true,
                fmt!("{}", &*interrupts.device),
                Arc::new(
                    Line {
                        isr: device.isr().clone(),
                        config: interrupts.config.clone(),
                        queues: All::of(interrupts)?,
                    },
                    GFP_KERNEL,
                )?,
            )?,
            GFP_KERNEL,
        )?;
        Ok(Self {
            _handlers: handlers,
            queues: KVec::new(),
            _vectors: vectors,
        })
    }

    /// The vector of a queue, if it has one.
    pub(crate) fn vector(&self, queue: u16) -> Option<u16> {
        self.queues
            .iter()
            .find(|(index, _)| *index == queue)
            .map(|(_, vector)| *vector)
    }
}
