// SPDX-License-Identifier: GPL-2.0

//! How a program in the guest talks to its device without asking the host: by words of the PCI configuration space that no
//! driver writes. They are heard whatever the personality is, and are no accesses in its eyes.

/// A write begins the life of that number, 0 being an honest one; what is read is how many lies were told in it.
const LIFE: u64 = 0xf8;
/// A write has the device do something: [`order`]. What is read is the size of a balloon in pages.
const ORDER: u64 = 0xf4;
/// What is read is how often the device has complained of its driver in this life.
const COMPLAINTS: u64 = 0xf0;

/// What a program asks for.
pub enum Request {
    Life(u64),
    /// Lies that wait for it are told from now on.
    Strike,
    /// In the words of the suite.
    Order(String),
}

/// What a write to the configuration space asks for, if it is meant for us.
pub fn request(at: u64, bytes: &[u8]) -> Option<Request> {
    let word = u32::from_le_bytes(bytes.try_into().ok()?);

    match at {
        LIFE => Some(Request::Life(word.into())),
        ORDER if word >> 24 == 4 => Some(Request::Strike),
        ORDER => Some(Request::Order(order(word)?)),
        _ => None,
    }
}

fn order(word: u32) -> Option<String> {
    let number = word & 0xff_ffff;

    match word >> 24 {
        0 => Some(format!("want {number}")),
        1 => Some("question".into()),
        2 => Some(format!("hint {number}")),
        3 => Some("hint-done".into()),
        _ => None,
    }
}

/// The question to the device that a read of the configuration space is; the first number of the answer is read.
pub fn question(at: u64, length: usize) -> Option<&'static str> {
    match (at, length) {
        (LIFE, 4) => Some("lies"),
        (ORDER, 4) => Some("size"),
        (COMPLAINTS, 4) => Some("wrongs"),
        _ => None,
    }
}
