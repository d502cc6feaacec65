// SPDX-License-Identifier: GPL-2.0

//! From claims to limits: 5.2.4, and B1 to B6 of the hostile catalogue.

use super::blk_promise::verify;
use crate::limits::{
    again,
    Checked,
    Claims,
    LimitError,
    Room,
    Topology,
    MAX_DEPTH,
    MAX_SEGMENTS,
    MIN_SEGMENT,
    OVERHEAD, //
};
use proptest::prelude::*;

/// A ring as of QEMU.
const ROOM: Room = Room {
    queue_size: 256,
    indirect: true,
    max_mapping: u32::MAX,
};

/// The claims of QEMU for a plain image.
fn claims() -> Claims {
    Claims {
        size_max: None,
        seg_max: Some(254),
        blk_size: Some(512),
        topology: Some(Topology::default()),
        write_cache: true,
    }
}

fn check(claims: &Claims) -> Result<Checked, LimitError> {
    check_in(claims, ROOM)
}

fn check_in(claims: &Claims, room: Room) -> Result<Checked, LimitError> {
    verify(claims, room, &[0, 1, 7, 63, 2048, 8_388_352, u64::MAX])
}

fn topology(exp: u8, alignment: u8, min: u16, opt: u32) -> Option<Topology> {
    Some(Topology {
        physical_block_exp: exp,
        alignment_offset: alignment,
        min_io_size: min,
        opt_io_size: opt,
    })
}

#[test]
fn clause_5_2_4_a_plain_disk() {
    assert_eq!(
        check(&claims()),
        Ok(Checked {
            logical_block: 512,
            physical_block: 512,
            alignment_offset: 0,
            io_min: 512,
            io_opt: 0,
            max_segments: 254,
            max_segment_size: u32::MAX,
            depth: 256,
            topology_ignored: false,
        })
    );
}

#[test]
fn clause_5_2_4_a_disk_that_says_nothing() {
    let limits = check(&Claims::default()).unwrap();

    assert_eq!((limits.logical_block, limits.physical_block), (512, 512));
    assert_eq!(
        (limits.max_segments, limits.max_segment_size),
        (1, u32::MAX)
    );
    assert!(!limits.topology_ignored);
}

#[test]
fn b2_clause_5_2_4_block_sizes() {
    for exponent in 9..=16 {
        let blk_size = 1 << exponent;
        let limits = check(&Claims {
            blk_size: Some(blk_size),
            ..claims()
        })
        .unwrap();

        assert_eq!((limits.logical_block, limits.io_min), (blk_size, blk_size));
    }
    for blk_size in [
        0,
        1,
        3,
        256,
        511,
        513,
        520,
        1000,
        4097,
        65537,
        1 << 17,
        1 << 31,
        u32::MAX,
    ] {
        assert_eq!(
            check(&Claims {
                blk_size: Some(blk_size),
                ..claims()
            }),
            Err(LimitError::BlockSize(blk_size))
        );
    }
}

#[test]
fn b3_clause_5_2_4_segment_sizes() {
    for size_max in [0, 1, 512, MIN_SEGMENT - 1] {
        let small = Claims {
            size_max: Some(size_max),
            ..claims()
        };
        let room = Room {
            max_mapping: size_max,
            ..ROOM
        };

        assert_eq!(check(&small), Err(LimitError::SegmentSize(size_max)));
        assert_eq!(
            check_in(&claims(), room),
            Err(LimitError::SegmentSize(size_max))
        );
    }
    for (size_max, max_mapping, expected) in [
        (MIN_SEGMENT, u32::MAX, MIN_SEGMENT),
        (u32::MAX, MIN_SEGMENT, MIN_SEGMENT),
        (65536, 262_144, 65536),
        (1 << 20, 262_144, 262_144),
    ] {
        let claims = Claims {
            size_max: Some(size_max),
            ..claims()
        };
        let limits = check_in(
            &claims,
            Room {
                max_mapping,
                ..ROOM
            },
        )
        .unwrap();

        assert_eq!(limits.max_segment_size, expected);
    }
}

#[test]
fn b4_clause_2_7_5_3_1_segments() {
    // Claimed segments, ring, tables, segments of a request.
    let table = [
        (None, 256, true, 1),
        (Some(0), 256, true, 1),
        (Some(1), 256, true, 1),
        (Some(126), 128, true, 126),
        (Some(127), 128, true, 126),
        (Some(127), 128, false, 126),
        (Some(254), 1024, true, 254),
        (Some(255), 1024, true, 254),
        (Some(65_536), 1024, true, 254),
        (Some(65_537), 32_768, false, 254),
        (Some(u32::MAX), 256, true, 254),
        (Some(u32::MAX), 4, false, 2),
        (Some(u32::MAX), 3, false, 1),
        (Some(u32::MAX), 3, true, 1),
    ];

    for (seg_max, queue_size, indirect, segments) in table {
        let claims = Claims {
            seg_max,
            ..claims()
        };
        let room = Room {
            queue_size,
            indirect,
            ..ROOM
        };

        assert_eq!(
            check_in(&claims, room).unwrap().max_segments,
            segments,
            "{seg_max:?} in {room:?}"
        );
    }
    assert_eq!(u32::from(MAX_SEGMENTS + OVERHEAD) * 16, 4096);
}

