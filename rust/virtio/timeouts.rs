// SPDX-License-Identifier: GPL-2.0

//! How long a device is waited for, or how often. Every wait of the core and of the drivers has its limit here, but for two that others
//! count: the block layer's timer has a disk's `io_timeout`, and who reads random numbers waits as long as it wants to.

use crate::module;

/// What is waited for. How long can be set when `rvirtio.ko` is loaded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Timeout {
    /// A reset, until the status reads zero (virtio 1.4, 2.1.2 and 4.1.4.3.2). `reset_ms`, 3 s.
    Reset,
    /// The reset of one queue (2.6.1). `queue_reset_ms`, 3 s.
    QueueReset,
    /// A command on a control queue (5.1.6.5). `control_ms`, 5 s.
    Control,
    /// What a host is told of memory: pages that went into a balloon or came out of it, free blocks
    /// (5.5.6). `balloon_ms`, 30 s.
    Balloon,
    /// The same where a task is waiting for the memory, and will be killed if there is none. A host that
    /// takes longer is not given up for it. `balloon_oom_ms`, 2 s.
    BalloonOom,
}

/// The longest that can be set: ten minutes.
const MOST_MS: u32 = 600_000;

impl Timeout {
    /// The limit in milliseconds: not 0, and at most ten minutes.
    pub fn ms(self) -> u32 {
        let set = match self {
            Self::Reset => module::reset_ms(),
            Self::QueueReset => module::queue_reset_ms(),
            Self::Control => module::control_ms(),
            Self::Balloon => module::balloon_ms(),
            Self::BalloonOom => module::balloon_oom_ms(),
        };

        set.clamp(1, MOST_MS)
    }
}

/// How often a group of configuration fields is read, at most, while the device changes its generation each time (virtio 1.4,
/// 2.5.1). `config_tries`, 100.
pub(crate) fn config_tries() -> u32 {
    module::config_tries().clamp(1, MOST_TRIES)
}

/// The most that can be set.
const MOST_TRIES: u32 = 10_000;
