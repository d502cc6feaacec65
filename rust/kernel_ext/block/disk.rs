// SPDX-License-Identifier: GPL-2.0

//! A disk: `struct gendisk` with its request queue.

use super::{
    attribute::DiskAttributes,
    geometry::{
        getgeo,
        Geometry, //
    },
    limits::Limits,
    major::Major,
    name::DiskName,
    operations::Operations,
    tag_set::TagSet,
    zones::{
        report_zones,
        revalidate, //
    }, //
};
use crate::{
    bindings,
    device::raw_device, //
};
use core::{
    mem::ManuallyDrop,
    ptr::NonNull, //
};
use kernel::{
    device,
    error::{
        from_err_ptr,
        to_result, //
    },
    new_mutex,
    prelude::*,
    static_lock_class,
    sync::{
        Arc,
        Mutex, //
    }, //
};

/// Minor numbers of a disk: itself and fifteen partitions, as the C driver has it. Further
/// partitions get numbers of their own from the block layer.
const MINORS: u32 = 16;
/// Disks that a major number has room for.
const MAX_DISKS: u32 = (1 << bindings::MINORBITS) / MINORS;
/// How long a change of limits waits for requests, in milliseconds.
const CHANGE_MS: u32 = 1000;
/// How often a queue that is being frozen is looked after, in milliseconds.
const FREEZE_STEP_MS: u32 = 50;
/// The largest capacity that the block layer counts in bytes (`BLK_DEV_MAX_SECTORS`).
pub const MAX_CAPACITY: u64 = (i64::MAX as u64) >> super::SECTOR_SHIFT;

/// What belongs to a `gendisk` until its last user has closed it.
#[pin_data]
pub(super) struct Private<O: Operations> {
    fops: bindings::block_device_operations,
    /// What the device says of its geometry.
    pub(super) geometry: Option<Geometry>,
    /// The driver's object, until the disk is taken away. Held by those who use it from a call that may
    /// come after that.
    #[pin]
    pub(super) served: Mutex<Option<Arc<O>>>,
    group: bindings::attribute_group,
    groups: [*const bindings::attribute_group; 2],
}

/// A disk that is not visible yet.
///
/// # Invariants
///
/// `raw` is a disk that was never added, whose `private_data` is a `KBox<Private<O>>` and whose
/// queue data points to `*operations`.
pub struct Disk<O: Operations> {
    raw: NonNull<bindings::gendisk>,
    operations: Arc<O>,
    tags: Arc<TagSet<O>>,
}

// SAFETY: The block layer does its own locking; `O` is `Send + Sync`.
unsafe impl<O: Operations> Send for Disk<O> {}
// SAFETY: As above.
unsafe impl<O: Operations> Sync for Disk<O> {}

impl<O: Operations> Disk<O> {
    /// Makes a disk with a queue on `tags`, to be served by `operations`; `module` is kept from
    /// being unloaded while the disk is open. Without a `geometry` of the device one is made up.
    ///
    /// # Errors
    ///
    /// `EINVAL` when `limits` are not acceptable to the block layer, `ENOMEM`.
    pub fn new(
        tags: Arc<TagSet<O>>,
        limits: &Limits,
        geometry: Option<Geometry>,
        operations: Arc<O>,
        module: &'static ThisModule,
    ) -> Result<Self> {
        let served = Some(operations.clone());
        let private = KBox::pin_init(
            pin_init!(Private {
                fops: bindings::block_device_operations {
                    owner: module.as_ptr(),
                    free_disk: Some(free_disk::<O>),
                    getgeo: Some(getgeo::<O>),
                    report_zones: Some(report_zones::<O>),
                    ..Default::default()
                },
                geometry,
                served <- new_mutex!(served),
                group: bindings::attribute_group::default(),
                groups: [core::ptr::null(); 2],
            }),
            GFP_KERNEL,
        )?;

        let mut raw_limits = bindings::queue_limits::default();
        limits.apply(&mut raw_limits);

        // SAFETY: The tag set is set up. `Disk` and `AddedDisk` keep it, and what `queuedata` points
        // to, as long as the block layer may use them.
        let disk = from_err_ptr(unsafe {
            bindings::__blk_mq_alloc_disk(
                tags.as_raw(),
                &mut raw_limits,
                Arc::as_ptr(&operations).cast_mut().cast(),
                static_lock_class!().as_ptr(),
            )
        })?;
        // SAFETY: `__blk_mq_alloc_disk()` does not return null.
        let raw = unsafe { NonNull::new_unchecked(disk) };
        // SAFETY: It is not moved: only `free_disk()` and `drop()` below make a box of it again.
        let private = KBox::into_raw(unsafe { Pin::into_inner_unchecked(private) });

        // INVARIANT: As the type says.
        // SAFETY: The disk is ours alone until it is added; `private` outlives it.
        unsafe {
            (*disk).fops = &(*private).fops;
            (*disk).private_data = private.cast();
        }
        Ok(Self {
            raw,
            operations,
            tags,
        })
    }

