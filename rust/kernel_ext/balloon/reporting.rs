// SPDX-License-Identifier: GPL-2.0

//! Free page reporting: blocks of memory that nobody uses, for the host to take back what is behind
//! them.

use crate::{
    bindings,
    dma::Run, //
};
use core::{
    marker::PhantomData,
    pin::Pin, //
};
use kernel::{
    error::{
        from_result,
        to_result, //
    },
    page::PAGE_SIZE,
    prelude::*,
    sync::Arc,
    types::Opaque, //
};

/// The most blocks that are reported at once.
// CAST: A small constant.
pub const MOST_BLOCKS: usize = bindings::PAGE_REPORTING_CAPACITY as usize;

/// The most bytes that a block has.
// CAST: Small constants.
pub const LARGEST_BLOCK: u32 = (PAGE_SIZE as u32) << bindings::MAX_PAGE_ORDER;

/// Who takes reports of free blocks.
pub trait Report: Send + Sync + 'static {
    /// Hands `blocks` to the host. Until this returns, the blocks are out of the allocator's
    /// reach; afterwards anybody may get them. So it must not return before the host is done with
    /// them, or cannot reach them any more.
    ///
    /// Process context, one call at a time, no lock held.
    ///
    /// # Errors
    ///
    /// Any: the blocks count as not reported, and the rest is not reported in this round.
    fn report(&self, blocks: &Blocks<'_>) -> Result;
}

/// Blocks of free memory; at least one, at most [`MOST_BLOCKS`].
pub struct Blocks<'a> {
    list: *mut bindings::scatterlist,
    count: u32,
    _borrow: PhantomData<&'a ()>,
}

impl Blocks<'_> {
    /// The memory of each block, of at most [`LARGEST_BLOCK`] bytes.
    pub fn iter(&self) -> impl Iterator<Item = Run> + '_ {
        let mut entry = self.list;

        (0..self.count).map_while(move |_| {
            if entry.is_null() {
                return None;
            }
            // SAFETY: `entry` is an entry of the list, which is not changed meanwhile.
            let block =
                unsafe { Run::new(bindings::rvirtio_helper_sg_phys(entry), (*entry).length) };

            // SAFETY: As above; null at the end.
            entry = unsafe { bindings::sg_next(entry) };
            Some(block)
        })
    }
}

/// A registered [`Report`]; dropping it waits until it does not run. A kernel has at most one.
///
/// # Invariants
///
/// `info` is registered, with [`callback`].
#[pin_data(PinnedDrop)]
pub struct Reporting<R: Report> {
    #[pin]
    info: Opaque<bindings::page_reporting_dev_info>,
    reporter: Arc<R>,
}

// SAFETY: The kernel's lock guards `info`, and `reporter` is `Send + Sync`.
unsafe impl<R: Report> Send for Reporting<R> {}
// SAFETY: As above.
unsafe impl<R: Report> Sync for Reporting<R> {}

impl<R: Report> Reporting<R> {
    /// Registers `reporter` for blocks of the kernel's choice of size, up to `capacity` at once.
    /// The first report comes some seconds later. Process context.
    ///
    /// # Errors
    ///
    /// `EBUSY` when somebody is registered; `EINVAL` when `capacity` is zero.
    pub fn new(reporter: Arc<R>, capacity: u16) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            reporter,
            // Last, since it may be called from here on.
            info <- Opaque::try_ffi_init(
                move |info: *mut bindings::page_reporting_dev_info| {
                    if capacity == 0 {
                        return Err(EINVAL);
                    }
                    // SAFETY: `info` is memory for the structure, which stays where it is until
                    // `drop` has unregistered it; all-zero is what it begins with.
                    to_result(unsafe {
                        info.write_bytes(0, 1);
                        (*info).report = Some(callback::<R>);
                        // PAGE_REPORTING_ORDER_UNSPECIFIED.
                        (*info).order = u32::MAX;
                        (*info).capacity = capacity.into();
                        bindings::page_reporting_register(info)
                    })
                }
            ),
        })
    }
}

#[pinned_drop]
impl<R: Report> PinnedDrop for Reporting<R> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type invariant `info` is registered.
        unsafe { bindings::page_reporting_unregister(self.info.get()) };
    }
}

/// # Safety
///
/// To be called by page reporting alone, with the `info` of a `Reporting<R>` and a list of `count`
/// free blocks that belong to the caller.
unsafe extern "C" fn callback<R: Report>(
    info: *mut bindings::page_reporting_dev_info,
    list: *mut bindings::scatterlist,
    count: c_uint,
) -> c_int {
    let info = Opaque::cast_from(info);
    // SAFETY: `info` is that field of a `Reporting<R>`, which lives until it is unregistered, and
    // that waits for this.
    let this = unsafe { &*kernel::container_of!(info, Reporting<R>, info) };
    let blocks = Blocks {
        list,
        count,
        _borrow: PhantomData,
    };

    from_result(|| this.reporter.report(&blocks).map(|()| 0))
}
