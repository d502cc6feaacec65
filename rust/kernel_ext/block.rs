// SPDX-License-Identifier: GPL-2.0

//! Block devices on blk-mq, with what `kernel::block::mq` does not have.
//!
//! That is: the driver's own object with each queue, limits, a parent device, access to the memory
//! segments of a request, an owned request that cannot be lost, a timeout callback, partial
//! completion on another CPU with a status that was read once, disk attributes, resizing.
//!
//! The life of a request: the block layer calls [`Operations::queue_rq`] with a [`Request`] that
//! is started, or [`Operations::queue_batch`] with several. The driver owns it from then on, and gives it back exactly
//! once: with [`Done::add`] or [`Request::end`] when the device is done, or as the error value of
//! `queue_rq` when it did not take it. A request that is dropped ends with an I/O error.
//!
//! C header: [`include/linux/blk-mq.h`](srctree/include/linux/blk-mq.h)
//!
//! Upstream replacement: `kernel::block::mq`, as it grows.

mod attribute;
mod batch;
mod disk;
mod disk_ref;
mod done;
mod extents;
mod geometry;
mod late;
mod letters;
mod limits;
mod list;
mod major;
mod name;
mod operation;
mod operations;
mod request;
mod request_view;
mod segments;
mod size;
mod status;
mod tag_set;
mod zones;

pub use self::attribute::{
    DiskAttribute,
    DiskAttributes,
    ShowDisk,
    StoreDisk, //
};
pub use self::batch::Batch;
pub use self::disk::{
    AddedDisk,
    Disk,
    MAX_CAPACITY, //
};
pub use self::disk_ref::DiskRef;
pub use self::done::Done;
pub use self::extents::{
    Extent,
    Extents, //
};
pub use self::geometry::Geometry;
pub use self::late::Late;
pub use self::limits::{
    Limits,
    ZoneLimits, //
};
pub use self::major::Major;
pub use self::operation::{
    Operation,
    ZoneAction, //
};
pub use self::operations::{
    HardwareQueue,
    Operations,
    Rejected,
    TimerAction, //
};
pub use self::request::{
    Notes,
    Request, //
};
pub use self::request_view::RequestView;
pub use self::segments::Segments;
pub use self::size::Size;
pub use self::status::Status;
pub use self::tag_set::{
    possible_queues,
    Affinity,
    Queues,
    TagSet,
    TagSetConfig, //
};
pub use self::zones::{
    Zone,
    ZoneReport,
    HAS_ZONES, //
};

/// Bytes in a sector, the unit of capacities and positions in the block layer.
pub const SECTOR_SIZE: u32 = 512;
/// The same as a shift.
pub const SECTOR_SHIFT: u32 = 9;
