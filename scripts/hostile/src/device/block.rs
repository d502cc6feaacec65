// SPDX-License-Identifier: GPL-2.0

//! A block device (virtio 1.4, 5.2) whose disk is memory.

use super::{
    Context,
    Model,
    Served, //
};
use crate::{
    lie::{
        Part,
        Space,
        What, //
    },
    options::Options,
    ring::{
        Chain,
        Nonsense, //
    },
};

mod zones;

pub use zones::at as zone_at;

use zones::Zones;

const SECTOR: u64 = 512;

mod feature {
    pub const SIZE_MAX: u32 = 1;
    pub const SEG_MAX: u32 = 2;
    pub const RO: u32 = 5;
    pub const BLK_SIZE: u32 = 6;
    pub const FLUSH: u32 = 9;
    pub const TOPOLOGY: u32 = 10;
    pub const CONFIG_WCE: u32 = 11;
    pub const MQ: u32 = 12;
    pub const DISCARD: u32 = 13;
    pub const WRITE_ZEROES: u32 = 14;
    pub const LIFETIME: u32 = 15;
    pub const SECURE_ERASE: u32 = 16;
    pub const ZONED: u32 = 17;
}

mod kind {
    pub const IN: u32 = 0;
    pub const OUT: u32 = 1;
    pub const FLUSH: u32 = 4;
    pub const GET_ID: u32 = 8;
    pub const GET_LIFETIME: u32 = 10;
    pub const DISCARD: u32 = 11;
    pub const WRITE_ZEROES: u32 = 13;
    pub const SECURE_ERASE: u32 = 14;
}

/// The one flag of a range, of write zeroes only.
const UNMAP: u32 = 1;

const OK: u8 = 0;
const IOERR: u8 = 1;
const UNSUPP: u8 = 2;

/// Fields of the configuration (5.2.4).
pub mod at {
    pub const CAPACITY: u32 = 0;
    pub const SIZE_MAX: u32 = 8;
    pub const SEG_MAX: u32 = 12;
    pub const BLK_SIZE: u32 = 20;
    pub const PHYSICAL_BLOCK_EXP: u32 = 24;
    pub const MIN_IO_SIZE: u32 = 26;
    pub const OPT_IO_SIZE: u32 = 28;
    pub const WRITEBACK: u32 = 32;
    pub const NUM_QUEUES: u32 = 34;
    pub const MAX_DISCARD_SECTORS: u32 = 36;
    pub const MAX_DISCARD_SEG: u32 = 40;
    pub const DISCARD_ALIGNMENT: u32 = 44;
    pub const MAX_WRITE_ZEROES_SECTORS: u32 = 48;
    pub const MAX_WRITE_ZEROES_SEG: u32 = 52;
    pub const MAX_SECURE_ERASE_SECTORS: u32 = 60;
    pub const MAX_SECURE_ERASE_SEG: u32 = 64;
    pub const SECURE_ERASE_ALIGNMENT: u32 = 68;
    pub const ZONE_SECTORS: u32 = 72;
    pub const MAX_OPEN_ZONES: u32 = 76;
    pub const MAX_ACTIVE_ZONES: u32 = 80;
    pub const MAX_APPEND_SECTORS: u32 = 84;
    pub const WRITE_GRANULARITY: u32 = 88;
    pub const ZONE_MODEL: u32 = 92;
}

pub struct Block {
    disk: Vec<u8>,
    features: u128,
    queues: u16,
    seg_max: u32,
    size_max: u32,
    block: u32,
    writeback: u8,
    /// Ranges that a discard may have, and the sectors that discards and erases are best aligned to.
    ranges: u32,
    alignment: u32,
    /// What was in the ranges: of discards, of zeros, of erases.
    cleared: [u64; 3],
    /// The most ranges of a request.
    most: u64,
    /// The most segments of a read or a write, and the most bytes of one.
    widest: (u64, u64),
    lifetime: Option<[u16; 3]>,
    zones: Option<Zones>,
    /// Sectors that it has less, at the moment.
    less: u64,
    /// Requests by kind: read, write, flush, others.
    served: [u64; 4],
    /// Requests of this type are answered so many ms late.
    slow: Option<(u32, u64)>,
    /// So many requests of this type are not answered; they are done, or not even that.
    lost: Option<(u32, u64)>,
    dropped: Option<(u32, u64)>,
    /// Requests of this type end with that status, and are not done.
    refused: Option<(u32, u8)>,
    /// What the configuration has been changed to.
    changed: Vec<(usize, Vec<u8>)>,
    /// What stood there before the last change.
    before: Vec<(usize, Vec<u8>)>,
}