    /// Sets the size, in sectors of 512 bytes; at most [`MAX_CAPACITY`] counts.
    pub fn set_capacity(&self, sectors: u64) {
        // SAFETY: The disk is valid.
        unsafe { bindings::set_capacity(self.raw.as_ptr(), sectors.min(MAX_CAPACITY)) };
    }

    /// Says whether the disk may be written to.
    pub fn set_read_only(&self, read_only: bool) {
        // SAFETY: The disk is valid.
        unsafe { bindings::set_disk_ro(self.raw.as_ptr(), read_only) };
    }

    /// Has the zones of a disk that has some reported and checked. The device has to work, and the capacity
    /// to be set. Process context.
    ///
    /// # Errors
    ///
    /// `ENODEV`, or that of the report, when the zones are not right; `ENOMEM`; `EOPNOTSUPP` when the kernel
    /// has no zones.
    pub fn check_zones(&self) -> Result {
        // SAFETY: The disk is valid and not added.
        unsafe { revalidate(self.raw.as_ptr()) }
    }

    /// Makes the disk visible below `parent`, under the first free name of `prefix` and letters
    /// (`vda`, `vdb`, ...), whoever has the others. Reads the partition table, so requests come
    /// before this returns.
    ///
    /// # Errors
    ///
    /// `ENOSPC` when no name is left; `EINVAL`, `ENOMEM`, `EEXIST` from the block layer.
    pub fn add(
        self,
        parent: &device::Device,
        major: &Major,
        prefix: &str,
        attributes: &'static DiskAttributes<O>,
    ) -> Result<AddedDisk<O>> {
        let disk = self.raw.as_ptr();
        // SAFETY: The disk and its private data are ours alone until it is added.
        let groups = unsafe {
            let private = (*disk).private_data.cast::<Private<O>>();

            (*private).group = attributes.group();
            (*private).groups = [&(*private).group, core::ptr::null()];
            (*private).groups.as_mut_ptr()
        };

        {
            let _naming = major.naming.lock();
            let (index, name) = self.free_name(prefix)?;

            // SAFETY: As above; the name fits and ends with a NUL.
            unsafe {
                (*disk).disk_name = name.into_raw();
                (*disk).major = major.number() as c_int;
                (*disk).first_minor = index.wrapping_mul(MINORS) as c_int;
                (*disk).minors = MINORS as c_int;
            }
            // SAFETY: The disk is complete; `parent` is a registered device that outlives it, since
            // the driver's unbinding removes the disk.
            to_result(unsafe { bindings::device_add_disk(raw_device(parent), disk, groups) })?;
        }

        // INVARIANT: Added just now; `ManuallyDrop` hands the disk over.
        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is not dropped, so the references are moved, not copied.
        let (operations, tags) = unsafe {
            (
                core::ptr::read(&this.operations),
                core::ptr::read(&this.tags),
            )
        };

        Ok(AddedDisk {
            raw: this.raw,
            _operations: operations,
            _tags: tags,
        })
    }

    /// The first name that no block device has. The caller holds the naming lock.
    fn free_name(&self, prefix: &str) -> Result<(u32, DiskName)> {
        for index in 0..MAX_DISKS {
            let name = DiskName::new(prefix, index)?;

            // SAFETY: The disk is valid; `alloc_disk` set its class, which is that of all disks.
            let taken = unsafe {
                let own = bindings::rvirtio_helper_disk_to_dev(self.raw.as_ptr());

                bindings::class_find_device(
                    (*own).class,
                    core::ptr::null(),
                    name.as_ptr().cast(),
                    Some(bindings::device_match_name),
                )
            };
            if taken.is_null() {
                return Ok((index, name));
            }
            // SAFETY: `class_find_device()` took a reference.
            unsafe { bindings::put_device(taken) };
        }
        Err(ENOSPC)
    }
}

impl<O: Operations> Drop for Disk<O> {
    fn drop(&mut self) {
        let disk = self.raw.as_ptr();

        // SAFETY: By the type invariant the disk was never added, so this is its only reference;
        // the block layer calls `free_disk` only for disks that were, so `private` is ours still.
        unsafe {
            let private = (*disk).private_data.cast::<Private<O>>();

            bindings::put_disk(disk);
            drop(KBox::from_raw(private));
        }
    }
}

/// The last user of an added disk has gone.
///
/// # Safety
///
/// `disk` must be a disk of [`Disk::new`] that nothing uses any more.
unsafe extern "C" fn free_disk<O: Operations>(disk: *mut bindings::gendisk) {
    // SAFETY: `Disk::new` put a `KBox<Private<O>>` there, and nothing uses the disk any more.
    drop(unsafe { KBox::from_raw((*disk).private_data.cast::<Private<O>>()) });
}

/// A disk that is visible; dropping it takes it away, after its requests have ended.
///
/// Whoever has it open keeps a dead disk, whose I/O fails: nothing of `O` is called after `del_gendisk()`, but
/// for what looks whether the disk is still served, so `O` and the tags go with this, whatever user space
/// holds.
///
/// # Invariants
///
/// `raw` was added, once; its queue data points to `*_operations`.
pub struct AddedDisk<O: Operations> {
    raw: NonNull<bindings::gendisk>,
    _operations: Arc<O>,
    _tags: Arc<TagSet<O>>,
}

