// SPDX-License-Identifier: GPL-2.0

//! What the guest reads and writes: configuration space, registers, what is wrong with it.

use super::*;

impl Function {
    pub(super) fn access(&mut self, what: &str, at: u64, bytes: &[u8]) {
        if self.accesses.len() == REMEMBERED {
            self.accesses.pop_front();
        }
        self.accesses
            .push_back(format!("{what} {at:#x} {bytes:02x?}"));
        if let Some(ms) = self.lies.tell(What::Slow, 0) {
            std::thread::sleep(Duration::from_millis(ms));
        }
        if self.lies.tell(What::VanishOnAccess, 0).is_some() {
            self.gone = true;
        }
    }

    pub fn read_pci(&mut self, at: u64, into: &mut [u8]) {
        self.access("pci read", at, &[]);
        if self.gone {
            into.fill(0xff);
            return;
        }
        let mut bytes = self.space.0;

        self.lies
            .twist_read(Space::Pci, &mut bytes, at as usize, into.len(), 0);
        give(&bytes, at, into);
    }

    pub fn write_pci(&mut self, at: u64, bytes: &[u8]) {
        self.access("pci write", at, bytes);
        if !self.gone {
            let before = self.is_master();

            self.space.write(at as usize, bytes);
            if self.is_master() && !before && self.reset != Confirmed::Yes {
                self.accuse("DMA is turned on, and the last reset was not confirmed".into());
            }
        }
    }

    /// A reset that is not confirmed has to be the end of DMA at least.
    pub(super) fn look_at_reset(&mut self) {
        if self.reset == Confirmed::No && self.is_master() {
            self.accuse("DMA is left on, and the last reset was not confirmed".into());
        }
    }

    /// Bytes of the device's own configuration, by what its capability says.
    pub(super) fn configured(&self) -> u64 {
        let claim = |field, size| self.lies.claim(Space::Pci, DEVICE_CAP + field, size);

        match (claim(cap::TYPE, 1), claim(cap::OFFSET, 4)) {
            (None, None) => claim(cap::LENGTH, 4).unwrap_or(u64::MAX),
            _ => 0,
        }
    }

    pub fn read_bar(&mut self, at: u64, into: &mut [u8]) {
        self.access("read", at, &[]);
        if self.gone || at >= BAR_BYTES {
            into.fill(0xff);
            return;
        }
        let place = at & 0xfff;
        let size = self.options.queue_size;

        into.fill(0);
        match at & !0xfff {
            config_space::COMMON => {
                let mut bytes = self.registers.bytes(self.offered());

                self.lies.about(Some(self.registers.selection()));
                self.lies
                    .twist_read(Space::Common, &mut bytes, place as usize, into.len(), size);
                self.lies.about(None);
                self.registers.was_read(place as usize, into.len(), &bytes);
                give(&bytes, place, into);
                if place == at::STATUS as u64 && self.reset != Confirmed::Yes {
                    self.reset = match bytes[at::STATUS] {
                        0 => Confirmed::Yes,
                        _ => Confirmed::No,
                    };
                }
            }
            config_space::ISR if place == 0 => {
                let mut bytes = [std::mem::take(&mut self.isr)];

                self.lies.twist_read(Space::Isr, &mut bytes, 0, 1, size);
                give(&bytes, 0, into);
            }
            config_space::DEVICE => {
                let mut bytes = self.model.config();
                let end = place + into.len() as u64;

                self.lies
                    .twist_read(Space::Device, &mut bytes, place as usize, into.len(), size);
                give(&bytes, place, into);
                if end > self.configured() {
                    self.accuse(format!(
                        "the configuration is read up to {end}, behind its end"
                    ));
                    into.fill(0xff);
                }
            }
            _ => {}
        }
    }

