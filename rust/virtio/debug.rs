// SPDX-License-Identifier: GPL-2.0

//! The files of debugfs: `/sys/kernel/debug/rvirtio/virtioN/`. See `Documentation/debugging.md`.
//!
//! A file keeps what it shows, and is removed, which waits for its readers, before the driver's module can go. No
//! lock that is held while files are made or removed is taken by who reads or writes one.

use crate::{
    bus::Node,
    device::Gate,
    filter,
    negotiation, //
};
use core::mem;
use kernel::{
    new_mutex,
    prelude::*,
    str::CString,
    sync::{
        Arc,
        Mutex, //
    }, //
};
use kernel_ext::debugfs::{
    Content,
    File,
    Folder,
    Text, //
};

/// The files of a device, from registration until it has left the bus.
pub(crate) struct DeviceFiles {
    _files: [File; 6],
}

impl DeviceFiles {
    /// Makes the files of the device `node`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn new(node: &Arc<Node>) -> Result<Self> {
        let folder = node.folder();
        let features = Arc::new(FeatureFile(node.clone()), GFP_KERNEL)?;
        let filter = Arc::new(FilterFile(node.clone()), GFP_KERNEL)?;
        let status = Arc::new(StatusFile(node.clone()), GFP_KERNEL)?;
        let broken = Arc::new(BrokenFile(node.clone()), GFP_KERNEL)?;
        let memory = Arc::new(MemoryFile(node.clone()), GFP_KERNEL)?;
        let administration = Arc::new(AdministrationFile(node.clone()), GFP_KERNEL)?;

        Ok(Self {
            _files: [
                File::new(folder, c"features", features)?,
                File::writable(folder, c"filter", filter)?,
                File::new(folder, c"status", status)?,
                File::new(folder, c"broken", broken)?,
                File::new(folder, c"shared_memory", memory)?,
                File::new(folder, c"administration", administration)?,
            ],
        })
    }
}

/// The bits, and what became of each.
struct FeatureFile(Arc<Node>);
/// The bits that are not to be accepted when features are negotiated next.
struct FilterFile(Arc<Node>);
/// The status field as the device shows it now.
struct StatusFile(Arc<Node>);
/// Why the device is broken.
struct BrokenFile(Arc<Node>);
/// The shared memory regions.
struct MemoryFile(Arc<Node>);
/// The administration queue, and what can be had of each group of devices.
struct AdministrationFile(Arc<Node>);

impl Content for FeatureFile {
    fn show(&self, text: &mut Text) -> Result {
        let Self(node) = self;

        text.add(format_args!(
            "{}",
            negotiation::Shown {
                negotiation: node.negotiation(),
                device: node.identity().device,
                bound: node.is_bound(),
            }
        ));
        Ok(())
    }
}

impl Content for FilterFile {
    fn show(&self, text: &mut Text) -> Result {
        let Self(node) = self;

        text.add(format_args!(
            "{}\n",
            filter::Shown(node.filter(), node.identity().device)
        ));
        Ok(())
    }

    fn store(&self, text: &str) -> Result {
        let Self(node) = self;

        node.change_filter(|filter| {
            filter::changed(filter, node.identity().device, text).ok_or(EINVAL)
        })
    }
}

impl Content for StatusFile {
    fn show(&self, text: &mut Text) -> Result {
        text.add(format_args!("0x{:02x}\n", self.0.status()?.as_raw()));
        Ok(())
    }
}

impl Content for BrokenFile {
    fn show(&self, text: &mut Text) -> Result {
        match self.0.broken() {
            Some(reason) => text.add(format_args!("{reason}\n")),
            None => text.add(format_args!("no\n")),
        }
        Ok(())
    }
}

impl Content for MemoryFile {
    fn show(&self, text: &mut Text) -> Result {
        let Self(node) = self;
        let transport = node.transport()?;
        let regions = transport.shared_memory();

        if regions.is_empty() {
            text.add(format_args!("none\n"));
        }
        for region in regions {
            text.add(format_args!("{region}\n"));
        }
        Ok(())
    }
}

impl Content for AdministrationFile {
    fn show(&self, text: &mut Text) -> Result {
        match self.0.administration() {
            Some(administration) => administration.show(text),
            None => text.add(format_args!("none\n")),
        }
        Ok(())
    }
}

/// The files of a device's queues, while a driver has it.
#[pin_data]
pub(crate) struct QueueFiles {
    folder: Folder,
    #[pin]
    files: Mutex<KVec<File>>,
}

impl QueueFiles {
    /// None yet.
    pub(crate) fn new(folder: Folder) -> impl PinInit<Self> {
        pin_init!(Self {
            folder,
            files <- new_mutex!(KVec::new()),
        })
    }

    /// Makes the file of the queue behind `gate`.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn add(&self, gate: Arc<Gate>) -> Result {
        let name = CString::try_from_fmt(format_args!("queue{}", gate.queue.index))?;
        let file = File::new(&self.folder, &name, gate)?;

        self.files.lock().push(file, GFP_KERNEL)?;
        Ok(())
    }

    /// Removes them.
    pub(crate) fn remove(&self) {
        let files = mem::take(&mut *self.files.lock());

        drop(files);
    }
}

impl Content for Gate {
    fn show(&self, text: &mut Text) -> Result {
        let report = self.handler.queue().report();

        text.add(format_args!("{report}"));
        text.add(format_args!("interrupts: {}\n", self.interrupts.get()));
        text.add(format_args!(
            "spurious_interrupts: {}\n",
            self.spurious.get()
        ));
        Ok(())
    }
}
