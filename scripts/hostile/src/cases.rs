// SPDX-License-Identifier: GPL-2.0

//! The catalogue: every case by name, with what is to come of it.

/// Lines of the log, by the number of the queue: a buffer came back that cannot have.
macro_rules! not_a_head {
    ($queue:literal) => {
        concat!(
            "device is broken: queue ",
            $queue,
            ": used (id|index) [0-9]+ (is out of range|is not in flight|was not published yet|stands further on|is not within)"
        )
    };
}
/// More was written than there was room for.
macro_rules! too_long {
    ($queue:literal) => {
        concat!(
            "device is broken: queue ",
            $queue,
            ": used length [0-9]+ of id [0-9]+ exceeds [0-9]+ writable bytes"
        )
    };
}
/// A request does not come back.
macro_rules! late {
    ($queue:literal) => {
        concat!(
            "device is broken: queue ",
            $queue,
            ": request was not answered in time"
        )
    };
}

mod admin;
mod balloon;
mod block;
mod net;
mod notify;
mod reset;

use crate::{
    lie::{
        Lie,
        Space,
        Value,
        What, //
    },
    registers::at,
    ring::Field,
};

/// When the lie is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strikes {
    /// While the driver is being bound.
    Probe,
    /// While it has requests under way.
    Io,
    /// While it is being unbound.
    Removal,
    /// While the machine is powered off, with requests under way: the last case of its machine.
    PowerOff,
}

/// What has to come of it. After each of them the driver can be unbound, in 10 s at most, and an honest device works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The driver does not take the device.
    Refused,
    /// It works all the same.
    Works,
    /// The device is broken: what is under way fails, and so does all else.
    Broken,
    /// Requests fail, and the device goes on.
    Fails,
    /// What is under way may fail, and it works afterwards.
    Recovers,
    /// It works or is given up, but nothing else; for lies whose time is random.
    Safe,
}

/// In which ring formats a case is told.
pub const SPLIT: &[&str] = &["split"];
pub const PACKED: &[&str] = &["packed"];
pub const BOTH: &[&str] = &["split", "packed"];
pub const ALL: &[&str] = &["split", "packed", "in-order", "packed-in-order"];
pub const IN_ORDER: &[&str] = &["in-order", "packed-in-order"];

pub struct Case {
    /// The line of the catalogue.
    pub line: &'static str,
    pub name: &'static str,
    pub strikes: Strikes,
    pub formats: &'static [&'static str],
    /// Of the device.
    pub options: &'static str,
    pub lies: Vec<Lie>,
    pub outcome: Outcome,
    /// The line that has to be in the log, as an extended regular expression; empty for none.
    pub says: &'static str,
    /// What the device does, for people.
    pub does: &'static str,
}

/// What is said of a device that does not come back from a reset, in the time that `guest/suite.sh` sets.
const NO_RESET: &str = "reset was not confirmed within 500 ms; DMA of the device is off now";

/// A case in the making.
fn case(line: &'static str, name: &'static str, does: &'static str) -> Case {
    Case {
        line,
        name,
        strikes: Strikes::Probe,
        formats: SPLIT,
        options: "",
        lies: Vec::new(),
        outcome: Outcome::Works,
        says: "",
        does,
    }
}

impl Case {
    fn at(mut self, strikes: Strikes) -> Self {
        self.strikes = strikes;
        self
    }

    fn formats(mut self, formats: &'static [&'static str]) -> Self {
        self.formats = formats;
        self
    }

    fn options(mut self, options: &'static str) -> Self {
        self.options = options;
        self
    }

    fn lie(mut self, lie: Lie) -> Self {
        self.lies.push(lie);
        self
    }

    fn ends(mut self, outcome: Outcome, says: &'static str) -> Self {
        self.outcome = outcome;
        self.says = says;
        self
    }
}

/// Asks for a reset once, with things under way, and lies from then on.
fn anew(line: &'static str, name: &'static str, does: &'static str, lie: Lie) -> Case {
    case(line, name, does)
        .at(Strikes::Io)
        .formats(BOTH)
        .lie(tell(What::NeedsReset).struck().once())
        .lie(lie.struck())
}

/// What any device may have become after a reset: one that does not come back from it, one without features, and one that is
/// gone.
fn anew_of_all(names: [&'static str; 3]) -> [Case; 3] {
    let [never, featureless, gone] = names;

    [
        anew(
            "P10",
            never,
            "asks for a reset, and does not come back from it",
            common(at::STATUS, 1, Value::Or(1)),
        )
        .ends(
            Outcome::Broken,
            "device is broken: device did not come back from a reset",
        ),
        anew(
            "P8",
            featureless,
            "offers nothing any more after a reset",
            common(at::DEVICE_FEATURE, 4, Value::Is(0)),
        )
        .ends(Outcome::Broken, "device offers less than before"),
        anew(
            "P14",
            gone,
            "asks for a reset, and is gone while it gets it",
            tell(What::VanishOnAccess).after(3),
        )
        .ends(Outcome::Broken, "device is broken: device is gone"),
    ]
}

/// Lies while the machine goes down.
fn power_off(line: &'static str, name: &'static str, does: &'static str, lie: Lie) -> Case {
    case(line, name, does)
        .at(Strikes::PowerOff)
        .lie(lie.struck())
        .ends(Outcome::Safe, "")
}

fn ring(field: Field, value: Value) -> Lie {
    Lie::new(What::Ring(field), value).struck()
}

fn tell(what: What) -> Lie {
    Lie::new(what, Value::Is(1))
}

/// A field of the device's own configuration.
fn device(offset: u32, size: u8, value: Value) -> Lie {
    Lie::new(What::Read(Space::Device, offset, size), value)
}

/// A field of a capability.
fn pci(capability: usize, offset: usize, size: u8, value: Value) -> Lie {
    Lie::new(
        What::Read(Space::Pci, (capability + offset) as u32, size),
        value,
    )
}

/// A field of the common configuration.
fn common(offset: usize, size: u8, value: Value) -> Lie {
    Lie::new(What::Read(Space::Common, offset as u32, size), value)
}

fn all(kind: &str) -> Vec<Case> {
    match kind {
        "block" => [block::cases(), notify::of_block(), admin::of_block()]
            .into_iter()
            .flatten()
            .collect(),
        "net" => [net::cases(), notify::of_net(), reset::of_net()]
            .into_iter()
            .flatten()
            .collect(),
        "balloon" => balloon::cases(),
        _ => Vec::new(),
    }
}

pub fn find(kind: &str, name: &str) -> Result<Case, String> {
    if name == "good" {
        return Ok(Case {
            line: "",
            name: "good",
            strikes: Strikes::Probe,
            formats: BOTH,
            options: "",
            lies: Vec::new(),
            outcome: Outcome::Works,
            says: "",
            does: "is honest",
        });
    }
    all(kind)
        .into_iter()
        .find(|case| case.name == name)
        .ok_or_else(|| format!("there is no case {name} of a {kind}"))
}

/// Prints a line for each case and format, with tabs between its fields. One in which the device is given up has a line to be said.
pub fn list() -> Result<(), String> {
    for kind in crate::device::KINDS {
        for case in all(kind) {
            if matches!(case.outcome, Outcome::Refused | Outcome::Broken) && case.says.is_empty() {
                return Err(format!(
                    "{} of a {kind} wants no line in the log",
                    case.name
                ));
            }
            for format in case.formats {
                println!(
                    "{}\t{}\t{kind}\t{:?}\t{format}\t{:?}\t{}\t{}",
                    case.line, case.name, case.strikes, case.outcome, case.says, case.does
                );
            }
        }
    }
    Ok(())
}
