// SPDX-License-Identifier: GPL-2.0

//! What `rust/kernel` lacks for the guest side of virtio.
//!
//! Every abstraction here stands in for something that the kernel's own crate does not have in
//! Linux 7.3; each module names what would replace it upstream. The crate shrinks as upstream
//! grows. It is the only place in this project, besides `rust/kernel` itself, where `unsafe`
//! stands; its public interface has no `unsafe`. See `Documentation/safety.md` for the inventory, and
//! for what it leaves to its callers all the same.
//!
//! | module | stands in for |
//! |---|---|
//! | [`balloon`] | balloon pages, free page reporting, the OOM notifier, memory counters |
//! | [`barrier`] | the `virt_*` barriers of `include/asm-generic/barrier.h` |
//! | [`block`] | `kernel::block::mq` with per-request data, limits, parents, timeouts |
//! | [`bus`] | a bus, its devices and drivers written in Rust |
//! | [`completion`] | waiting for an event with a timeout |
//! | [`debugfs`] | `kernel::debugfs` for modules |
//! | [`cpu`] | CPUs that come and go |
//! | [`dma`] | memory shared with a device, and streaming mappings |
//! | [`irq`] | `kernel::irq` with names that are made at run time |
//! | [`pci`] | capabilities, shared BAR mappings and vectors of a PCI function |
//! | [`net`] | network devices, NAPI, packets, page pools, ethtool |
//! | [`shared`] | module-wide state that other modules can reach |
//! | [`shrinker`] | a shrinker |
//! | [`sync`] | `spin_lock_bh()` |
//! | [`time`] | sleeping waits with an upper bound |
//! | [`trace`] | trace events of a module |
//! | [`work`] | an owned work queue, and a work item that can be cancelled |

mod bindings;

pub mod balloon;
pub mod barrier;
pub mod block;
pub mod bus;
pub mod completion;
pub mod cpu;
mod cstr;
pub mod debugfs;
mod device;
pub mod dma;
pub mod hwrng;
pub mod irq;
pub mod net;
pub mod pci;
pub mod shared;
pub mod shrinker;
pub mod sync;
pub mod time;
pub mod trace;
pub mod work;
