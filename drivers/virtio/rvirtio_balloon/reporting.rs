// SPDX-License-Identifier: GPL-2.0

//! Free blocks for the host (virtio 1.4, 5.5.6.5).
//!
//! A report is a buffer that is made of the free blocks themselves; when the host has used it, their
//! content is lost and what was behind them is the host's again, until the guest touches them.

use core::iter;
use kernel::{
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    }, //
};
use kernel_ext::{
    balloon::{
        Blocks,
        Report,
        LARGEST_BLOCK,
        MOST_BLOCKS, //
    },
    dma::{
        Direction,
        Mapping, //
    }, //
};
use virtio::{
    Device,
    Exchange,
    FeaturesOk,
    QueueOptions,
    Segment,
    Silent,
    Timeout, //
};

/// The reporting queue. The kernel makes one report at a time.
#[pin_data]
pub(crate) struct Reporter {
    exchange: Arc<Exchange>,
    device: Arc<Device>,
    /// The blocks of the report that is under way. Too many for the stack.
    #[pin]
    mapped: Mutex<[Option<Mapping>; MOST_BLOCKS]>,
}

impl Reporter {
    /// Makes the queue with number `index`.
    ///
    /// # Errors
    ///
    /// Those of [`Exchange::new`].
    pub(crate) fn new(setup: &FeaturesOk, index: u16) -> Result<Arc<Self>> {
        // What the host says it wrote is of no interest: the blocks' content is lost anyway.
        let options = QueueOptions {
            // CAST: A small constant.
            max_size: MOST_BLOCKS as u16,
            lenient_length: true,
        };

        let exchange = Exchange::new(setup, index, options, 1)?;
        let device = setup.device().clone();

        Arc::pin_init(
            pin_init!(Self {
                exchange,
                device,
                mapped <- new_mutex!([const { None }; MOST_BLOCKS]),
            }),
            GFP_KERNEL,
        )
    }

    /// Enables the queue in the device.
    pub(crate) fn connect(&self, setup: &mut FeaturesOk) -> Result {
        self.exchange.connect(setup, fmt!("reporting_vq"))
    }

    /// How many blocks fit into a report.
    pub(crate) fn capacity(&self) -> u16 {
        self.exchange.room()
    }

    /// Whether reports make sense: not where the device gets to see a copy of the block only
    /// (bounce buffers, which are smaller as well).
    pub(crate) fn is_useful(&self) -> bool {
        self.device.master().max_mapping() >= LARGEST_BLOCK
    }

    /// Nothing is reported any more.
    pub(crate) fn close(&self, silent: Silent<'_>) {
        self.exchange.close(silent);
    }

    /// Hands the segments over and waits until the host has used them, or cannot any more.
    fn hand_over(&self, segments: impl Iterator<Item = Segment>) -> Result {
        self.exchange
            .post(iter::empty(), segments)
            .map_err(|_| EIO)?;
        if self.exchange.wait(Timeout::Balloon.ms()).is_some() {
            return Ok(());
        }
        // Late, or broken. When this returns, the blocks are free for everybody, so the host must
        // not have them any more.
        self.exchange.give_up();
        Err(EIO)
    }
}

impl Report for Reporter {
    fn report(&self, blocks: &Blocks<'_>) -> Result {
        if self.device.broken().is_some() {
            return Err(EIO);
        }
        let master = self.device.master();
        let mut mapped = self.mapped.lock();
        let mut room = Ok(());

        for (place, run) in mapped.iter_mut().zip(blocks.iter()) {
            match master.map(run, Direction::FromDevice) {
                Ok(mapping) => *place = Some(mapping),
                Err(error) => {
                    room = Err(error);
                    break;
                }
            }
        }
        let segments = mapped.iter().flatten().map(Mapping::segment);
        let result = room.and_then(|()| self.hand_over(segments));

        for mapping in mapped.iter_mut().filter_map(Option::take) {
            master.unmap(mapping);
        }
        result
    }
}
