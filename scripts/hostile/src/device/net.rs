// SPDX-License-Identifier: GPL-2.0

//! A NIC (virtio 1.4, 5.1) whose cable leads to a [`peer`].

mod control;
mod frame;
mod peer;

use std::collections::VecDeque;

use super::{
    Context,
    Model,
    Served, //
};
use crate::{
    lie::Part,
    options::Options,
    ring::{
        Chain,
        Nonsense, //
    },
};
use control::Control;
use frame::{
    Header,
    HEADER_BYTES, //
};

mod feature {
    pub const CSUM: u32 = 0;
    pub const GUEST_CSUM: u32 = 1;
    pub const CTRL_GUEST_OFFLOADS: u32 = 2;
    pub const MTU: u32 = 3;
    pub const MAC: u32 = 5;
    pub const GUEST_TSO4: u32 = 7;
    pub const GUEST_TSO6: u32 = 8;
    pub const GUEST_ECN: u32 = 9;
    pub const HOST_TSO4: u32 = 11;
    pub const HOST_TSO6: u32 = 12;
    pub const HOST_ECN: u32 = 13;
    pub const MRG_RXBUF: u32 = 15;
    pub const STATUS: u32 = 16;
    pub const CTRL_VQ: u32 = 17;
    pub const CTRL_RX: u32 = 18;
    pub const CTRL_VLAN: u32 = 19;
    pub const GUEST_ANNOUNCE: u32 = 21;
    pub const MQ: u32 = 22;
    pub const CTRL_MAC_ADDR: u32 = 23;
    pub const SPEED_DUPLEX: u32 = 63;
}

/// Features that are offered unless an option hides them.
const OFFERED: [u32; 19] = [
    feature::CSUM,
    feature::GUEST_CSUM,
    feature::CTRL_GUEST_OFFLOADS,
    feature::MTU,
    feature::MAC,
    feature::GUEST_TSO4,
    feature::GUEST_TSO6,
    feature::GUEST_ECN,
    feature::HOST_TSO4,
    feature::HOST_TSO6,
    feature::HOST_ECN,
    feature::MRG_RXBUF,
    feature::STATUS,
    feature::CTRL_VQ,
    feature::CTRL_RX,
    feature::CTRL_VLAN,
    feature::GUEST_ANNOUNCE,
    feature::CTRL_MAC_ADDR,
    feature::SPEED_DUPLEX,
];

/// Fields of the configuration (5.1.4).
pub mod at {
    pub const MAC: u32 = 0;
    pub const STATUS: u32 = 6;
    pub const MAX_PAIRS: u32 = 8;
    pub const MTU: u32 = 10;
    pub const SPEED: u32 = 12;
    pub const DUPLEX: u32 = 16;
    pub const RSS_MAX_KEY_SIZE: u32 = 17;
    pub const RSS_MAX_TABLE_LENGTH: u32 = 18;
    pub const SUPPORTED_HASH_TYPES: u32 = 20;
}

const CONFIG_BYTES: usize = 24;
/// Frames that wait for a receive buffer, at most; those that come then are lost, as on any wire.
const MOST_WAITING: usize = 512;
/// Header, Ethernet header and the start of what is behind: what stands in the first piece of a frame at least.
const LEAST_FIRST: usize = HEADER_BYTES + 34;
/// Shorter frames come whole: one that is lost does not keep the others from being looked at.
const LEAST_IN_PIECES: usize = 600;
/// 10 Gb/s, full duplex.
const SPEED: u32 = 10_000;

const LINK_UP: u16 = 1;
const ANNOUNCE: u16 = 2;

pub struct Net {
    features: u128,
    pairs: u16,
    mtu: u16,
    mac: [u8; 6],
    link: bool,
    announce: bool,
    /// A frame comes in so many pieces, each in a buffer of its own: all but the first of one byte, or of none.
    pieces: usize,
    piece: usize,
    /// Frames come as fast as there are buffers for them: of a protocol that nobody knows.
    floods: bool,
    /// The link stays as it is when the configuration changes: only announcements are asked for.
    steady: bool,
    control: Control,
    /// For each pair: frames to be received, and buffers of the first of them that are taken.
    waiting: Vec<VecDeque<Vec<u8>>>,
    filling: Vec<Vec<Chain>>,
    /// Frames that were sent, and received; how many of the latter took several buffers.
    sent: u64,
    received: u64,
    spread: u64,
}

