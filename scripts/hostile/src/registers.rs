// SPDX-License-Identifier: GPL-2.0

//! The common configuration (virtio 1.4, 4.1.4.3).

use std::collections::BTreeSet;

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
    pub const QUEUE_NOTIF_CONFIG_DATA: usize = 56;
    pub const QUEUE_RESET: usize = 58;
    pub const ADMIN_QUEUE_INDEX: usize = 60;
    pub const ADMIN_QUEUE_NUM: usize = 62;
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
    /// By what notifications are to call it (`NOTIF_CONFIG_DATA`), as it was read last.
    pub called: Option<u16>,
}

impl Queue {
    fn new(size: u16) -> Self {
        Self {
            size,
            vector: NO_VECTOR,
            areas: Areas::default(),
            enabled: false,
            ring: None,
            called: None,
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
    /// Nothing, since the driver must not do that to the queue that is selected.
    Wrong(&'static str),
}

pub struct Registers {
    device_feature_select: u32,
    driver_feature_select: u32,
    pub accepted: u128,
    pub config_vector: u16,
    pub status: u8,
    pub generation: u8,
    /// Words of the features, by their number, that the driver has read, and written, since the reset.
    pub words_read: BTreeSet<u32>,
    pub words_written: BTreeSet<u32>,
    queue_select: u16,
    pub queues: Vec<Queue>,
    /// How many of them, the last ones, are for administration.
    admin: u16,
}

impl Registers {
    /// So many ordinary queues of that size, and behind them those for administration.
    pub fn new(queues: u16, admin: u16, size: u16) -> Self {
        Self {
            device_feature_select: 0,
            driver_feature_select: 0,
            accepted: 0,
            config_vector: NO_VECTOR,
            status: 0,
            generation: 0,
            words_read: BTreeSet::new(),
            words_written: BTreeSet::new(),
            queue_select: 0,
            queues: (0..queues + admin).map(|_| Queue::new(size)).collect(),
            admin,
        }
    }

    pub fn has(&self, bit: u32) -> bool {
        self.accepted >> bit & 1 != 0
    }

    /// The queue that its registers are about.
    pub fn selection(&self) -> u16 {
        self.queue_select
    }

    /// How many queues are ordinary ones.
    pub fn ordinary(&self) -> u16 {
        self.queues.len() as u16 - self.admin
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
        put(at::NUM_QUEUES, &self.ordinary().to_le_bytes());
        if self.admin != 0 {
            put(at::ADMIN_QUEUE_INDEX, &self.ordinary().to_le_bytes());
            put(at::ADMIN_QUEUE_NUM, &self.admin.to_le_bytes());
        }
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
            put(
                at::QUEUE_NOTIF_CONFIG_DATA,
                &notification(self.queue_select).to_le_bytes(),
            );
        }
        bytes
    }

    /// The driver has read `length` bytes at `at` of what stood in `bytes`.
    pub fn was_read(&mut self, at: usize, length: usize, bytes: &[u8; COMMON_BYTES]) {
        let covers = |field: usize, size: usize| at <= field && field + size <= at + length;

        if covers(at::DEVICE_FEATURE, 4) {
            self.words_read.insert(self.device_feature_select);
        }
        if covers(at::QUEUE_NOTIF_CONFIG_DATA, 2) {
            let called = [
                bytes[at::QUEUE_NOTIF_CONFIG_DATA],
                bytes[at::QUEUE_NOTIF_CONFIG_DATA + 1],
            ];

            if let Some(queue) = self.selected() {
                queue.called = Some(u16::from_le_bytes(called));
            }
        }
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

                self.words_written.insert(self.driver_feature_select);
                self.accepted &= !(0xffff_ffff << shift);
                self.accepted |= u128::from(long) << shift;
            }
            at::CONFIG_VECTOR => self.config_vector = vector,
            at::STATUS => return self.set_status(long as u8, offered),
            22 => self.queue_select = short,
            at::QUEUE_ENABLE
                if short == 1 && self.selected().is_some_and(|queue| queue.enabled) =>
            {
                return Effect::Wrong("it is enabled twice");
            }
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

                // 4.1.4.3.2
                if queue.enabled && matches!(at, at::QUEUE_SIZE | 32..56) {
                    return Effect::Wrong("its size or place is written while it is enabled");
                }
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
