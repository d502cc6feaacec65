// SPDX-License-Identifier: GPL-2.0

//! A virtio device for `-device vfio-user-pci` that can be told to lie. README.md is its manual.

mod admin;
mod cases;
mod config_space;
mod device;
mod function;
mod fuzz;
mod interrupts;
mod lie;
mod mailbox;
mod memory;
mod options;
mod registers;
mod ring;
mod server;
mod tampering;

use std::{
    path::Path,
    process::ExitCode, //
};

const USAGE: &str = "usage: hostile serve SOCKET CONTROL KIND [KEY=VALUE...]
       hostile list
       hostile life KIND NUMBER";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(|word| &**word).collect();
    let result = match &words[..] {
        ["serve", socket, control, kind, more @ ..] => {
            let mut options = options::Options::default();

            options
                .take(more.iter().copied())
                .and_then(|()| server::serve(Path::new(socket), Path::new(control), kind, options))
        }
        ["list"] => cases::list(),
        ["life", kind, number] => match number.parse() {
            Ok(number) => fuzz::life(kind, number).map(|(options, lies)| {
                println!("{}", fuzz::describe(&options, &lies));
            }),
            Err(_) => Err(format!("{number} is no number")),
        },
        _ => Err(USAGE.into()),
    };

    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}