/// Whether a request of this type is one of those that are left.
fn is_one_of(left: &mut Option<(u32, u64)>, request: u32) -> bool {
    match left {
        Some((kind, left)) if *kind == request && *left != 0 => {
            *left -= 1;
            true
        }
        _ => false,
    }
}

/// The type of a request by its name.
fn kind_of(name: &str) -> Option<u32> {
    Some(match name {
        "lifetime" => kind::GET_LIFETIME,
        "read" => kind::IN,
        "write" => kind::OUT,
        "flush" => kind::FLUSH,
        "discard" => kind::DISCARD,
        "zeroes" => kind::WRITE_ZEROES,
        "erase" => kind::SECURE_ERASE,
        "append" => zones::kind::APPEND,
        _ => return None,
    })
}

impl Block {
    /// Options: `ranges` of a discard, their `alignment` in sectors, `lifetime=A:B:C`, `zones=SECTORS` with `conventional`, `max_open` and
    /// `max_active` zones, `size`, `queues`, `seg_max`, `size_max`, `block_size`, `read_only=on`, `discard=off`.
    pub fn new(options: &Options) -> Result<Self, String> {
        let queues = options.number("queues", 1)? as u16;
        let on = |key: &str, usual: &str| options.text(key).unwrap_or(usual) == "on";
        let mut features = 1u128 << feature::SEG_MAX
            | 1 << feature::SIZE_MAX
            | 1 << feature::BLK_SIZE
            | 1 << feature::FLUSH
            | 1 << feature::TOPOLOGY
            | 1 << feature::CONFIG_WCE
            | 1 << feature::MQ;

        if on("read_only", "off") {
            features |= 1 << feature::RO;
        }
        if on("discard", "on") {
            features |=
                1 << feature::DISCARD | 1 << feature::WRITE_ZEROES | 1 << feature::SECURE_ERASE;
        }
        let lifetime = options.text("lifetime").map(|text| {
            let mut fields = text.split(':').map(|field| field.parse().unwrap_or(0xffff));

            [(); 3].map(|()| fields.next().unwrap_or(0xffff))
        });
        let size = options.number("size", 64 << 20)?;
        let zones = match options.number("zones", 0)? {
            0 => None,
            sectors => Some(Zones::new(
                sectors,
                size / SECTOR,
                options.number("conventional", 1)?,
                options.number("max_open", 3)? as u32,
                options.number("max_active", 4)? as u32,
            )),
        };

        features |= u128::from(lifetime.is_some()) << feature::LIFETIME;
        features |= u128::from(zones.is_some()) << feature::ZONED;
        Ok(Self {
            ranges: options.number("ranges", 16)? as u32,
            alignment: options.number("alignment", 0)? as u32,
            cleared: [0; 3],
            most: 0,
            widest: (0, 0),
            lifetime,
            zones,
            disk: vec![0; size as usize],
            features,
            queues,
            seg_max: options.number("seg_max", 126)? as u32,
            size_max: options.number("size_max", 1 << 22)? as u32,
            block: options.number("block_size", SECTOR)? as u32,
            writeback: 1,
            less: 0,
            served: [0; 4],
            slow: None,
            lost: None,
            dropped: None,
            refused: None,
            changed: Vec::new(),
            before: Vec::new(),
        })
    }

    fn range(&self, sector: u64, bytes: u64) -> Option<std::ops::Range<usize>> {
        let from = sector.checked_mul(SECTOR)?;
        let to = from.checked_add(bytes)?;

        (bytes % SECTOR == 0 && to <= self.disk.len() as u64).then_some(from as usize..to as usize)
    }

    /// What a field of four bytes says, and what it said before it was changed last: until the driver has heard of that it makes
    /// requests as they were right before.
    fn stated(&self, at: u32) -> impl Iterator<Item = u32> {
        let at = at as usize;
        let now = self.config()[at..at + 4].to_vec();
        let before = self.before.iter().filter(|(field, _)| *field == at);
        let fields: Vec<_> = before
            .map(|(_, value)| value.clone())
            .chain([now])
            .collect();

        fields
            .into_iter()
            .filter_map(|value| Some(u32::from_le_bytes(value.try_into().ok()?)))
    }

    /// Finds fault with more than a limit of the configuration allows, the larger one where it was changed. Zero is no limit, and
    /// one that the driver is lied to about is none either.
    fn keeps_to(
        &self,
        context: &Context<'_>,
        at: u32,
        count: u64,
        what: &str,
    ) -> Result<(), Nonsense> {
        let unlimited = |limit| if limit == 0 { u32::MAX } else { limit };
        let limit = self.stated(at).map(unlimited).max().unwrap_or(0);

        if count <= limit.into() || is_lied_about(context, at) {
            return Ok(());
        }
        Err(Nonsense(format!("{count} {what}, where {limit} may be")))
    }