// SAFETY: The block layer does its own locking; `O` is `Send + Sync`.
unsafe impl<O: Operations> Send for AddedDisk<O> {}
// SAFETY: As above.
unsafe impl<O: Operations> Sync for AddedDisk<O> {}

impl<O: Operations> AddedDisk<O> {
    /// The disk's name, such as `vda`.
    pub fn name(&self) -> &CStr {
        // SAFETY: The name is constant once the disk is added, and ends with a NUL.
        unsafe { CStr::from_char_ptr((*self.raw.as_ptr()).disk_name.as_ptr()) }
    }

    /// The capacity in sectors of 512 bytes.
    pub fn capacity(&self) -> u64 {
        // SAFETY: The disk is valid; the value is read once.
        unsafe { core::ptr::addr_of!((*(*self.raw.as_ptr()).part0).bd_nr_sectors).read_volatile() }
    }

    /// Says whether the disk may be written to, and tells user space (`DISK_RO`) if that changed. Process context.
    pub fn set_read_only(&self, read_only: bool) {
        // SAFETY: The disk is valid and added.
        unsafe { bindings::set_disk_ro(self.raw.as_ptr(), read_only) };
    }

    /// Sets a new capacity, in sectors of 512 bytes, and tells user space (`RESIZE=1`) if it
    /// changed. Process context.
    pub fn resize(&self, sectors: u64) {
        // SAFETY: The disk is valid and added.
        unsafe { bindings::set_capacity_and_notify(self.raw.as_ptr(), sectors.min(MAX_CAPACITY)) };
    }

    /// Changes those limits that may change while the disk is in use, and no others: physical block, alignment, least and
    /// best size, sectors and granularity of discards, sectors of zeros and whether they keep their place, sectors of secure
    /// erases. Process context; waits for the requests under way, [`CHANGE_MS`] at most, and calls `meanwhile` as [`Self::freeze`]
    /// does.
    ///
    /// # Errors
    ///
    /// `EBUSY` when requests are still under way then; `EINVAL` when the block layer does not accept the limits. Nothing is
    /// changed in either case.
    pub fn change_limits(&self, limits: &Limits, meanwhile: impl Fn()) -> Result {
        let mut raw = bindings::queue_limits::default();
        let changed = if self.freeze_within(CHANGE_MS, meanwhile) {
            // SAFETY: The disk is valid and added, and so is its queue, which has no requests. The first call takes the lock
            // of its limits, the last one gives it back.
            unsafe {
                let queue = (*self.raw.as_ptr()).queue;

                bindings::rvirtio_helper_limits_start(queue, &mut raw);
                limits.apply_changeable(&mut raw);
                to_result(bindings::queue_limits_commit_update(queue, &mut raw))
            }
        } else {
            Err(EBUSY)
        };

        self.thaw();
        changed
    }
}

impl<O: Operations> AddedDisk<O> {
    /// Keeps requests from being made until [`Self::thaw`], and waits until none is left. Calls `meanwhile` several times a
    /// second, for what does not come back by itself. Process context; waits as long as the driver does for its device.
    pub fn freeze(&self, meanwhile: impl Fn()) {
        // BOUND: Each request ends, at the latest when the driver has given up its device.
        self.freeze_within(u32::MAX, meanwhile);
    }

    /// As [`Self::freeze`], but waits `ms` milliseconds at most, and says whether no request is left. Needs [`Self::thaw`] in
    /// either case.
    fn freeze_within(&self, ms: u32, meanwhile: impl Fn()) -> bool {
        // SAFETY: The disk is valid and added, and so is its queue.
        let (queue, step) = unsafe {
            (
                (*self.raw.as_ptr()).queue,
                bindings::__msecs_to_jiffies(FREEZE_STEP_MS),
            )
        };

        // SAFETY: As above.
        unsafe { bindings::blk_freeze_queue_start_non_owner(queue) };
        meanwhile();
        // BOUND: What the caller says.
        for _ in 0..=ms / FREEZE_STEP_MS {
            // SAFETY: As above.
            if unsafe { bindings::blk_mq_freeze_queue_wait_timeout(queue, step) } != 0 {
                return true;
            }
            meanwhile();
        }
        false
    }

    /// Ends one [`Self::freeze`]. Process context.
    pub fn thaw(&self) {
        // SAFETY: As above.
        unsafe { bindings::blk_mq_unfreeze_queue_non_owner((*self.raw.as_ptr()).queue) };
    }
}

impl<O: Operations> Drop for AddedDisk<O> {
    fn drop(&mut self) {
        // SAFETY: By the type invariant. `del_gendisk()` waits for requests; after it the queue is
        // dead and the tag set may go. `put_disk()` drops the reference of `__blk_mq_alloc_disk()`.
        unsafe {
            bindings::del_gendisk(self.raw.as_ptr());
            let private = (*self.raw.as_ptr()).private_data.cast::<Private<O>>();
            let served = (*private).served.lock().take();
            drop(served);
            bindings::put_disk(self.raw.as_ptr());
        }
    }
}
