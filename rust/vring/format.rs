// SPDX-License-Identifier: GPL-2.0

//! The four formats of a virtqueue: two layouts, each with or without `VIRTIO_F_IN_ORDER`.

use core::marker::PhantomData;

use crate::{
    layout::{
        sealed::Sealed,
        Layout, //
    },
    packed::Packed,
    split::Split, //
};

/// What a [`Ring`](crate::Ring) is monomorphised for. All queues of a device have the same one, by the
/// features that were agreed on.
pub trait Format: Sealed {
    /// Where a buffer stands, and how a used one is found.
    type Layout: Layout;
    /// Whether the device uses buffers in the order in which they were made available
    /// (`VIRTIO_F_IN_ORDER`; 1.4, "2.7.9 In-order use of descriptors").
    const IN_ORDER: bool;
}

impl Format for Split {
    type Layout = Self;
    const IN_ORDER: bool = false;
}

impl Format for Packed {
    type Layout = Self;
    const IN_ORDER: bool = false;
}

/// A layout whose buffers are used in order.
#[derive(Clone, Copy, Debug)]
pub struct InOrder<L: Layout>(PhantomData<L>);

impl<L: Layout> Sealed for InOrder<L> {}

impl<L: Layout> Format for InOrder<L> {
    type Layout = L;
    const IN_ORDER: bool = true;
}