    /// Finds fault with a read or a write that has more segments, or longer ones, than the device takes.
    fn judge_segments(&mut self, context: &Context<'_>, segments: &[u64]) -> Result<(), Nonsense> {
        let count = segments.len() as u64;
        let longest = segments.iter().copied().max().unwrap_or(0);

        self.widest = (self.widest.0.max(count), self.widest.1.max(longest));
        if context.has(feature::SEG_MAX) {
            self.keeps_to(context, at::SEG_MAX, count, "segments")?;
        }
        if context.has(feature::SIZE_MAX) {
            self.keeps_to(context, at::SIZE_MAX, longest, "bytes in a segment")?;
        }
        Ok(())
    }

    /// Discards, zeroes or erases the ranges that the driver lists (5.2.6). Zeroes them all.
    fn clear(
        &mut self,
        chain: &Chain,
        context: &Context<'_>,
        request: u32,
        bytes: u64,
    ) -> Result<u8, Nonsense> {
        let (which, most, sectors, flags) = match request {
            kind::DISCARD => (0, at::MAX_DISCARD_SEG, at::MAX_DISCARD_SECTORS, 0),
            kind::WRITE_ZEROES => (
                1,
                at::MAX_WRITE_ZEROES_SEG,
                at::MAX_WRITE_ZEROES_SECTORS,
                UNMAP,
            ),
            _ => (2, at::MAX_SECURE_ERASE_SEG, at::MAX_SECURE_ERASE_SECTORS, 0),
        };
        // A part of a block, or of what is erased at once, cannot be cleared.
        let blocks = context.has(feature::BLK_SIZE) && !is_lied_about(context, at::BLK_SIZE);
        let mut unit = if blocks { (self.block / 512).max(1) } else { 1 };

        if request == kind::SECURE_ERASE && !is_lied_about(context, at::SECURE_ERASE_ALIGNMENT) {
            let stated = self.stated(at::SECURE_ERASE_ALIGNMENT);

            unit = unit.max(stated.min().unwrap_or(1));
        }
        if bytes == 0 || bytes % 16 != 0 {
            return Err(Nonsense(format!("{bytes} bytes of ranges")));
        }
        self.keeps_to(context, most, bytes / 16, "ranges")?;
        self.most = self.most.max(bytes / 16);
        for index in 0..bytes / 16 {
            let mut range = [0; 16];

            chain.read(context.memory, 16 + 16 * index, &mut range)?;
            let sector = u64::from_le_bytes(range[0..8].try_into().unwrap());
            let count = u32::from_le_bytes(range[8..12].try_into().unwrap());
            let flagged = u32::from_le_bytes(range[12..16].try_into().unwrap());

            if flagged & !flags != 0 {
                return Err(Nonsense(format!("a range with the flags {flagged:#x}")));
            }
            if count == 0 {
                return Err(Nonsense("a range of no sectors".into()));
            }
            if sector % u64::from(unit) != 0 || count % unit != 0 {
                return Err(Nonsense(format!(
                    "{count} sectors from {sector} on, in pieces of {unit}"
                )));
            }
            self.keeps_to(context, sectors, count.into(), "sectors in a range")?;
            match self.range(sector, u64::from(count) * SECTOR) {
                Some(range) => {
                    self.cleared[which] += range.len() as u64;
                    self.disk[range].fill(0);
                }
                None => return Ok(IOERR),
            }
        }
        Ok(OK)
    }
}

/// Whether the driver may have read something else there than the configuration has.
fn is_lied_about(context: &Context<'_>, at: u32) -> bool {
    context.lies.has(|what| match what {
        What::Read(Space::Device, from, bytes) => *from < at + 4 && at < *from + u32::from(*bytes),
        _ => false,
    })
}

impl Model for Block {
    fn id(&self) -> u16 {
        2
    }

    fn class(&self) -> u32 {
        0x0001_0000
    }

    fn features(&self) -> u128 {
        self.features
    }

    fn queues(&self) -> u16 {
        self.queues
    }

