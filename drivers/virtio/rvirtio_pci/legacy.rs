// SPDX-License-Identifier: GPL-2.0

//! The transport over the legacy interface (virtio 1.4, 4.1.4.10, and the notes on it in 4.1.5): devices
//! from before version 1, and those that show nothing else.
//!
//! There is no `FEATURES_OK`, no generation of the configuration, no reset of a queue, and a queue's size
//! is the device's. What is native-endian there is little-endian here: see [`Legacy::new`].

use crate::{
    feature,
    interrupts::{
        Active,
        Plan,
        VectorRegisters, //
    },
    legacy_queue::{
        areas,
        page_number, //
    },
    legacy_registers::*,
    registers::NO_VECTOR, //
};
use kernel::{
    device,
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    }, //
};
use kernel_ext::{
    dma,
    pci::{
        Bar,
        Function,
        Window, //
    }, //
};
use virtio::{
    Areas,
    Features,
    Identity,
    Interrupts,
    Notifier,
    OpenQueue,
    QueueSetup,
    RingSizes,
    Status,
    Transport,
    Untrusted, //
};

/// The BAR that has the registers.
const BAR: u8 = 0;
/// As much of the configuration makes its generation: more than any device type has that is driven here.
const GENERATION_BYTES: usize = 256;

/// A device behind the legacy interface. The windows go before the function is switched off.
#[pin_data]
pub(crate) struct Legacy {
    identity: Identity,
    registers: Window,
    isr: Window,
    /// Bytes of device configuration.
    config_length: usize,
    /// What is taken while a driver is bound.
    #[pin]
    active: Mutex<Option<Started>>,
    /// Whether MSI-X is on, which moves the configuration: held while that is accessed, and while MSI-X is
    /// switched. Taken after `active`.
    #[pin]
    msix: Mutex<bool>,
    /// Held while the queue registers are used, and taken after the others.
    #[pin]
    selected: Mutex<()>,
    function: Function,
}

/// Interrupts that are taken, and the queues that are enabled, with the pages that they begin at.
struct Started {
    interrupts: Active,
    queues: KVec<(u16, u32)>,
}

impl Legacy {
    /// Maps the registers of a device.
    ///
    /// # Errors
    ///
    /// `ENODEV` when there is no BAR 0, or one that is too short; `EBUSY` when another driver has it;
    /// `ENOMEM`. All but the last with a line in the log.
    pub(crate) fn new(function: Function, identity: Identity) -> Result<Arc<Self>> {
        // 2.5.3, 2.7.3: what has the guest's endianness would have to be converted.
        if cfg!(target_endian = "big") {
            dev_err!(
                function.device(),
                "the legacy interface is not supported on a big-endian machine\n"
            );
            return Err(ENODEV);
        }
        let length = function.bar_length(BAR).unwrap_or(0);
        let config_length = usize::try_from(length)
            .ok()
            .and_then(|length| config_length(length, function.has_msix()))
            .ok_or(ENODEV)
            .inspect_err(|_| {
                dev_err!(
                    function.device(),
                    "BAR {} of {} bytes is no legacy interface\n",
                    BAR,
                    length
                );
            })?;
        let bar = Bar::map(&function, BAR).inspect_err(|error| {
            dev_err!(
                function.device(),
                "BAR {} cannot be mapped: {:?}\n",
                BAR,
                error
            );
        })?;
        let registers = Window::new(bar.clone(), 0, length)?;
        let isr = Window::new(bar, ISR_STATUS as u64, 1)?;

        Arc::pin_init(
            pin_init!(Self {
                identity,
                registers,
                isr,
                config_length,
                active <- new_mutex!(None),
                msix <- new_mutex!(false),
                selected <- new_mutex!(()),
                function,
            }),
            GFP_KERNEL,
        )
    }

    // The BAR is as long as the registers, by `config_length()`, so accesses to them cannot fail. If one
    // did, it would read as from a device that is gone.

    fn read16(&self, register: usize) -> u16 {
        self.registers.read16(register).unwrap_or(u16::MAX)
    }

    fn read32(&self, register: usize) -> u32 {
        self.registers.read32(register).unwrap_or(u32::MAX)
    }

    fn write8(&self, register: usize, value: u8) {
        let _ = self.registers.write8(register, value);
    }

    fn write16(&self, register: usize, value: u16) {
        let _ = self.registers.write16(register, value);
    }

    fn write32(&self, register: usize, value: u32) {
        let _ = self.registers.write32(register, value);
    }

    /// Writes a vector register and says whether the device took it (4.1.5.1.2.2).
    fn set_vector(&self, register: usize, vector: u16) -> Result {
        self.write16(register, vector);
        if vector != NO_VECTOR && self.read16(register) != vector {
            return Err(EBUSY);
        }
        Ok(())
    }

