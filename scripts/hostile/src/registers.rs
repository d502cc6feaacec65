// SPDX-License-Identifier: GPL-2.0

//! The common configuration (virtio 1.4, 4.1.4.3).

use crate::{
    config_space::COMMON_BYTES,
    interrupts::NO_VECTOR,
    options::bit,
    ring::{
        Areas,
        Ring, //
    },
};

/// Offsets of the fields.
pub mod at {
    pub const DEVICE_FEATURE: usize = 4;
    pub const CONFIG_VECTOR: usize = 16;
    pub const NUM_QUEUES: usize = 18;
    pub const STATUS: usize = 20;
    pub const GENERATION: usize = 21;
    pub const QUEUE_SIZE: usize = 24;
    pub const QUEUE_VECTOR: usize = 26;
    pub const QUEUE_ENABLE: usize = 28;
    pub const QUEUE_NOTIFY_OFF: usize = 30;
    pub const QUEUE_RESET: usize = 58;
    pub const ADMIN_QUEUE_INDEX: usize = 60;
}

/// Bits of the status.
pub mod status {
    pub const DRIVER_OK: u8 = 4;
    pub const FEATURES_OK: u8 = 8;
    pub const NEEDS_RESET: u8 = 64;
}

/// What `NOTIF_CONFIG_DATA` has the driver say for a queue.
pub fn notification(queue: u16) -> u16 {
    0x100 + queue
}

pub struct Queue {
    pub size: u16,
    pub vector: u16,
    pub areas: Areas,
    /// It is enabled; a ring that made no sense is taken away.
    pub enabled: bool,
    pub ring: Option<Ring>,
}

impl Queue {
    fn new(size: u16) -> Self {
        Self {
            size,
            vector: NO_VECTOR,
            areas: Areas::default(),
            enabled: false,
            ring: None,
        }
    }
}

/// What a write asks for.
pub enum Effect {
    None,
    Reset,
    /// The status is a new one.
    Status,
    Enable(u16),
    ResetQueue(u16),
}

pub struct Registers {
    device_feature_select: u32,
    driver_feature_select: u32,
    pub accepted: u128,
    pub config_vector: u16,
    pub status: u8,
    pub generation: u8,
    queue_select: u16,
    pub queues: Vec<Queue>,
}

impl Registers {
    pub fn new(queues: u16, size: u16) -> Self {
        Self {
            device_feature_select: 0,
            driver_feature_select: 0,
            accepted: 0,
            config_vector: NO_VECTOR,
            status: 0,
            generation: 0,
            queue_select: 0,
            queues: (0..queues).map(|_| Queue::new(size)).collect(),
        }
    }

    pub fn has(&self, bit: u32) -> bool {
        self.accepted >> bit & 1 != 0
    }

    /// The queue that its registers are about.
    pub fn selection(&self) -> u16 {
        self.queue_select
    }

    fn selected(&mut self) -> Option<&mut Queue> {
        self.queues.get_mut(usize::from(self.queue_select))
    }

    /// All of it, as the driver would read it now.
    pub fn bytes(&self, offered: u128) -> [u8; COMMON_BYTES] {
        let mut bytes = [0; COMMON_BYTES];
        let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        let word = |set: u128, select: u32| {
            let word = if select < 4 { set >> (32 * select) } else { 0 };

            (word as u32).to_le_bytes()
        };

        put(0, &self.device_feature_select.to_le_bytes());
        put(4, &word(offered, self.device_feature_select));
        put(8, &self.driver_feature_select.to_le_bytes());
        put(12, &word(self.accepted, self.driver_feature_select));
        put(at::CONFIG_VECTOR, &self.config_vector.to_le_bytes());
        put(at::NUM_QUEUES, &(self.queues.len() as u16).to_le_bytes());
        put(at::STATUS, &[self.status, self.generation]);
        put(22, &self.queue_select.to_le_bytes());
        if let Some(queue) = self.queues.get(usize::from(self.queue_select)) {
            put(at::QUEUE_SIZE, &queue.size.to_le_bytes());
            put(at::QUEUE_VECTOR, &queue.vector.to_le_bytes());
            put(at::QUEUE_ENABLE, &u16::from(queue.enabled).to_le_bytes());
            put(at::QUEUE_NOTIFY_OFF, &self.queue_select.to_le_bytes());
            put(32, &queue.areas.desc.to_le_bytes());
            put(40, &queue.areas.driver.to_le_bytes());
            put(48, &queue.areas.device.to_le_bytes());
            put(56, &notification(self.queue_select).to_le_bytes());
        }
        bytes
    }

    /// A write of the driver's, of one field or half of a long one.
    pub fn write(&mut self, at: usize, bytes: &[u8], offered: u128, vectors: u16) -> Effect {
        let mut word = [0; 4];

        word[..bytes.len().min(4)].copy_from_slice(&bytes[..bytes.len().min(4)]);
        let long = u32::from_le_bytes(word);
        let short = long as u16;
        let select = self.queue_select;
        let vector = if short < vectors { short } else { NO_VECTOR };

        match at {
            0 => self.device_feature_select = long,
            8 => self.driver_feature_select = long,
            12 if self.driver_feature_select < 4 => {
                let shift = 32 * self.driver_feature_select;

                self.accepted &= !(0xffff_ffff << shift);
                self.accepted |= u128::from(long) << shift;
            }
            at::CONFIG_VECTOR => self.config_vector = vector,
            at::STATUS => return self.set_status(long as u8, offered),
            22 => self.queue_select = short,
            at::QUEUE_ENABLE if short == 1 && self.selected().is_some() => {
                return Effect::Enable(select);
            }
            at::QUEUE_RESET if short == 1 && self.has(bit::RING_RESET) => {
                return Effect::ResetQueue(select);
            }
            _ => {
                let Some(queue) = self.selected() else {
                    return Effect::None;
                };
                let half = |address: &mut u64, high: bool| {
                    let shift = if high { 32 } else { 0 };

                    *address = *address & !(0xffff_ffff << shift) | u64::from(long) << shift;
                };

                match at {
                    at::QUEUE_SIZE => queue.size = short,
                    at::QUEUE_VECTOR => queue.vector = vector,
                    32 | 36 => half(&mut queue.areas.desc, at == 36),
                    40 | 44 => half(&mut queue.areas.driver, at == 44),
                    48 | 52 => half(&mut queue.areas.device, at == 52),
                    _ => {}
                }
            }
        }
        Effect::None
    }

    fn set_status(&mut self, new: u8, offered: u128) -> Effect {
        if new == 0 {
            return Effect::Reset;
        }
        // A driver that accepts what was not offered is refused (3.1.1).
        let refused = self.accepted & !offered != 0;

        self.status = new | self.status & status::NEEDS_RESET;
        if refused {
            self.status &= !status::FEATURES_OK;
        }
        Effect::Status
    }
}
