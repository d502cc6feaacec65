// SPDX-License-Identifier: GPL-2.0

//! A device whose PCI capabilities hold anything, with BARs of any length.
//!
//! Whatever they say: no panic, and what is found is inside a BAR that exists, aligned and long
//! enough, doorbells and shared memory included; and it is what a second reading of the specification finds.

#![no_main]
#![allow(dead_code)]

#[path = "../../../drivers/virtio/rvirtio_pci/capability.rs"]
mod capability;
#[path = "../../hosttests/pure/pci_promise.rs"]
mod pci_promise;
#[path = "../../../drivers/virtio/rvirtio_pci/registers.rs"]
mod registers;
#[path = "../../../drivers/virtio/rvirtio_pci/shared_memory.rs"]
mod shared_memory;

use libfuzzer_sys::fuzz_target;

/// A BAR's length, from one byte: none, a power of two, a multiple of eight.
fn bar(byte: u8) -> Option<u64> {
    match byte {
        0 => None,
        1..=64 => Some(1 << (byte - 1)),
        65 => Some(u64::MAX),
        _ => Some(u64::from(byte - 66) * 8),
    }
}

fuzz_target!(|data: &[u8]| {
    let Some((bars, data)) = data.split_first_chunk::<6>() else {
        return;
    };
    let Some((notify_off, data)) = data.split_first_chunk::<2>() else {
        return;
    };
    let capabilities: Vec<_> = data
        .chunks(capability::CAPABILITY_BYTES)
        .map(|chunk| {
            let mut bytes = [0; capability::CAPABILITY_BYTES];

            bytes[..chunk.len()].copy_from_slice(chunk);
            bytes
        })
        .collect();

    pci_promise::check(
        &capabilities,
        &bars.map(bar),
        &[0, 1, 0xffff, u16::from_le_bytes(*notify_off)],
    );
});