#[test]
fn p7_rings_of_all_sizes() {
    // Ring, depth with tables, depth without; zero is an error.
    let table = [
        (0, 0, 0),
        (1, 0, 0),
        (2, 0, 0),
        (3, 3, 1),
        (4, 4, 2),
        (256, 256, 128),
        (1024, 1024, 512),
        (32_768, MAX_DEPTH, MAX_DEPTH),
        (65_535, MAX_DEPTH, MAX_DEPTH),
    ];

    for (queue_size, with, without) in table {
        for (indirect, depth) in [(true, with), (false, without)] {
            let room = Room {
                queue_size,
                indirect,
                ..ROOM
            };
            let expected = match depth {
                0 => Err(LimitError::QueueTooSmall(queue_size)),
                depth => Ok(depth),
            };

            assert_eq!(
                check_in(&claims(), room).map(|limits| limits.depth),
                expected
            );
        }
    }
}

#[test]
fn b5_clause_5_2_4_topologies_that_make_sense() {
    // Block, topology; physical block, alignment, least and best size.
    let table = [
        (512, topology(0, 0, 0, 0), (512, 0, 512, 0)),
        (512, topology(3, 0, 0, 0), (4096, 0, 4096, 0)),
        (512, topology(3, 7, 8, 2048), (4096, 3584, 4096, 1 << 20)),
        (4096, topology(0, 0, 1, 256), (4096, 0, 4096, 1 << 20)),
        (512, topology(0, 0, 65_535, 0), (512, 0, 65_535 * 512, 0)),
        (
            512,
            topology(17, 255, 0, 1 << 17),
            (64 << 20, 255 * 512, 64 << 20, 64 << 20),
        ),
        (
            65_536,
            topology(10, 0, 1024, 1024),
            (64 << 20, 0, 64 << 20, 64 << 20),
        ),
        // The least size is a physical block at least, and a whole number of them.
        (512, topology(3, 0, 1, 0), (4096, 0, 4096, 0)),
        (512, topology(3, 0, 9, 0), (4096, 0, 8192, 0)),
        // The best size is a whole number of them, or none.
        (512, topology(3, 0, 0, 7), (4096, 0, 4096, 0)),
        (512, topology(3, 0, 0, 17), (4096, 0, 4096, 8192)),
        // The alignment is one in a physical block.
        (512, topology(0, 1, 0, 0), (512, 0, 512, 0)),
        (512, topology(3, 9, 0, 0), (4096, 512, 4096, 0)),
    ];

    for (block, topology, expected) in table {
        let limits = check(&Claims {
            blk_size: Some(block),
            topology,
            ..claims()
        })
        .unwrap();

        assert!(!limits.topology_ignored, "{topology:?}");
        assert_eq!(
            (
                limits.physical_block,
                limits.alignment_offset,
                limits.io_min,
                limits.io_opt
            ),
            expected,
            "{topology:?}"
        );
    }
}

#[test]
fn b5_topologies_that_make_none() {
    let table = [
        (512, topology(18, 0, 0, 0)),
        (512, topology(22, 0, 0, 0)),
        (512, topology(23, 0, 0, 0)),
        (512, topology(31, 0, 0, 0)),
        (512, topology(32, 0, 0, 0)),
        (512, topology(200, 0, 0, 0)),
        (512, topology(255, 255, 65_535, u32::MAX)),
        (512, topology(0, 0, 0, (1 << 17) + 1)),
        // The product is zero in 32 bits.
        (512, topology(0, 0, 0, 1 << 23)),
        (65_536, topology(16, 0, 0, 0)),
        (65_536, topology(0, 0, 0, 1 << 16)),
        (65_536, topology(0, 0, 1025, 0)),
        // `blk_stack_limits()` would divide by zero, for a partition at sector 8388352.
        (65_536, topology(0, 0, 65_535, 0)),
    ];

    for (block, topology) in table {
        let limits = check(&Claims {
            blk_size: Some(block),
            topology,
            ..claims()
        })
        .unwrap();

        assert!(limits.topology_ignored, "{topology:?}");
        assert_eq!((limits.physical_block, limits.io_min), (block, block));
        assert_eq!((limits.alignment_offset, limits.io_opt), (0, 0));
    }
}

#[test]
fn a_request_holds_a_block() {
    let large = |seg_max| Claims {
        size_max: Some(4096),
        seg_max,
        blk_size: Some(65_536),
        ..claims()
    };

    for (seg_max, segments) in [(None, 1), (Some(0), 1), (Some(15), 15)] {
        assert_eq!(
            check(&large(seg_max)),
            Err(LimitError::RequestTooSmall {
                segments,
                bytes: 4096,
                block: 65_536
            })
        );
    }
    assert!(check(&large(Some(16))).is_ok());
    // The ring bounds the segments, too.
    let room = |queue_size| Room {
        queue_size,
        indirect: false,
        ..ROOM
    };

    assert!(check_in(&large(Some(16)), room(17)).is_err());
    assert!(check_in(&large(Some(16)), room(18)).is_ok());
}

