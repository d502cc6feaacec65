// SPDX-License-Identifier: GPL-2.0

//! 5.5.6.3 and 5.5.6.4: statistics on the wire.

use crate::stat::{
    Stat,
    Tag,
    STATS,
    STAT_BYTES, //
};

/// The tags by the numbers of 5.5.6.4.
const TAGS: [Tag; STATS] = [
    Tag::SwapIn,
    Tag::SwapOut,
    Tag::MajorFaults,
    Tag::MinorFaults,
    Tag::Free,
    Tag::Total,
    Tag::Available,
    Tag::Caches,
    Tag::HugetlbAllocations,
    Tag::HugetlbFailures,
    Tag::OomKills,
    Tag::AllocStalls,
    Tag::AsyncScans,
    Tag::DirectScans,
    Tag::AsyncReclaims,
    Tag::DirectReclaims,
];

#[test]
fn clause_5_5_6_4_tags() {
    for (number, tag) in (0u16..).zip(TAGS) {
        let bytes = Stat::count(tag, 0).bytes();

        assert_eq!(bytes[..2], number.to_le_bytes(), "{tag:?}");
    }
}

#[test]
fn clause_5_5_6_3_a_stat_is_packed_and_little_endian() {
    let bytes = Stat::count(Tag::OomKills, 0x0123_4567_89ab_cdef).bytes();

    assert_eq!(bytes.len(), STAT_BYTES);
    assert_eq!(
        bytes,
        [10, 0, 0xef, 0xcd, 0xab, 0x89, 0x67, 0x45, 0x23, 0x01]
    );
}

#[test]
fn memory_is_told_in_bytes() {
    assert_eq!(
        Stat::pages(Tag::Free, 3, 4096),
        Stat::count(Tag::Free, 12288)
    );
    assert_eq!(
        Stat::pages(Tag::Free, u64::MAX, 65536),
        Stat::count(Tag::Free, u64::MAX)
    );
}
