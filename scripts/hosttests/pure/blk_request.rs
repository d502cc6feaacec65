// SPDX-License-Identifier: GPL-2.0

//! The wire format of requests: 5.2.6, and R5 and B8 of the hostile catalogue.

use crate::request::{
    command,
    header,
    judge,
    range,
    Outcome::{
        self,
        *, //
    },
    APPENDED_AT,
    APPENDED_BYTES,
    APPENDED_STATUS_AT,
    FRONT_BYTES,
    HEADER_AT,
    HEADER_BYTES,
    RANGE_BYTES,
    SERIAL_BYTES,
    STATUS_AT,
    STATUS_BYTES,
    UNWRITTEN, //
};
use proptest::prelude::*;

/// The header as it stands in memory: its words are written little-endian, one after the other.
fn bytes(command: u32, priority: u16, sector: u64) -> [u8; 16] {
    let (low, high) = header(command, priority, sector);
    let mut bytes = [0; 16];

    bytes[..8].copy_from_slice(&low.to_le_bytes());
    bytes[8..].copy_from_slice(&high.to_le_bytes());
    bytes
}

#[test]
fn clause_5_2_6_commands() {
    assert_eq!(
        [
            command::IN,
            command::OUT,
            command::FLUSH,
            command::GET_ID,
            command::GET_LIFETIME
        ],
        [0, 1, 4, 8, 10]
    );
    assert_eq!(
        [
            command::DISCARD,
            command::WRITE_ZEROES,
            command::SECURE_ERASE
        ],
        [11, 13, 14]
    );
    for command in 0..32 {
        assert_eq!(
            command::has_ranges(command),
            [11, 13, 14].contains(&command)
        );
    }
    assert_eq!(SERIAL_BYTES, 20);
}

#[test]
fn clause_5_2_6_the_header() {
    assert_eq!(
        bytes(0x0403_0201, 0x0605, 0x1817_1615_1413_1211),
        [1, 2, 3, 4, 5, 6, 0, 0, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18]
    );
    assert_eq!(bytes(command::FLUSH, 0, 0)[..4], [4, 0, 0, 0]);
}

#[test]
fn clause_5_2_6_zones() {
    assert_eq!(
        [
            command::ZONE_APPEND,
            command::ZONE_REPORT,
            command::ZONE_OPEN,
            command::ZONE_CLOSE,
            command::ZONE_FINISH,
            command::ZONE_RESET,
            command::ZONE_RESET_ALL
        ],
        [15, 16, 18, 20, 22, 24, 26]
    );
    // The answer of an append: a sector, and the status right behind it.
    assert_eq!(APPENDED_AT % 8, 0);
    assert_eq!(APPENDED_STATUS_AT, APPENDED_AT + 8);
    assert_eq!(APPENDED_BYTES, 9);
    assert!(HEADER_AT + HEADER_BYTES as usize <= APPENDED_AT);
    assert!(APPENDED_STATUS_AT < FRONT_BYTES);
}

#[test]
fn clause_5_2_6_a_range() {
    let bytes = |unmap| {
        let (low, high) = range(0x1817_1615_1413_1211, 0x2423_2221, unmap);
        [low.to_le_bytes(), high.to_le_bytes()].concat()
    };
    let mut wanted = [
        0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, 0x21, 0x22, 0x23, 0x24, 0, 0, 0, 0,
    ];

    assert_eq!(RANGE_BYTES, 16);
    assert_eq!(bytes(false), wanted);
    wanted[12] = 1;
    assert_eq!(bytes(true), wanted);
}

#[test]
fn clause_5_2_6_the_front_has_room_for_header_and_status() {
    let header_end = HEADER_AT + HEADER_BYTES as usize;
    let status_end = STATUS_AT + STATUS_BYTES as usize;

    assert_eq!((HEADER_BYTES, STATUS_BYTES), (16, 1));
    assert!(header_end <= STATUS_AT && status_end <= FRONT_BYTES);
    assert_eq!((HEADER_AT % 8, FRONT_BYTES % 16), (0, 0));
}

#[test]
fn clause_5_2_6_every_status() {
    // With all of a sector and the status written.
    for status in 0..=u8::MAX {
        let outcome = match status {
            0 => Ok,
            // A zone that does not take the command, a write beside its pointer.
            1 | 3 | 4 => Failed,
            2 => Unsupported,
            5 => ZonesOpen,
            6 => ZonesActive,
            _ => NoStatus,
        };

        assert_eq!(judge(status, 513, 512), outcome, "status {status}");
    }
}

#[test]
fn b8_r5_an_untouched_status_is_no_success() {
    for (written, data) in [(0, 0), (1, 0), (513, 512), (u32::MAX, u32::MAX)] {
        assert_eq!(judge(UNWRITTEN, written, data), NoStatus);
    }
}

#[test]
fn r5_clause_2_7_8_2_a_short_length_is_no_success() {
    let table = [
        // Without data the status byte speaks for itself.
        (0, 0, Ok),
        (1, 0, Ok),
        (2, 0, Ok),
        (0, 512, Short),
        (1, 512, Short),
        (511, 512, Short),
        (512, 512, Short),
        (513, 512, Ok),
        (u32::MAX, 512, Ok),
        (u32::MAX, u32::MAX - 1, Ok),
        (u32::MAX, u32::MAX, Short),
        (0, u32::MAX, Short),
    ];

    for (written, data, outcome) in table {
        assert_eq!(judge(0, written, data), outcome, "{written} of {data}");
    }
}

proptest! {
    #[test]
    fn success_has_status_and_data(status in 0u8..4, written: u32, data: u32, near in -2i64..3) {
        for written in [written, u32::try_from(i64::from(data) + near).unwrap_or(written)] {
            let all = data == 0 || u64::from(written) >= u64::from(data) + 1;

            prop_assert_eq!(judge(status, written, data) == Outcome::Ok, status == 0 && all);
            prop_assert_eq!(judge(status, written, data) == Short, status == 0 && !all);
        }
    }

    #[test]
    fn the_header_says_what_was_asked(command: u32, priority: u16, sector: u64) {
        let bytes = bytes(command, priority, sector);

        prop_assert_eq!(&bytes[..4], &command.to_le_bytes());
        prop_assert_eq!(&bytes[4..8], &u32::from(priority).to_le_bytes());
        prop_assert_eq!(&bytes[8..], &sector.to_le_bytes());
    }
}
