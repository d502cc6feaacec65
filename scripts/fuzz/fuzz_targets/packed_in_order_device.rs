// SPDX-License-Identifier: GPL-2.0

//! A device that writes anything anywhere in the three areas of a packed virtqueue that is used in order, between any two
//! operations of the driver. What must hold is said in `common/fuzzed.rs`.

#![no_main]

#[path = "../../../rust/vring/tests/common/mod.rs"]
mod common;

use libfuzzer_sys::fuzz_target;
use vring::{
    InOrder,
    Packed, //
};

fuzz_target!(|data: &[u8]| common::fuzzed::packed::<InOrder<Packed>>(data));
