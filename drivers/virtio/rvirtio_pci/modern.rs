// SPDX-License-Identifier: GPL-2.0

//! The transport over the modern interface (virtio 1.4, 4.1.4 and 4.1.5).

use crate::{
    admin_queue::{
        admin_queue,
        AdminQueueError, //
    },
    capability::{
        doorbell,
        Layout, //
    },
    feature::backed,
    interrupts::{
        Active,
        Plan,
        VectorRegisters, //
    },
    mappings::Mappings,
    registers::*,
    shared_memory::Region, //
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
        Function,
        Window, //
    },
    time, //
};
use virtio::{
    transport_feature,
    Features,
    Identity,
    Interrupts,
    Notifier,
    OpenQueue,
    QueueSetup,
    SharedMemory,
    Status,
    Transport,
    Untrusted, //
};

/// A device behind the modern interface. The windows go before the function is switched off.
#[pin_data]
pub(crate) struct Modern {
    identity: Identity,
    layout: Layout,
    common: Window,
    notify: Window,
    isr: Window,
    device: Option<Window>,
    shared_memory: KVec<SharedMemory>,
    /// The interrupts that are taken, while a driver is bound.
    #[pin]
    active: Mutex<Option<Active>>,
    /// Held while the queue registers are used, and taken after `active`.
    #[pin]
    selected: Mutex<()>,
    function: Function,
}

/// What a device shows among its PCI capabilities.
pub(crate) struct Shown {
    /// Its structures.
    pub(crate) layout: Layout,
    /// Its shared memory regions.
    pub(crate) regions: KVec<Region>,
    /// Where the way to its registers through configuration space is, if there is one.
    pub(crate) config_access: Option<u8>,
}

/// How long a doorbell is.
const fn doorbell_bytes(wide: bool) -> usize {
    if wide {
        4
    } else {
        2
    }
}

/// Where the regions are for the CPU.
fn shared_memory(function: &Function, regions: &[Region]) -> Result<KVec<SharedMemory>> {
    let mut found = KVec::with_capacity(regions.len(), GFP_KERNEL)?;

    for Region { id, place } in regions {
        let address = function
            .bar_address(place.bar)
            .and_then(|bar| bar.checked_add(place.offset));

        if let Some(address) = address {
            found.push(
                SharedMemory {
                    id: *id,
                    address,
                    length: place.length,
                },
                GFP_KERNEL,
            )?;
        }
    }
    Ok(found)
}

impl Modern {
    /// Maps the structures of a device.
    ///
    /// # Errors
    ///
    /// `EBUSY` when another driver has a BAR, `ENOMEM`.
    pub(crate) fn new(function: Function, shown: Shown, identity: Identity) -> Result<Arc<Self>> {
        let layout = shown.layout;
        let mut mappings = Mappings::new(&function, shown.config_access)?;
        let common = mappings.window(layout.common)?;
        let notify = mappings.window(layout.notify)?;
        let isr = mappings.window(layout.isr)?;
        let device = match layout.device {
            Some(place) => Some(mappings.window(place)?),
            None => None,
        };
        let shared_memory = shared_memory(&function, &shown.regions)?;

        if !common.is_mapped() {
            dev_info!(
                function.device(),
                "registers are reached through configuration space\n"
            );
        }
        Arc::pin_init(
            pin_init!(Self {
                identity,
                layout,
                common,
                notify,
                isr,
                device,
                shared_memory,
                active <- new_mutex!(None),
                selected <- new_mutex!(()),
                function,
            }),
            GFP_KERNEL,
        )
    }

    // The common configuration is as long as its registers, by `capability::find`, so accesses to
    // them cannot fail. If one did, it would read as from a device that is gone.

    fn read8(&self, register: usize) -> u8 {
        self.common.read8(register).unwrap_or(u8::MAX)
    }

    fn read16(&self, register: usize) -> u16 {
        self.common.read16(register).unwrap_or(u16::MAX)
    }

    fn read32(&self, register: usize) -> u32 {
        self.common.read32(register).unwrap_or(u32::MAX)
    }

    fn write8(&self, register: usize, value: u8) {
        let _ = self.common.write8(register, value);
    }

    fn write16(&self, register: usize, value: u16) {
        let _ = self.common.write16(register, value);
    }

