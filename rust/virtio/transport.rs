// SPDX-License-Identifier: GPL-2.0

//! What a transport does for the core. Nothing of this is on the data path, except [`Notifier`].

use crate::{
    areas::Areas,
    feature::Features,
    id::Identity,
    shared_memory::SharedMemory,
    status::Status,
    transport_feature, //
};
use kernel::{
    device,
    prelude::*,
    str::CString,
    sync::Arc, //
};
use kernel_ext::{
    dma,
    pci, //
};
use vring::{
    notification,
    RingSizes,
    Untrusted, //
};

/// How a device is reached (virtio 1.4, 4 Virtio Transport Options).
///
/// All methods run in process context. The core calls those that set a device up, from
/// [`Self::offered`] to [`Self::stop_interrupts`], from one thread at a time; the status, the reset,
/// DMA and the configuration may be used beside them.
pub trait Transport: Send + Sync + 'static {
    /// Who the device is.
    fn identity(&self) -> Identity;

    /// The device that the transport's messages are about.
    fn parent(&self) -> &device::Device;

    /// The device as a master of DMA. `translated`: through the platform's DMA API.
    fn master(&self, translated: bool) -> dma::Master;

    /// Reads the status field. A device that is gone reads as [`Status::GONE`], as a rule.
    fn status(&self) -> Status;

    /// Whether the device is there, as far as the transport knows. The registers of one that is gone may read as
    /// anything, so that its status alone does not tell.
    fn is_present(&self) -> bool;

    /// Writes the status field; not zero, which is [`Self::begin_reset`].
    fn set_status(&self, status: Status);

    /// Starts a reset. It is complete when the status reads zero.
    fn begin_reset(&self);

    /// What the device offers.
    fn offered(&self) -> Features;

    /// Tells the device what was accepted.
    fn accept(&self, features: Features);

    /// The reserved features (virtio 1.4, 6) that may be agreed on over this transport.
    fn reserved(&self) -> Features {
        transport_feature::IMPLEMENTED
    }

    /// Those of them without which a device is refused.
    fn required(&self) -> Features {
        transport_feature::VERSION_1
    }

    /// How many bytes of device configuration there are; zero when there are none.
    fn config_length(&self) -> usize;

    /// Reads configuration bytes: one access of 1, 2 or 4 bytes where the offset and the length
    /// are such, else byte by byte.
    ///
    /// # Errors
    ///
    /// `ERANGE` when that is not inside the configuration.
    fn read_config(&self, offset: usize, bytes: &mut [u8]) -> Result;

    /// Writes one configuration byte.
    ///
    /// # Errors
    ///
    /// `ERANGE` when that is not inside the configuration.
    fn write_config8(&self, offset: usize, value: u8) -> Result;

    /// Writes a little-endian 32-bit configuration field, with one access.
    ///
    /// # Errors
    ///
    /// `ERANGE` when that is not inside the configuration.
    fn write_config32(&self, offset: usize, value: u32) -> Result;

    /// The configuration's generation, which changes with its content.
    fn config_generation(&self) -> u32;

    /// The device's shared memory regions (2.10), each number once.
    fn shared_memory(&self) -> &[SharedMemory] {
        &[]
    }

    /// Takes away those of `features` for which the device has no registers, or the transport no means.
    fn backed(&self, features: Features) -> Features;

    /// Looks at queue `index`, which is not enabled, of a device with which `features` were agreed on.
    ///
    /// # Errors
    ///
    /// `ENOENT` when the device has no such queue; `EBUSY` when it is enabled already; `EINVAL`
    /// when its notification address is not where it may be.
    fn open_queue(&self, index: u16, features: Features) -> Result<OpenQueue>;

    /// Where the areas of a queue of such sizes have to stand; `None` for what is larger than memory.
    fn areas(&self, sizes: &RingSizes) -> Option<Areas> {
        Areas::dense(sizes)
    }

    /// Takes interrupts, and enables all queues of `interrupts` in the device.
    ///
    /// # Errors
    ///
    /// Those of the interrupt layer when not even one interrupt can be had; `EBUSY` when the device
    /// does not accept a vector. Nothing is left behind but what a reset takes back.
    fn start_interrupts(&self, interrupts: Interrupts) -> Result;

    /// The number of the queue for administration commands (4.1.4.3). Only with `VIRTIO_F_ADMIN_VQ`.
    ///
    /// # Errors
    ///
    /// `ENOENT` when there is none; `EINVAL` when it is another queue, or cannot be, which leaves a line in the log.
    fn admin_queue(&self) -> Result<u16> {
        Err(ENOENT)
    }

    /// Tells the device once more which interrupt says that the configuration changed: it was reset, with the
    /// interrupts left as they are. Those of the queues follow with [`Self::restart_queue`].
    ///
    /// # Errors
    ///
    /// `EBUSY` when the device does not take the vector, `ENODEV` when interrupts were given back.
    fn restart_interrupts(&self) -> Result;

    /// Resets queue `index`, which is enabled, and waits for it, `limit_ms` milliseconds at most: the device does not touch its
    /// memory then. Only with `VIRTIO_F_RING_RESET`.
    ///
    /// # Errors
    ///
    /// `ETIMEDOUT` when the device did not answer, `ENODEV` when it is gone.
    fn reset_queue(&self, index: u16, limit_ms: u32) -> Result;

    /// Enables a queue that was reset, by itself or with the device, with the vector that it had.
    ///
    /// # Errors
    ///
    /// `EBUSY` when the device does not take the vector, `ENODEV` when interrupts were given back.
    fn restart_queue(&self, queue: &QueueSetup) -> Result;

    /// Calls `each` with the CPUs to which the interrupt of queue `index` goes for good. Returns false where that is
    /// open, or where another queue has the same.
    fn queue_cpus(&self, index: u16, each: &mut dyn FnMut(u32)) -> bool;

    /// Moves interrupts that have a place ([`Delivery::Near`]) to the CPU that is there now.
    ///
    /// # Errors
    ///
    /// `EAGAIN` when a CPU is just coming or going, which is not waited for.
    fn place_interrupts(&self) -> Result;

    /// Gives the interrupts back; no handler runs after this, and none is kept.
    fn stop_interrupts(&self);

    /// Makes DMA of the device impossible, whether it answers or not.
    fn stop_dma(&self);

    /// Makes DMA of the device possible; it is not before, nor after [`Self::stop_dma`]. To be
    /// called when a reset was confirmed.
    fn allow_dma(&self);
}

