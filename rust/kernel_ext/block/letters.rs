// SPDX-License-Identifier: GPL-2.0

//! From numbers to the letters of disk names: `a`, `z`, `aa`. Pure.

/// Writes the `index`-th name of `prefix` to `name`, and NULs after it: 0 is `a`, 25 is `z`, 26 is
/// `aa`. Says `None` when it is too long, with at least one NUL; `name` then holds anything.
pub(super) fn spell(name: &mut [u8], prefix: &str, index: u32) -> Option<()> {
    let (head, tail) = name.split_at_mut_checked(prefix.len())?;
    let mut letters = 1usize;
    let mut rest = u64::from(index);
    let mut count = 26u64;

    // There are `count` names of `letters` letters, and `rest` is the number among those of as many
    // letters or more.
    //
    // BOUND: `rest` gets smaller, by more each time.
    while rest >= count {
        rest = rest.checked_sub(count)?;
        count = count.checked_mul(26)?;
        letters = letters.checked_add(1)?;
    }

    let (word, end) = tail.split_at_mut_checked(letters)?;

    if end.is_empty() {
        return None;
    }
    head.copy_from_slice(prefix.as_bytes());
    for slot in word.iter_mut().rev() {
        // CAST: Below 26.
        *slot = b'a' + (rest % 26) as u8;
        rest /= 26;
    }
    end.fill(0);
    Some(())
}
