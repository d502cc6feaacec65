// SPDX-License-Identifier: GPL-2.0

//! The control queue (virtio 1.4, 5.1.6.5), and what the device was told on it.

use std::collections::BTreeSet;

use crate::{
    device::{
        Context,
        Served, //
    },
    lie::Part,
    ring::{
        Chain,
        Nonsense, //
    },
};

const OK: u8 = 0;
const ERR: u8 = 1;

/// Class and number of a command.
mod command {
    pub const PROMISCUOUS: [u8; 2] = [0, 0];
    pub const ALL_MULTICAST: [u8; 2] = [0, 1];
    pub const TABLE: [u8; 2] = [1, 0];
    pub const ADDRESS: [u8; 2] = [1, 1];
    pub const ADD_VLAN: [u8; 2] = [2, 0];
    pub const REMOVE_VLAN: [u8; 2] = [2, 1];
    pub const ANNOUNCED: [u8; 2] = [3, 0];
    pub const PAIRS: [u8; 2] = [4, 0];
    pub const OFFLOADS: [u8; 2] = [5, 0];
}

type Address = [u8; 6];

pub struct Control {
    most_pairs: u16,
    pairs: u16,
    address: Address,
    promiscuous: bool,
    all_multicast: bool,
    table: Vec<Address>,
    vlans: BTreeSet<u16>,
    offloads: Option<u64>,
    announced: bool,
    commands: u64,
}

impl Control {
    pub fn new(address: Address, most_pairs: u16) -> Self {
        Self {
            most_pairs,
            pairs: 1,
            address,
            promiscuous: false,
            all_multicast: false,
            table: Vec::new(),
            vlans: BTreeSet::new(),
            offloads: None,
            announced: false,
            commands: 0,
        }
    }

    pub fn pairs(&self) -> u16 {
        self.pairs
    }

    /// Whether the driver has announced itself since this was asked.
    pub fn is_announced(&mut self) -> bool {
        std::mem::take(&mut self.announced)
    }

    /// Whether a frame is to be received, by its destination.
    pub fn accepts(&self, frame: &[u8]) -> bool {
        let Some(to) = frame.get(..6) else {
            return false;
        };

        self.promiscuous
            || to[0] & 1 != 0
            || to == self.address
            || self.table.iter().any(|address| to == address)
    }

    /// What it was told, in words.
    pub fn knows(&self, what: &str) -> Option<String> {
        let hex = |address: &Address| address.map(|byte| format!("{byte:02x}")).join(":");

        match what {
            "address" => Some(hex(&self.address)),
            "pairs" => Some(self.pairs.to_string()),
            "promiscuous" => Some(self.promiscuous.to_string()),
            "all-multicast" => Some(self.all_multicast.to_string()),
            "table" => Some(self.table.iter().map(hex).collect::<Vec<_>>().join(" ")),
            "vlans" => Some(format!("{:?}", self.vlans)),
            "offloads" => Some(format!("{:?}", self.offloads)),
            "commands" => Some(self.commands.to_string()),
            _ => None,
        }
    }

    pub fn serve(&mut self, chain: &Chain, context: &mut Context<'_>) -> Result<Served, Nonsense> {
        let mut bytes = vec![0; chain.readable_len() as usize];

        if chain.writable_len() == 0 {
            return Err(Nonsense("no room for an answer".into()));
        }
        chain.read(context.memory, 0, &mut bytes)?;
        self.commands += 1;
        let done = match bytes.split_first_chunk() {
            Some((command, data)) => self.carry_out(*command, data),
            None => None,
        };

        if done.is_none() {
            context.complain(format!(
                "the command {:02x?}",
                &bytes[..bytes.len().min(16)]
            ));
        }
        let status = if done.is_some() { OK } else { ERR };

        if let Some(status) = context.answer(Part::Status, status.into()) {
            chain.write(context.memory, 0, &[status as u8])?;
        }
        Ok(Served::Used(1))
    }

    fn carry_out(&mut self, command: [u8; 2], data: &[u8]) -> Option<()> {
        match (command, data) {
            (command::PROMISCUOUS, [on @ (0 | 1)]) => self.promiscuous = *on == 1,
            (command::ALL_MULTICAST, [on @ (0 | 1)]) => self.all_multicast = *on == 1,
            (command::TABLE, data) => {
                let (mut unicast, rest) = addresses(data)?;
                let (multicast, []) = addresses(rest)? else {
                    return None;
                };

                unicast.extend(multicast);
                self.table = unicast;
            }
            (command::ADDRESS, data) => self.address = data.try_into().ok()?,
            (command::ADD_VLAN, [a, b]) => {
                self.vlans.insert(u16::from_le_bytes([*a, *b]));
            }
            (command::REMOVE_VLAN, [a, b]) => {
                self.vlans.remove(&u16::from_le_bytes([*a, *b]));
            }
            (command::ANNOUNCED, []) => self.announced = true,
            (command::PAIRS, [a, b]) => {
                let pairs = u16::from_le_bytes([*a, *b]);

                if pairs == 0 || pairs > self.most_pairs {
                    return None;
                }
                self.pairs = pairs;
            }
            (command::OFFLOADS, data) => {
                self.offloads = Some(u64::from_le_bytes(data.try_into().ok()?));
            }
            _ => return None,
        }
        Some(())
    }
}

/// A table of addresses with their count before it (5.1.6.5.2), and what stands behind it.
fn addresses(data: &[u8]) -> Option<(Vec<Address>, &[u8])> {
    let (count, rest) = data.split_first_chunk()?;
    let bytes = (u32::from_le_bytes(*count) as usize).checked_mul(6)?;
    let table = rest.get(..bytes)?;
    let addresses = table.chunks_exact(6).filter_map(|one| one.try_into().ok());

    Some((addresses.collect(), &rest[bytes..]))
}
