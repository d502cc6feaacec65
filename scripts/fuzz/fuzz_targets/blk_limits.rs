// SPDX-License-Identifier: GPL-2.0

//! A disk that claims anything.
//!
//! Whatever it claims: no panic, and the limits are such that the block layer takes them without a
//! warning, or there is an error with a reason.

#![no_main]
#![allow(dead_code)]

#[path = "../../hosttests/pure/blk_promise.rs"]
mod blk_promise;
#[path = "../../hosttests/pure/blk_ranges_promise.rs"]
mod blk_ranges_promise;
#[path = "../input.rs"]
mod input;
#[path = "../../../drivers/block/virtio_blk/limits.rs"]
mod limits;
#[path = "../../../drivers/block/virtio_blk/ranges.rs"]
mod ranges;

use input::Input;
use libfuzzer_sys::fuzz_target;
use limits::{
    Claims,
    Room,
    Topology, //
};
use ranges::{
    Claim,
    Geometry,
    RangeClaims,
    ZeroesClaim, //
};

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let flags = input.u8();
    let has = |bit: u8| flags >> bit & 1 != 0;
    let claims = Claims {
        size_max: has(0).then(|| input.u32()),
        seg_max: has(1).then(|| input.u32()),
        blk_size: match (has(2), has(3)) {
            (false, _) => None,
            // A good one, so that the rest counts.
            (true, false) => Some(512 << (input.u8() % 8)),
            (true, true) => Some(input.u32()),
        },
        topology: has(4).then(|| Topology {
            physical_block_exp: input.u8(),
            alignment_offset: input.u8(),
            min_io_size: input.u16(),
            opt_io_size: input.u32(),
        }),
        write_cache: has(5),
    };
    let room = Room {
        indirect: has(6),
        max_mapping: if has(7) { u32::MAX } else { input.u32() },
        queue_size: input.u16(),
    };
    let starts = [input.u64(), input.u64(), input.u32().into(), 0];

    let Ok(checked) = blk_promise::verify(&claims, room, &starts) else {
        return;
    };
    let flags = input.u8();
    let has = |bit: u8| flags >> bit & 1 != 0;
    let mut three = || Claim {
        max_sectors: input.u32(),
        max_ranges: input.u32(),
        alignment: input.u32(),
    };
    let claims = RangeClaims {
        discard: has(0).then(&mut three),
        secure_erase: has(1).then(&mut three),
        write_zeroes: has(2).then(|| ZeroesClaim {
            may_unmap: has(3),
            max_sectors: input.u32(),
        }),
    };

    blk_ranges_promise::verify(
        &claims,
        &Geometry {
            logical_block: checked.logical_block,
            physical_block: checked.physical_block,
            max_segments: checked.max_segments,
        },
    );
});