    /// Makes the queue registers those of `queue`, as long as the result is held.
    fn select(&self, queue: u16) -> impl Sized + '_ {
        let selected = self.selected.lock();

        self.write16(QUEUE_SELECT, queue);
        selected
    }

    /// Says where a queue begins, or with zero that it is nowhere.
    fn place(&self, queue: u16, page: u32) {
        let _selected = self.select(queue);

        self.write32(QUEUE_ADDRESS, page);
    }

    /// Runs `access` with the place of `bytes` configuration bytes at `offset`.
    fn at_config<R>(
        &self,
        offset: usize,
        bytes: usize,
        access: impl FnOnce(usize) -> Result<R>,
    ) -> Result<R> {
        let end = offset.checked_add(bytes).ok_or(ERANGE)?;

        if end > self.config_length {
            return Err(ERANGE);
        }
        let msix = self.msix.lock();

        // At most the BAR's length.
        access(config_at(*msix).saturating_add(offset))
    }

    /// The numbers of all queues, with the pages that they begin at.
    ///
    /// # Errors
    ///
    /// `E2BIG` when a queue is where the device cannot be sent, which leaves a line in the log; `ENOMEM`.
    fn pages(&self, interrupts: &Interrupts) -> Result<KVec<(u16, u32)>> {
        let mut pages = KVec::with_capacity(interrupts.queues.len(), GFP_KERNEL)?;

        for queue in &interrupts.queues {
            pages.push((queue.queue.index, self.page(&queue.queue)?), GFP_KERNEL)?;
        }
        Ok(pages)
    }

    /// The page that a queue begins at. A legacy device is never behind the platform's DMA: this is where the
    /// memory is.
    fn page(&self, queue: &QueueSetup) -> Result<u32> {
        let address = queue.addresses.descriptor;

        page_number(address).ok_or(E2BIG).inspect_err(|_| {
            dev_err!(
                self.parent(),
                "queue {}: the legacy interface does not reach memory at {:#x}\n",
                queue.index,
                address
            );
        })
    }

    /// How many entries a queue has.
    fn size(&self, queue: u16) -> u16 {
        let _selected = self.select(queue);

        self.read16(QUEUE_SIZE)
    }

    /// Takes interrupts by `plan`.
    fn take(&self, plan: Plan, interrupts: &Interrupts) -> Result<Active> {
        let mut msix = self.msix.lock();
        // On an error MSI-X is off again.
        let active = Active::new(self, plan, interrupts);

        *msix = active.as_ref().is_ok_and(Active::is_msix);
        active
    }
}

impl VectorRegisters for Legacy {
    fn function(&self) -> &Function {
        &self.function
    }

    fn isr(&self) -> &Window {
        &self.isr
    }

    fn set_config_vector(&self, vector: u16) -> Result {
        self.set_vector(CONFIG_MSIX_VECTOR, vector)
    }

    fn set_queue_vector(&self, queue: u16, vector: u16) -> Result {
        let _selected = self.select(queue);

        self.set_vector(QUEUE_MSIX_VECTOR, vector)
    }
}

impl Transport for Legacy {
    fn identity(&self) -> Identity {
        self.identity
    }

    fn parent(&self) -> &device::Device {
        self.function.device()
    }

    fn master(&self, translated: bool) -> dma::Master {
        self.function.dma(translated)
    }

    fn status(&self) -> Status {
        Status::from_raw(self.registers.read8(DEVICE_STATUS).unwrap_or(u8::MAX))
    }

    fn is_present(&self) -> bool {
        self.status() != Status::GONE && self.function.is_present()
    }

    fn set_status(&self, status: Status) {
        self.write8(DEVICE_STATUS, status.as_raw());
    }

    fn begin_reset(&self) {
        self.write8(DEVICE_STATUS, Status::RESET.as_raw());
    }

    fn offered(&self) -> Features {
        Features::from_words([self.read32(DEVICE_FEATURES), 0, 0, 0])
    }

    fn accept(&self, features: Features) {
        let [low, ..] = features.words();

        self.write32(DRIVER_FEATURES, low);
    }

    fn reserved(&self) -> Features {
        feature::LEGACY
    }

    fn required(&self) -> Features {
        Features::NONE
    }

    fn backed(&self, features: Features) -> Features {
        features
    }

    fn config_length(&self) -> usize {
        self.config_length
    }

