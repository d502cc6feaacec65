// SPDX-License-Identifier: GPL-2.0

//! Taking back what the host has used.

use virtio::Virtqueue;

/// Takes back all used buffers of `queue`, and says whether there were any. Any context. The lock is
/// held all the while, so nothing is added and the work is bounded by what was under way.
pub(crate) fn take_back<T: Send + Unpin>(queue: &Virtqueue<T>, mut back: impl FnMut(T)) -> bool {
    let mut ring = queue.lock();
    let mut any = false;

    // Each round takes back at least one of what was under way; a device that says otherwise is not
    // waited for.
    for _ in 0..=queue.size() {
        ring.disable_callbacks();
        while let Some(completion) = ring.pop() {
            any = true;
            // The host has nothing to write, so how much it says it wrote is of no interest.
            back(completion.into_token());
        }
        if ring.is_broken() || !ring.enable_callbacks() {
            break;
        }
    }
    any
}
