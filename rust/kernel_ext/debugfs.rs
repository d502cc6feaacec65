// SPDX-License-Identifier: GPL-2.0

//! Folders and text files in debugfs.
//!
//! `kernel::debugfs` has them, too, but its files are not for modules: its `file_operations` lie in the module and
//! name no owner, and debugfs calls their `release` when a file is closed that was open while the module went.
//! The files here have no `release`, so debugfs calls nothing of the module once a file is removed; removing waits
//! for calls that are under way. An open file is no obstacle to unloading, then.
//!
//! C header: [`include/linux/debugfs.h`](srctree/include/linux/debugfs.h)
//!
//! Upstream replacement: `kernel::debugfs`, once its files have an owner.

use crate::bindings;
use core::fmt::Write;
use kernel::{
    fmt,
    prelude::*,
    sync::Arc,
    uaccess::{
        UserPtr,
        UserSlice, //
    }, //
};

/// The most bytes that are taken at once.
const MOST_BYTES: usize = 8 << 10;

/// What a file shows, and what happens when it is written to. Process context, several calls at once.
pub trait Content: Send + Sync {
    /// Writes what the file holds now.
    ///
    /// # Errors
    ///
    /// Any; reading the file fails with it.
    fn show(&self, text: &mut Text) -> Result;

    /// Takes what one `write()` wrote.
    ///
    /// # Errors
    ///
    /// Any; the writer gets it.
    fn store(&self, text: &str) -> Result {
        let _ = text;
        Err(EPERM)
    }
}

/// The text of a file.
pub struct Text {
    bytes: KVec<u8>,
    /// Memory was short.
    cut: bool,
}

impl Text {
    /// Adds formatted text.
    pub fn add(&mut self, text: fmt::Arguments<'_>) {
        // What failed is in `cut`.
        let _ = self.write_fmt(text);
    }
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        self.bytes
            .extend_from_slice(text.as_bytes(), GFP_KERNEL)
            .map_err(|_| {
                self.cut = true;
                core::fmt::Error
            })
    }
}

/// A folder or a file in debugfs; dropping it removes it, and waits for who reads or writes it.
///
/// # Invariants
///
/// What `debugfs_create_dir()` or `debugfs_create_file_short()` returned, which this owns; an error or null, too.
struct Entry(*mut bindings::dentry);

// SAFETY: debugfs has its own locks; an entry may be used from any thread.
unsafe impl Send for Entry {}
// SAFETY: As above.
unsafe impl Sync for Entry {}

impl Drop for Entry {
    fn drop(&mut self) {
        #[cfg(CONFIG_DEBUG_FS)]
        // SAFETY: By the type invariant; null and errors are taken, too.
        unsafe {
            bindings::debugfs_remove(self.0)
        };
    }
}

/// A folder; it stays until its last file or folder has gone.
#[derive(Clone)]
pub struct Folder(Arc<Inner>);

struct Inner {
    entry: Entry,
    /// Goes after the entry itself.
    _parent: Option<Folder>,
}

impl Folder {
    /// Makes a folder below `parent`, or below the root of debugfs. Where there is no debugfs, or the name is taken,
    /// it is made, and its files are nowhere to be seen.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(name: &CStr, parent: Option<&Self>) -> Result<Self> {
        #[cfg(CONFIG_DEBUG_FS)]
        // SAFETY: The name is a C string, the parent null or an entry that lives; an error stands for a parent, too.
        let raw = unsafe {
            bindings::debugfs_create_dir(
                name.as_char_ptr(),
                parent.map_or(core::ptr::null_mut(), |folder| folder.0.entry.0),
            )
        };
        #[cfg(not(CONFIG_DEBUG_FS))]
        let raw = {
            let _ = name;
            core::ptr::null_mut()
        };

        // INVARIANT: Just made.
        let entry = Entry(raw);

        Ok(Self(Arc::new(
            Inner {
                entry,
                _parent: parent.cloned(),
            },
            GFP_KERNEL,
        )?))
    }
}

/// A file; dropping it removes it, and waits for who reads or writes it.
pub struct File {
    /// Goes first: afterwards nobody comes for the content.
    _entry: Entry,
    /// In memory of its own, since debugfs keeps a pointer.
    _content: KBox<Arc<dyn Content>>,
    _folder: Folder,
}