    fn config(&self) -> Vec<u8> {
        let mut bytes = vec![0; 96];
        let mut put = |at: u32, value: &[u8]| {
            bytes[at as usize..at as usize + value.len()].copy_from_slice(value);
        };
        let capacity = self.disk.len() as u64 / SECTOR - self.less;

        put(at::CAPACITY, &capacity.to_le_bytes());
        put(at::SIZE_MAX, &self.size_max.to_le_bytes());
        put(at::SEG_MAX, &self.seg_max.to_le_bytes());
        put(at::BLK_SIZE, &self.block.to_le_bytes());
        put(at::MIN_IO_SIZE, &1u16.to_le_bytes());
        put(at::WRITEBACK, &[self.writeback]);
        put(at::NUM_QUEUES, &self.queues.to_le_bytes());
        for (sectors, segments) in [
            (at::MAX_DISCARD_SECTORS, at::MAX_DISCARD_SEG),
            (at::MAX_WRITE_ZEROES_SECTORS, at::MAX_WRITE_ZEROES_SEG),
            (at::MAX_SECURE_ERASE_SECTORS, at::MAX_SECURE_ERASE_SEG),
        ] {
            put(sectors, &0x8000u32.to_le_bytes());
            put(segments, &self.ranges.to_le_bytes());
        }
        for alignment in [at::DISCARD_ALIGNMENT, at::SECURE_ERASE_ALIGNMENT] {
            put(
                alignment,
                &self.alignment.max(self.block / 512).to_le_bytes(),
            );
        }
        if let Some(zones) = &self.zones {
            put(at::ZONE_SECTORS, &(zones.size as u32).to_le_bytes());
            put(at::MAX_OPEN_ZONES, &zones.max_open.to_le_bytes());
            put(at::MAX_ACTIVE_ZONES, &zones.max_active.to_le_bytes());
            put(at::MAX_APPEND_SECTORS, &64u32.to_le_bytes());
            put(at::WRITE_GRANULARITY, &self.block.to_le_bytes());
            // Host-managed.
            put(at::ZONE_MODEL, &[1]);
        }
        for (at, value) in &self.changed {
            bytes[*at..*at + value.len()].copy_from_slice(value);
        }
        bytes
    }

    fn write_config(&mut self, at: usize, bytes: &[u8]) {
        if let (at::WRITEBACK, [value]) = (at as u32, bytes) {
            self.writeback = *value & 1;
        }
    }

    fn change(&mut self) {
        self.less ^= 8;
    }

    fn reset(&mut self) {
        self.writeback = 1;
    }

