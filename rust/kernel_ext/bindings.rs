// SPDX-License-Identifier: GPL-2.0

//! Raw declarations: the kernel crate's own, and what `helpers.h` adds to them.
//!
//! The second part is made by bindgen from the same Kbuild (see `Documentation/building.md`), over
//! the types of `kernel::bindings`, so that one C type is one Rust type everywhere.

#![allow(
    missing_docs,
    improper_ctypes,
    clippy::all,
    non_camel_case_types,
    non_upper_case_globals,
    unreachable_pub,
    unsafe_op_in_unsafe_fn,
    dead_code,
    reason = "generated declarations"
)]

pub(crate) use kernel::bindings::*;

mod generated {
    use kernel::bindings::*;
    use kernel::ffi;

    include!(concat!(
        env!("RVIRTIO_OBJ"),
        "/rust/kernel_ext/bindings_generated.rs"
    ));
}
pub(crate) use generated::*;
