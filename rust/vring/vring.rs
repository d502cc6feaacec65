// SPDX-License-Identifier: GPL-2.0

//! The driver side of the virtqueue: how buffers are handed to a device and taken back.
//!
//! `core` only: Kbuild and the users of the crate say `no_std`, which may not stand here twice.
//!
//! This crate knows the ring protocol of virtio 1.4 and nothing else: no kernel, no allocation,
//! no DMA mapping, no locking. The memory that is shared with the device is reached through
//! [`RingMem`]; what a buffer is made of is the caller's own type ([`Addressing`]). So the same files run in the kernel,
//! under `cargo test` and in a fuzzer.
//!
//! The device is not trusted. What it wrote arrives as [`Untrusted`] and is checked against
//! private state before it is used. The first thing that does not fit breaks the ring: a typed
//! [`Violation`], no panic, no further buffer.
//!
//! # Glossary
//!
//! - *Buffer*: one request to the device: device-readable segments, then device-writable ones.
//! - *Segment*: a run of memory that is contiguous for the device.
//! - *Descriptor*: 16 bytes that tell the device one segment, or one indirect table.
//! - *Chain*: the descriptors of one buffer. Its first descriptor is the *head*.
//! - *Slot*: the private counterpart of a descriptor. The device cannot reach it.
//! - *Token*: what the caller wants back with a buffer, for instance a boxed request.
//! - *Available*: handed to the device. *Used*: handed back by the device.
//! - *Published*: available, and the device can see it.
//! - *In flight*: added, and neither popped nor drained yet.
//! - *Kick*: the available buffer notification. *Callback*: the used buffer notification.
//! - *Event index*: a ring position at which the other side wants to be notified
//!   (`VIRTIO_F_EVENT_IDX`).
//!
//! # Who owns a buffer
//!
//! From [`Ring::add`] on, the device may access the buffer at any time, although it is told of it
//! only by [`Ring::kick_prepare`]. The driver owns the buffer again when [`Ring::pop`] returned
//! its token, or when the device was reset and [`Ring::drain_one`] returned it. A failed `add`
//! gives the token back at once.

#![forbid(unsafe_code)]

mod completion;
mod desc;
mod error;
mod event;
mod format;
mod indirect;
mod layout;
mod le;
mod mem;
mod packed;
mod ring;
mod sizes;
mod slots;
mod split;
mod untrusted;

pub use self::completion::Completion;
pub use self::desc::{
    DescFlags,
    RawDesc,
    Segment, //
};
pub use self::error::{
    AddError,
    SetupError,
    TableError,
    Violation, //
};
pub use self::event::{
    need_event,
    notification, //
};
pub use self::format::{
    Format,
    InOrder, //
};
pub use self::indirect::{
    IndirectTable,
    IndirectWriter, //
};
pub use self::layout::{
    Buffer,
    Element,
    Layout,
    RingConfig,
    Used, //
};
pub use self::le::{
    Le16,
    Le32,
    Le64, //
};
pub use self::mem::{
    Addressing,
    Area,
    RingMem,
    TableMem, //
};
pub use self::packed::Packed;
pub use self::ring::Ring;
pub use self::sizes::{
    packed_layout,
    split_layout,
    AreaSize,
    RingSizes, //
};
pub use self::slots::Slot;
pub use self::split::Split;
pub use self::untrusted::Untrusted;
