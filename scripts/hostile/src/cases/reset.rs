// SPDX-License-Identifier: GPL-2.0

//! Resets that take their time: what users do meanwhile is the selftests' affair.

use super::{
    case,
    common,
    tell,
    Case,
    Outcome::*,
    Strikes::*, //
};
use crate::{
    lie::{
        Value::*,
        What::*, //
    },
    registers::at,
};

pub fn of_net() -> Vec<Case> {
    vec![case(
        "P12",
        "resets-slowly",
        "asks for a reset, and says a thousand times that it is not done",
    )
    .at(Io)
    .lie(tell(NeedsReset).struck().once())
    .lie(common(at::STATUS, 1, Or(1)).struck().times(1000))
    .ends(Safe, "")]
}