    fn serve(
        &mut self,
        _queue: u16,
        chain: &Chain,
        context: &mut Context<'_>,
    ) -> Result<Served, Nonsense> {
        let mut header = [0; 16];

        chain.read(context.memory, 0, &mut header)?;
        let request = u32::from_le_bytes(header[0..4].try_into().unwrap());
        let sector = u64::from_le_bytes(header[8..16].try_into().unwrap());
        // The status is the last byte that may be written.
        let room = chain
            .writable_len()
            .checked_sub(1)
            .ok_or_else(|| Nonsense("no room for a status".into()))?;
        let payload = chain.readable_len() - 16;
        let mut written = 1;

        match request {
            kind::IN => self.judge_segments(context, &chain.written_segments(room))?,
            kind::OUT | zones::kind::APPEND => {
                self.judge_segments(context, &chain.read_segments(16))?;
            }
            _ => {}
        }
        if is_one_of(&mut self.dropped, request) {
            return Ok(Served::Kept);
        }

        let refused = self.refused.filter(|(kind, _)| *kind == request);

        let status = match request {
            _ if refused.is_some() => refused.map_or(OK, |(_, status)| status),
            kind::IN => match self.range(sector, room) {
                Some(range) => {
                    if context.gives(Part::Data) {
                        chain.write(context.memory, 0, &self.disk[range])?;
                    }
                    written += room;
                    OK
                }
                None => IOERR,
            },
            kind::OUT => {
                let place = match (&mut self.zones, self.disk.len() as u64 / SECTOR) {
                    (Some(zones), end) if sector < end => {
                        zones.write(sector, payload / SECTOR, false)
                    }
                    _ => Ok(sector),
                };

                match (place, self.range(sector, payload)) {
                    (Ok(_), Some(range)) => {
                        if context.gives(Part::Data) {
                            chain.read(context.memory, 16, &mut self.disk[range])?;
                        }
                        OK
                    }
                    (Err(status), _) => status,
                    (_, None) => IOERR,
                }
            }
            zones::kind::APPEND if self.zones.is_some() => {
                let place = self.zones.as_mut().map_or(Err(UNSUPP), |zones| {
                    zones.write(sector, payload / SECTOR, true)
                });

                match place.map(|place| (place, self.range(place, payload))) {
                    Ok((place, Some(range))) => {
                        chain.read(context.memory, 16, &mut self.disk[range])?;
                        chain.write(context.memory, 0, &place.to_le_bytes())?;
                        written += 8;
                        OK
                    }
                    Ok((_, None)) => IOERR,
                    Err(status) => status,
                }
            }
            zones::kind::REPORT if self.zones.is_some() => {
                let report = self
                    .zones
                    .as_ref()
                    .map(|zones| zones.report(sector, room as usize));
                let report = zones::lied(report.unwrap_or_default(), context);

                if context.gives(Part::Data) {
                    chain.write(context.memory, 0, &report)?;
                }
                written += report.len() as u64;
                OK
            }
            zones::kind::OPEN..=zones::kind::RESET_ALL if self.zones.is_some() => {
                let (status, empty) = self
                    .zones
                    .as_mut()
                    .map_or((UNSUPP, None), |zones| zones.command(request, sector));

                if let Some((from, to)) = empty {
                    self.disk[(from * SECTOR) as usize..(to * SECTOR) as usize].fill(0);
                }
                status
            }
            kind::GET_LIFETIME if self.lifetime.is_some() => {
                let fields = self.lifetime.unwrap_or_default();
                let bytes: Vec<u8> = fields
                    .iter()
                    .flat_map(|field| field.to_le_bytes())
                    .collect();
                let length = room.min(bytes.len() as u64);

                chain.write(context.memory, 0, &bytes[..length as usize])?;
                written += length;
                OK
            }
            kind::FLUSH => OK,
            kind::GET_ID => {
                let mut name = *b"hostile\0\0\0\0\0\0\0\0\0\0\0\0\0";

                // The length of the text is a part of it, to be lied about.
                if context.answer(Part::Header, 0).is_some_and(|lie| lie != 0) {
                    name = [b'x'; 20];
                }
                let length = room.min(20);

                chain.write(context.memory, 0, &name[..length as usize])?;
                written += length;
                OK
            }
            kind::DISCARD | kind::WRITE_ZEROES | kind::SECURE_ERASE => {
                self.clear(chain, context, request, payload)?
            }
            _ => UNSUPP,
        };
        let which = match request {
            kind::IN => 0,
            kind::OUT => 1,
            kind::FLUSH => 2,
            _ => 3,
        };

        self.served[which] += 1;
        if let Some(status) = context.answer(Part::Status, status.into()) {
            chain.write(context.memory, room, &[status as u8])?;
        } else if context.lies.has(|what| *what == What::Omit(Part::Data)) {
            written = 0;
        }
        if is_one_of(&mut self.lost, request) {
            return Ok(Served::Kept);
        }
        Ok(match self.slow {
            Some((kind, ms)) if kind == request => Served::Later(written as u32, ms),
            _ => Served::Used(written as u32),
        })
    }

    fn order(&mut self, words: &[&str]) -> Option<bool> {
        match words {
            ["slow", kind, ms] => self.slow = Some((kind_of(kind)?, ms.parse().ok()?)),
            ["lose", kind, count] => self.lost = Some((kind_of(kind)?, count.parse().ok()?)),
            ["refuse", kind, status] => self.refused = Some((kind_of(kind)?, status.parse().ok()?)),
            ["drop", kind, count] => self.dropped = Some((kind_of(kind)?, count.parse().ok()?)),
            // What it offers from now on; the driver sees it after a reset.
            ["read_only", on] => {
                self.features &= !(1 << feature::RO);
                self.features |= u128::from(*on == "on") << feature::RO;
            }
            ["config", at, size, value] => {
                let (at, size): (usize, usize) = (at.parse().ok()?, size.parse().ok()?);
                let value: u64 = value.parse().ok()?;
                let value = value.to_le_bytes().get(..size)?.to_vec();
                let config = self.config();
                let before = config.get(at..at.checked_add(size)?)?.to_vec();

                self.before.retain(|(field, _)| *field != at);
                self.before.push((at, before));
                self.changed.push((at, value));
                return Some(true);
            }
            ["forget", "most"] => self.most = 0,
            _ => return None,
        }
        Some(false)
    }

    fn ask(&mut self, words: &[&str]) -> Option<String> {
        match words {
            ["cleared"] => Some(self.cleared.map(|count| count.to_string()).join(" ")),
            ["most"] => Some(self.most.to_string()),
            ["widest"] => Some(format!("{} {}", self.widest.0, self.widest.1)),
            ["served"] => Some(self.served.map(|count| count.to_string()).join(" ")),
            ["peek", offset, length] => {
                let offset: usize = offset.parse().ok()?;
                let length: usize = length.parse().ok()?;
                let bytes = self.disk.get(offset..offset.checked_add(length)?)?;

                Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
            }
            _ => None,
        }
    }
}
