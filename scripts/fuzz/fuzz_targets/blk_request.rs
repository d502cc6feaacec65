// SPDX-License-Identifier: GPL-2.0

//! A disk that ends requests in any way.
//!
//! A request is done only if the device said so and has written all that it had to (virtio 1.4, 2.7.8.2
//! and 5.2.6); everything else is an error of its own kind.

#![no_main]
#![allow(dead_code)]

#[path = "../input.rs"]
mod input;
#[path = "../../../drivers/block/virtio_blk/request.rs"]
mod request;

use input::Input;
use libfuzzer_sys::fuzz_target;
use request::Outcome;

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);

    while input.more() {
        let status = input.u8();
        let data = input.u32();
        // Anything, or about what it should be.
        let written = match input.u8() {
            near @ 0..=7 => data.wrapping_add(u32::from(near)).wrapping_sub(3),
            _ => input.u32(),
        };
        let whole = data == 0 || u64::from(written) > u64::from(data);

        assert_eq!(
            request::judge(status, written, data),
            match status {
                0 if whole => Outcome::Ok,
                0 => Outcome::Short,
                1 | 3 | 4 => Outcome::Failed,
                2 => Outcome::Unsupported,
                5 => Outcome::ZonesOpen,
                6 => Outcome::ZonesActive,
                _ => Outcome::NoStatus,
            },
            "status {status}, {written} of {data}"
        );
    }
});
