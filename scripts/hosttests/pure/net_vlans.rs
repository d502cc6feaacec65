// SPDX-License-Identifier: GPL-2.0

use crate::vlans::Vlans;
use proptest::prelude::*;
use std::collections::BTreeSet;

proptest! {
    /// The set beside a `BTreeSet`; what is no id is not in it.
    #[test]
    fn like_a_set(changes in prop::collection::vec((any::<u16>(), any::<bool>(), any::<bool>()), 0..300)) {
        let (mut vlans, mut model) = (Vlans::new(), BTreeSet::new());
        for (id, small, on) in changes {
            let id = if small { id % 4100 } else { id };
            vlans.set(id, on);
            if on && id < 4096 {
                model.insert(id);
            } else {
                model.remove(&id);
            }
        }
        prop_assert_eq!(vlans.iter().collect::<Vec<_>>(), model.into_iter().collect::<Vec<_>>());
    }

    /// What is left are those that are in both.
    #[test]
    fn keeps_what_is_there(ours in prop::collection::btree_set(0u16..4096, 0..200), there in prop::collection::btree_set(0u16..4096, 0..200)) {
        let mut vlans = Vlans::new();
        let mut words = [0u64; 64];
        ours.iter().for_each(|id| vlans.set(*id, true));
        there.iter().for_each(|id| words[usize::from(id / 64)] |= 1 << (id % 64));
        vlans.keep(&words);
        prop_assert_eq!(vlans.iter().collect::<Vec<_>>(), ours.intersection(&there).copied().collect::<Vec<_>>());
    }
}