    fn read_config(&self, offset: usize, bytes: &mut [u8]) -> Result {
        self.at_config(offset, bytes.len(), |at| {
            // Any width will do; a field that is read with one access is not torn.
            match bytes {
                [_, _] if at % 2 == 0 => {
                    bytes.copy_from_slice(&self.registers.read16(at)?.to_le_bytes());
                }
                [_, _, _, _] if at % 4 == 0 => {
                    bytes.copy_from_slice(&self.registers.read32(at)?.to_le_bytes());
                }
                _ => {
                    for (i, byte) in bytes.iter_mut().enumerate() {
                        *byte = self.registers.read8(at.checked_add(i).ok_or(ERANGE)?)?;
                    }
                }
            }
            Ok(())
        })
    }

    fn write_config8(&self, offset: usize, value: u8) -> Result {
        self.at_config(offset, 1, |at| self.registers.write8(at, value))
    }

    fn write_config32(&self, offset: usize, value: u32) -> Result {
        self.at_config(offset, 4, |at| self.registers.write32(at, value))
    }

    /// Made of the content, since there is none (2.5.4): fields are read until what stands before and
    /// after is the same.
    fn config_generation(&self) -> u32 {
        let mut generation: u32 = 0;

        for at in (0..self.config_length.min(GENERATION_BYTES)).step_by(4) {
            let mut word = [0; 4];

            // The end may be shorter.
            if self.read_config(at, &mut word).is_err() {
                break;
            }
            generation = generation
                .rotate_left(5)
                .wrapping_mul(0x9e37_79b1)
                .wrapping_add(u32::from_le_bytes(word));
        }
        generation
    }

    fn open_queue(&self, index: u16, _features: Features) -> Result<OpenQueue> {
        let _selected = self.select(index);
        let size = self.read16(QUEUE_SIZE);

        if size == 0 {
            return Err(ENOENT);
        }
        if self.read32(QUEUE_ADDRESS) != 0 {
            return Err(EBUSY);
        }
        Ok(OpenQueue {
            max_size: Untrusted::new(size),
            is_fixed: true,
            notifier: Notifier::Register {
                doorbell: self.registers.doorbell(QUEUE_NOTIFY)?,
                value: index,
            },
        })
    }

    fn areas(&self, sizes: &RingSizes) -> Option<Areas> {
        areas(sizes)
    }

    fn start_interrupts(&self, interrupts: Interrupts) -> Result {
        let queues = self.pages(&interrupts)?;
        let mut last = Err(ENODEV);
        let mut active = self.active.lock();

        for plan in Plan::ALL {
            match self.take(plan, &interrupts) {
                Ok(interrupts) => {
                    for (index, page) in &queues {
                        self.place(*index, *page);
                    }
                    *active = Some(Started { interrupts, queues });
                    return Ok(());
                }
                Err(error) => last = Err(error),
            }
        }
        last
    }

    fn restart_interrupts(&self) -> Result {
        let active = self.active.lock();
        let Started { interrupts, .. } = active.as_ref().ok_or(ENODEV)?;

        match interrupts.config_vector() {
            Some(vector) => self.set_config_vector(vector),
            None => Ok(()),
        }
    }

    /// There is none: `VIRTIO_F_RING_RESET` is not among 32 bits.
    fn reset_queue(&self, _index: u16, _limit_ms: u32) -> Result {
        Err(EOPNOTSUPP)
    }

    fn restart_queue(&self, queue: &QueueSetup) -> Result {
        let active = self.active.lock();
        let Started { interrupts, .. } = active.as_ref().ok_or(ENODEV)?;
        let page = self.page(queue)?;

        if let Some(vector) = interrupts.vector(queue.index) {
            self.set_queue_vector(queue.index, vector)?;
        }
        // The device finds the areas by its size.
        if self.size(queue.index) != queue.size {
            return Err(EINVAL);
        }
        self.place(queue.index, page);
        Ok(())
    }

    fn queue_cpus(&self, index: u16, each: &mut dyn FnMut(u32)) -> bool {
        self.active
            .lock()
            .as_ref()
            .is_some_and(|active| active.interrupts.queue_cpus(index, each))
    }

    fn place_interrupts(&self) -> Result {
        match &mut *self.active.lock() {
            Some(Started { interrupts, .. }) => interrupts.place(),
            None => Ok(()),
        }
    }

    fn stop_interrupts(&self) {
        let Some(Started { interrupts, queues }) = self.active.lock().take() else {
            return;
        };

        if self.status() != Status::GONE {
            for (index, _) in &queues {
                self.place(*index, 0);
            }
        }
        let mut msix = self.msix.lock();

        drop(interrupts);
        *msix = false;
    }

    fn stop_dma(&self) {
        self.function.stop_dma();
    }

    fn allow_dma(&self) {
        self.function.allow_dma();
    }
}