impl Net {
    pub fn new(options: &Options) -> Result<Self, String> {
        let pairs = options.number("pairs", 1)? as u16;
        let mac = [0x52, 0x54, 0, 0x12, 0x34, 0x56];
        let mut features = OFFERED.iter().fold(0, |all, bit| all | 1u128 << bit);

        if pairs == 0 || pairs > 64 {
            return Err(format!("{pairs} pairs of queues"));
        }
        if pairs > 1 {
            features |= 1 << feature::MQ;
        }
        Ok(Self {
            features,
            pairs,
            mtu: options.number("mtu", 1500)? as u16,
            mac,
            link: options.text("link") != Some("down"),
            announce: false,
            pieces: options.number("pieces", 1)?.max(1) as usize,
            piece: usize::from(options.text("piece") != Some("empty")),
            floods: options.text("flood") == Some("on"),
            steady: options.text("cable") == Some("steady"),
            control: Control::new(mac, pairs),
            waiting: (0..pairs).map(|_| VecDeque::new()).collect(),
            filling: (0..pairs).map(|_| Vec::new()).collect(),
            sent: 0,
            received: 0,
            spread: 0,
        })
    }

    fn control_queue(&self) -> u16 {
        2 * self.pairs
    }

    /// Writes the first frame that waits for pair `pair` into `chain`, and those before it, if it fits.
    fn receive(
        &mut self,
        pair: usize,
        chain: &Chain,
        context: &mut Context<'_>,
    ) -> Result<Served, Nonsense> {
        if self.waiting[pair].is_empty() && self.floods {
            self.waiting[pair].push_back(peer::nobodys());
        }
        let (waiting, filling) = (&mut self.waiting[pair], &mut self.filling[pair]);
        let Some(frame) = waiting.front() else {
            return Ok(Served::Used(0));
        };

        // What is left for the first has to be a frame's beginning, and to fit.
        let behind = (self.pieces - 1) * self.piece;
        let first = (HEADER_BYTES + frame.len()).saturating_sub(behind);

        if self.pieces > 1
            && context.has(feature::MRG_RXBUF)
            && first >= LEAST_FIRST
            && frame.len() >= LEAST_IN_PIECES
        {
            let number = filling.len();
            let fits = filling.first().unwrap_or(chain).writable_len() >= first as u64;

            if fits && number + 1 < self.pieces {
                filling.push(chain.clone());
                return Ok(Served::More(
                    if number == 0 { first } else { self.piece } as u32
                ));
            }
            if fits {
                let frame = waiting.pop_front().unwrap_or_default();
                let mut buffers = std::mem::take(filling);

                buffers.push(chain.clone());
                return self.receive_in_pieces(&frame, first, &buffers, context);
            }
        }
        let room: u64 = filling.iter().map(Chain::writable_len).sum();
        let needed = (HEADER_BYTES + frame.len()) as u64;

        if room + chain.writable_len() < needed {
            if context.has(feature::MRG_RXBUF) {
                filling.push(chain.clone());
                return Ok(Served::More(chain.writable_len() as u32));
            }
            context.complain(format!(
                "a buffer of {} bytes for {needed}",
                chain.writable_len()
            ));
            waiting.pop_front();
            return Ok(Served::Used(0));
        }
        let frame = waiting.pop_front().unwrap_or_default();
        let mut buffers = std::mem::take(filling);

        buffers.push(chain.clone());
        let header = Header::of_received(buffers.len() as u16).lied(context);
        let mut bytes = header.bytes().to_vec();

        bytes.extend_from_slice(&frame);
        let mut rest = &bytes[..];
        let mut last = 0;

        for (number, buffer) in buffers.iter().enumerate() {
            let part = rest.len().min(buffer.writable_len() as usize);
            let from = if number == 0 { HEADER_BYTES } else { 0 };

            if number == 0 && context.gives(Part::Header) {
                buffer.write(context.memory, 0, &rest[..HEADER_BYTES])?;
            }
            if context.gives(Part::Data) {
                buffer.write(context.memory, from as u64, &rest[from..part])?;
            }
            rest = &rest[part..];
            last = part;
        }
        self.received += 1;
        self.spread += u64::from(buffers.len() > 1);
        Ok(Served::Used(last as u32))
    }

    /// Writes a frame into buffers, the first bytes into the first, and the others evenly.
    fn receive_in_pieces(
        &mut self,
        frame: &[u8],
        first: usize,
        buffers: &[Chain],
        context: &mut Context<'_>,
    ) -> Result<Served, Nonsense> {
        let header = Header::of_received(buffers.len() as u16).lied(context);
        let mut bytes = header.bytes().to_vec();

        bytes.extend_from_slice(frame);
        let (begin, rest) = bytes.split_at(first);
        let Some((one, others)) = buffers.split_first() else {
            return Ok(Served::Used(0));
        };

        one.write(context.memory, 0, begin)?;
        for (buffer, piece) in others.iter().zip(rest.chunks(self.piece.max(1))) {
            buffer.write(context.memory, 0, piece)?;
        }
        self.received += 1;
        self.spread += 1;
        Ok(Served::Used(self.piece as u32))
    }

