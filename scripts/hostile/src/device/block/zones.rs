// SPDX-License-Identifier: GPL-2.0

//! The zones of a host-managed disk (virtio 1.4, 5.2.6): those at its beginning are conventional.

use crate::{
    device::Context,
    lie::Part, //
};

const OK: u8 = 0;
const IOERR: u8 = 1;
const INVALID_CMD: u8 = 3;
const UNALIGNED_WP: u8 = 4;
const OPEN_RESOURCE: u8 = 5;
const ACTIVE_RESOURCE: u8 = 6;

pub mod kind {
    pub const APPEND: u32 = 15;
    pub const REPORT: u32 = 16;
    pub const OPEN: u32 = 18;
    pub const CLOSE: u32 = 20;
    pub const FINISH: u32 = 22;
    pub const RESET: u32 = 24;
    pub const RESET_ALL: u32 = 26;
}

/// States, as the specification numbers them.
mod state {
    pub const NOT_WP: u8 = 0;
    pub const EMPTY: u8 = 1;
    pub const IMPLICITLY: u8 = 2;
    pub const EXPLICITLY: u8 = 3;
    pub const CLOSED: u8 = 4;
    pub const FULL: u8 = 14;
}

/// Bytes of a report's head, and of a zone in it.
const ENTRY: usize = 64;

/// Fields of a report, as its lies call them: of the head, and of each zone.
pub mod at {
    pub const NUMBER: u8 = 0;
    pub const CAPACITY: u8 = 1;
    pub const START: u8 = 2;
    pub const POINTER: u8 = 3;
    pub const TYPE: u8 = 4;
    pub const STATE: u8 = 5;
}
/// Where these are in a zone's entry, and how many bytes they have.
const FIELDS: [(u8, usize, usize); 5] = [
    (at::CAPACITY, 0, 8),
    (at::START, 8, 8),
    (at::POINTER, 16, 8),
    (at::TYPE, 24, 1),
    (at::STATE, 25, 1),
];

/// A report as the personality wants it.
pub fn lied(mut report: Vec<u8>, context: &mut Context<'_>) -> Vec<u8> {
    let mut lie = |field, bytes: &mut [u8]| {
        let mut word = [0; 8];

        word[..bytes.len()].copy_from_slice(bytes);
        let honest = u64::from_le_bytes(word);

        if let Some(value) = context.answer(Part::Field(field), honest) {
            bytes.copy_from_slice(&value.to_le_bytes()[..bytes.len()]);
        }
    };

    for (index, entry) in report.chunks_exact_mut(ENTRY).enumerate() {
        if index == 0 {
            lie(at::NUMBER, &mut entry[..8]);
            continue;
        }
        for (field, from, length) in FIELDS {
            lie(field, &mut entry[from..from + length]);
        }
    }
    report
}

#[derive(Clone)]
struct Zone {
    state: u8,
    start: u64,
    /// Where it ends for who writes, and where the next zone begins.
    writable: u64,
    end: u64,
    pointer: u64,
}

pub struct Zones {
    pub size: u64,
    pub max_open: u32,
    pub max_active: u32,
    zones: Vec<Zone>,
}

impl Zones {
    /// Zones of `size` sectors for a disk of `capacity`. In each, the last sectors cannot be written.
    pub fn new(
        size: u64,
        capacity: u64,
        conventional: u64,
        max_open: u32,
        max_active: u32,
    ) -> Self {
        let zones = (0..capacity.div_ceil(size)).map(|index| {
            let start = index * size;
            let end = capacity.min(start + size);

            Zone {
                state: if index < conventional {
                    state::NOT_WP
                } else {
                    state::EMPTY
                },
                start,
                writable: if index < conventional {
                    end
                } else {
                    end - (end - start) / 8
                },
                end,
                pointer: start,
            }
        });

        Self {
            size,
            max_open,
            max_active,
            zones: zones.collect(),
        }
    }

    fn count(&self, states: &[u8]) -> u32 {
        self.zones
            .iter()
            .filter(|zone| states.contains(&zone.state))
            .count() as u32
    }

    /// Makes room for one more open zone, at the cost of one that was opened by a write.
    fn opens(&mut self, index: usize, to: u8) -> u8 {
        let active = [state::IMPLICITLY, state::EXPLICITLY, state::CLOSED];
        let open = [state::IMPLICITLY, state::EXPLICITLY];
        let was = self.zones[index].state;

        if !active.contains(&was) && self.max_active != 0 && self.count(&active) >= self.max_active
        {
            return ACTIVE_RESOURCE;
        }
        if !open.contains(&was) && self.max_open != 0 && self.count(&open) >= self.max_open {
            match self
                .zones
                .iter_mut()
                .find(|zone| zone.state == state::IMPLICITLY)
            {
                Some(zone) => zone.state = state::CLOSED,
                None => return OPEN_RESOURCE,
            }
        }
        self.zones[index].state = to;
        OK
    }

