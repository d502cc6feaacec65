// SPDX-License-Identifier: GPL-2.0

//! A network device that writes any header before a packet, whatever was agreed on.
//!
//! No panic; no flag and no kind of segments comes through that was not agreed on; the number of
//! buffers is never zero; and nothing else is changed.

#![no_main]
#![allow(dead_code)]

#[path = "../../../drivers/net/virtio_net/header.rs"]
mod header;
#[path = "../../hosttests/pure/net_promise.rs"]
mod net_promise;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&agreement, data)) = data.split_first() else {
        return;
    };
    let agreed = net_promise::agreed(agreement);

    // One after another; zeros after the end.
    for chunk in data.chunks(header::BYTES) {
        let mut bytes = [0; header::BYTES];

        bytes[..chunk.len()].copy_from_slice(chunk);
        if let Ok(received) = net_promise::check(bytes, agreed) {
            let sent = header::send(received.offload);

            assert_eq!(sent[..header::OFFLOAD_BYTES], received.offload);
            assert_eq!(sent[header::OFFLOAD_BYTES..], [0, 0]);
        }
    }
});
