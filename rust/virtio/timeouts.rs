// SPDX-License-Identifier: GPL-2.0

//! How long a device is waited for. Every wait in this project has its limit here.

/// Milliseconds that a reset may take until the status reads zero (virtio 1.4, 2.1.2 and 4.1.4.3.2).
pub const RESET_MS: u32 = 3_000;

/// Milliseconds that the reset of one queue may take (virtio 1.4, 2.6.1).
pub const QUEUE_RESET_MS: u32 = 3_000;

/// How often a group of configuration fields is read again because the device changed its
/// generation meanwhile (virtio 1.4, 2.5.1).
pub const CONFIG_RETRIES: u32 = 100;

/// Milliseconds that a command on a control queue may take (virtio 1.4, 5.1.6.5).
pub const CONTROL_MS: u32 = 5_000;

/// Milliseconds that a host may take to acknowledge what it is told of memory: pages that went into
/// a balloon or came out of it, free blocks (virtio 1.4, 5.5.6).
pub const BALLOON_MS: u32 = 30_000;

/// The same where a task is waiting for the memory, and will be killed if there is none. A host that
/// takes longer is not given up for it.
pub const BALLOON_OOM_MS: u32 = 2_000;