    /// Whether a write may be done. At the pointer, if it begins at the zone and is an append; gives the place.
    pub fn write(&mut self, sector: u64, sectors: u64, append: bool) -> Result<u64, u8> {
        let index = (sector / self.size) as usize;
        let zone = self.zones.get(index).ok_or(IOERR)?.clone();

        if zone.state == state::NOT_WP {
            return if append || sector + sectors > zone.end {
                Err(INVALID_CMD)
            } else {
                Ok(sector)
            };
        }
        let at = if append { zone.pointer } else { sector };

        if append && sector != zone.start
            || zone.state == state::FULL
            || at + sectors > zone.writable
        {
            return Err(INVALID_CMD);
        }
        if at != zone.pointer {
            return Err(UNALIGNED_WP);
        }
        let to = if zone.state == state::EXPLICITLY {
            state::EXPLICITLY
        } else {
            state::IMPLICITLY
        };

        match self.opens(index, to) {
            OK => {}
            status => return Err(status),
        }
        let zone = &mut self.zones[index];

        zone.pointer = at + sectors;
        if zone.pointer == zone.writable {
            zone.state = state::FULL;
        }
        Ok(at)
    }

    /// Does what a command wants with a zone. Gives the sectors that hold nothing after it.
    pub fn command(&mut self, command: u32, sector: u64) -> (u8, Option<(u64, u64)>) {
        if command == kind::RESET_ALL {
            for zone in self
                .zones
                .iter_mut()
                .filter(|zone| zone.state != state::NOT_WP)
            {
                zone.state = state::EMPTY;
                zone.pointer = zone.start;
            }
            let first = self
                .zones
                .iter()
                .find(|zone| zone.state != state::NOT_WP)
                .map(|zone| zone.start);
            let end = self.zones.last().map_or(0, |zone| zone.end);

            return (OK, first.map(|first| (first, end)));
        }
        let index = (sector / self.size) as usize;
        let Some(zone) = self.zones.get(index).cloned() else {
            return (IOERR, None);
        };

        if zone.state == state::NOT_WP || zone.start != sector {
            return (INVALID_CMD, None);
        }
        let zone = match command {
            kind::OPEN if zone.state == state::FULL => return (INVALID_CMD, None),
            kind::OPEN => return (self.opens(index, state::EXPLICITLY), None),
            kind::CLOSE if [state::EMPTY, state::FULL].contains(&zone.state) => {
                return (INVALID_CMD, None)
            }
            kind::CLOSE if zone.pointer == zone.start => Zone {
                state: state::EMPTY,
                ..zone
            },
            kind::CLOSE => Zone {
                state: state::CLOSED,
                ..zone
            },
            kind::FINISH => Zone {
                state: state::FULL,
                pointer: zone.writable,
                ..zone
            },
            kind::RESET => Zone {
                state: state::EMPTY,
                pointer: zone.start,
                ..zone
            },
            _ => return (INVALID_CMD, None),
        };
        let empty = (command == kind::RESET).then_some((zone.start, zone.end));

        self.zones[index] = zone;
        (OK, empty)
    }

    /// A report of the zones from that of `sector` on, of at most `room` bytes.
    pub fn report(&self, sector: u64, room: usize) -> Vec<u8> {
        let first = (sector / self.size) as usize;
        let fits = room.saturating_sub(ENTRY) / ENTRY;
        let zones: Vec<_> = self.zones.iter().skip(first).take(fits).collect();
        let mut bytes = vec![0; ENTRY];

        bytes[..8].copy_from_slice(&(zones.len() as u64).to_le_bytes());
        for zone in zones {
            let mut entry = [0; ENTRY];
            let conventional = zone.state == state::NOT_WP;

            entry[..8].copy_from_slice(&(zone.writable - zone.start).to_le_bytes());
            entry[8..16].copy_from_slice(&zone.start.to_le_bytes());
            entry[16..24].copy_from_slice(&zone.pointer.to_le_bytes());
            entry[24] = if conventional { 1 } else { 2 };
            entry[25] = zone.state;
            bytes.extend(entry);
        }
        bytes
    }
}
