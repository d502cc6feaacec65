// SPDX-License-Identifier: GPL-2.0

//! How features were agreed on, bit by bit.

use crate::{
    feature::Features,
    id::DeviceId,
    names, //
};
use core::fmt;

/// What became of the features when they were negotiated last.
#[derive(Clone, Copy)]
pub(crate) struct Negotiation {
    /// What the device offered.
    pub(crate) offered: Features,
    /// What there is code for.
    pub(crate) implemented: Features,
    /// What user space did not want to be accepted.
    pub(crate) filtered: Features,
    /// What was left of it for which the transport has what it takes.
    pub(crate) backed: Features,
    /// What the driver left of that.
    pub(crate) accepted: Features,
}

impl Negotiation {
    /// None has been.
    pub(crate) const NONE: Self = Self {
        offered: Features::NONE,
        implemented: Features::NONE,
        filtered: Features::NONE,
        backed: Features::NONE,
        accepted: Features::NONE,
    };

    /// What is asked of the transport: what is offered, implemented and not filtered.
    pub(crate) fn wanted(&self) -> Features {
        self.offered & self.implemented & !self.filtered
    }

    /// What became of bit `number`; `None` for one that neither side has.
    pub(crate) fn verdict(&self, number: u32) -> Option<Verdict> {
        let bit = Features::bit(number);
        let offered = self.offered.contains(bit);
        let implemented = self.implemented.contains(bit);

        Some(match (offered, implemented) {
            // There is no such bit.
            _ if bit.is_empty() => return None,
            (false, false) => return None,
            (false, true) => Verdict::NotOffered,
            (true, false) => Verdict::NotImplemented,
            (true, true) if self.accepted.contains(bit) => Verdict::Accepted,
            (true, true) if self.filtered.contains(bit) => Verdict::Filtered,
            (true, true) if !self.backed.contains(bit) => Verdict::NoRegisters,
            (true, true) => Verdict::Driver,
        })
    }
}

/// What became of a bit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    Accepted,
    /// The driver has code for it, the device does not have it.
    NotOffered,
    /// There is no code for it.
    NotImplemented,
    /// User space does not want it.
    Filtered,
    /// The transport does not have what it takes.
    NoRegisters,
    /// The driver does not want it: it needs another bit, or the configuration is not right.
    Driver,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accepted => "accepted",
            Self::NotOffered => "not offered",
            Self::NotImplemented => "refused: not implemented",
            Self::Filtered => "refused: filtered",
            Self::NoRegisters => "refused: transport has no registers",
            Self::Driver => "refused: driver: dependency or config",
        })
    }
}

/// A negotiation as lines, one for each bit that a side has.
pub(crate) struct Shown {
    pub(crate) negotiation: Negotiation,
    pub(crate) device: DeviceId,
    /// A driver is bound, so what was accepted holds.
    pub(crate) bound: bool,
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for number in 0..Features::COUNT {
            let Some(verdict) = self.negotiation.verdict(number) else {
                continue;
            };

            write!(f, "{number} ")?;
            match names::name(self.device, number) {
                Some(name) => f.write_str(name)?,
                // So that the third word is what became of it in any line.
                None => write!(f, "{number}")?,
            }
            match verdict {
                Verdict::Accepted if !self.bound => f.write_str(" offered\n")?,
                verdict => writeln!(f, " {verdict}")?,
            }
        }
        Ok(())
    }
}
