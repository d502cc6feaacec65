// SPDX-License-Identifier: GPL-2.0

//! Personalities made of a number: the same number makes the same lies.

use crate::lie::Lie;

pub fn lies(_seed: u64) -> Vec<Lie> {
    Vec::new()
}

/// The lies in words, for the log.
pub fn describe(lies: &[Lie]) -> String {
    let words: Vec<_> = lies.iter().map(|lie| format!("{lie:?}")).collect();

    words.join("; ")
}