    fn write32(&self, register: usize, value: u32) {
        let _ = self.common.write32(register, value);
    }

    fn write64(&self, register: usize, value: u64) {
        // CAST: The two halves.
        self.write32(register, value as u32);
        self.write32(register + 4, (value >> 32) as u32);
    }

    /// Writes a vector register and says whether the device took it (4.1.5.1.2.2).
    fn set_vector(&self, register: usize, vector: u16) -> Result {
        self.write16(register, vector);
        if vector != NO_VECTOR && self.read16(register) != vector {
            return Err(EBUSY);
        }
        Ok(())
    }

    /// How to notify a queue with `value`, whose doorbell is at `at`; `wide`: the place of the next buffer is told
    /// as well.
    fn notifier(&self, at: usize, value: u16, wide: bool) -> Result<Notifier> {
        let notify = &self.notify;

        Ok(if !notify.is_mapped() {
            Notifier::Unmapped {
                register: notify.part(at, doorbell_bytes(wide))?,
                value,
            }
        } else if wide {
            Notifier::WithPlace {
                doorbell: notify.doorbell(at)?,
                value,
            }
        } else {
            Notifier::Register {
                doorbell: notify.doorbell(at)?,
                value,
            }
        })
    }

    /// Makes the queue registers those of `queue`, as long as the result is held.
    fn select(&self, queue: u16) -> impl Sized + '_ {
        let selected = self.selected.lock();

        self.write16(QUEUE_SELECT, queue);
        selected
    }

    /// Which queue is for administration, with that agreed on.
    fn administration(&self) -> Result<u16, AdminQueueError> {
        admin_queue(
            self.read16(NUM_QUEUES),
            self.read16(ADMIN_QUEUE_INDEX),
            self.read16(ADMIN_QUEUE_NUM),
        )
    }

    /// Whether the device has a queue of that number.
    fn has_queue(&self, index: u16, features: Features) -> bool {
        index < self.read16(NUM_QUEUES)
            || features.contains(transport_feature::ADMIN_VQ) && self.administration() == Ok(index)
    }

    /// Enables a queue (4.1.5.1.3).
    fn enable(&self, queue: &QueueSetup) {
        let _selected = self.select(queue.index);

        self.write16(QUEUE_SIZE, queue.size);
        self.write64(QUEUE_DESC, queue.addresses.descriptor);
        self.write64(QUEUE_DRIVER, queue.addresses.driver);
        self.write64(QUEUE_DEVICE, queue.addresses.device);
        self.write16(QUEUE_ENABLE, 1);
    }
}

impl VectorRegisters for Modern {
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

impl Transport for Modern {
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
        Status::from_raw(self.read8(DEVICE_STATUS))
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
        let mut words = [0; 4];

        for (select, word) in (0..).zip(words.iter_mut()) {
            self.write32(DEVICE_FEATURE_SELECT, select);
            *word = self.read32(DEVICE_FEATURE);
        }
        Features::from_words(words)
    }

    fn accept(&self, features: Features) {
        for (select, word) in (0..).zip(features.words()) {
            self.write32(DRIVER_FEATURE_SELECT, select);
            self.write32(DRIVER_FEATURE, word);
        }
    }

    fn config_length(&self) -> usize {
        self.device.as_ref().map_or(0, Window::length)
    }

    fn read_config(&self, offset: usize, bytes: &mut [u8]) -> Result {
        let device = self.device.as_ref().ok_or(ERANGE)?;

        // 4.1.3.1: fields are read with accesses of their own width.
        match bytes {
            [byte] => *byte = device.read8(offset)?,
            [_, _] if offset % 2 == 0 => {
                bytes.copy_from_slice(&device.read16(offset)?.to_le_bytes());
            }
            [_, _, _, _] if offset % 4 == 0 => {
                bytes.copy_from_slice(&device.read32(offset)?.to_le_bytes());
            }
            _ => {
                for (i, byte) in bytes.iter_mut().enumerate() {
                    *byte = device.read8(offset.checked_add(i).ok_or(ERANGE)?)?;
                }
            }
        }
        Ok(())
    }

    fn write_config8(&self, offset: usize, value: u8) -> Result {
        self.device.as_ref().ok_or(ERANGE)?.write8(offset, value)
    }

