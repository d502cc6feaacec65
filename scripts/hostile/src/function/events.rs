// SPDX-License-Identifier: GPL-2.0

//! Interrupts, and what the device does by itself.

use super::*;

impl Function {
    /// `cause`: 1 for a queue, 2 for the configuration.
    pub(super) fn interrupt(&mut self, cause: u8, vector: u16) {
        if self.interrupts.has_vectors() {
            self.interrupts.raise(vector);
        } else {
            self.isr |= cause;
            self.interrupts.raise_line();
        }
    }

    pub(super) fn config_interrupt(&mut self) {
        self.interrupt(2, self.registers.config_vector);
    }

    pub(super) fn ask_for_reset(&mut self) {
        if self.registers.status & status::NEEDS_RESET == 0 {
            self.registers.status |= status::NEEDS_RESET;
            self.config_interrupt();
        }
    }

    /// What a request, or the strike, may be the occasion for.
    pub(super) fn events(&mut self) {
        if self.lies.tell(What::NeedsReset, 0).is_some() {
            self.ask_for_reset();
        }
        if self.lies.tell(What::Vanish, 0).is_some() {
            self.gone = true;
        }
    }

    /// Whether there is something to do every millisecond.
    pub fn is_restless(&self) -> bool {
        !self.late.is_empty()
            || !self.tampering.is_over()
            || self.lies.has(|what| {
                matches!(
                    what,
                    What::Storm | What::Change | What::Race(_) | What::Late
                )
            })
    }

    /// A millisecond has gone by.
    pub fn tick(&mut self) {
        if self.gone {
            return;
        }
        let now = Instant::now();

        if self.tampering.look(now, &self.memory, self.is_master()) {
            self.serve(0);
        }
        let (due, late): (Vec<_>, _) = std::mem::take(&mut self.late)
            .into_iter()
            .partition(|late| late.due <= now);

        self.late = late;
        for late in due {
            self.lies.about(Some(late.queue));
            let given = self.give_back(late.queue, &late.buffers);

            self.lies.about(None);
            if let Err(Nonsense(why)) = given {
                self.complain(About::Buffer, format!("queue {}: {why}", late.queue));
            }
        }
        // A lie that nobody can hear is not told: there has to be a driver, somewhere to raise an interrupt, a ring to write to.
        let has_driver = self.registers.status != 0 || self.is_master();

        if has_driver && self.interrupts.is_heard() && self.lies.tell(What::Storm, 0).is_some() {
            self.isr |= 3;
            self.interrupts.raise_all();
            if !self.interrupts.has_vectors() {
                self.interrupts.raise_line();
            }
        }
        if self.registers.status & status::DRIVER_OK != 0
            && self.lies.tell(What::NeedsReset, 0).is_some()
        {
            self.ask_for_reset();
        }
        if has_driver && self.lies.tell(What::Change, 0).is_some() {
            self.model.change();
            self.registers.generation = self.registers.generation.wrapping_add(1);
            self.config_interrupt();
        }
        let areas: Vec<_> = self
            .registers
            .queues
            .iter()
            .filter_map(|queue| Some(queue.ring.as_ref()?.areas()))
            .collect();

        if areas.is_empty() || !self.is_master() {
            return;
        }
        for area in [Area::Desc, Area::Driver, Area::Device] {
            if self.lies.tell(What::Race(area), 0).is_some() {
                // A descriptor that was spoilt leads into memory that is nobody's business.
                self.mad |= area != Area::Device;
                for areas in &areas {
                    self.race(areas[area as usize]);
                }
            }
        }
    }

    /// Writes random values all over an area.
    pub(super) fn race(&mut self, (start, length): (u64, u64)) {
        for _ in 0..64 {
            let random = self.lies.random();
            let at = start + random.below(length / 2) * 2;
            let value = random.next() as u16;
            // Small numbers more often: they are believed more easily.
            let value = if random.below(2) == 0 {
                value % 256
            } else {
                value
            };

            let _ = self.memory.store16(at, value);
        }
    }
}