/// A queue that the device has.
pub struct OpenQueue {
    /// The largest size that the device takes.
    pub max_size: Untrusted<u16>,
    /// It takes no other one.
    pub is_fixed: bool,
    /// How to tell the device of new buffers.
    pub notifier: Notifier,
}

/// The three areas of a queue, as the device addresses them (virtio 1.4, 2.6).
#[derive(Clone, Copy)]
pub struct QueueAddresses {
    /// Descriptor area.
    pub descriptor: u64,
    /// Driver area.
    pub driver: u64,
    /// Device area.
    pub device: u64,
}

/// Tells the device that a queue has new buffers (virtio 1.4, 2.3).
///
/// A plain store where that can be had, without a call through the transport. The value is the queue's number, or what the
/// device wants instead of it (`VIRTIO_F_NOTIF_CONFIG_DATA`).
#[derive(PartialEq, Eq)]
pub enum Notifier {
    /// Write the value to a 16-bit register (4.1.5.2).
    Register {
        /// The register.
        doorbell: pci::Doorbell<u16>,
        /// What to write.
        value: u16,
    },
    /// Write the value and the place of the next buffer to a 32-bit register
    /// (`VIRTIO_F_NOTIFICATION_DATA`, 2.9 and 4.1.5.2).
    WithPlace {
        /// The register.
        doorbell: pci::Doorbell<u32>,
        /// What to write into its low half.
        value: u16,
    },
    /// The same, to a register that is not mapped (4.1.4.9): slow.
    Unmapped {
        /// The register: as long as what is written.
        register: pci::Window,
        /// What to write, or what to write into its low half.
        value: u16,
    },
}

impl Notifier {
    /// Whether notifications may say where the next buffer will stand.
    #[inline]
    pub fn tells_place(&self) -> bool {
        !matches!(self, Self::Register { .. })
    }

    /// Notifies the device. The next buffer will stand at `place`, which need not be right where
    /// notifications do not say it.
    #[inline]
    pub fn notify(&self, place: u16) {
        match self {
            Self::Register { doorbell, value } => doorbell.ring(*value),
            Self::WithPlace { doorbell, value } => doorbell.ring(notification(*value, place)),
            Self::Unmapped { register, value } => write(register, *value, place),
        }
    }
}

/// Writes a notification to a register that is not mapped.
#[cold]
#[inline(never)]
fn write(register: &pci::Window, value: u16, place: u16) {
    // The register is as long as what is written, so neither can fail.
    let _ = if register.length() < size_of::<u32>() {
        register.write16(0, value)
    } else {
        register.write32(0, notification(value, place))
    };
}

/// What an interrupt does, or one of several things that it does.
pub trait InterruptHandler: Send + Sync + 'static {
    /// The device may have used buffers, or changed its configuration. Returns whether it had.
    ///
    /// Hard interrupt context, only while the device is live. May be called without need.
    fn used(&self) -> bool;

    /// Whether the device has no interrupt to give, and is not to be accessed: it was reset, and has not begun
    /// anew. Any context.
    fn is_at_rest(&self) -> bool {
        false
    }
}

/// The interrupts that a device's driver wants.
pub struct Interrupts {
    /// Called when the configuration changed, in hard interrupt context.
    pub config: Arc<dyn InterruptHandler>,
    /// One for each queue that has callbacks.
    pub queues: KVec<QueueInterrupt>,
    /// The name of the device, for `/proc/interrupts`: `virtio0`.
    pub device: CString,
}

/// One queue, ready to be enabled.
#[derive(Clone, Copy)]
pub struct QueueSetup {
    /// The queue's number.
    pub index: u16,
    /// How many entries it has.
    pub size: u16,
    /// Where its areas are.
    pub addresses: QueueAddresses,
}

/// How a queue is interrupted, where it has a vector of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Delivery {
    /// On whatever CPU. User space may move it.
    Anywhere,
    /// As [`Self::Anywhere`]; off the data path, so it is the first to share its vector where there are too few.
    Slow,
    /// On the CPU of this number among those online, counted round. User space may move it.
    Near(u16),
    /// On its share of all CPUs, for good: the kernel shares them out evenly among the queues that ask for this, see
    /// [`Transport::queue_cpus`]. There is none while all of them are offline. All queues of a device with interrupts
    /// ask for it, or none.
    Spread,
    /// Not at all: the queue is looked at without.
    Polled,
}

/// One queue, ready to be enabled, and its interrupt.
pub struct QueueInterrupt {
    /// The queue.
    pub queue: QueueSetup,
    /// The name in `/proc/interrupts`, behind the device's: `req.0`.
    pub name: CString,
    /// What it does.
    pub handler: Arc<dyn InterruptHandler>,
    /// Where it goes.
    pub delivery: Delivery,
}
