// SPDX-License-Identifier: GPL-2.0

//! A set of VLANs. Pure.

/// VLAN ids are below this.
const IDS: u16 = 4096;
/// Ids in a word.
const BITS: u16 = 64;

/// The VLANs that the device lets through.
pub(crate) struct Vlans([u64; (IDS / BITS) as usize]);

impl Vlans {
    /// None.
    pub(crate) const fn new() -> Self {
        Self([0; (IDS / BITS) as usize])
    }

    /// Puts `id` in, or takes it out. There are none from 4096 on.
    pub(crate) fn set(&mut self, id: u16, on: bool) {
        let bit = 1 << (id % BITS);

        if let Some(word) = self.0.get_mut(usize::from(id / BITS)) {
            *word = if on { *word | bit } else { *word & !bit };
        }
    }

    /// Takes out all that are not in `there`, which has a bit for each id.
    pub(crate) fn keep(&mut self, there: &[u64; (IDS / BITS) as usize]) {
        for (word, there) in self.0.iter_mut().zip(there) {
            *word &= there;
        }
    }

    fn has(&self, id: u16) -> bool {
        self.0
            .get(usize::from(id / BITS))
            .is_some_and(|word| word >> (id % BITS) & 1 != 0)
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        (0..IDS).filter(|id| self.has(*id))
    }
}