#[test]
fn messages_say_what_and_why() {
    let table = [
        (LimitError::BlockSize(3), "block size 3 is not possible"),
        (
            LimitError::SegmentSize(512),
            "segments of 512 bytes at most are too small",
        ),
        (
            LimitError::QueueTooSmall(2),
            "a queue of 2 entries has no room for a request",
        ),
        (
            LimitError::RequestTooSmall {
                segments: 1,
                bytes: 4096,
                block: 65_536,
            },
            "requests of 1 segments of 4096 bytes cannot hold a block of 65536 bytes",
        ),
    ];

    for (error, message) in table {
        assert_eq!(error.to_string(), message);
    }
}

/// Numbers that are near what matters.
fn edge() -> impl Strategy<Value = u32> {
    prop_oneof![
        any::<u32>(),
        0u32..300,
        (0u32..32, 0u32..5).prop_map(|(bit, off)| (1u32 << bit).wrapping_add(off).wrapping_sub(2)),
        Just(u32::MAX),
    ]
}

fn good_block() -> impl Strategy<Value = u32> {
    (9u32..17).prop_map(|bit| 1 << bit)
}

prop_compose! {
    fn any_topology()(
        physical_block_exp in prop_oneof![any::<u8>(), 0u8..24, 0u8..5],
        alignment_offset in prop_oneof![any::<u8>(), 0u8..9],
        min_io_size in prop_oneof![any::<u16>(), 0u16..20, 65_530u16..=65_535],
        opt_io_size in edge(),
    ) -> Topology {
        Topology { physical_block_exp, alignment_offset, min_io_size, opt_io_size }
    }
}

prop_compose! {
    fn any_claims()(
        size_max in prop::option::of(edge()),
        seg_max in prop::option::of(edge()),
        blk_size in prop::option::of(prop_oneof![1 => edge(), 3 => good_block()]),
        topology in prop::option::of(any_topology()),
        write_cache: bool,
    ) -> Claims {
        Claims { size_max, seg_max, blk_size, topology, write_cache }
    }
}

prop_compose! {
    fn any_room()(
        queue_size in prop_oneof![any::<u16>(), 0u16..20, (0u32..16).prop_map(|bit| 1 << bit)],
        indirect: bool,
        max_mapping in prop_oneof![edge(), Just(262_144), Just(u32::MAX)],
    ) -> Room {
        Room { queue_size, indirect, max_mapping }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50_000))]

    #[test]
    fn whatever_the_device_claims(
        claims in any_claims(),
        room in any_room(),
        starts in prop::array::uniform4(any::<u64>()),
    ) {
        let _ = verify(&claims, room, &starts);
    }

    /// Nothing but a topology is odd, so that the limits come out.
    #[test]
    fn whatever_the_topology_is(
        blk_size in good_block(),
        topology in any_topology(),
        starts in prop::array::uniform4(any::<u64>()),
    ) {
        let claims = Claims { blk_size: Some(blk_size), topology: Some(topology), ..claims() };

        prop_assert!(verify(&claims, ROOM, &starts).is_ok());
    }
}

#[test]
fn random_claims_are_both_accepted_and_refused() {
    // The properties above are worth something only if their inputs get through at times.
    const COUNT: usize = 5_000;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let strategy = (any_claims(), any_room());
    let (mut accepted, mut ignored) = (0, 0);

    for _ in 0..COUNT {
        let tree = strategy.new_tree(&mut runner).unwrap();
        let (claims, room) = proptest::strategy::ValueTree::current(&tree);

        if let Ok(limits) = verify(&claims, room, &[]) {
            accepted += 1;
            ignored += usize::from(limits.topology_ignored);
        }
    }

    let some = COUNT / 20;

    assert!((some..COUNT - some).contains(&accepted), "{accepted}");
    assert!(
        (some / 2..accepted - some / 2).contains(&ignored),
        "{ignored}"
    );
}

/// What a device says later changes the topology, and nothing that requests are made of.
#[test]
fn a_topology_that_changes_later() {
    let made = check(&claims()).expect("QEMU's claims");
    let later = Claims {
        size_max: Some(1),
        seg_max: Some(0),
        blk_size: Some(3),
        topology: topology(3, 1, 8, 64),
        write_cache: false,
    };
    let now = again(&later, &made);

    assert_eq!(
        (
            now.physical_block,
            now.alignment_offset,
            now.io_min,
            now.io_opt
        ),
        (4096, 512, 4096, 32768)
    );
    assert_eq!(
        Checked {
            physical_block: made.physical_block,
            alignment_offset: made.alignment_offset,
            io_min: made.io_min,
            io_opt: made.io_opt,
            ..now
        },
        made
    );
    // One that makes no sense is none.
    let senseless = again(
        &Claims {
            topology: topology(40, 0, 0, 0),
            ..later
        },
        &made,
    );

    assert!(senseless.topology_ignored);
    assert_eq!(
        (senseless.physical_block, senseless.io_min, senseless.io_opt),
        (512, 512, 0)
    );
}
