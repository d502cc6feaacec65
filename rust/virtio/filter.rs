// SPDX-License-Identifier: GPL-2.0

//! What user space may say of the features that are not to be accepted: the file `filter` of debugfs.
//!
//! Words with white space between them, taken one after the other. `none` takes all bits out of the filter, `+BIT`
//! puts one in, `-BIT` takes one out. `BIT` is a name of the device's type or a decimal number below 128. What is
//! wrong changes nothing at all.

use crate::{
    feature::Features,
    id::DeviceId,
    names, //
};
use core::fmt;

/// What is written for an empty filter.
const NONE: &str = "none";

/// Returns `filter` as `text` changes it; `None` if that is nothing that can be understood.
pub(crate) fn changed(filter: Features, device: DeviceId, text: &str) -> Option<Features> {
    let mut filter = filter;
    let mut any = false;

    for word in text.split_ascii_whitespace() {
        filter = if word == NONE {
            Features::NONE
        } else if let Some(bit) = word.strip_prefix('+') {
            filter | parse(device, bit)?
        } else {
            filter & !parse(device, word.strip_prefix('-')?)?
        };
        any = true;
    }
    any.then_some(filter)
}

/// The set of the one bit that is named.
fn parse(device: DeviceId, bit: &str) -> Option<Features> {
    let number = match names::number(device, bit) {
        Some(number) => number,
        // Not what Rust takes for a number besides, such as `+5`.
        None if bit.bytes().all(|byte| byte.is_ascii_digit()) => bit.parse().ok()?,
        None => return None,
    };

    (number < Features::COUNT).then(|| Features::bit(number))
}

/// A filter in words that make the same one of any other.
pub(crate) struct Shown(pub(crate) Features, pub(crate) DeviceId);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(filter, device) = self;

        f.write_str(NONE)?;
        for number in 0..Features::COUNT {
            if filter.contains(Features::bit(number)) {
                match names::name(*device, number) {
                    Some(name) => write!(f, " +{name}")?,
                    None => write!(f, " +{number}")?,
                }
            }
        }
        Ok(())
    }
}