    /// Takes a frame that is sent on pair `pair`, and has the peer answer it.
    fn send(
        &mut self,
        pair: usize,
        chain: &Chain,
        context: &mut Context<'_>,
    ) -> Result<Served, Nonsense> {
        let mut header = [0; HEADER_BYTES];
        let mut frame = vec![0; (chain.readable_len() as usize).saturating_sub(HEADER_BYTES)];

        if chain.writable_len() != 0 {
            context.complain("a buffer to be sent that may be written".into());
        }
        chain.read(context.memory, 0, &mut header)?;
        chain.read(context.memory, HEADER_BYTES as u64, &mut frame)?;
        let header = Header::from(header);

        if let Some(wrong) = header.wrong(&frame) {
            context.complain(format!("a frame of {} bytes: {wrong}", frame.len()));
            return Ok(Served::Used(0));
        }
        header.complete(&mut frame);
        self.sent += 1;
        // What comes back goes to the pair that it was sent on, as long as that is used.
        let pair = pair % usize::from(self.control.pairs());
        let waiting = &mut self.waiting[pair];
        // An address that the driver has made up is not known here, so nothing can be filtered.
        let anyone = !context.has(feature::MAC);

        if self.link && waiting.len() < MOST_WAITING {
            waiting.extend(
                peer::answer(&frame).filter(|answer| anyone || self.control.accepts(answer)),
            );
        }
        Ok(Served::Used(0))
    }
}

impl Model for Net {
    fn id(&self) -> u16 {
        1
    }

    fn class(&self) -> u32 {
        0x0002_0000
    }

    fn features(&self) -> u128 {
        self.features
    }

    fn queues(&self) -> u16 {
        2 * self.pairs + 1
    }

    fn config(&self) -> Vec<u8> {
        let mut bytes = vec![0; CONFIG_BYTES];
        let mut put = |at: u32, value: &[u8]| {
            bytes[at as usize..at as usize + value.len()].copy_from_slice(value);
        };
        let status = if self.link { LINK_UP } else { 0 } | if self.announce { ANNOUNCE } else { 0 };

        put(at::MAC, &self.mac);
        put(at::STATUS, &status.to_le_bytes());
        put(at::MAX_PAIRS, &self.pairs.to_le_bytes());
        put(at::MTU, &self.mtu.to_le_bytes());
        put(at::SPEED, &SPEED.to_le_bytes());
        put(at::DUPLEX, &[1]);
        put(at::RSS_MAX_KEY_SIZE, &[40]);
        put(at::RSS_MAX_TABLE_LENGTH, &128u16.to_le_bytes());
        bytes
    }

    fn change(&mut self) {
        self.link ^= !self.steady;
        self.announce = self.link;
    }

    fn reset(&mut self) {
        self.announce = false;
        self.control = Control::new(self.mac, self.pairs);
        for pair in 0..self.pairs {
            self.reset_queue(2 * pair);
        }
    }

    fn reset_queue(&mut self, queue: u16) {
        if queue % 2 == 0 && queue < self.control_queue() {
            self.waiting[usize::from(queue / 2)].clear();
            self.filling[usize::from(queue / 2)].clear();
        }
    }

    fn wants(&self, queue: u16) -> bool {
        queue % 2 == 1
            || queue >= self.control_queue()
            || self.floods
            || !self.waiting[usize::from(queue / 2)].is_empty()
    }

    fn serve(
        &mut self,
        queue: u16,
        chain: &Chain,
        context: &mut Context<'_>,
    ) -> Result<Served, Nonsense> {
        let pair = usize::from(queue / 2);

        if queue >= self.control_queue() {
            let served = self.control.serve(chain, context)?;

            self.announce &= !self.control.is_announced();
            Ok(served)
        } else if queue % 2 == 0 {
            self.receive(pair, chain, context)
        } else {
            self.send(pair, chain, context)
        }
    }

    fn order(&mut self, words: &[&str]) -> Option<bool> {
        match words {
            ["link", "up"] => self.link = true,
            ["link", "down"] => self.link = false,
            ["announce"] => self.announce = true,
            _ => return None,
        }
        Some(true)
    }

    fn ask(&mut self, words: &[&str]) -> Option<String> {
        match words {
            ["frames"] => Some(format!("{} {} {}", self.sent, self.received, self.spread)),
            ["told-of", what] => self.control.knows(what),
            _ => None,
        }
    }
}
