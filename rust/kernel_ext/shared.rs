// SPDX-License-Identifier: GPL-2.0

//! What all devices of a bus share while the bus's module is loaded: numbers, work queues, a folder in debugfs, and what
//! is remembered of devices that are gone.
//!
//! A module's own state is not reachable from another module that registers devices, and a
//! `static` cannot own memory that has to go with the module; so it stands behind a global lock.

use crate::{
    debugfs::Folder,
    work::OwnedQueue, //
};
use kernel::{
    id_pool::IdPool,
    new_mutex,
    prelude::*,
    str::CString,
    sync::{
        atomic::{
            ordering::{
                Acquire,
                Full,
                Release, //
            },
            AtomicFlag, //
        },
        Arc,
        Mutex, //
    }, //
};

kernel::sync::global_lock! {
    // SAFETY: `Owner::new` initialises it before anything can reach it, see `INITIALISED`.
    unsafe(uninit) static CURRENT: Mutex<Option<Arc<Shared>>> = None;
}

/// Whether somebody has set out to initialise `CURRENT`; that happens once.
static CLAIMED: AtomicFlag = AtomicFlag::new(false);
/// Whether `CURRENT` is initialised.
static INITIALISED: AtomicFlag = AtomicFlag::new(false);

/// The most devices of which something is remembered.
const MOST_REMEMBERED: usize = 1024;

/// Numbers, work queues, a folder in debugfs, and what is remembered.
#[pin_data]
pub struct Shared {
    /// Where devices are recovered.
    pub queue: OwnedQueue,
    /// Where work of the bus's devices runs that may wait for memory.
    pub unhurried: OwnedQueue,
    /// Their folder in debugfs.
    pub folder: Folder,
    #[pin]
    numbers: Mutex<IdPool>,
    /// By the name of the device that a transport found. Zero is as if it was not there.
    #[pin]
    remembered: Mutex<KVec<(CString, u128)>>,
}

/// Keeps the shared state in place; dropping it takes it away, when the last user has gone.
pub struct Owner(());

impl Owner {
    /// Makes the shared state. To be called once, from the module's initialiser.
    ///
    /// # Errors
    ///
    /// `EBUSY` on a second call, `ENOMEM`.
    pub fn new(name: &'static CStr, unhurried: &'static CStr) -> Result<Self> {
        let queue = OwnedQueue::new(name)?;
        let unhurried = OwnedQueue::unhurried(unhurried)?;
        let folder = Folder::new(name, None)?;
        let shared = Arc::pin_init(
            pin_init!(Shared {
                queue,
                unhurried,
                folder,
                numbers <- new_mutex!(IdPool::new()),
                remembered <- new_mutex!(KVec::new()),
            }),
            GFP_KERNEL,
        )?;

        if CLAIMED.xchg(true, Full) {
            return Err(EBUSY);
        }
        // SAFETY: The flag above lets this happen once, and `Shared::get` waits for the flag below.
        unsafe { CURRENT.init() };
        INITIALISED.store(true, Release);
        *CURRENT.lock() = Some(shared);
        Ok(Self(()))
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let shared = CURRENT.lock().take();

        drop(shared);
    }
}

impl Shared {
    /// The shared state.
    ///
    /// # Errors
    ///
    /// `ENODEV` when the bus's module is not initialised, or is going away.
    pub fn get() -> Result<Arc<Self>> {
        if !INITIALISED.load(Acquire) {
            return Err(ENODEV);
        }
        CURRENT.lock().clone().ok_or(ENODEV)
    }

    /// What is remembered of the device of that name; zero if nothing is. Process context.
    pub fn recall(&self, name: &CStr) -> u128 {
        let remembered = self.remembered.lock();

        remembered
            .iter()
            .find(|(known, _)| **known == *name)
            .map_or(0, |(_, value)| *value)
    }

    /// Remembers `value` of the device of that name, until the module goes; zero is to forget it. Process context.
    ///
    /// # Errors
    ///
    /// `ENOSPC` when there are too many, `ENOMEM`.
    pub fn remember(&self, name: &CStr, value: u128) -> Result {
        let mut remembered = self.remembered.lock();

        if let Some((_, known)) = remembered.iter_mut().find(|(known, _)| **known == *name) {
            // One that is forgotten keeps its place, for the next time.
            *known = value;
        } else if value != 0 {
            if remembered.len() >= MOST_REMEMBERED {
                return Err(ENOSPC);
            }
            // Under a mutex, where allocating is allowed.
            remembered.push((CString::try_from(name)?, value), GFP_KERNEL)?;
        }
        Ok(())
    }
}

/// A number that is taken until this is dropped: the `N` of `virtioN`.
pub struct Number {
    number: usize,
    shared: Arc<Shared>,
}

impl Number {
    /// Takes the lowest free number.
    ///
    /// # Errors
    ///
    /// `ENOMEM`, `ENOSPC` when there can be no more.
    pub fn take(shared: Arc<Shared>) -> Result<Self> {
        let mut pool = shared.numbers.lock();

        if pool.find_unused_id(0).is_none() {
            let grow = pool.grow_request().ok_or(ENOSPC)?;
            // Under a mutex, where allocating is allowed.
            let resizer = grow.realloc(GFP_KERNEL)?;

            pool.grow(resizer);
        }
        let number = pool.find_unused_id(0).ok_or(ENOSPC)?.acquire();

        drop(pool);
        Ok(Self { number, shared })
    }

    /// The number.
    pub fn number(&self) -> usize {
        self.number
    }
}

impl Drop for Number {
    fn drop(&mut self) {
        self.shared.numbers.lock().release_id(self.number);
    }
}
