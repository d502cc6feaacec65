// SPDX-License-Identifier: GPL-2.0

//! A device with any administration queues, that answers administration commands with anything.
//!
//! No queue is used that is an ordinary one; what is taken from an answer stands in it, and was written; what is shown of a
//! list has a word for each command in it.

#![no_main]
#![allow(dead_code)]

#[path = "../../../rust/virtio/admin_command.rs"]
mod admin_command;
#[path = "../../../drivers/virtio/rvirtio_pci/admin_queue.rs"]
mod admin_queue;
#[path = "../input.rs"]
mod input;

use admin_command::{
    result,
    Commands,
    LIST, //
};
use input::Input;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let (queues, index, count) = (input.u16(), input.u16(), input.u16());

    match admin_queue::admin_queue(queues, index, count) {
        Ok(taken) => assert!(taken == index && taken >= queues && count != 0),
        Err(error) => assert!(!error.to_string().is_empty()),
    }

    let written = input.u32();
    let answer = input.0;

    match result(answer, written) {
        Ok(list) => {
            let commands = Commands::from_list(list);
            let bits: u32 = list.iter().take(LIST).map(|byte| byte.count_ones()).sum();
            let words = commands.to_string().split(' ').count();

            assert!(list.len() + 8 <= answer.len().min(written as usize));
            assert_eq!(words, bits.max(1) as usize);
            assert!((commands & Commands::USED).list()[1..] == [0; 7]);
        }
        Err(refusal) => assert!(!refusal.to_string().is_empty()),
    }
});
