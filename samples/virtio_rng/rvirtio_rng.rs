// SPDX-License-Identifier: GPL-2.0

//! virtio entropy device driver (virtio 1.4, 5.4): the smallest complete driver on this stack.
//!
//! `Documentation/writing-a-driver.md` goes through it line by line.

#![deny(unsafe_code)]

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
    dma::SharedMemory,
    hwrng::{
        self,
        Source, //
    }, //
};
use virtio::{
    Device,
    DeviceId,
    Driver,
    Exchange,
    Features,
    FeaturesOk,
    QueueOptions,
    Silent, //
};

/// The only queue (5.4.2).
const REQUEST_QUEUE: u16 = 0;
/// One buffer is under way at a time. The other entry is for hosts that want to have one left.
const ENTRIES: u16 = 2;
/// Bytes that are asked for at once: what the kernel reads at once.
const BYTES: usize = 64;
/// Milliseconds for which a read waits. A host may be short of entropy for longer, and is no worse for
/// it; who reads asks again, or gives up.
const WAIT_MS: u32 = 1_000;

/// An entropy device that is bound.
#[pin_data]
struct Rng {
    device: Arc<Device>,
    queue: Arc<Exchange>,
    /// Where the device writes. Locked by the one who reads.
    #[pin]
    memory: Mutex<SharedMemory>,
    /// The kernel's way to here, from the end of `probe` to `remove`.
    #[pin]
    source: Mutex<Option<hwrng::Registration<Self>>>,
}

impl Rng {
    /// Asks the device for bytes, unless it was asked and nobody has taken its answer.
    fn ask(&self, memory: &SharedMemory) -> Result {
        // CAST: A small constant.
        let place = memory.segment(0, BYTES as u32);

        match self.queue.post(iter::empty(), iter::once(place)) {
            Err(error) if error == EBUSY => Ok(()),
            result => result,
        }
    }
}

impl Source for Rng {
    fn read(&self, into: &mut [u8], wait: bool) -> Result<usize> {
        let memory = self.memory.lock();

        self.ask(&memory)?;
        let Some(written) = self.queue.wait(if wait { WAIT_MS } else { 0 }) else {
            return self.device.broken().map_or(Ok(0), |_| Err(EIO));
        };
        // As many as were asked for at most, see `Exchange::wait`.
        let count = into.len().min(usize::try_from(written)?);

        for (byte, at) in into.iter_mut().zip(0..count) {
            *byte = memory.read8(at);
            // A host that writes nothing and says it did gives no byte twice.
            memory.write8(at, 0);
        }
        // The next ones are there when they are wanted, as a rule.
        self.ask(&memory)?;
        Ok(count)
    }
}

impl Driver for Rng {
    type Module = ();

    const IDS: &'static [DeviceId] = &[DeviceId::ENTROPY];
    const FEATURES: Features = Features::NONE;

    fn probe(_module: &Arc<()>, mut setup: FeaturesOk) -> Result<Arc<Self>> {
        let device = setup.device().clone();
        let queue = Exchange::new(&setup, REQUEST_QUEUE, QueueOptions::sized(ENTRIES), 1)?;
        let memory = SharedMemory::new(device.master(), BYTES)?;

        queue.connect(&mut setup, fmt!("input"))?;
        let this = Arc::pin_init(
            pin_init!(Self {
                device,
                queue,
                memory <- new_mutex!(memory),
                source <- new_mutex!(None),
            }),
            GFP_KERNEL,
        )?;

        setup.go_live(&this)?;
        this.ask(&this.memory.lock())?;
        *this.source.lock() = Some(hwrng::Registration::new(
            fmt!("rvirtio_rng.{}", this.device.number()),
            this.clone(),
        )?);
        Ok(this)
    }

    fn device_broken(&self, silent: Silent<'_>) {
        self.queue.close(silent);
    }

    fn remove(&self) {
        // Waits for who reads. The two own each other until here.
        let source = self.source.lock().take();

        drop(source);
    }
}

virtio::module_virtio_driver! {
    type: Rng,
    name: "rvirtio_rng",
    authors: ["The rvirtio developers"],
    description: "virtio entropy device driver",
    license: "GPL",
    alias: ["rvirtio:d00000004v*"],
}
