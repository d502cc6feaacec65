// SPDX-License-Identifier: GPL-2.0

//! The device's configuration (virtio 1.4, 5.5.4). Its fields are little-endian.

use crate::feature;
use kernel::prelude::*;
use virtio::{
    Config,
    Features, //
};

/// Offsets in bytes.
const NUM_PAGES: usize = 0;
const ACTUAL: usize = 4;
const HINT_COMMAND: usize = 8;
const POISON_VAL: usize = 12;

/// Takes away the features that cannot be used. `filled`: free pages are filled with a value, and
/// have to stay so.
///
/// What is reported may be lost, so without the means to tell the host what the pages shall hold
/// instead, filled pages are not reported (5.5.6.5.1).
pub(crate) fn supported(features: Features, config: &Config<'_>, filled: bool) -> Features {
    let mut features = features;

    if config.length() < HINT_COMMAND + 4 {
        features = features & !feature::FREE_PAGE_HINT;
    }
    if !filled || config.length() < POISON_VAL + 4 {
        features = features & !feature::PAGE_POISON;
    }
    if filled && !features.contains(feature::PAGE_POISON) {
        features = features & !feature::REPORTING;
    }
    features
}

/// How many pages the host wants in the balloon. Any number is possible, also more than there are.
///
/// # Errors
///
/// `ERANGE` when the configuration is too short, `EIO` when it does not keep still, `ENODEV` when the
/// device is gone.
pub(crate) fn target(config: &Config<'_>) -> Result<u32> {
    config
        .consistent(|config| config.u32(NUM_PAGES))?
        .validate(Ok)
}

/// What the host wants of hints: a number of [`hint`](crate::hint). With `FREE_PAGE_HINT`.
///
/// # Errors
///
/// As for [`target`].
pub(crate) fn hint_command(config: &Config<'_>) -> Result<u32> {
    config
        .consistent(|config| config.u32(HINT_COMMAND))?
        .validate(Ok)
}

/// Tells the host how many pages are in the balloon.
///
/// # Errors
///
/// `ERANGE` when the configuration is too short.
pub(crate) fn set_actual(config: &Config<'_>, pages: u32) -> Result {
    config.write_u32(ACTUAL, pages)
}

/// Tells the host what free pages are filled with. Before `DRIVER_OK`, with `PAGE_POISON`.
///
/// # Errors
///
/// `ERANGE` when the configuration is too short.
pub(crate) fn set_poison(config: &Config<'_>, byte: u8) -> Result {
    config.write_u32(POISON_VAL, u32::from_ne_bytes([byte; 4]))
}