    fn write_config32(&self, offset: usize, value: u32) -> Result {
        self.device.as_ref().ok_or(ERANGE)?.write32(offset, value)
    }

    fn config_generation(&self) -> u32 {
        self.read8(CONFIG_GENERATION).into()
    }

    fn shared_memory(&self) -> &[SharedMemory] {
        &self.shared_memory
    }

    fn backed(&self, features: Features) -> Features {
        let can_sriov = self.function.has_sriov();

        backed(self.layout.common.length, can_sriov, features)
    }

    fn open_queue(&self, index: u16, features: Features) -> Result<OpenQueue> {
        if !self.has_queue(index, features) {
            return Err(ENOENT);
        }
        let _selected = self.select(index);

        if self.read16(QUEUE_ENABLE) != 0 {
            return Err(EBUSY);
        }
        let max_size = Untrusted::new(self.read16(QUEUE_SIZE));
        let notify_off = self.read16(QUEUE_NOTIFY_OFF);
        let value = if features.contains(transport_feature::NOTIF_CONFIG_DATA) {
            self.read16(QUEUE_NOTIF_CONFIG_DATA)
        } else {
            index
        };
        let wide = features.contains(transport_feature::NOTIFICATION_DATA);
        let at = doorbell(&self.layout, notify_off, doorbell_bytes(wide) as u64)
            .ok_or(EINVAL)
            .inspect_err(|_| {
                dev_err!(
                    self.parent(),
                    "queue {}: notification offset {} x {} is outside the notification area\n",
                    index,
                    notify_off,
                    self.layout.notify_multiplier
                );
            })?;

        Ok(OpenQueue {
            max_size,
            is_fixed: false,
            notifier: self.notifier(at, value, wide)?,
        })
    }

    fn admin_queue(&self) -> Result<u16> {
        self.administration().map_err(|error| {
            dev_warn!(self.parent(), "{}\n", format_args!("{error}"));
            match error {
                AdminQueueError::None => ENOENT,
                _ => EINVAL,
            }
        })
    }

    fn start_interrupts(&self, interrupts: Interrupts) -> Result {
        let mut last = Err(ENODEV);

        for plan in Plan::ALL {
            match Active::new(self, plan, &interrupts) {
                Ok(active) => {
                    for queue in &interrupts.queues {
                        self.enable(&queue.queue);
                    }
                    *self.active.lock() = Some(active);
                    return Ok(());
                }
                Err(error) => last = Err(error),
            }
        }
        last
    }

    fn reset_queue(&self, index: u16, limit_ms: u32) -> Result {
        let _selected = self.select(index);

        self.write16(QUEUE_RESET, 1);
        // 4.1.4.3.2: a queue that was reset is not enabled either.
        time::wait_until(limit_ms, || {
            if self.status() == Status::GONE {
                return Err(ENODEV);
            }
            Ok(self.read16(QUEUE_RESET) == 0 && self.read16(QUEUE_ENABLE) == 0)
        })
    }

    fn restart_interrupts(&self) -> Result {
        let active = self.active.lock();

        match active.as_ref().ok_or(ENODEV)?.config_vector() {
            Some(vector) => self.set_config_vector(vector),
            None => Ok(()),
        }
    }

    fn restart_queue(&self, queue: &QueueSetup) -> Result {
        let active = self.active.lock();
        let active = active.as_ref().ok_or(ENODEV)?;

        if let Some(vector) = active.vector(queue.index) {
            self.set_queue_vector(queue.index, vector)?;
        }
        self.enable(queue);
        Ok(())
    }

    fn queue_cpus(&self, index: u16, each: &mut dyn FnMut(u32)) -> bool {
        self.active
            .lock()
            .as_ref()
            .is_some_and(|active| active.queue_cpus(index, each))
    }

    fn place_interrupts(&self) -> Result {
        match &mut *self.active.lock() {
            Some(active) => active.place(),
            None => Ok(()),
        }
    }

    fn stop_interrupts(&self) {
        let active = self.active.lock().take();

        drop(active);
    }

    fn stop_dma(&self) {
        self.function.stop_dma();
    }

    fn allow_dma(&self) {
        self.function.allow_dma();
    }
}
