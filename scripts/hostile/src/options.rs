// SPDX-License-Identifier: GPL-2.0

//! What a device is like when it is honest: words KEY=VALUE. README.md lists them.

/// Feature bits of the transport and the ring (virtio 1.4, 6).
pub mod bit {
    pub const INDIRECT: u32 = 28;
    pub const EVENT_IDX: u32 = 29;
    pub const VERSION_1: u32 = 32;
    pub const ACCESS_PLATFORM: u32 = 33;
    pub const PACKED: u32 = 34;
    pub const IN_ORDER: u32 = 35;
    pub const ORDER_PLATFORM: u32 = 36;
    pub const NOTIFICATION_DATA: u32 = 38;
    pub const NOTIF_CONFIG_DATA: u32 = 39;
    pub const RING_RESET: u32 = 40;
    pub const ADMIN_VQ: u32 = 41;
}

/// Options of one bit each, and whether it is offered unless they say otherwise.
const BITS: [(&str, u32, bool); 8] = [
    ("indirect", bit::INDIRECT, true),
    ("event_idx", bit::EVENT_IDX, true),
    ("version_1", bit::VERSION_1, true),
    ("access_platform", bit::ACCESS_PLATFORM, false),
    ("order_platform", bit::ORDER_PLATFORM, false),
    ("notification_data", bit::NOTIFICATION_DATA, false),
    ("notif_config_data", bit::NOTIF_CONFIG_DATA, false),
    ("queue_reset", bit::RING_RESET, true),
];

#[derive(Clone, Debug)]
pub struct Options {
    /// Features that are offered whatever the device is.
    pub features: u128,
    /// Features of the device that are not offered.
    pub hidden: u128,
    /// Features that no driver may accept, offered or not.
    pub never: u128,
    /// The largest queue.
    pub queue_size: u16,
    /// Everything else, for the device's model.
    pub own: Vec<(String, String)>,
}

impl Default for Options {
    fn default() -> Self {
        let features = BITS.iter().filter(|(_, _, on)| *on);

        Self {
            features: features.fold(0, |all, (_, bit, _)| all | 1 << bit),
            hidden: 0,
            never: 0,
            queue_size: 128,
            own: Vec::new(),
        }
    }
}

impl Options {
    /// Takes words over; later ones count.
    pub fn take<'a>(&mut self, words: impl Iterator<Item = &'a str>) -> Result<(), String> {
        for word in words {
            let (key, value) = word
                .split_once('=')
                .ok_or_else(|| format!("{word} is not KEY=VALUE"))?;

            match key {
                "ring" => {
                    let (packed, in_order) = match value {
                        "split" => (false, false),
                        "in-order" => (false, true),
                        "packed" => (true, false),
                        "packed-in-order" => (true, true),
                        _ => return Err(format!("no ring format {value}")),
                    };
                    self.set(bit::PACKED, packed);
                    self.set(bit::IN_ORDER, in_order);
                }
                "queue_size" => self.queue_size = number(value)? as u16,
                "offer" => self.set(number(value)? as u32 % 128, true),
                "never" => self.never |= 1 << (number(value)? % 128),
                "hide" => self.hidden |= 1 << (number(value)? % 128),
                _ => match BITS.iter().find(|(name, ..)| *name == key) {
                    Some((_, bit, _)) => self.set(*bit, value == "on"),
                    None => {
                        self.own.retain(|(other, _)| other != key);
                        self.own.push((key.into(), value.into()));
                    }
                },
            }
        }
        Ok(())
    }

    fn set(&mut self, bit: u32, on: bool) {
        if on {
            self.features |= 1 << bit;
        } else {
            self.features &= !(1 << bit);
        }
    }

    /// A number of the device's own, with K, M, G or T behind it.
    pub fn number(&self, key: &str, usual: u64) -> Result<u64, String> {
        match self.text(key) {
            Some(value) => number(value),
            None => Ok(usual),
        }
    }

    pub fn text(&self, key: &str) -> Option<&str> {
        let found = self.own.iter().find(|(other, _)| other == key);

        found.map(|(_, value)| &**value)
    }
}

fn number(text: &str) -> Result<u64, String> {
    let bad = || format!("{text} is no number");
    let (digits, unit) = match text.char_indices().last() {
        Some((at, 'K')) => (&text[..at], 10),
        Some((at, 'M')) => (&text[..at], 20),
        Some((at, 'G')) => (&text[..at], 30),
        Some((at, 'T')) => (&text[..at], 40),
        _ => (text, 0),
    };
    let value = match digits.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16),
        None => digits.parse(),
    };

    value
        .map_err(|_| bad())?
        .checked_mul(1 << unit)
        .ok_or_else(bad)
}
