// SPDX-License-Identifier: GPL-2.0

//! The pages in a balloon.

use super::batch::{
    frame,
    Batch, //
};
use crate::bindings;
use core::{
    pin::Pin,
    ptr::NonNull, //
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{
            ordering::{
                Full,
                Relaxed, //
            },
            Atomic, //
        },
        Arc, //
    },
    types::Opaque, //
};

/// How long to wait for pages that are just being moved, in milliseconds.
const MOVING_MS: u32 = 1;
/// How many pages are taken out at once at the end: interrupts are off meanwhile.
const LAST_BATCH: usize = 256;

/// Who knows what to do when the kernel wants a page of a balloon elsewhere.
pub trait Migrate: Send + Sync + 'static {
    /// Tells the host that the page with frame number `new` takes the place of `old`.
    ///
    /// Process context, by a task that makes room for a larger block of memory, which may be the
    /// very one that allocates pages for the balloon; both pages are locked. So this may sleep, allocates nothing, and
    /// waits for no lock that is held over an allocation. Others wait for the pages as long as this lasts; a task that is not
    /// to wait at all (`MIGRATE_ASYNC`) does not come here. Meanwhile `old` cannot be taken out of the balloon.
    ///
    /// # Errors
    ///
    /// Any: `old` stays in the balloon and `new` is freed. `EAGAIN` when it may be tried again.
    fn migrate(&self, new: u64, old: u64) -> Result;
}

/// The pages that the guest has given up: marked offline, not counted as its memory if so wished,
/// and known to the kernel as movable.
///
/// Locking is done inside, by a spin lock of the kernel that all balloons share. Dropping it frees
/// what is still in it; that waits for pages that are just being moved.
///
/// # Invariants
///
/// `info` is initialised. `count` is the number of pages that were put in and not taken out:
/// those on its list, and those that the kernel isolated from it to move them, which come back or
/// are replaced one for one.
#[pin_data(PinnedDrop)]
pub struct Pages<M: Migrate> {
    #[pin]
    info: Opaque<bindings::balloon_dev_info>,
    count: Atomic<usize>,
    /// Its pages do not count as the guest's memory. Accounted here, for many pages at once, not by the
    /// kernel's balloon, for each.
    accounts: bool,
    mover: Arc<M>,
}

// SAFETY: The kernel's lock guards the list, and `mover` is `Send + Sync`.
unsafe impl<M: Migrate> Send for Pages<M> {}
// SAFETY: As above.
unsafe impl<M: Migrate> Sync for Pages<M> {}

impl<M: Migrate> Pages<M> {
    /// Makes an empty balloon. `managed`: its pages still count as the guest's memory
    /// (`MemTotal`), since they can be had back at any time.
    pub fn new(mover: Arc<M>, managed: bool) -> impl PinInit<Self> {
        pin_init!(Self {
            info <- Opaque::ffi_init(move |info: *mut bindings::balloon_dev_info| {
                // SAFETY: `info` is memory for the structure, which stays where it is.
                unsafe {
                    bindings::rvirtio_helper_balloon_devinfo_init(info);
                    (*info).migratepage = Some(migrate_callback::<M>);
                }
            }),
            count: Atomic::new(0),
            accounts: !managed,
            mover,
        })
    }

    /// How many pages are in the balloon.
    pub fn count(&self) -> usize {
        self.count.load(Relaxed)
    }

    /// Puts all pages of `batch` in. Any context but a non-maskable interrupt.
    pub fn put(&self, batch: Pin<&mut Batch>) {
        // Before they can be taken out, so that the count is never too small.
        self.count.fetch_add(batch.length(), Full);

        // SAFETY: All pages come off the list.
        unsafe {
            batch.change(|list| {
                // SAFETY: `info` is initialised; each page of `list` has a reference, which the
                // balloon takes over, and may have been in a balloon before.
                let moved =
                    bindings::rvirtio_helper_balloon_put(self.info.get(), list, self.accounts);

                // CAST: Pages of a machine are fewer than `isize::MAX`.
                (moved as isize).wrapping_neg()
            })
        };
    }

    /// Takes up to `count` pages out, into `batch`, and returns how many. Fewer than there are when
    /// some are being moved: try again later. Any context but a non-maskable interrupt.
    pub fn take(&self, batch: Pin<&mut Batch>, count: usize) -> usize {
        let mut taken = 0;

        // SAFETY: Pages that come out of the balloon are on no other list, and their reference,
        // which was the balloon's, is the batch's.
        unsafe {
            batch.change(|list| {
                // SAFETY: `info` and `list` are initialised.
                taken = bindings::rvirtio_helper_balloon_take(
                    self.info.get(),
                    list,
                    count,
                    self.accounts,
                );
                // CAST: Pages of a machine are fewer than `isize::MAX`.
                taken as isize
            })
        };
        self.count.fetch_sub(taken, Full);
        taken
    }
}

#[pinned_drop]
impl<M: Migrate> PinnedDrop for Pages<M> {
    fn drop(self: Pin<&mut Self>) {
        pin_init::stack_pin_init!(let batch = Batch::new());

        // Until the count is zero: then no page refers to `info`, and nobody is in the middle of
        // moving one, since such a page counts until that is over.
        //
        // BOUND: Nothing is added any more, and moving a page is the kernel's business, which ends.
        while self.count() != 0 {
            if self.take(batch.as_mut(), LAST_BATCH) == 0 {
                // SAFETY: A plain sleep; drop runs in process context, where pages are freed.
                unsafe { bindings::msleep(MOVING_MS) };
            }
            batch.as_mut().free();
        }
    }
}

/// # Safety
///
/// To be called by the kernel alone, with the `info` of a `Pages<M>` and two pages, of which `old`
/// was isolated from it.
unsafe extern "C" fn migrate_callback<M: Migrate>(
    info: *mut bindings::balloon_dev_info,
    new: *mut bindings::page,
    old: *mut bindings::page,
    mode: bindings::migrate_mode,
) -> c_int {
    // The host is waited for.
    if mode == bindings::migrate_mode_MIGRATE_ASYNC {
        return EAGAIN.to_errno();
    }
    let info = Opaque::cast_from(info);
    // SAFETY: `info` is that field of a `Pages<M>`. It lives until this is over: `old` is isolated,
    // which `drop` waits for.
    let this = unsafe { &*kernel::container_of!(info, Pages<M>, info) };
    let (Some(new), Some(old)) = (NonNull::new(new), NonNull::new(old)) else {
        return EINVAL.to_errno();
    };
    // SAFETY: Both are valid pages.
    let (new_frame, old_frame) = unsafe { (frame(new), frame(old)) };

    match this.mover.migrate(new_frame, old_frame) {
        Ok(()) => {
            if this.accounts {
                // SAFETY: Both are valid pages.
                unsafe { bindings::rvirtio_helper_balloon_moved(new.as_ptr(), old.as_ptr()) };
            }
            0
        }
        // The kernel takes this one for "taken out, and not replaced".
        Err(error) if error == ENOENT => EAGAIN.to_errno(),
        Err(error) => error.to_errno(),
    }
}