impl File {
    /// Makes a file that root can read.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(folder: &Folder, name: &CStr, content: Arc<dyn Content>) -> Result<Self> {
        Self::with_mode(folder, name, content, 0o400)
    }

    /// Makes a file that root can read and write.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn writable(folder: &Folder, name: &CStr, content: Arc<dyn Content>) -> Result<Self> {
        Self::with_mode(folder, name, content, 0o600)
    }

    fn with_mode(
        folder: &Folder,
        name: &CStr,
        content: Arc<dyn Content>,
        mode: bindings::umode_t,
    ) -> Result<Self> {
        let content = KBox::new(content, GFP_KERNEL)?;

        #[cfg(CONFIG_DEBUG_FS)]
        // SAFETY: The name is a C string. The parent is an entry, null or an error; it lives. The content is kept
        // until the entry was removed, see `File`. The operations are constant, and take a content.
        let raw = unsafe {
            bindings::debugfs_create_file_short(
                name.as_char_ptr(),
                mode,
                folder.0.entry.0,
                core::ptr::from_ref(&*content).cast_mut().cast(),
                core::ptr::null(),
                &OPERATIONS,
            )
        };
        #[cfg(not(CONFIG_DEBUG_FS))]
        let raw = {
            let _ = (name, mode);
            core::ptr::null_mut()
        };

        Ok(Self {
            // INVARIANT: Just made.
            _entry: Entry(raw),
            _content: content,
            _folder: folder.clone(),
        })
    }
}

#[cfg(CONFIG_DEBUG_FS)]
static OPERATIONS: bindings::debugfs_short_fops = bindings::debugfs_short_fops {
    read: Some(read),
    write: Some(write),
    llseek: Some(bindings::default_llseek),
};

/// The content of an open file.
///
/// # Safety
///
/// `file` must be open and one of [`File::with_mode`], and debugfs must not have removed it, for `'a`.
#[cfg(CONFIG_DEBUG_FS)]
unsafe fn content_of<'a>(file: *mut bindings::file) -> &'a dyn Content {
    // SAFETY: Promised by the caller; debugfs puts the pointer there when such a file is opened. Removal waits for
    // the calls that are under way, and the content is kept until then.
    unsafe { &**(*file).private_data.cast::<Arc<dyn Content>>() }
}

/// # Safety
///
/// To be called by debugfs alone, for a file of [`File::with_mode`].
#[cfg(CONFIG_DEBUG_FS)]
unsafe extern "C" fn read(
    file: *mut bindings::file,
    to: *mut c_char,
    count: usize,
    position: *mut bindings::loff_t,
) -> isize {
    // SAFETY: Promised by the caller; the file is not removed while this runs.
    let content = unsafe { content_of(file) };
    let mut text = Text {
        bytes: KVec::new(),
        cut: false,
    };

    let shown = content.show(&mut text);

    if text.cut {
        // CAST: An errno fits.
        return ENOMEM.to_errno() as isize;
    }
    if let Err(error) = shown {
        return error.to_errno() as isize;
    }
    // SAFETY: The kernel hands out room in user space, which is checked, and a position; the source is as long as
    // is said.
    unsafe {
        bindings::simple_read_from_buffer(
            to.cast(),
            count,
            position,
            text.bytes.as_ptr().cast(),
            text.bytes.len(),
        )
    }
}

/// # Safety
///
/// As for [`read`].
#[cfg(CONFIG_DEBUG_FS)]
unsafe extern "C" fn write(
    file: *mut bindings::file,
    from: *const c_char,
    count: usize,
    _position: *mut bindings::loff_t,
) -> isize {
    // SAFETY: As in `read`.
    let content = unsafe { content_of(file) };

    match store(content, UserPtr::from_ptr(from.cast_mut().cast()), count) {
        // CAST: No more than `MOST_BYTES`.
        Ok(()) => count as isize,
        // CAST: An errno fits.
        Err(error) => error.to_errno() as isize,
    }
}

/// Has `content` take `count` bytes from user space.
#[cfg(CONFIG_DEBUG_FS)]
fn store(content: &dyn Content, from: UserPtr, count: usize) -> Result {
    if count > MOST_BYTES {
        return Err(EINVAL);
    }
    let mut bytes = KVec::new();

    UserSlice::new(from, count)
        .reader()
        .read_all(&mut bytes, GFP_KERNEL)?;
    content.store(core::str::from_utf8(&bytes).map_err(|_| EINVAL)?)
}
