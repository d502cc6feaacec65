// SPDX-License-Identifier: GPL-2.0

//! Requests in a row.

use crate::bindings;
use core::ptr::NonNull;

/// A list of requests, through a field of theirs that is free while they are in no other list.
///
/// # Invariants
///
/// The requests are valid, and in no other list.
pub(super) struct RequestList(bindings::rq_list);

impl RequestList {
    /// No requests.
    #[inline]
    pub(super) const fn new() -> Self {
        // INVARIANT: There are none.
        Self(bindings::rq_list {
            head: core::ptr::null_mut(),
            tail: core::ptr::null_mut(),
        })
    }

    /// # Safety
    ///
    /// `raw` must be a list of valid requests that nobody else uses.
    #[inline]
    pub(super) unsafe fn from_raw(raw: bindings::rq_list) -> Self {
        // INVARIANT: Promised by the caller.
        Self(raw)
    }

    #[inline]
    pub(super) fn into_raw(self) -> bindings::rq_list {
        self.0
    }

    /// The first one, which stays.
    #[inline]
    pub(super) fn first(&self) -> Option<NonNull<bindings::request>> {
        NonNull::new(self.0.head)
    }

    /// Takes the first one out.
    #[inline]
    pub(super) fn pop(&mut self) -> Option<NonNull<bindings::request>> {
        let first = self.first()?;

        // SAFETY: By the type invariant the request is valid, and the field belongs to this list.
        self.0.head = unsafe { (*first.as_ptr()).__bindgen_anon_1.rq_next };
        if self.0.head.is_null() {
            self.0.tail = core::ptr::null_mut();
        }
        Some(first)
    }

    /// Adds one behind the others. The caller owns the request, which is in no list.
    #[inline]
    pub(super) fn push(&mut self, request: NonNull<bindings::request>) {
        let raw = request.as_ptr();

        // SAFETY: The request is the caller's, and the last one is valid by the type invariant.
        unsafe {
            (*raw).__bindgen_anon_1.rq_next = core::ptr::null_mut();
            if self.0.tail.is_null() {
                self.0.head = raw;
            } else {
                (*self.0.tail).__bindgen_anon_1.rq_next = raw;
            }
        }
        // INVARIANT: It is valid, and in this list alone.
        self.0.tail = raw;
    }
}
