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
}