    pub fn write_bar(&mut self, at: u64, bytes: &[u8]) {
        self.access("write", at, bytes);
        if self.gone || at >= BAR_BYTES {
            return;
        }
        let place = at & 0xfff;

        match at & !0xfff {
            config_space::COMMON => self.write_common(place as usize, bytes),
            config_space::DEVICE => {
                if !self.lies.is_deaf(Space::Device, place as usize, bytes) {
                    self.model.write_config(place as usize, bytes);
                }
            }
            config_space::NOTIFY => self.notified(place, bytes),
            _ => {}
        }
    }

    pub(super) fn write_common(&mut self, at: usize, bytes: &[u8]) {
        if self.lies.is_deaf(Space::Common, at, bytes) {
            return;
        }
        let offered = self.offered();

        match self.registers.write(at, bytes, offered, VECTORS) {
            Effect::None => {}
            Effect::Reset => {
                self.resets += 1;
                self.reset();
                self.reset = Confirmed::NotYet;
            }
            Effect::Status => {
                if self.registers.status & status::DRIVER_OK != 0 {
                    let wrong = self.registers.accepted & self.options.never;

                    self.lies.go_live();
                    if self.lies.has(|_| true) {
                        self.agreed |= self.registers.accepted;
                    }
                    if wrong != 0 {
                        self.accuse(format!("the features {wrong:#x} are accepted"));
                    }
                }
            }
            Effect::Enable(queue) => self.enable(queue),
            Effect::Wrong(what) => {
                let queue = self.registers.selection();

                self.complain(About::Register, format!("queue {queue}: {what}"));
            }
            Effect::ResetQueue(queue) => {
                let size = self.options.queue_size;

                self.together.remove(&queue);
                self.undone.remove(&queue);
                self.tampering.end(Some(queue));
                self.late.retain(|late| late.queue != queue);
                self.model.reset_queue(queue);
                self.lies.queue_reset(Some(queue));
                let queue = &mut self.registers.queues[usize::from(queue)];

                queue.ring = None;
                queue.enabled = false;
                queue.size = size;
                queue.vector = crate::interrupts::NO_VECTOR;
            }
        }
    }

    pub(super) fn enable(&mut self, index: u16) {
        let agreed = Agreed {
            packed: self.registers.has(bit::PACKED),
            event_idx: self.registers.has(bit::EVENT_IDX),
        };
        let queue = &mut self.registers.queues[usize::from(index)];
        let possible = match queue.size {
            0 => false,
            size if agreed.packed => size <= 32768,
            size => size.is_power_of_two(),
        };

        queue.enabled = true;
        if possible {
            queue.ring = Some(Ring::new(queue.areas, queue.size, agreed));
        } else {
            let size = queue.size;

            self.complain(
                About::Register,
                format!("queue {index}: enabled with {size} entries"),
            );
        }
    }

    /// What a lie that was told may have led the driver to is not its fault.
    pub(super) fn complain(&mut self, about: About, what: String) {
        // What was spoilt here is not the driver's fault, from then on.
        let own = self.lies.has_told(|lie| match about {
            About::Buffer => matches!(
                lie,
                What::Race(_)
                    | What::Overwrite
                    | What::Spoil(_)
                    | What::Flicker(_)
                    | What::Undone
                    | What::Twice
                    | What::Ring(_)
                    | What::Read(..)
                    | What::Deaf(..)
            ),
            About::Register => matches!(lie, What::Read(..) | What::Deaf(..)),
            About::Doorbell => {
                matches!(lie, What::Deaf(Space::Common, at, _) if *at == at::STATUS as u32)
            }
        });

        if !own {
            self.accuse(what);
        }
    }

    /// No lie is an excuse for that.
    pub(super) fn accuse(&mut self, what: String) {
        if self.complaints.len() < 8 {
            self.complaints.push(what);
        }
    }
}

fn give(bytes: &[u8], at: u64, into: &mut [u8]) {
    for (at, byte) in (at as usize..).zip(into) {
        *byte = bytes.get(at).copied().unwrap_or(0);
    }
}
