// SPDX-License-Identifier: GPL-2.0

//! Feature bits of the block device (virtio 1.4, 5.2.3).

use virtio::Features;

/// `size_max` is valid.
pub(crate) const SIZE_MAX: Features = Features::bit(1);
/// `seg_max` is valid.
pub(crate) const SEG_MAX: Features = Features::bit(2);
/// `geometry` is valid.
pub(crate) const GEOMETRY: Features = Features::bit(4);
/// The device is read-only.
pub(crate) const RO: Features = Features::bit(5);
/// `blk_size` is valid.
pub(crate) const BLK_SIZE: Features = Features::bit(6);
/// The device knows the flush command.
pub(crate) const FLUSH: Features = Features::bit(9);
/// `topology` is valid.
pub(crate) const TOPOLOGY: Features = Features::bit(10);
/// `writeback` says whether the cache is on.
pub(crate) const CONFIG_WCE: Features = Features::bit(11);

/// `num_queues` is valid.
pub(crate) const MQ: Features = Features::bit(12);
/// The device knows the discard command, and its three limits are valid.
pub(crate) const DISCARD: Features = Features::bit(13);
/// The device knows the write zeroes command, and its limits are valid.
pub(crate) const WRITE_ZEROES: Features = Features::bit(14);
/// The device tells how worn its medium is.
pub(crate) const LIFETIME: Features = Features::bit(15);
/// The device knows the secure erase command, and its three limits are valid.
pub(crate) const SECURE_ERASE: Features = Features::bit(16);

/// The device says in `zoned` whether it is made of zones.
pub(crate) const ZONED: Features = Features::bit(17);

/// What the driver has code for.
pub(crate) const IMPLEMENTED: Features = Features::all_of(&[
    SIZE_MAX,
    SEG_MAX,
    GEOMETRY,
    RO,
    BLK_SIZE,
    FLUSH,
    TOPOLOGY,
    CONFIG_WCE,
    MQ,
    DISCARD,
    WRITE_ZEROES,
    LIFETIME,
    SECURE_ERASE,
    ZONED,
]);
