// SPDX-License-Identifier: GPL-2.0

//! Feature bits of the balloon (virtio 1.4, 5.5.3).

use virtio::Features;

/// Pages may be used again only when the host has acknowledged that they left the balloon.
pub(crate) const MUST_TELL_HOST: Features = Features::bit(0);
/// The host may ask for statistics.
pub(crate) const STATS_VQ: Features = Features::bit(1);
/// The balloon may shrink when memory runs out, without the host's wish.
pub(crate) const DEFLATE_ON_OOM: Features = Features::bit(2);
/// The host may ask which blocks are free.
pub(crate) const FREE_PAGE_HINT: Features = Features::bit(3);
/// The host is told what free pages are filled with.
pub(crate) const PAGE_POISON: Features = Features::bit(4);
/// The host is told of free blocks.
pub(crate) const REPORTING: Features = Features::bit(5);

/// What the driver has code for.
pub(crate) const IMPLEMENTED: Features = Features::all_of(&[
    MUST_TELL_HOST,
    STATS_VQ,
    DEFLATE_ON_OOM,
    FREE_PAGE_HINT,
    PAGE_POISON,
    REPORTING,
]);
