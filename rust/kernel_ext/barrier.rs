// SPDX-License-Identifier: GPL-2.0

//! Memory barriers between this CPU and a device that is another CPU's thread.
//!
//! A virtio device without `VIRTIO_F_ORDER_PLATFORM` (virtio 1.4, 6 Reserved Feature Bits) is
//! ordered like another CPU of an SMP machine, also where the guest itself has one CPU only; so
//! `smp_*` would be too weak there (compiled to nothing without SMP), and the mandatory barriers
//! are stronger than needed. C has `virt_mb()` and friends for it
//! ([`include/asm-generic/barrier.h`](srctree/include/asm-generic/barrier.h)). The kernel crate has
//! `dma_*`, which are at least as strong on every architecture; on x86 the read and write ones are
//! compiler barriers, as `virt_*` are.
//!
//! Upstream replacement: a `virt_*` family in `kernel::sync::barrier`.

/// Orders writes before it against writes after it, as the device sees them.
#[inline(always)]
pub fn write() {
    #[cfg(CONFIG_X86)]
    compiler();
    #[cfg(not(CONFIG_X86))]
    kernel::sync::barrier::dma_mb(kernel::sync::barrier::Write);
}

/// Orders reads of what the device writes.
#[inline(always)]
pub fn read() {
    #[cfg(CONFIG_X86)]
    compiler();
    #[cfg(not(CONFIG_X86))]
    kernel::sync::barrier::dma_mb(kernel::sync::barrier::Read);
}

/// Orders everything before it against everything after it.
#[inline(always)]
pub fn full() {
    // SAFETY: A locked addition of zero to the word below the stack pointer changes nothing, and
    // the kernel has no red zone; it is what `smp_mb()` is on x86-64, and orders stores before later loads.
    #[cfg(CONFIG_X86_64)]
    unsafe {
        core::arch::asm!("lock addl $0, -4(%rsp)", options(att_syntax))
    };
    #[cfg(not(CONFIG_X86_64))]
    kernel::sync::barrier::dma_mb(kernel::sync::barrier::Full);
}

/// The same for a device that is hardware: what the platform has for that.
#[inline(always)]
pub fn platform_full() {
    kernel::sync::barrier::dma_mb(kernel::sync::barrier::Full);
}

/// Keeps the compiler from moving memory accesses across it. x86 itself keeps stores in order
/// with stores, and loads with loads.
#[cfg(CONFIG_X86)]
#[inline(always)]
fn compiler() {
    // SAFETY: An empty assembly block; by default it counts as touching all memory.
    unsafe { core::arch::asm!("") };
}
