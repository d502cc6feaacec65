// SPDX-License-Identifier: GPL-2.0

//! What a device of some type is: its features, its configuration, and what it does with buffers. A new type is a new file
//! here, an implementation of [`Model`], and a line in [`make`].

mod balloon;
mod block;
mod net;
mod rng;

pub use balloon::at as balloon_at;
pub use block::{
    at as block_at,
    zone_at, //
};
pub use net::at as net_at;

use crate::{
    lie::{
        Lies,
        Part,
        What, //
    },
    memory::Memory,
    options::Options,
    ring::{
        Chain,
        Nonsense, //
    },
};

/// The types that there are models of, with their names for the command line.
pub const KINDS: [&str; 4] = ["block", "net", "balloon", "rng"];

/// What became of a buffer.
pub enum Served {
    /// It goes back, with so many bytes written.
    Used(u32),
    /// So many bytes were written, and it goes back together with the next one that does.
    More(u32),
    /// It goes back so many ms later, with so many bytes written.
    Later(u32, u64),
    /// It does not come back before the device is reset.
    Kept,
}

/// What a model needs to serve a buffer.
pub struct Context<'a> {
    pub memory: &'a Memory,
    pub lies: &'a mut Lies,
    /// The features that the driver has accepted.
    pub accepted: u128,
    /// What the driver does wrong.
    pub complaints: &'a mut Vec<String>,
}

impl Context<'_> {
    /// What is to be written of a part of the answer; `None` when it is to be left out.
    pub fn answer(&mut self, part: Part, honest: u64) -> Option<u64> {
        if self.lies.tell(What::Omit(part), honest).is_some() {
            return None;
        }
        Some(self.lies.tell(What::Answer(part), honest).unwrap_or(honest))
    }

    pub fn has(&self, bit: u32) -> bool {
        self.accepted >> bit & 1 != 0
    }

    pub fn complain(&mut self, what: String) {
        self.complaints.push(what);
    }

    /// Whether a part of the answer is to be written.
    pub fn gives(&mut self, part: Part) -> bool {
        self.lies.tell(What::Omit(part), 0).is_none()
    }
}

pub trait Model: Send {
    /// The device type (virtio 1.4, 5).
    fn id(&self) -> u16;

    /// Class, subclass and interface of the PCI function.
    fn class(&self) -> u32;

    /// Features of its type that it offers.
    fn features(&self) -> u128;

    fn queues(&self) -> u16;

    /// Its configuration.
    fn config(&self) -> Vec<u8>;

    /// The driver writes to the configuration.
    fn write_config(&mut self, _at: usize, _bytes: &[u8]) {}

    /// The configuration changes, in a way that an honest device may choose. Only for storms of changes.
    fn change(&mut self) {}

    /// The device is reset, or begins a life.
    fn reset(&mut self) {}

    /// A queue is reset.
    fn reset_queue(&mut self, _queue: u16) {}

    /// Whether it has a use for a buffer of this queue now.
    fn wants(&self, _queue: u16) -> bool {
        true
    }

    /// Does what the buffer asks for.
    fn serve(
        &mut self,
        queue: u16,
        chain: &Chain,
        context: &mut Context<'_>,
    ) -> Result<Served, Nonsense>;

    /// What the suite has it do: whether its configuration is another one then; `None` when it does no such thing.
    fn order(&mut self, _words: &[&str]) -> Option<bool> {
        None
    }

    /// A question of the suite's about it, such as what stands on a disk; `None` when there is no such question.
    fn ask(&mut self, _words: &[&str]) -> Option<String> {
        None
    }
}

/// A device of a type, as the options want it.
pub fn make(kind: &str, options: &Options) -> Result<Box<dyn Model>, String> {
    match kind {
        "block" => Ok(Box::new(block::Block::new(options)?)),
        "net" => Ok(Box::new(net::Net::new(options)?)),
        "balloon" => Ok(Box::new(balloon::Balloon::new(options)?)),
        "rng" => Ok(Box::new(rng::Rng::default())),
        _ => Err(format!(
            "no model of {kind}; there are {}",
            KINDS.join(", ")
        )),
    }
}
